"""From a query's vectors to ranked candidates: by scanning, or by the vector engine's index.

Both shortlist by compact vectors, then rank the shortlist by exact similarity. A row counts only
while the catalogue still acknowledges it, and each content counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int64

from tiefvision.store.encodings import Encodings
from tiefvision.store.filters import Filter
from tiefvision.store.records import Image, RowKey
from tiefvision.store.scan import Scan
from tiefvision.store.spaces import SearchSpace
from tiefvision.store.vectors import Matching, VectorStore


@dataclass(frozen=True, slots=True)
class Query:
    """A query's vectors. exact: (length,), cell weights applied; compact: (dimensions,)."""

    exact: Float32[np.ndarray, " length"]
    compact: Float32[np.ndarray, " dimensions"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A catalogue image and its exact similarity to the query, in [-1, 1]."""

    image: Image
    similarity: float


@runtime_checkable
class Lap(Protocol):
    """Called when a part of the work has ended."""

    def __call__(self, part: str, /) -> None: ...


@runtime_checkable
class Index(Protocol):
    """Ranks candidates for a query and its mirror image, or for one query alone."""

    def ranked(
        self, queries: Sequence[Query], *, where: Filter | None, limit: int, wanted: int, lap: Lap
    ) -> tuple[list[Candidate], bool]:
        """The best `wanted` of a shortlist of `limit`, and whether the shortlist held all rows
        that satisfy the filter, so that a longer one would find no more."""
        ...

    def shortlist(
        self, queries: Sequence[Query], *, where: Filter | None, limit: int
    ) -> tuple[list[Image], bool]:
        """The images of a shortlist of `limit` that count, and whether it held all rows."""
        ...

    def similarities(
        self, queries: Sequence[Query], images: Sequence[Image]
    ) -> Float32[np.ndarray, "queries images"]:
        """Exact similarities; nan for an image of which there is no row any more, or yet."""
        ...


@dataclass(frozen=True, slots=True)
class ScanIndex:
    """Candidates by scanning; the shortlist is made of row numbers of the scan."""

    encodings: Encodings
    scan: Scan
    space: SearchSpace
    engine: Callable[[], VectorStore]

    def ranked(
        self, queries: Sequence[Query], *, where: Filter | None, limit: int, wanted: int, lap: Lap
    ) -> tuple[list[Candidate], bool]:
        allowed = None if where is None else self.engine().matching(where)
        found = self._shortlist(queries, allowed, limit)
        lap("shortlist")
        candidates = self._rerank(queries, found, allowed, wanted)
        lap("rerank")
        return candidates, len(found) < limit

    def shortlist(
        self, queries: Sequence[Query], *, where: Filter | None, limit: int
    ) -> tuple[list[Image], bool]:
        allowed = None if where is None else self.engine().matching(where)
        found = self._shortlist(queries, allowed, limit)
        _, images = self._current(found, allowed, max(1, len(found)))
        return images, len(found) < limit

    def similarities(
        self, queries: Sequence[Query], images: Sequence[Image]
    ) -> Float32[np.ndarray, "queries images"]:
        places = {image.id: place for place, image in enumerate(images)}
        found = np.full((len(queries), len(images)), np.nan, np.float32)
        rows = [
            int(row)
            for row in np.flatnonzero(np.isin(self.scan.image_ids, list(places)))
            if _holds(images[places[int(self.scan.image_ids[row])]], int(self.scan.versions[row]))
        ]
        own = [places[int(self.scan.image_ids[row])] for row in rows]
        for query, similarities in zip(queries, found, strict=True):
            similarities[own] = self.scan.precise_similarities(
                query.exact, np.array(rows, np.int64)
            )
        return found

    def _shortlist(
        self, queries: Sequence[Query], allowed: Matching | None, limit: int
    ) -> Int64[np.ndarray, " found"]:
        """Rows nearest to any of the queries, of images that satisfy the filter."""
        among = None
        if allowed is not None:
            among = np.flatnonzero(np.isin(self.scan.image_ids, allowed.image_ids))
        found = [
            self.scan.shortlist(query.exact, query.compact, limit=limit, among=among)
            for query in queries
        ]
        return found[0] if len(found) == 1 else np.unique(np.concatenate(found))

    def _rerank(
        self,
        queries: Sequence[Query],
        found: Int64[np.ndarray, " found"],
        allowed: Matching | None,
        wanted: int,
    ) -> list[Candidate]:
        """The best `wanted` of the shortlist by exact similarity."""
        if len(found) == 0:
            return []
        scores = np.max([self.scan.similarities(query.exact, found) for query in queries], axis=0)
        order = found[np.argsort(-scores, kind="stable")]
        rows, images = self._current(order, allowed, wanted)
        chosen = np.array(rows, np.int64)
        if len(chosen) == 0:
            return []
        precise = np.max(
            [self.scan.precise_similarities(query.exact, chosen) for query in queries], axis=0
        )
        ranked = [Candidate(image, float(s)) for image, s in zip(images, precise, strict=True)]
        return sorted(ranked, key=lambda candidate: -candidate.similarity)

    def _current(
        self, order: Int64[np.ndarray, " found"], allowed: Matching | None, wanted: int
    ) -> tuple[list[int], list[Image]]:
        """The first `wanted` rows that the catalogue still acknowledges, one for each content."""
        rows: list[int] = []
        images: list[Image] = []
        contents: set[int] = set()
        for start in range(0, len(order), 2 * wanted):
            some = order[start : start + 2 * wanted]
            known = self.encodings.get([int(id_) for id_ in self.scan.image_ids[some]])
            for row in some:
                image = known.get(int(self.scan.image_ids[row]))
                content = int(self.scan.content_keys[row])
                if image is None or content in contents:
                    continue
                if not _holds(image, int(self.scan.versions[row])):
                    continue
                if allowed is not None and not (image.found and allowed.holds(image.found.key)):
                    continue
                contents.add(content)
                rows.append(int(row))
                images.append(image)
                if len(rows) == wanted:
                    return rows, images
        return rows, images


@dataclass(frozen=True, slots=True)
class EngineIndex:
    """Candidates by the vector engine; the shortlist is made of row keys."""

    encodings: Encodings
    store: VectorStore
    space: SearchSpace

    def ranked(
        self, queries: Sequence[Query], *, where: Filter | None, limit: int, wanted: int, lap: Lap
    ) -> tuple[list[Candidate], bool]:
        found = self._shortlist(queries, where, limit)
        lap("shortlist")
        candidates = self._rerank(queries, found, wanted)
        lap("rerank")
        return candidates, len(found) < limit

    def shortlist(
        self, queries: Sequence[Query], *, where: Filter | None, limit: int
    ) -> tuple[list[Image], bool]:
        found = self._shortlist(queries, where, limit)
        known = self.encodings.get([key.image_id for key in found])
        images = [
            known[key.image_id]
            for key in found
            if key.image_id in known and _is(known[key.image_id], key)
        ]
        return [image for image in images if self.encodings.shows(image)], len(found) < limit

    def similarities(
        self, queries: Sequence[Query], images: Sequence[Image]
    ) -> Float32[np.ndarray, "queries images"]:
        places = {image.id: place for place, image in enumerate(images)}
        found = np.full((len(queries), len(images)), np.nan, np.float32)
        rows = self.store.fetch(list(places))
        exact = self.space.exact(rows.cells)
        for key, vector in zip(rows.keys, exact, strict=True):
            place = places[key.image_id]
            if _is(images[place], key):
                found[:, place] = [vector @ query.exact for query in queries]
        return found

    def _shortlist(
        self, queries: Sequence[Query], where: Filter | None, limit: int
    ) -> list[RowKey]:
        """Keys of the rows nearest to any of the queries that satisfy the filter."""
        keys: dict[RowKey, None] = {}
        for query in queries:
            found = self.store.nearest(
                query.compact, search_space_id=self.space.id, limit=limit, where=where
            )
            keys.update(dict.fromkeys(found.keys))
        return list(keys)

    def _rerank(
        self, queries: Sequence[Query], found: Sequence[RowKey], wanted: int
    ) -> list[Candidate]:
        """The best `wanted` of the shortlist by exact similarity."""
        if not found:
            return []
        rows = self.store.fetch([key.image_id for key in found])
        exact = self.space.exact(rows.cells)
        scores = np.max([exact @ query.exact for query in queries], axis=0)
        known = self.encodings.get([key.image_id for key in rows.keys])
        ranked: list[Candidate] = []
        contents: set[str] = set()
        for place in np.argsort(-scores, kind="stable"):
            key = rows.keys[int(place)]
            image = known.get(key.image_id)
            if image is None or not _is(image, key) or not self.encodings.shows(image):
                continue
            if key.content_id in contents:
                continue
            contents.add(key.content_id)
            ranked.append(Candidate(image, float(scores[place])))
            if len(ranked) == wanted:
                break
        return ranked


def _holds(image: Image, version: int) -> bool:
    """Whether the catalogue holds an image at a change number."""
    return image.found is not None and image.found.version == version


def _is(image: Image, key: RowKey) -> bool:
    """Whether a row is the one that the catalogue acknowledges of an image."""
    return image.found is not None and image.found.key == key
