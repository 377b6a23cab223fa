"""What a locator must beat: the whole image, the mean box, an activation map, a ridge."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Float64

from tiefvision.maths import windows

WHOLE = "whole image"
MEAN = "mean box"
ACTIVATION = "activation map"
RIDGE = "ridge"
# In units of the grids' mean square length; the best of powers of ten on street photographs.
_PENALTY = 1.0
# A box needs an area, however wrong it is.
_LEAST_SIDE = 1e-6


def whole(count: int) -> Float64[np.ndarray, "n 4"]:
    """The box of the whole image, for each."""
    return np.tile(np.array([0.0, 0.0, 1.0, 1.0]), (count, 1))


def mean(boxes: Float64[np.ndarray, "t 4"], count: int) -> Float64[np.ndarray, "n 4"]:
    """The training boxes' mean, whatever the photograph."""
    return np.tile(boxes.mean(axis=0), (count, 1))


def activation(
    grids: Float32[np.ndarray, "n rows cols channels"],
) -> Float64[np.ndarray, "n 4"]:
    """The box of the largest blob of cells longer than the image's mean cell; no training."""
    return np.array([_blob(np.linalg.norm(grid, axis=2)) for grid in grids])


def ridge(
    cells: Float32[np.ndarray, "t rows cols kept"],
    boxes: Float64[np.ndarray, "t 4"],
    asked: Float32[np.ndarray, "n rows cols kept"],
) -> Float64[np.ndarray, "n 4"]:
    """A linear regression from the whole grid to four numbers."""
    x, y = cells.reshape(len(cells), -1), boxes - boxes.mean(axis=0)
    centre = x.mean(axis=0)
    x = x - centre
    square = (x @ x.T).astype(np.float64)
    unit = max(float(np.trace(square)) / len(x), np.finfo(np.float64).tiny)
    solved = np.linalg.solve(square + _PENALTY * unit * np.eye(len(x)), y)
    found = ((asked.reshape(len(asked), -1) - centre) @ x.T) @ solved + boxes.mean(axis=0)
    return windows.ordered(found, least=_LEAST_SIDE)


def _blob(strength: Float32[np.ndarray, "rows cols"]) -> Float64[np.ndarray, " 4"]:
    rows, cols = strength.shape
    left = strength > strength.mean()
    best: list[tuple[int, int]] = [(0, 0), (rows - 1, cols - 1)]
    size = 0
    for row, col in np.argwhere(left):
        if left[row, col]:
            blob = _taken(left, int(row), int(col))
            if len(blob) > size:
                best, size = blob, len(blob)
    down, across = zip(*best, strict=True)
    return np.array(
        [min(across) / cols, min(down) / rows, (max(across) + 1) / cols, (max(down) + 1) / rows]
    )


def _taken(left: Bool[np.ndarray, "rows cols"], row: int, col: int) -> list[tuple[int, int]]:
    """The cells that hang together with one; they are taken out of `left`."""
    left[row, col] = False
    blob = [(row, col)]
    for row, col in blob:  # grows while it is walked
        for near in ((row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1)):
            inside = 0 <= near[0] < left.shape[0] and 0 <= near[1] < left.shape[1]
            if inside and left[near]:
                left[near] = False
                blob.append(near)
    return blob
