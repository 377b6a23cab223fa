"""Why an image is similar to a query: what each cell adds, as a grid over both pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Float32

from tiefvision.errors import Conflict, NotFound
from tiefvision.maths.similarity import flat_contributions
from tiefvision.store.spaces import CellSpace
from tiefvision.tasks.searching.clock import Clock
from tiefvision.tasks.searching.query_cells import Example, QueryCells
from tiefvision.tasks.searching.query_vectors import Asked, Weights, queries

# A grid of fewer rows or cols shows too little of a picture: it is encoded again, more densely,
# with about as many cells as the last layers of the built-in encoders have.
_FEWEST_SHOWN = 5
_DENSE = 7


@dataclass(frozen=True, slots=True)
class Explanation:
    """What each cell adds to the similarity of an image of the catalogue to a query.

    contributions: rows of cols numbers, whose sum is `similarity`. query_part, image_part: [left,
    top, right, bottom], what the cells lie over, in pixels of either photograph. image_size: the
    image's width and height. mirrored: the query's mirror image is the more similar one, so that
    its cells run from right to left. dense: the pictures were encoded again with more cells than
    are compared, so that `similarity` is near the hit's, but not the same.
    """

    image_id: int
    similarity: float
    contributions: list[list[float]]
    query_part: list[float]
    image_part: list[float]
    image_size: list[int]
    mirrored: bool
    dense: bool


def explain(asked: Asked, hit: Example, cells: QueryCells, *, clock: Clock) -> Explanation:
    """What the cells of a catalogue image add; densely, where few of them are compared and the
    photographs are there."""
    own = asked.spaces[0].cell_space
    if min(own.rows, own.cols) < _FEWEST_SHOWN:
        try:
            return _explanation(*_dense(asked, hit, cells, clock=clock), dense=True)
        except (NotFound, Conflict):
            pass  # a photograph is gone or changed: its stored cells are all there is
    return _explanation(asked, hit, dense=False)


def of_cells(
    asked: Asked, cells: Float[np.ndarray, "n length"]
) -> Float32[np.ndarray, "n rows cols"]:
    """What the stored cells of images add, by the better of the query and its mirror image."""
    return _better(asked, cells)[0]


def of_query(asked: Asked) -> list[list[float]]:
    """What each cell of an image would add that is the query itself, as JSON holds it."""
    own = asked.spaces[0].cell_space
    weights = asked.cell_weights
    given = np.ones((own.rows, own.cols)) if weights is None else weights
    return rounded(given / given.sum())


def _better(
    asked: Asked, cells: Float[np.ndarray, "n length"]
) -> tuple[Float32[np.ndarray, "n rows cols"], Bool[np.ndarray, " n"]]:
    """What cells add to the similarity, and whether that to the query's mirror image is it."""
    own = asked.spaces[0].cell_space
    found = np.zeros((len(asked.positives[0].embeddings), len(cells), own.rows, own.cols))
    for space in asked.spaces:
        exact = space.exact(cells)
        for side, query in enumerate(queries(space, asked)):
            found[side] += asked.shares[space.id] * flat_contributions(
                query.exact, exact, rows=own.rows, cols=own.cols
            )
    best = found.sum(axis=(2, 3)).argmax(axis=0)  # (n,)
    return found[best, np.arange(len(cells))].astype(np.float32), best > 0


def _explanation(asked: Asked, hit: Example, *, dense: bool) -> Explanation:
    embedding = hit.embeddings[0]
    found, is_mirrored = _better(asked, embedding.cells.reshape(1, -1))
    assert hit.image is not None, "a hit is an image of the catalogue"
    return Explanation(
        image_id=hit.image.id,
        similarity=round(float(found.sum()), 6),
        contributions=rounded(found[0]),
        query_part=asked.positives[0].embeddings[0].shown.as_list(),
        image_part=embedding.shown.as_list(),
        image_size=[embedding.width, embedding.height],
        mirrored=bool(is_mirrored[0]),
        dense=dense,
    )


def rounded(contributions: Float[np.ndarray, "rows cols"]) -> list[list[float]]:
    """As JSON holds them."""
    return [[round(float(value), 6) for value in row] for row in contributions]


def _dense(asked: Asked, hit: Example, cells: QueryCells, *, clock: Clock) -> tuple[Asked, Example]:
    """The same question in spaces of more cells. Raises NotFound, Conflict."""
    coarse = asked.spaces[0].cell_space
    space = replace(coarse, rows=_DENSE, cols=_DENSE)
    known = [*asked.positives, *asked.negatives]
    seen = [
        cells.look_closely(source, space, own, clock=clock)
        for source, own in zip(asked.sources, known, strict=True)
    ]
    assert hit.image is not None, "a hit is an image of the catalogue"
    near = cells.look_closely(hit.image.id, space, hit, clock=clock)
    spaces = [replace(own, cell_space=space, projection=None) for own in asked.spaces]
    return (
        replace(
            asked,
            positives=seen[: len(asked.positives)],
            negatives=seen[len(asked.positives) :],
            spaces=spaces,
            shares={
                dense.id: asked.shares[own.id]
                for dense, own in zip(spaces, asked.spaces, strict=True)
            },
            cell_weights=_spread(asked.cell_weights, coarse),
        ),
        replace(near, image=hit.image),
    )


def _spread(cell_weights: Weights | None, coarse: CellSpace) -> Weights | None:
    """Weights of few cells as those of many: each takes that of the cell that its centre is in."""
    if cell_weights is None:
        return None
    centres = (np.arange(_DENSE) + 0.5) / _DENSE
    rows = (centres * coarse.rows).astype(int)
    cols = (centres * coarse.cols).astype(int)
    return cell_weights[np.ix_(rows, cols)]
