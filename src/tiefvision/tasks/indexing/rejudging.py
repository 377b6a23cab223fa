"""Whether a ranker still helps on other cells than those that it was taught on."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int64

from tiefvision.maths.judging import Comparison, compare, triplet_gaps
from tiefvision.store.judgements import Judgements, Triplet
from tiefvision.store.spaces import SearchSpace
from tiefvision.store.vectors import VectorStore
from tiefvision.tasks.opened import Opened

# Judgements that decide at most: with so many the interval is within two points. Their vectors are
# made for so many judgements at once, which bounds the memory.
_MOST = 2_000
_AT_ONCE = 50


def rejudge(shop: Opened, store: VectorStore, base: SearchSpace, ranked: SearchSpace) -> Comparison:
    """Triplet accuracy without and with a ranker, of what was taught under its name.

    base, ranked: of one cell space; neither needs to be filled. Triplets of contents that have no
    cells there, and those of mirrored images, are left out.
    """
    places = _images(shop, ranked)
    triplets = [
        own
        for own in Judgements(shop.database).triplets(ranked.name)
        if not own.mirrored and all(one in places for one in _contents(own))
    ]
    rng = np.random.default_rng(0)  # the same judgements, whenever a run is gone on with
    if len(triplets) > _MOST:
        chosen = np.sort(rng.choice(len(triplets), _MOST, replace=False))
        triplets = [triplets[place] for place in chosen]
    rows = np.array([[places[one] for one in _contents(own)] for own in triplets], np.int64)
    rows = rows.reshape(-1, 3)
    gaps = [np.empty((2, 0), np.float32)]
    for start in range(0, len(rows), _AT_ONCE):
        gaps.append(_gaps(store, base, ranked, rows[start : start + _AT_ONCE]))
    before, after = np.concatenate(gaps, axis=1) > 0
    return compare(before, after, rows[:, 0], rng=rng)


def _gaps(
    store: VectorStore, base: SearchSpace, ranked: SearchSpace, triplets: Int64[np.ndarray, "t 3"]
) -> Float32[np.ndarray, "2 t"]:
    """By how much each positive is nearer than the negative, without and with the ranker."""
    ids, positions = np.unique(triplets, return_inverse=True)
    found = store.fetch([int(id_) for id_ in ids])
    at = {key.image_id: place for place, key in enumerate(found.keys)}
    cells = found.cells[[at[int(id_)] for id_ in ids]]
    places = positions.reshape(-1, 3).astype(np.int64)
    return np.stack([triplet_gaps(space.exact(cells), places) for space in (base, ranked)])


def _images(shop: Opened, space: SearchSpace) -> dict[str, int]:
    """An image of each content that has cells."""
    pages = shop.encodings(space.cell_space).keys()
    return {key.content_id: key.image_id for page in pages for key, _ in page}


def _contents(triplet: Triplet) -> tuple[str, str, str]:
    return triplet.anchor, triplet.positive, triplet.negative
