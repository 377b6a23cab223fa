"""Grids of cells: where a cell lies in pixels, pooling to few cells, unit cells.

A grid is float32 (rows, cols, channels). A cell is one position of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32

from tiefvision.errors import ShapeMismatch
from tiefvision.maths.boxes import Box

# A cell shorter than this has no direction: it becomes the zero cell, similar to nothing.
_SHORTEST_CELL = 1e-12

Pooling = Literal["max", "mean"]


@dataclass(frozen=True, slots=True)
class GridGeometry:
    """Where the cells of a convolutional encoder lie in its input image.

    stride: pixels between the centres of neighbouring cells.
    receptive_field: side in pixels of the square that a cell sees.
    offset: pixel coordinate of the left (and top) edge of cell 0's receptive field; negative
    where padding reaches outside the image.
    """

    stride: int
    receptive_field: int
    offset: int

    def cell_centre(self, cell: int) -> float:
        """Pixel coordinate of the centre of what a cell sees."""
        return self.offset + cell * self.stride + self.receptive_field / 2

    def cell_at(self, pixel: float) -> int:
        """The cell whose centre is nearest; the exact inverse of `cell_centre`."""
        return round((pixel - self.offset - self.receptive_field / 2) / self.stride)

    def field(self, cell_row: int, cell_col: int) -> Box:
        """The square of pixels that a cell sees; may reach outside the image into padding."""
        left = self.offset + cell_col * self.stride
        top = self.offset + cell_row * self.stride
        return Box(left, top, left + self.receptive_field, top + self.receptive_field)

    def sees_only_pixels(self, cell: int, *, side: int) -> bool:
        """Whether a cell's field along one axis lies inside an image of that many pixels."""
        start = self.offset + cell * self.stride
        return start >= 0 and start + self.receptive_field <= side


def pool(
    grid: Float32[np.ndarray, "rows cols channels"],
    *,
    rows: int,
    cols: int,
    by: Pooling = "max",
) -> Float32[np.ndarray, "pooled_rows pooled_cols channels"]:
    """A grid of rows x cols cells, each the channels' maximum or mean over a window of old cells.

    Window i of n over m cells holds the old cells floor(i * m / n) to ceil((i + 1) * m / n), so
    neighbouring windows overlap where n does not divide m, and a product that lies across a
    border counts in both. Returns the same values when the shape is already rows x cols.
    Max finds a feature wherever it lies in the window; both are measured in docs/benchmarks.md.
    """
    pooled = np.empty((rows, cols, grid.shape[2]), np.float32)
    for row, (top, bottom) in enumerate(_windows(grid.shape[0], rows)):
        for col, (left, right) in enumerate(_windows(grid.shape[1], cols)):
            window = grid[top:bottom, left:right]
            pooled[row, col] = window.max(axis=(0, 1)) if by == "max" else window.mean(axis=(0, 1))
    return pooled


def unit_cells(
    grid: Float[np.ndarray, "*shape channels"],
) -> Float[np.ndarray, "*shape channels"]:
    """Cells scaled to length 1 along the last axis; a zero cell stays zero."""
    length = np.linalg.norm(grid, axis=-1, keepdims=True)
    return np.divide(grid, length, out=np.zeros_like(grid), where=length > _SHORTEST_CELL)


def common_rows(
    a: Float[np.ndarray, "_rows_a _cols_a _channels_a"],
    b: Float[np.ndarray, "_rows_b _cols_b _channels_b"],
) -> tuple[Float[np.ndarray, "rows cols channels"], Float[np.ndarray, "rows cols channels"]]:
    """Both grids cropped about their centres to the rows and cols that they have in common.

    Raises ShapeMismatch when the channels differ.
    """
    if a.shape[2] != b.shape[2]:
        raise ShapeMismatch(
            f"grids have {a.shape[2]} and {b.shape[2]} channels; "
            "only cells of one encoder can be compared"
        )
    rows, cols = min(a.shape[0], b.shape[0]), min(a.shape[1], b.shape[1])
    return _centre(a, rows, cols), _centre(b, rows, cols)


def _centre(
    grid: Float[np.ndarray, "rows cols channels"], rows: int, cols: int
) -> Float[np.ndarray, "new_rows new_cols channels"]:
    top, left = (grid.shape[0] - rows) // 2, (grid.shape[1] - cols) // 2
    return grid[top : top + rows, left : left + cols]


def _windows(cells: int, count: int) -> list[tuple[int, int]]:
    """The half-open ranges of old cells that each of `count` windows covers; never empty."""
    return [(i * cells // count, -(-(i + 1) * cells // count)) for i in range(count)]
