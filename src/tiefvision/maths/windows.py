"""Windows on one grid of a whole image: where they lie, what they hold, their cells.

Windows and boxes are rows of four fractions of the image: left, top, right, bottom, 0 at its left
or top and 1 at its right or bottom. A grid of rows x cols cells covers the image evenly: cell
(r, c) is the middle of the r-th of `rows` strips and the c-th of `cols`. Windows may hang over
the image; there the cells are zero.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, Float64, Int8

from tiefvision.maths.boxes import Box

Boxes = Float64[np.ndarray, "n 4"]
# As many as there are others, or one for all of them.
_OneOrMore = Float64[np.ndarray, "_rows 4"]
_One = Float64[np.ndarray, "1 4"]

TARGET = 1
BACKGROUND = 0
NEITHER = -1
# OverFeat's way of choosing crops: a target window holds the product in at least this share of
# its area.
_HELD = 0.5


def to_fractions(box: Box, *, width: int, height: int) -> Float64[np.ndarray, " 4"]:
    """A box of pixels as fractions of its image."""
    return np.array([box.left / width, box.top / height, box.right / width, box.bottom / height])


def to_box(fractions: Float[np.ndarray, " 4"], *, width: int, height: int) -> Box:
    """Fractions of an image as a box of its pixels; the inverse of `to_fractions`."""
    left, top, right, bottom = (float(edge) for edge in fractions)
    return Box(left * width, top * height, right * width, bottom * height)


def sliding(rows: int, cols: int, *, side: int) -> Boxes:
    """The windows of side x side cells around every cell of a grid, row by row.

    These are what a convolution of that kernel sees at each cell; side is odd.
    """
    row, col = np.divmod(np.arange(rows * cols), cols)
    reach = side / 2
    return np.stack(
        [
            (col + 0.5 - reach) / cols,
            (row + 0.5 - reach) / rows,
            (col + 0.5 + reach) / cols,
            (row + 0.5 + reach) / rows,
        ],
        axis=1,
    )


def sizes(boxes: Boxes) -> Float64[np.ndarray, "n 4"]:
    """Width, height, width, height of each: the unit of each of its edges."""
    return np.tile(boxes[:, 2:] - boxes[:, :2], 2)


def grown(boxes: Boxes, *, by: float) -> Boxes:
    """Boxes of `by` times the width and height about the same middles."""
    margin = sizes(boxes) * (by - 1) / 2
    return boxes + margin * np.array([-1, -1, 1, 1])


def mirrored(boxes: Boxes) -> Boxes:
    """Where the boxes lie in the image flipped left to right; its own inverse."""
    return np.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], axis=1)


def within(boxes: Boxes, windows: Boxes) -> Float64[np.ndarray, "n 4"]:
    """Edges relative to windows: 0 is the window's left or top, 1 its right or bottom."""
    return (boxes - np.tile(windows[:, :2], 2)) / sizes(windows)


def without(edges: Float64[np.ndarray, "n 4"], windows: Boxes) -> Boxes:
    """Edges relative to windows as fractions of the image; the inverse of `within`."""
    return edges * sizes(windows) + np.tile(windows[:, :2], 2)


def ordered(boxes: Boxes, *, least: float) -> Boxes:
    """The same boxes, those narrower or lower than `least` widened to it about their middles."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = np.maximum(boxes[:, 2:] - boxes[:, :2], least) / 2
    return np.concatenate([middle - half, middle + half], axis=1)


def inside(boxes: Boxes, *, least: float) -> Boxes:
    """Boxes cut to the image, each at least `least` wide and high even where it lay outside."""
    cut = ordered(np.clip(boxes, 0, 1), least=least)
    back = np.clip(-cut, 0, None)[:, :2] - np.clip(cut - 1, 0, None)[:, 2:]
    return cut + np.tile(back, 2)


def areas(boxes: Boxes) -> Float64[np.ndarray, " n"]:
    """The share of the image that each covers; 0 where an edge lies behind its opposite."""
    return np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1)


def overlaps(a: Boxes, b: _OneOrMore) -> Float64[np.ndarray, " n"]:
    """The area that each box of `a` shares with the same row of `b` (or with its only row)."""
    return np.prod(
        np.clip(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0, None), axis=1
    )


def ious(a: Boxes, b: _OneOrMore) -> Float64[np.ndarray, " n"]:
    """Intersection over union, row by row (or with b's only row), in [0, 1]."""
    common = overlaps(a, b)
    return common / np.maximum(areas(a) + areas(b) - common, np.finfo(np.float64).tiny)


def kinds(windows: Boxes, product: _One) -> Int8[np.ndarray, " n"]:
    """TARGET, BACKGROUND or NEITHER for each window, for the one product of the image.

    A target holds the product in at least half of its area, or, where the product is smaller
    than that, at least half of the product. Background holds none of it, not even a corner.
    """
    common = overlaps(windows, product)
    enough = _HELD * np.minimum(areas(windows), areas(product))
    return np.where(common >= enough, TARGET, np.where(common > 0, NEITHER, BACKGROUND)).astype(
        np.int8
    )


def cells_in(
    grid: Float32[np.ndarray, "rows cols channels"], windows: Boxes, *, side: int
) -> Float32[np.ndarray, "n side side channels"]:
    """Each window's side x side cells, read from the grid bilinearly at their middles.

    Outside the image lie zero cells. A window that is a whole number of cells reads just those.
    """
    rows, cols = grid.shape[:2]
    down = _weights(windows[:, 1], windows[:, 3], count=rows, side=side)
    across = _weights(windows[:, 0], windows[:, 2], count=cols, side=side)
    strips = np.tensordot(down, grid, axes=(2, 0))  # n side cols channels
    return np.matmul(across[:, None], strips)


def _weights(
    start: Float64[np.ndarray, " n"], end: Float64[np.ndarray, " n"], *, count: int, side: int
) -> Float32[np.ndarray, "n side count"]:
    """How much of each of an axis's cells goes into each of a window's `side` cells."""
    middles = start[:, None] + (end - start)[:, None] * (np.arange(side) + 0.5) / side
    places = middles * count - 0.5
    return np.maximum(0, 1 - np.abs(places[:, :, None] - np.arange(count))).astype(np.float32)
