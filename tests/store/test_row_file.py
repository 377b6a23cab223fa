"""Rows read by position are the rows of the matrix that was written."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import numpy as np
import pytest

from tiefvision.store import row_file
from tiefvision.store.row_file import RowFile

pytestmark = pytest.mark.skipif(not row_file.can_read(), reason="no reads by position here")


@pytest.fixture
def matrix() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(40, 7)).astype(np.float16)


@pytest.fixture
def file(matrix: np.ndarray, tmp_path: Path) -> Path:
    matrix.tofile(tmp_path / "rows.bin")
    return tmp_path / "rows.bin"


def test_rows_come_in_the_order_asked_for_and_may_repeat(matrix: np.ndarray, file: Path) -> None:
    wanted = np.array([39, 0, 17, 17], np.int64)
    assert np.array_equal(RowFile(file, length=7).read(wanted), matrix[wanted])


def test_no_rows_give_an_empty_matrix(file: Path) -> None:
    assert RowFile(file, length=7).read(np.empty(0, np.int64)).shape == (0, 7)


def test_a_row_beyond_the_end_is_an_error(file: Path) -> None:
    with pytest.raises(OSError, match="row 40 lies beyond the end"):
        RowFile(file, length=7).read(np.array([40], np.int64))


def test_a_removed_file_can_still_be_read_and_is_closed_with_its_reader(
    matrix: np.ndarray, file: Path
) -> None:
    reader = RowFile(file, length=7)
    descriptor = reader._descriptor
    file.unlink()
    assert np.array_equal(reader.read(np.array([5], np.int64)), matrix[[5]])
    del reader
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
