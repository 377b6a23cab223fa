"""Candidates of several search spaces at once, by the weighted mean of their similarities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tiefvision.store.filters import Filter
from tiefvision.store.records import Image
from tiefvision.tasks.searching.candidates import Candidate, Index, Lap, Query


@dataclass(frozen=True, slots=True)
class Part:
    """One search space of a mix. queries: the query in this space, and its mirror image.

    share: of the similarity; those of a mix sum to 1.
    """

    index: Index
    queries: Sequence[Query]
    share: float


def ranked(
    parts: Sequence[Part], *, where: Filter | None, limit: int, wanted: int, lap: Lap
) -> tuple[list[Candidate], bool]:
    """As `Index.ranked`; one part alone ranks as its index does.

    Whatever is on any part's shortlist is compared in all of them.
    """
    if len(parts) == 1:
        (only,) = parts
        return only.index.ranked(only.queries, where=where, limit=limit, wanted=wanted, lap=lap)
    images: dict[int, Image] = {}
    exhausted = True
    for part in parts:
        found, held_all = part.index.shortlist(part.queries, where=where, limit=limit)
        images.update({image.id: image for image in found})
        exhausted = exhausted and held_all
    lap("shortlist")
    union = list(images.values())
    scores = np.zeros(len(union), np.float32)
    if union:
        mixed = sum(part.share * part.index.similarities(part.queries, union) for part in parts)
        scores = np.max(mixed, axis=0)  # (images,): the better of the query and its mirror image
    chosen: dict[str, Candidate] = {}
    for place in np.argsort(-scores, kind="stable"):
        image = union[int(place)]
        if image.found is not None and not np.isnan(scores[place]):
            candidate = Candidate(image, float(scores[place]))
            chosen.setdefault(image.found.key.content_id, candidate)
    lap("rerank")
    return list(chosen.values())[:wanted], exhausted
