"""What a rank head changes for images that it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, Int64
from torch import Tensor

from tiefvision.teach.rank_heads import Heads
from tiefvision.teach.rank_networks import RankHead

# Changes that are shown, and how many of the most changed images are looked at for them: those
# whose first hit stays the same show nothing.
_SHOWN = 5
_LOOKED_AT = 25
# Images whose vectors are in memory at once.
_IMAGES_AT_ONCE = 1_000


@dataclass(slots=True, eq=False)
class FoldFits:
    """One fold held out: its triplets, the head trained without it, and what each look showed.

    steps, losses, states, gaps: one a look; gaps: float32 (t,), of `triplets`.
    """

    fold: int
    triplets: Int64[np.ndarray, "t 3"]
    steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    states: list[dict[str, Tensor]] = field(default_factory=list)
    gaps: list[Float32[np.ndarray, " t"]] = field(default_factory=list)
    head: RankHead | None = None


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


def most_changed(heads: Heads, found: list[FoldFits], *, better: bool) -> tuple[Change, ...]:
    """The queries that gained most, or lost most, among those whose first hit changed."""
    sign = 1 if better else -1
    gains: list[tuple[float, int, FoldFits]] = []
    for fold in found:
        gap = heads.gaps(fold.head, fold.triplets) - heads.gaps(None, fold.triplets)
        queries, member = np.unique(fold.triplets[:, 0], return_inverse=True)
        means = np.bincount(member, weights=gap) / np.bincount(member)
        gains += [(float(g), int(q), fold) for g, q in zip(means, queries, strict=True)]
    gains = [one for one in gains if sign * one[0] > 0]
    gains.sort(key=lambda one: (-sign * one[0], one[1]))
    candidates = gains[:_LOOKED_AT]
    before = _first_hits(heads, None, [query for _, query, _ in candidates])
    after: dict[int, int] = {}
    for fold in found:
        own = [query for _, query, of in candidates if of is fold]
        after |= _first_hits(heads, fold.head, own)
    changes = [Change(query, before[query], after[query], gain) for gain, query, _ in candidates]
    return tuple([one for one in changes if one.before != one.after][:_SHOWN])


def _first_hits(heads: Heads, head: RankHead | None, queries: list[int]) -> dict[int, int]:
    """For each query the most similar image of another group; itself where all are of its own."""
    if not queries:
        return {}
    images = np.array(queries, np.int64)
    vectors = heads.vectors(head, images)
    best, hits = np.full(len(images), -np.inf), images.copy()
    for start in range(0, len(heads.groups), _IMAGES_AT_ONCE):
        others = np.arange(start, min(start + _IMAGES_AT_ONCE, len(heads.groups)))
        similarities = vectors @ heads.vectors(head, others).T
        similarities[heads.groups[images][:, None] == heads.groups[others][None]] = -np.inf
        nearer = similarities.max(axis=1) > best
        best = np.where(nearer, similarities.max(axis=1), best)
        hits = np.where(nearer, others[similarities.argmax(axis=1)], hits)
    return dict(zip(queries, hits.tolist(), strict=True))
