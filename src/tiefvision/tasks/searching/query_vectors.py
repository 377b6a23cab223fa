"""From looked-at pictures to a search space's query vectors: examples together, cells weighted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from tiefvision.errors import InvalidInput
from tiefvision.maths.similarity import combined, flat_vector
from tiefvision.store.spaces import CellSpace, SearchSpace
from tiefvision.tasks.searching.candidates import Query
from tiefvision.tasks.searching.query_cells import Example, Source

Weights = Float[np.ndarray, "_rows _cols"]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What a search asks: its pictures as they were looked at, and what they are compared in.

    sources: of the examples, then of the counterexamples. spaces: all of one cell space. shares:
    search space id -> its share of the similarity. cell_weights: (rows, cols).
    """

    sources: Sequence[Source]
    positives: Sequence[Example]
    negatives: Sequence[Example]
    spaces: Sequence[SearchSpace]
    shares: Mapping[str, float]
    cell_weights: Weights | None


def queries(space: SearchSpace, asked: Asked) -> list[Query]:
    """The query in one space, and that of its mirror image where that was looked at."""
    positives, negatives = asked.positives, asked.negatives
    made: list[Query] = []
    for side in range(len(positives[0].embeddings)):
        exact = _exact(space, positives, side)[0]
        if len(positives) > 1 or negatives:
            exact = flat_vector(
                combined(
                    _grids(space, _exact(space, positives, side)),
                    _grids(space, _exact(space, negatives, side)) if negatives else None,
                ).astype(np.float32)
            )
        compact = exact if space.projection is None else space.projection(exact)
        made.append(Query(exact=_weighted(exact, space, asked.cell_weights), compact=compact))
    return made


def _exact(
    space: SearchSpace, examples: Sequence[Example], side: int
) -> Float32[np.ndarray, "n length"]:
    return space.exact(np.stack([own.embeddings[side].cells.reshape(-1) for own in examples]))


def _grids(
    space: SearchSpace, exact: Float32[np.ndarray, "n length"]
) -> Float32[np.ndarray, "n rows cols channels"]:
    return exact.reshape(len(exact), space.cell_space.rows, space.cell_space.cols, -1)


def check_weights(cell_weights: Weights, space: CellSpace) -> None:
    """Raise InvalidInput for weights that are not one for each cell of a space."""
    total = float(cell_weights.sum())
    is_whole = cell_weights.shape == (space.rows, space.cols)
    if not is_whole or not 0 < total < np.inf or cell_weights.min() < 0:
        raise InvalidInput(
            f"cell weights are {cell_weights.tolist()}; expected {space.rows} rows of "
            f"{space.cols} numbers, at least 0 and not all 0"
        )


def _weighted(
    exact: Float32[np.ndarray, " length"], space: SearchSpace, cell_weights: Weights | None
) -> Float32[np.ndarray, " length"]:
    """A query vector whose dot product with exact vectors is the weighted mean cosine."""
    if cell_weights is None:
        return exact
    rows, cols = space.cell_space.rows, space.cell_space.cols
    # Both sides hold 1 / sqrt(rows * cols) a cell; this turns that mean into the weighted one.
    scale = cell_weights / float(cell_weights.sum()) * (rows * cols)
    shaped = exact.reshape(rows, cols, -1) * scale[:, :, None].astype(np.float32)
    return shaped.reshape(-1)
