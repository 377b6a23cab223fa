"""What a rank head changes for images that it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tiefvision.teach.rank_folds import Fold
from tiefvision.teach.rank_heads import Heads
from tiefvision.teach.rank_networks import RankHead

# Changes that are shown, and how many of the most changed images are looked at for them: those
# whose first hit stays the same show nothing.
_SHOWN = 5
_LOOKED_AT = 25
# Images that may be first hits, at most, and those whose vectors are in memory at once.
_GALLERY = 1_000
_IMAGES_AT_ONCE = 250


@dataclass(frozen=True, slots=True)
class Change:
    """A held-out image, and the first hits of its search without and with the ranker, positions in
    the data; images of its own group are no hits.

    gain: by how much more its triplets' positives were above the negatives, the mean.
    """

    query: int
    before: int
    after: int
    gain: float


def most_changed(heads: Heads, found: list[Fold]) -> tuple[tuple[Change, ...], tuple[Change, ...]]:
    """The queries that gained most and those that lost most, of those whose first hit changed."""
    gains: list[tuple[float, int, Fold]] = []
    for fold in found:
        gap = fold.after[0] - fold.before[0]
        queries, member = np.unique(fold.triplets[:, 0], return_inverse=True)
        means = np.bincount(member, weights=gap) / np.bincount(member)
        gains += [(float(g), int(q), fold) for g, q in zip(means, queries, strict=True)]
    gains.sort(key=lambda one: (one[0], one[1]))
    worst = [one for one in gains[:_LOOKED_AT] if one[0] < 0]
    best = [one for one in gains[: -_LOOKED_AT - 1 : -1] if one[0] > 0]
    before = _first_hits(heads, None, [query for _, query, _ in best + worst])
    after: dict[int, int] = {}
    for fold in found:
        own = [query for _, query, of in best + worst if of is fold]
        after |= _first_hits(heads, fold.head, own)

    def changes(some: list[tuple[float, int, Fold]]) -> tuple[Change, ...]:
        all_of_them = [Change(query, before[query], after[query], gain) for gain, query, _ in some]
        return tuple([one for one in all_of_them if one.before != one.after][:_SHOWN])

    return changes(best), changes(worst)


def _first_hits(heads: Heads, head: RankHead | None, queries: list[int]) -> dict[int, int]:
    """For each query the most similar image of another group; itself where all are of its own."""
    if not queries:
        return {}
    images = np.array(queries, np.int64)
    vectors = heads.vectors(head, images)
    best, hits = np.full(len(images), -np.inf), images.copy()
    gallery = np.arange(0, len(heads.groups), -(-len(heads.groups) // _GALLERY))
    for start in range(0, len(gallery), _IMAGES_AT_ONCE):
        others = gallery[start : start + _IMAGES_AT_ONCE]
        similarities = vectors @ heads.vectors(head, others).T
        similarities[heads.groups[images][:, None] == heads.groups[others][None]] = -np.inf
        nearer = similarities.max(axis=1) > best
        best = np.where(nearer, similarities.max(axis=1), best)
        hits = np.where(nearer, others[similarities.argmax(axis=1)], hits)
    return dict(zip(queries, hits.tolist(), strict=True))
