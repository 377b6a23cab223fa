"""Rank heads: what they do to cells, and their model folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tiefvision.errors import NotFound, ShapeMismatch, WeightsError
from tiefvision.maths.grids import unit_cells
from tiefvision.vision import artefacts, ranker
from tiefvision.vision.ranker import Ranker

_INPUTS = 6
_MEAN = np.linspace(-0.1, 0.1, _INPUTS).astype(np.float32)
_RNG = np.random.default_rng(1404)


def _cells(*shape: int) -> np.ndarray:
    return unit_cells(_RNG.normal(size=(*shape, _INPUTS)).astype(np.float32))


def _array(*shape: int) -> np.ndarray:
    return _RNG.normal(size=shape).astype(np.float32)


def _residual() -> Ranker:
    return Ranker(_MEAN, None, _array(4, _INPUTS), _array(4), _array(_INPUTS, 4))


def test_an_untrained_head_is_the_identity_and_changes_nothing() -> None:
    untrained = [
        Ranker(_MEAN),
        Ranker(_MEAN, np.eye(_INPUTS, dtype=np.float32)),
        Ranker(_MEAN, None, _array(4, _INPUTS), _array(4), np.zeros((_INPUTS, 4), np.float32)),
    ]
    cells = _cells(2, 3, 3)
    for head in untrained:
        assert head.is_identity and head.channels == _INPUTS
        np.testing.assert_allclose(head(cells), cells, atol=1e-6)
    assert untrained[0](cells) is not None and np.shares_memory(untrained[0](cells), cells)


def test_what_changes_cells_is_not_the_identity() -> None:
    swapped = np.eye(_INPUTS, dtype=np.float32)[::-1].copy()
    lowered = np.eye(3, _INPUTS, dtype=np.float32)
    assert not Ranker(_MEAN, swapped).is_identity
    assert not Ranker(_MEAN, lowered).is_identity
    assert not _residual().is_identity


def test_a_head_that_drops_channels_gives_unit_cells_of_the_rest() -> None:
    head = Ranker(_MEAN, np.eye(2, _INPUTS, dtype=np.float32))
    found = head(np.array([[3, 4, 12, 0, 0, 0], [0, 0, 1, 0, 0, 0]], np.float32))
    np.testing.assert_allclose(found, [[0.6, 0.8], [0, 0]], atol=1e-6)
    assert head.channels == 2


def test_a_residual_head_is_what_its_formula_says_cell_by_cell() -> None:
    head, cells = _residual(), _cells(2, 3)
    assert head.down is not None and head.bias is not None and head.up is not None
    for place in np.ndindex(2, 3):
        x = cells[place].astype(np.float64)
        hidden = [max(0.0, float(row @ x + b)) for row, b in zip(head.down, head.bias, strict=True)]
        y = x + head.up @ np.array(hidden)
        np.testing.assert_allclose(head(cells)[place], y / np.linalg.norm(y), atol=1e-5)


def test_a_batch_is_ranked_as_its_grids_are() -> None:
    head, batch = Ranker(_MEAN, _array(3, _INPUTS)), _cells(5, 2, 2)
    one_by_one = np.stack([head(grid) for grid in batch])
    np.testing.assert_allclose(head(batch), one_by_one, atol=1e-6)
    assert head(batch).shape == (5, 2, 2, 3) and head(batch).dtype == np.float32
    half = batch.astype(np.float16)
    np.testing.assert_allclose(head(half), head(half.astype(np.float32)), atol=1e-6)


def test_cells_of_other_channels_are_refused() -> None:
    with pytest.raises(ShapeMismatch, match="cells of 5 channels cannot"):
        Ranker(_MEAN)(np.ones((2, 5), np.float32))


def test_arrays_that_do_not_fit_are_no_head() -> None:
    with pytest.raises(ShapeMismatch, match="no rank head"):
        Ranker(_MEAN, None, _array(4, _INPUTS), None, None)
    with pytest.raises(ShapeMismatch, match="no rank head"):
        Ranker(_MEAN, _array(3, _INPUTS), _array(4, _INPUTS), _array(4), _array(_INPUTS, 4))


@pytest.mark.parametrize("head", [Ranker(_MEAN), Ranker(_MEAN, _array(3, _INPUTS)), _residual()])
def test_a_head_comes_back_from_its_folder_as_it_was(head: Ranker, tmp_path: Path) -> None:
    written = ranker.write(head, tmp_path / "model", description={"name": "colour"})
    assert written.description == {"name": "colour", "kind": "ranker"}
    found, cells = ranker.load(tmp_path / "model"), _cells(4)
    np.testing.assert_array_equal(found(cells), head(cells))
    assert found.arrays().keys() == head.arrays().keys()


def test_equal_heads_have_one_fingerprint(tmp_path: Path) -> None:
    head = Ranker(_MEAN, _array(3, _INPUTS))
    prints = [
        ranker.write(head, tmp_path / str(i), description={"name": name}).fingerprint
        for i, name in enumerate(["colour", "colour", "shape"])
    ]
    assert prints[0] == prints[1] != prints[2]


def test_other_models_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        ranker.load(tmp_path / "nowhere")
    artefacts.write(tmp_path / "locator", description={"kind": "locator"}, files={})
    with pytest.raises(WeightsError, match="'locator', not a ranker"):
        ranker.load(tmp_path / "locator")
    for name, content in (("text", b"no archive"), ("empty", b"PK\x05\x06" + bytes(18))):
        files = {ranker.ARRAYS_FILE: content}
        artefacts.write(tmp_path / name, description={"kind": "ranker"}, files=files)
        with pytest.raises(WeightsError, match="arrays of a ranker"):
            ranker.load(tmp_path / name)
