"""Grids: cells and pixels, pooling, unit cells."""

from __future__ import annotations

import numpy as np
import pytest

from tiefvision.errors import ShapeMismatch
from tiefvision.maths import grids
from tiefvision.maths.boxes import Box
from tiefvision.maths.grids import GridGeometry

# AlexNet's last max-pool: step 32, field 195, and the first cell starts 33 - 66 pixels outside.
_ALEXNET = GridGeometry(stride=32, receptive_field=195, offset=-34)


def _counting(rows: int, cols: int) -> np.ndarray:
    """One channel that counts the cells row by row: 0, 1, 2, ..."""
    return np.arange(rows * cols, dtype=np.float32).reshape(rows, cols, 1)


def test_a_cells_field_and_centre_by_hand() -> None:
    # Cell 2 starts at -34 + 2 * 32 = 30 and sees 195 pixels: its middle is 30 + 97.5.
    assert _ALEXNET.field(2, 0) == Box(-34, 30, 161, 225)
    assert _ALEXNET.cell_centre(2) == 127.5


def test_the_centre_of_a_cell_is_the_centre_of_its_field() -> None:
    field = _ALEXNET.field(3, 5)
    assert (field.top + field.bottom) / 2 == _ALEXNET.cell_centre(3)
    assert (field.left + field.right) / 2 == _ALEXNET.cell_centre(5)


@pytest.mark.parametrize(
    "geometry",
    [_ALEXNET, GridGeometry(1, 1, 0), GridGeometry(32, 851, -410), GridGeometry(8, 3, 5)],
)
def test_cell_to_pixel_and_back_is_the_same_cell(geometry: GridGeometry) -> None:
    assert [geometry.cell_at(geometry.cell_centre(i)) for i in range(50)] == list(range(50))


def test_cell_at_finds_the_cell_with_the_nearest_centre() -> None:
    centres = [_ALEXNET.cell_centre(i) for i in range(10)]
    for pixel in range(64, 350):
        away = [abs(pixel - centre) for centre in centres]
        assert away[_ALEXNET.cell_at(pixel)] == min(away)


def test_only_cells_whose_field_lies_inside_see_no_padding() -> None:
    # Cell 1 starts at -2, cell 2 at 30; cell 5 ends at -34 + 160 + 195 = 321.
    seen = [_ALEXNET.sees_only_pixels(cell, side=321) for cell in range(8)]
    assert seen == [False, False, True, True, True, True, False, False]


@pytest.mark.parametrize(
    ("cells", "windows"),
    [
        # floor(i * m / 3) to ceil((i + 1) * m / 3), by hand.
        (7, [(0, 3), (2, 5), (4, 7)]),
        (6, [(0, 2), (2, 4), (4, 6)]),
        (8, [(0, 3), (2, 6), (5, 8)]),
        (3, [(0, 1), (1, 2), (2, 3)]),
        (1, [(0, 1), (0, 1), (0, 1)]),
        (2, [(0, 1), (0, 2), (1, 2)]),
    ],
)
def test_pooling_to_three_takes_these_windows(cells: int, windows: list[tuple[int, int]]) -> None:
    column = _counting(cells, 1)
    by_max = grids.pool(column, rows=3, cols=1, by="max")[:, 0, 0]
    by_mean = grids.pool(column, rows=3, cols=1, by="mean")[:, 0, 0]
    # The cells count from 0: a window's largest is its last, its mean the middle of both ends.
    assert by_max.tolist() == [end - 1 for _, end in windows]
    assert by_mean.tolist() == [(start + end - 1) / 2 for start, end in windows]


def test_pooling_in_two_dimensions_by_hand() -> None:
    # 3 x 3 to 2 x 2: rows 0-1 and 1-2, columns alike; the middle cell, 4, is in all four.
    grid = _counting(3, 3)
    assert grids.pool(grid, rows=2, cols=2, by="max")[..., 0].tolist() == [[4, 5], [7, 8]]
    assert grids.pool(grid, rows=2, cols=2, by="mean")[..., 0].tolist() == [[2, 3], [5, 6]]


@pytest.mark.parametrize("by", ["max", "mean"])
def test_pooling_to_its_own_shape_changes_nothing(by: grids.Pooling) -> None:
    grid = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    assert np.array_equal(grids.pool(grid, rows=4, cols=5, by=by), grid)


def test_pooling_to_one_cell_is_numpys_max_and_mean() -> None:
    grid = np.random.default_rng(1).normal(size=(7, 5, 3)).astype(np.float32)
    assert np.array_equal(grids.pool(grid, rows=1, cols=1, by="max")[0, 0], grid.max((0, 1)))
    mean = grids.pool(grid, rows=1, cols=1, by="mean")[0, 0]
    np.testing.assert_allclose(mean, grid.mean((0, 1)), rtol=1e-6)


def test_every_old_cell_is_in_some_window() -> None:
    for cells in range(1, 20):
        for count in range(1, 8):
            column = np.eye(cells, dtype=np.float32)[:, None, :]
            assert grids.pool(column, rows=count, cols=1, by="max").max((0, 1)).all()


def test_pooling_a_mirrored_grid_is_the_mirror_of_the_pooled_grid() -> None:
    grid = np.random.default_rng(2).normal(size=(7, 11, 4)).astype(np.float32)
    mirrored = grids.pool(grid[:, ::-1], rows=3, cols=3)
    assert np.array_equal(mirrored, grids.pool(grid, rows=3, cols=3)[:, ::-1])


def test_unit_cells_by_hand() -> None:
    cell = np.array([[[3.0, 4.0]]], np.float32)
    np.testing.assert_allclose(grids.unit_cells(cell), [[[0.6, 0.8]]], rtol=1e-6)


def test_unit_cells_have_length_one_and_keep_their_direction() -> None:
    grid = np.random.default_rng(3).normal(size=(5, 4, 32)).astype(np.float32)
    unit = grids.unit_cells(grid)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=-1), 1, rtol=1e-6)
    length = np.linalg.norm(grid, axis=-1, keepdims=True)
    np.testing.assert_allclose(unit * length, grid, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(grids.unit_cells(unit), unit, rtol=1e-5, atol=1e-7)


def test_a_zero_cell_stays_zero_and_warns_of_nothing() -> None:
    grid = np.zeros((1, 2, 3), np.float32)
    grid[0, 1] = (0, 2, 0)
    assert grids.unit_cells(grid).tolist() == [[[0, 0, 0], [0, 1, 0]]]


def test_unit_cells_of_a_batch_are_those_of_each_grid() -> None:
    batch = np.random.default_rng(4).normal(size=(3, 2, 2, 8)).astype(np.float32)
    each = np.stack([grids.unit_cells(grid) for grid in batch])
    assert np.array_equal(grids.unit_cells(batch), each)


def test_common_rows_crops_both_grids_about_their_centres() -> None:
    a, b = grids.common_rows(_counting(5, 2), _counting(3, 4))
    # Rows 1 to 3 of five, and columns 1 to 2 of four.
    assert a[..., 0].tolist() == [[2, 3], [4, 5], [6, 7]]
    assert b[..., 0].tolist() == [[1, 2], [5, 6], [9, 10]]


def test_common_rows_of_grids_of_one_shape_are_those_grids() -> None:
    grid = _counting(3, 3)
    a, b = grids.common_rows(grid, grid + 1)
    assert np.array_equal(a, grid) and np.array_equal(b, grid + 1)


def test_grids_of_different_encoders_have_no_common_rows() -> None:
    with pytest.raises(ShapeMismatch, match="2 and 3 channels"):
        grids.common_rows(np.zeros((3, 3, 2), np.float32), np.zeros((3, 3, 3), np.float32))
