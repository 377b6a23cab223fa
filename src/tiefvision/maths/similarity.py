"""Similarity of two grids: the mean over aligned cells of the cosine; larger is more alike.

`mean_cosine` is the definition. `flat_vector` turns a grid into one vector whose dot product is
exactly that number, so that a vector engine can search by it.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32

from tiefvision.errors import InvalidInput, ShapeMismatch
from tiefvision.maths.grids import unit_cells

# How much a counterexample turns a query away, beside an example's 1. Measured on 289 queries of
# clothing with one right and one wrong hit given back: mAP@10 of the rest is .531 without it, .557
# with 0.3, .532 with 0.5 and .329 with 1; with three wrong hits .569 with 0.3.
NEGATIVE_WEIGHT = 0.3


def mean_cosine(
    a: Float[np.ndarray, "_rows_a _cols_a _channels_a"],
    b: Float[np.ndarray, "_rows_b _cols_b _channels_b"],
    *,
    cell_weights: Float[np.ndarray, "_rows _cols"] | None = None,
) -> float:
    """Mean over cells of the cosine between two grids of one shape.

    a, b: (rows, cols, channels), every cell of unit length (`grids.unit_cells`).
    cell_weights: (rows, cols), at least 0, not all 0: how much each cell matters; default all 1.
    Returns a similarity in [-1, 1]; 1.0 for a grid with itself.
    Raises ShapeMismatch when any axis differs; crop first with `grids.common_rows`.
    Source: TiefVision (2016), similarity_lib, which returned a hidden -1.0 where we raise.
    """
    return float(contributions(a, b, cell_weights=cell_weights).sum())


def contributions(
    a: Float[np.ndarray, "_rows_a _cols_a _channels_a"],
    b: Float[np.ndarray, "_rows_b _cols_b _channels_b"],
    *,
    cell_weights: Float[np.ndarray, "_rows _cols"] | None = None,
) -> Float[np.ndarray, "_rows_a _cols_a"]:
    """What each cell adds to `mean_cosine`: (rows, cols), summing to it. Arguments as there."""
    if a.shape != b.shape:
        raise ShapeMismatch(
            f"grids of shape {a.shape} and {b.shape} cannot be compared cell by cell; "
            "crop both with grids.common_rows first"
        )
    share = _cell_shares(a.shape[0], a.shape[1], cell_weights)
    return share * np.einsum("rcd,rcd->rc", a, b)


def flat_vector(
    grid: Float[np.ndarray, "*batch rows cols channels"],
    *,
    cell_weights: Float[np.ndarray, "_rows _cols"] | None = None,
) -> Float32[np.ndarray, "*batch length"]:
    """Grids as vectors of length rows * cols * channels; their dot product is `mean_cosine`.

    grid: unit cells, one grid or a batch of them. Weights as in `mean_cosine`; both sides of a
    dot product must use the same ones. A vector has length 1 unless a cell is zero.
    """
    rows, cols = grid.shape[-3], grid.shape[-2]
    scale = np.sqrt(_cell_shares(rows, cols, cell_weights))[:, :, None]
    flat = (grid * scale).astype(np.float32)
    return flat.reshape(*grid.shape[:-3], rows * cols * grid.shape[-1])


def combined(
    positives: Float[np.ndarray, "n rows cols channels"],
    negatives: Float[np.ndarray, "m rows cols channels"] | None = None,
    *,
    negative_weight: float = NEGATIVE_WEIGHT,
) -> Float[np.ndarray, "rows cols channels"]:
    """One query out of several examples and counterexamples: unit cells.

    positives: n >= 1 grids of cells of one length. negatives: others of the same shape, or None.
    Each cell is the mean of the positives' cells, less the weighted mean of the negatives', scaled
    to length 1. One positive alone is returned as it is, in direction.
    Source: Rocchio (1971), Relevance feedback in information retrieval.
    """
    direction = positives.mean(axis=0)
    if negatives is not None and len(negatives):
        direction = direction - negative_weight * negatives.mean(axis=0)
    return unit_cells(direction)


def flat_contributions(
    query: Float[np.ndarray, " length"],
    gallery: Float[np.ndarray, "n length"],
    *,
    rows: int,
    cols: int,
) -> Float32[np.ndarray, "n rows cols"]:
    """What each cell adds to the dot product of flat vectors (`flat_vector`); sums to it.

    query: cell weights applied, if any.
    """
    products = (gallery * query).astype(np.float32)
    return products.reshape(len(gallery), rows, cols, -1).sum(axis=-1)


def mean_cosines(
    query: Float[np.ndarray, "_rows _cols _channels"],
    gallery: Float[np.ndarray, "n _rows _cols _channels"],
    *,
    cell_weights: Float[np.ndarray, "_rows _cols"] | None = None,
) -> Float32[np.ndarray, " n"]:
    """`mean_cosine` of one grid with each of n, as one matrix product."""
    if query.shape != gallery.shape[1:]:
        raise ShapeMismatch(
            f"a query grid of shape {query.shape} cannot be compared with a gallery of shape "
            f"{gallery.shape}; expected (n, *{query.shape})"
        )
    share = _cell_shares(query.shape[0], query.shape[1], cell_weights)
    weighted = (query * share[:, :, None]).astype(np.float32).reshape(-1)
    return gallery.reshape(len(gallery), -1).astype(np.float32, copy=False) @ weighted


def _cell_shares(
    rows: int, cols: int, cell_weights: Float[np.ndarray, "_rows _cols"] | None
) -> Float32[np.ndarray, "rows cols"]:
    """Weights scaled to sum 1."""
    if cell_weights is None:
        return np.full((rows, cols), 1 / (rows * cols), dtype=np.float32)
    if cell_weights.shape != (rows, cols):
        raise ShapeMismatch(
            f"cell weights of shape {cell_weights.shape} do not fit a grid of {rows} x {cols} cells"
        )
    total = float(cell_weights.sum())
    if not np.isfinite(total) or total <= 0 or float(cell_weights.min()) < 0:
        raise InvalidInput("cell weights must be finite, at least 0, and not all 0")
    return (cell_weights / total).astype(np.float32)
