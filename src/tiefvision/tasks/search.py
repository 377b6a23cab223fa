"""`tiefvision search`: from a photograph, or a catalogue image, to the most similar ones."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from tiefvision.errors import InvalidInput, NotFound, NotReady, StoreError
from tiefvision.maths.boxes import Box
from tiefvision.store import columns, registry, runs
from tiefvision.store.filters import Filter, parse
from tiefvision.store.records import Attributes, Image
from tiefvision.store.scan import Scan
from tiefvision.store.spaces import SearchSpace
from tiefvision.store.vectors import VectorStore
from tiefvision.tasks import growth, mixed
from tiefvision.tasks.candidates import Candidate, EngineIndex, Index, Query, ScanIndex
from tiefvision.tasks.cell_makers import embedder_of
from tiefvision.tasks.mixed import Part
from tiefvision.tasks.opened import Opened, fresh_scan
from tiefvision.tasks.ranker_choice import NONE, Choice, Chooser
from tiefvision.tasks.ready_encoder import carried_encoder
from tiefvision.tasks.walk import as_path
from tiefvision.vision.embedder import Embedder, Embedding, box_source
from tiefvision.vision.encoders.protocol import Encoder

# How much longer the shortlist gets when it held too few images that still count.
_LENGTHEN = 4


@dataclass(frozen=True, slots=True)
class Hit:
    """One similar image.

    similarity: mean cosine over cells, in [-1, 1]; larger is more alike. path: the file, as it
    lay on disk when it was indexed. box: [left, top, right, bottom] in its pixels. also: the paths
    of exact duplicates. box_source: who says where the product is: human, model (a trained
    locator), guess, or whole (no box).
    """

    id: int
    path: str
    similarity: float
    box: list[float]
    attributes: Attributes
    also: list[str] = field(default_factory=list[str])
    box_source: str = "whole"


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The answer to one query; its fields are the HTTP API's body.

    space: the id of the search space, of a mix those of its spaces, joined by "+". milliseconds:
    what each part took. images: how many could be found. notes: what the caller should know, such
    as an index run that is still going on. ranker: who ranked them, as `search` takes it: a name,
    a mix, or none.
    """

    hits: list[Hit]
    query_box: list[float]
    space: str
    images: int
    milliseconds: dict[str, float]
    notes: list[str]
    query_box_source: str = "whole"
    ranker: str = NONE


class Searcher:
    """A catalogue made ready for many searches: encoder and vectors stay loaded.

    Safe to share between threads.
    """

    def __init__(self, shop: Opened) -> None:
        self._shop = shop
        self._encoder: tuple[str, Encoder] | None = None
        self._chooser = Chooser(shop)
        # By the ids of search spaces; those that no longer answer are let go.
        self._scans: dict[str, Scan] = {}
        self._spaces: dict[str, SearchSpace] = {}
        self._embedders: dict[str, Embedder] = {}
        self._store: VectorStore | None = None
        self._count: tuple[tuple[str, int], int] | None = None

    def search(
        self,
        query: str | Path | bytes | int,
        *,
        k: int | None = None,
        box: Box | None = None,
        whole: bool = False,
        label: str = "",
        ranker: str = "",
        where: str | None = None,
        mirror: bool = False,
        cell_weights: Float[np.ndarray, "_rows _cols"] | None = None,
    ) -> SearchResult:
        """The k most similar images to a file, an uploaded file's bytes, or a catalogue image's id.

        box: where the product is, in the query's pixels; None: where the catalogue's locator finds
        it. whole: do not look for it. label: look for this one of several products, here and in
        the catalogue. ranker: the name of the one that ranks, none, or a mix such as
        colour=0.7,shape=0.3; "": the one called default where it is active. where: a filter on
        attributes. mirror: take the better of the query and its
        mirror image. cell_weights: (rows, cols) of the search space, how much each cell matters.
        Raises UnreadableImage, InvalidBox, InvalidFilter, NotFound, or NotReady when empty.
        """
        wanted = self._shop.settings.search.k if k is None else k
        if wanted < 1:
            raise InvalidInput(f"k is {wanted}; expected at least 1")
        if box is not None and whole:
            raise InvalidInput("a box and the whole image were asked for; expected one of them")
        clock = _Clock()
        condition = None if where is None else self._condition(where)
        choice, spaces = self._chosen(ranker, label)
        space = spaces[0]
        embeddings = self._embed(query, space, box=box, whole=whole, mirror=mirror, clock=clock)
        parts = [
            Part(
                self._index(own),
                [_query(own, embedding, cell_weights) for embedding in embeddings],
                choice.shares[own.id],
            )
            for own in spaces
        ]
        clock.lap("open")
        ranked = self._ranked(parts, condition, wanted, clock)
        hits = self._hits(ranked[:wanted], space, filtered=condition is not None)
        clock.lap("describe")
        images = self._images(space, self._shop.catalogue.version())
        return SearchResult(
            hits=hits,
            query_box=embeddings[0].box.as_list(),
            query_box_source=embeddings[0].box_source,
            space="+".join(own.id for own in spaces),
            images=images,
            milliseconds=clock.milliseconds(),
            notes=[*self._notes(hits, images), *([choice.note] if choice.note else [])],
            ranker=choice.ranker,
        )

    def _condition(self, where: str) -> Filter:
        return parse(where, columns.read(self._shop.database))

    def _chosen(self, ranker: str, label: str) -> tuple[Choice, list[SearchSpace]]:
        """What answers, all of one cell space; arrays are read only when they are new."""
        choice = self._chooser.choose(ranker, label=label)
        try:
            return choice, [self._space(own) for own in choice.shares]
        except StoreError:
            # It was replaced between the two reads: the new one is whole.
            choice = self._chooser.choose(ranker, label=label)
            return choice, [self._space(own) for own in choice.shares]

    def _space(self, search_space_id: str) -> SearchSpace:
        if search_space_id not in self._spaces:
            found = registry.search_space(self._shop.database, self._shop.home, search_space_id)
            kept = registry.answering(self._shop.database)
            self._spaces = {id_: own for id_, own in self._spaces.items() if id_ in kept}
            self._scans = {id_: own for id_, own in self._scans.items() if id_ in kept}
            self._spaces[search_space_id] = found
        return self._spaces[search_space_id]

    def _embed(
        self,
        query: str | Path | bytes | int,
        space: SearchSpace,
        *,
        box: Box | None,
        whole: bool,
        mirror: bool,
        clock: _Clock,
    ) -> list[Embedding]:
        if isinstance(query, int):
            if box is not None or whole or mirror:
                raise InvalidInput(
                    "a box, the whole image or a mirror image needs the photograph, not a "
                    "catalogue id",
                    remedy="search with its file instead",
                )
            return [self._stored(query, space, clock=clock)]
        embedder = self._embedder(space)
        clock.lap("open")
        source = query if isinstance(query, bytes) else Path(query)
        image = embedder.read(source)
        clock.lap("decode")
        place = embedder.place(image, box=box, whole=whole)
        clock.lap("locate")
        embeddings = [embedder.embed_pixels(source, image, place)]
        if mirror:
            embeddings.append(embedder.embed_pixels(source, image, place, mirror=True))
        clock.lap("encode")
        return embeddings

    def _stored(self, image_id: int, space: SearchSpace, *, clock: _Clock) -> Embedding:
        """The embedding of a catalogue image, from its stored cells."""
        image = self._shop.encodings(space.cell_space).get([image_id]).get(image_id)
        own = None if image is None else image.found
        if image is None or own is None:
            raise NotFound(
                f"no indexed image has the id {image_id}", remedy="tiefvision doctor lists all"
            )
        rows = self._vectors(space).fetch([image_id])
        places = [place for place, key in enumerate(rows.keys) if key == own.key]
        if not places:
            raise NotReady(
                f"the image with the id {image_id} is just being indexed again",
                remedy="search again in a moment, or run tiefvision index",
            )
        clock.lap("decode")
        cell_space = space.cell_space
        shape = (cell_space.rows, cell_space.cols, cell_space.channels)
        return Embedding(
            width=image.width or 0,
            height=image.height or 0,
            box=own.box,
            box_source=box_source(own.box_source),
            box_confidence=own.box_confidence,
            cells=rows.cells[places[0]].reshape(shape),
        )

    def _embedder(self, space: SearchSpace) -> Embedder:
        own = space.cell_space
        if self._encoder is None or self._encoder[0] != own.fingerprint:
            self._encoder = (own.fingerprint, carried_encoder(self._shop.home, own))
        if own.id not in self._embedders:
            self._embedders[own.id] = embedder_of(self._shop, own, self._encoder[1])
        return self._embedders[own.id]

    def _index(self, space: SearchSpace) -> Index:
        version = self._shop.catalogue.version()
        encodings = self._shop.encodings(space.cell_space)
        if not growth.scans(self._shop, space, images=self._images(space, version)):
            return EngineIndex(encodings, self._vectors(space), space)
        opened = self._scans.get(space.id)
        if opened is None or opened.version != version:
            opened = fresh_scan(self._shop, space)
            self._scans[space.id] = opened
        return ScanIndex(encodings, opened, space, lambda: self._vectors(space))

    def _images(self, space: SearchSpace, version: int) -> int:
        """How many images can be found; counted anew only when the catalogue has changed."""
        asked = (space.cell_space.id, version)
        if self._count is None or self._count[0] != asked:
            self._count = (asked, self._shop.encodings(space.cell_space).count(shown=True))
        return self._count[1]

    def _vectors(self, space: SearchSpace) -> VectorStore:
        if self._store is None or self._store.cell_space_id != space.cell_space.id:
            self._store = self._shop.vectors(space.cell_space)
        return self._store

    def _ranked(
        self,
        parts: Sequence[Part],
        condition: Filter | None,
        wanted: int,
        clock: _Clock,
    ) -> list[Candidate]:
        """Candidates that still count, best first, one for each content."""
        limit = max(self._shop.settings.search.shortlist, 2 * wanted)
        while True:
            ranked, exhausted = mixed.ranked(
                parts, where=condition, limit=limit, wanted=wanted, lap=clock.lap
            )
            if len(ranked) >= wanted or exhausted:
                return ranked
            limit *= _LENGTHEN

    def _hits(
        self, ranked: Sequence[Candidate], space: SearchSpace, *, filtered: bool
    ) -> list[Hit]:
        contents = [candidate.image.content_id or "" for candidate in ranked]
        twins = self._shop.encodings(space.cell_space).twins(contents)
        hits: list[Hit] = []
        for candidate in ranked:
            same = twins[candidate.image.content_id or ""]
            # Of exact duplicates the first by path is shown, unless only others satisfy the filter.
            first = candidate if filtered else _first(candidate, same)
            hits.append(_hit(first, same))
        return hits

    def _notes(self, hits: Sequence[Hit], images: int) -> list[str]:
        notes: list[str] = []
        run = runs.last(self._shop.database)
        if run is not None and run.finished_at is None:
            notes.append(
                f"indexing is not finished: {run.done} of {run.total} files are done; "
                "tiefvision index goes on with the rest"
            )
        if not hits and images == 0:
            raise NotReady(
                "; ".join(["this catalogue has no images yet", *notes]),
                remedy=f"tiefvision index PHOTOS -c {self._shop.home.folder}",
            )
        return notes


@dataclass(slots=True)
class _Clock:
    """Milliseconds of the parts of a query, as they end."""

    _laps: dict[str, float] = field(default_factory=dict[str, float])
    _last: float = field(default_factory=time.perf_counter)

    def lap(self, part: str) -> None:
        now = time.perf_counter()
        self._laps[part] = self._laps.get(part, 0.0) + (now - self._last) * 1000
        self._last = now

    def milliseconds(self) -> dict[str, float]:
        return {part: round(taken, 2) for part, taken in self._laps.items()}


def _query(
    space: SearchSpace,
    embedding: Embedding,
    cell_weights: Float[np.ndarray, "_rows _cols"] | None,
) -> Query:
    flat = embedding.cells.reshape(1, -1)
    exact = space.exact(flat)[0]
    compact = exact if space.projection is None else space.projection(exact)
    return Query(exact=_weighted(exact, space, cell_weights), compact=compact)


def _weighted(
    exact: Float32[np.ndarray, " length"],
    space: SearchSpace,
    cell_weights: Float[np.ndarray, "_rows _cols"] | None,
) -> Float32[np.ndarray, " length"]:
    """A query vector whose dot product with exact vectors is the weighted mean cosine."""
    if cell_weights is None:
        return exact
    rows, cols = space.cell_space.rows, space.cell_space.cols
    if cell_weights.shape != (rows, cols) or not cell_weights.sum() > 0 or cell_weights.min() < 0:
        raise InvalidInput(
            f"cell weights are {cell_weights.tolist()}; expected {rows} rows of {cols} numbers, "
            "at least 0 and not all 0"
        )
    # Both sides hold 1 / sqrt(rows * cols) a cell; this turns that mean into the weighted one.
    scale = cell_weights / cell_weights.sum() * (rows * cols)
    shaped = exact.reshape(rows, cols, -1) * scale[:, :, None].astype(np.float32)
    return shaped.reshape(-1)


def _first(candidate: Candidate, twins: Sequence[Image]) -> Candidate:
    """The first of an image's exact duplicates whose file is there and whose box is the same."""
    own = candidate.image.encoding
    same = [twin for twin in twins if own and twin.encoding and twin.encoding.box == own.box]
    there = [twin for twin in same if not twin.vanished]
    return Candidate(next(iter(there or same), candidate.image), candidate.similarity)


def _hit(candidate: Candidate, twins: Sequence[Image]) -> Hit:
    image = candidate.image
    assert image.encoding is not None, "a candidate has vectors"
    return Hit(
        id=image.id,
        path=file_of(image),
        similarity=round(min(1.0, candidate.similarity), 6),
        box=image.encoding.box.as_list(),
        box_source=image.encoding.box_source,
        attributes=dict(image.attributes),
        also=[file_of(twin) for twin in twins if twin.id != image.id],
    )


def file_of(image: Image) -> str:
    """The file of a catalogue image, as the operating system names it."""
    return str(Path(as_path(image.root)) / as_path(image.path))
