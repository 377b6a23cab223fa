"""What triplets and questions are drawn from: the sides of the split, and photographs' vectors."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import numpy as np
from jaxtyping import Float32, Int64

from tiefvision.store.spaces import SearchSpace
from tiefvision.store.vectors import VectorStore
from tiefvision.tasks.progress import Progress
from tiefvision.teach import splits

# Photographs that are drawn from at most: bounds memory and time.
MOST_PHOTOGRAPHS = 20_000

# Images whose cells are read at once.
_BATCH = 125


def sides(
    contents: Sequence[str], apart: Sequence[str | None]
) -> Iterator[tuple[Int64[np.ndarray, " m"], float]]:
    """The places of the photographs of each side of the split by which rankers are judged, the
    smallest side first, with their share of what is still to be drawn: what a small side cannot
    give is drawn from larger ones.

    contents: ids. apart: what photographs share that never lie on two sides, such as a sender.
    """
    keys: Sequence[Hashable] = splits.group_keys(contents, apart)
    of_each = splits.folds(keys)
    parts = [np.flatnonzero(of_each == side) for side in range(splits.FOLDS)]
    left = len(of_each)
    for part in sorted(parts, key=len):
        if len(part):
            yield part, len(part) / left
            left -= len(part)


def compact_vectors(
    store: VectorStore,
    space: SearchSpace,
    photographs: Sequence[tuple[str, int]],
    progress: Progress,
) -> tuple[Int64[np.ndarray, " n"], Float32[np.ndarray, "n length"]]:
    """The places of those photographs that have cells, with their vectors: short ones where the
    catalogue is large enough to have them.

    photographs: (content id, image id) of each, at least one.
    """
    found: list[int] = []
    vectors: list[Float32[np.ndarray, "some length"]] = []
    with progress("reading cells", len(photographs)) as advance:
        for start in range(0, len(photographs), _BATCH):
            some = photographs[start : start + _BATCH]
            rows = store.fetch([image_id for _, image_id in some])
            at = {(key.content_id, key.image_id): row for row, key in enumerate(rows.keys)}
            own = [place for place, photograph in enumerate(some) if photograph in at]
            found += [start + place for place in own]
            vectors.append(space.compact(rows.cells[[at[some[place]] for place in own]]))
            advance(len(some))
    return np.array(found, np.int64), np.concatenate(vectors)
