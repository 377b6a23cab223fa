"""`tiefvision search`: from a photograph, or a catalogue image, to the most similar ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tiefvision.errors import InvalidInput, NotReady, StoreError
from tiefvision.maths.boxes import Box
from tiefvision.store import columns, registry, runs
from tiefvision.store.filters import Filter, parse
from tiefvision.store.records import Attributes, Image
from tiefvision.store.scan import Scan
from tiefvision.store.spaces import CellSpace, SearchSpace
from tiefvision.store.vectors import VectorStore
from tiefvision.tasks.indexing import growth
from tiefvision.tasks.opened import Opened, fresh_scan
from tiefvision.tasks.photograph import file_of as file_of
from tiefvision.tasks.searching import explaining, mixed, query_vectors
from tiefvision.tasks.searching.candidates import Candidate, EngineIndex, Index, ScanIndex
from tiefvision.tasks.searching.clock import Clock
from tiefvision.tasks.searching.explaining import Explanation
from tiefvision.tasks.searching.mixed import Part
from tiefvision.tasks.searching.query_cells import Look, QueryCells, Source
from tiefvision.tasks.searching.query_vectors import Asked, Weights
from tiefvision.tasks.searching.ranker_choice import NONE, Choice, Chooser

# How much longer the shortlist gets when it held too few images that still count.
_LENGTHEN = 4
# Of a content id: enough that no two photographs share them.
QUERY_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Hit:
    """One similar image.

    similarity: mean cosine over cells, in [-1, 1]; larger is more alike. path: the file, as it
    lay on disk when it was indexed. box: [left, top, right, bottom] in its pixels. also: the paths
    of exact duplicates. box_source: who says where the product is: human, model (a trained
    locator), guess, or whole (no box). contributions: what each cell adds to the similarity, rows
    of cols, where that was asked for.
    """

    id: int
    path: str
    similarity: float
    box: list[float]
    attributes: Attributes
    also: list[str] = field(default_factory=list[str])
    box_source: str = "whole"
    contributions: list[list[float]] | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The answer to one query; its fields are the HTTP API's body.

    space: the id of the search space, of a mix those of its spaces, joined by "+". milliseconds:
    what each part took. images: how many could be found. notes: what the caller should know, such
    as an index run that is still going on. ranker: who ranked them, as `search` takes it: a name,
    a mix, or none. query: names the photograph that was searched with, by its content; a server
    takes it in place of the photograph; "" for an image of the catalogue. query_image: the
    catalogue's image of that photograph, None where it has none. query_contributions: what each
    cell of an identical image would add, where that was asked for. query_size: its width and
    height in pixels; query_part: what of it its cells lie over, as a box.
    """

    hits: list[Hit]
    query_box: list[float]
    space: str
    images: int
    milliseconds: dict[str, float]
    notes: list[str]
    query_box_source: str = "whole"
    ranker: str = NONE
    query: str = ""
    query_image: int | None = None
    query_contributions: list[list[float]] | None = None
    query_size: list[int] = field(default_factory=list[int])
    query_part: list[float] = field(default_factory=list[float])


class Searcher:
    """A catalogue made ready for many searches: encoder and vectors stay loaded.

    Safe to share between threads.
    """

    def __init__(self, shop: Opened, *, remembered: int = 0) -> None:
        """remembered: of how many photographs the cells are kept, so that searching with one of
        them again, for example by another ranker, decodes and encodes nothing."""
        self._shop = shop
        self._chooser = Chooser(shop)
        self._cells = QueryCells(shop, self._vectors, remembered=remembered)
        # By the ids of search spaces; those that no longer answer are let go.
        self._scans: dict[str, Scan] = {}
        self._spaces: dict[str, SearchSpace] = {}
        self._store: VectorStore | None = None
        self._count: tuple[tuple[str, int], int] | None = None

    def search(
        self,
        query: Source,
        *,
        positive: Sequence[Source] = (),
        negative: Sequence[Source] = (),
        k: int | None = None,
        box: Box | None = None,
        whole: bool = False,
        label: str = "",
        ranker: str = "",
        where: str | None = None,
        mirror: bool = False,
        cell_weights: Weights | None = None,
        explain: bool = False,
    ) -> SearchResult:
        """The k most similar images to a file, an uploaded file's bytes, or a catalogue image's id.

        positive: further examples of what is wanted; negative: of what is not.
        box: where the product is, in the query's pixels; None: where people drew it if the
        catalogue has a box for this photograph, or else where its locator finds it. whole: do not
        look for it. label: look for this one of several products, here and in the catalogue.
        ranker: the name of the one that ranks, none, or a mix such as colour=0.7,shape=0.3; "": the
        one called default where it is active. where: a filter on attributes. mirror: take the
        better of the query and its mirror image. cell_weights: (rows, cols) of the search space,
        how much each cell matters. explain: also say what each cell adds.
        Raises UnreadableImage, InvalidBox, InvalidFilter, NotFound, or NotReady when empty.
        """
        wanted = self._shop.settings.search.k if k is None else k
        if wanted < 1:
            raise InvalidInput(f"k is {wanted}; expected at least 1")
        clock = Clock()
        condition = None if where is None else self._condition(where)
        choice, spaces = self._chosen(ranker, label)
        asked = self._asked(
            [query, *positive],
            negative,
            _look(box, whole, mirror),
            (choice, spaces),
            cell_weights,
            clock,
        )
        parts = [
            Part(self._index(own), query_vectors.queries(own, asked), choice.shares[own.id])
            for own in spaces
        ]
        clock.lap("open")
        ranked = self._ranked(parts, condition, wanted, clock)
        hits = self._hits(ranked[:wanted], spaces[0], filtered=condition is not None)
        clock.lap("describe")
        if explain:
            hits = self._explained(hits, ranked[:wanted], asked)
            clock.lap("explain")
        images = self._images(spaces[0], self._shop.catalogue.version())
        seen = asked.positives[0].embeddings[0]
        content_id = asked.positives[0].content_id
        return SearchResult(
            hits=hits,
            query_box=seen.box.as_list(),
            query_box_source=seen.box_source,
            space="+".join(own.id for own in spaces),
            images=images,
            milliseconds=clock.milliseconds(),
            notes=[*self._notes(hits, images), *([choice.note] if choice.note else [])],
            ranker=choice.ranker,
            query="" if isinstance(query, int) else content_id[:QUERY_DIGITS],
            query_image=query if isinstance(query, int) else self._image_of(content_id),
            query_contributions=explaining.of_query(asked) if explain else None,
            query_size=[seen.width, seen.height],
            query_part=seen.shown.as_list(),
        )

    def explain(
        self,
        image_id: int,
        query: Source,
        *,
        positive: Sequence[Source] = (),
        negative: Sequence[Source] = (),
        box: Box | None = None,
        whole: bool = False,
        label: str = "",
        ranker: str = "",
        mirror: bool = False,
        cell_weights: Weights | None = None,
    ) -> Explanation:
        """What each cell of a catalogue image adds to its similarity to a query; arguments and
        errors as of `search`."""
        clock = Clock()
        chosen = self._chosen(ranker, label)
        asked = self._asked(
            [query, *positive], negative, _look(box, whole, mirror), chosen, cell_weights, clock
        )
        hit = self._cells.look(image_id, asked.spaces[0].cell_space, Look(), clock=clock)
        return explaining.explain(asked, hit, self._cells, clock=clock)

    def _asked(
        self,
        positives: Sequence[Source],
        negatives: Sequence[Source],
        look: Look,
        chosen: tuple[Choice, list[SearchSpace]],
        cell_weights: Weights | None,
        clock: Clock,
    ) -> Asked:
        """All pictures of a query, looked at. The box is the first one's.

        Raises InvalidInput for cell weights that do not fit the space, besides what looking does.
        """
        choice, spaces = chosen
        if cell_weights is not None:
            query_vectors.check_weights(cell_weights, spaces[0].cell_space)
        others = replace(look, box=None, whole=False)
        sources = [*positives, *negatives]
        seen = [
            self._cells.look(source, spaces[0].cell_space, others if place else look, clock=clock)
            for place, source in enumerate(sources)
        ]
        return Asked(
            sources,
            seen[: len(positives)],
            seen[len(positives) :],
            spaces,
            choice.shares,
            cell_weights,
        )

    def _explained(
        self, hits: Sequence[Hit], ranked: Sequence[Candidate], asked: Asked
    ) -> list[Hit]:
        """Hits with what each cell adds; without, where an image is just being indexed again."""
        rows = self._vectors(asked.spaces[0].cell_space).fetch([own.image.id for own in ranked])
        keys = [key.image_id for key in rows.keys]
        added = dict(zip(keys, explaining.of_cells(asked, rows.cells), strict=True))
        return [
            replace(hit, contributions=explaining.rounded(added[own.image.id]))
            if own.image.id in added
            else hit
            for hit, own in zip(hits, ranked, strict=True)
        ]

    def _image_of(self, content_id: str) -> int | None:
        """The catalogue's image of a photograph; None where it has none."""
        space = registry.active_cell_space(self._shop.database)
        if space is None:
            return None
        same = self._shop.encodings(space).twins([content_id])[content_id]
        return same[0].id if same else None

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

    def _index(self, space: SearchSpace) -> Index:
        version = self._shop.catalogue.version()
        encodings = self._shop.encodings(space.cell_space)
        if not growth.scans(self._shop, space, images=self._images(space, version)):
            return EngineIndex(encodings, self._vectors(space.cell_space), space)
        opened = self._scans.get(space.id)
        if opened is None or opened.version != version:
            opened = fresh_scan(self._shop, space)
            self._scans[space.id] = opened
        return ScanIndex(encodings, opened, space, lambda: self._vectors(space.cell_space))

    def _images(self, space: SearchSpace, version: int) -> int:
        """How many images can be found; counted anew only when the catalogue has changed."""
        asked = (space.cell_space.id, version)
        if self._count is None or self._count[0] != asked:
            self._count = (asked, self._shop.encodings(space.cell_space).count(shown=True))
        return self._count[1]

    def _vectors(self, space: CellSpace) -> VectorStore:
        store = self._store
        if store is None or store.cell_space_id != space.id:
            store = self._store = self._shop.vectors(space)
        return store

    def _ranked(
        self,
        parts: Sequence[Part],
        condition: Filter | None,
        wanted: int,
        clock: Clock,
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


def _look(box: Box | None, whole: bool, mirror: bool) -> Look:
    if box is not None and whole:
        raise InvalidInput("a box and the whole image were asked for; expected one of them")
    return Look(box, whole, mirror)


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
