"""Brings one cell space up to date with the photographs: the work of an `index` run.

Two kinds of space are filled: the one that queries use, and one that is to take its place because
the encoder or the locator changed. The old one answers until the new one is whole.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from tiefvision.errors import StoreError
from tiefvision.store import registry
from tiefvision.store.boxes import Boxes
from tiefvision.store.encodings import Encodings
from tiefvision.store.records import Image
from tiefvision.store.spaces import CellSpace, SearchSpace
from tiefvision.store.vectors import VectorStore
from tiefvision.tasks.cell_makers import CellMaker
from tiefvision.tasks.indexing import growth, ranked_spaces, workers
from tiefvision.tasks.indexing.reconcile import reconcile
from tiefvision.tasks.indexing.writer import Tally, Writer
from tiefvision.tasks.opened import Opened
from tiefvision.tasks.progress import Progress
from tiefvision.vision.embedder import Embedder


@dataclass(slots=True)
class Filling:
    """A cell space while it is filled.

    embedder: makes its cells; None once they are made. search_spaces: what queries compare of it,
    the base first, then those of rankers; none while another cell space answers. notes: what its
    end could not do.
    """

    shop: Opened
    space: CellSpace
    embedder: Embedder | None
    store: VectorStore
    encodings: Encodings
    search_spaces: Sequence[SearchSpace]
    notes: list[str] = field(default_factory=list[str])

    def reconcile(self) -> None:
        """Make its vectors and its acknowledgements agree. The caller holds the lease."""
        growth.drop_other_vectors(self.store, self.search_spaces)
        reconcile(self.encodings, self.store)

    def work(
        self,
        *,
        count: int,
        stage: str,
        progress: Progress,
        stop: threading.Event,
        written: Callable[[Tally], None],
    ) -> Tally:
        """Encode what waits for it, by `count` workers, until nothing is left or `stop` is set.

        Once: the embedder is let go then, since what follows needs memory instead of it.
        """
        assert self.embedder is not None, "works once"
        embedder, self.embedder = self.embedder, None
        left = self.encodings.todo_count()
        claims = workers.Claims()
        drawn = Boxes(self.shop.database)
        boxes = drawn if drawn.count() else None
        workshop = workers.Workshop(embedder, self.encodings, boxes, claims)
        tally = Tally()
        with progress(stage, left) as advance:
            written(tally)
            while left and not stop.is_set():
                writer = Writer(
                    self.encodings, self.store, self.search_spaces, claims, written, tally=tally
                )
                found = workers.outcomes(workshop, self._todo(), workers=count, stop=stop)
                with closing(found):
                    for outcome in found:
                        writer.take(outcome)
                        advance(1)
                    writer.flush()
                # An image stays to do when the one it would share vectors with changed meanwhile.
                before, left = left, self.encodings.todo_count()
                if left >= before:
                    break
        return tally

    def finish(self, *, stop: threading.Event) -> None:
        """Make it searchable: fit its spaces anew where it has outgrown them, merge its files; and
        where it is to take another's place, and is whole, switch to it."""
        if self.search_spaces:
            self._keep_up(stop)
        elif not self.lacking() and not stop.is_set():
            self._take_over()
        if self.search_spaces:
            growth.optimize(self.shop, self.store, self.search_spaces)

    def _keep_up(self, stop: threading.Event) -> None:
        """Bring the spaces that answer up to date."""
        base, *ranked = self.search_spaces
        images = self.encodings.count()
        if growth.is_outgrown(base, images) and not stop.is_set():
            base = growth.refit(self.shop, self.store, base, images)
        else:
            growth.lay_out(self.shop, base)
        if not self.space.label:
            ranked, self.notes = ranked_spaces.follow(
                self.shop, self.store, self.space, ranked, stop=stop
            )
        self.search_spaces = [base, *ranked]

    def _take_over(self) -> None:
        """Make this cell space, which is whole, the one that answers."""
        base = growth.fitted(self.shop, self.store, self.space, self.encodings.count())
        growth.fill(self.shop, self.store, base)
        ranked: list[SearchSpace] = []
        former = registry.active_cell_space(self.shop.database, label=self.space.label)
        if former is not None and not self.space.label:
            ranked, self.notes = ranked_spaces.carry_over(self.shop, self.store, base, former)
        registry.activate(self.shop.database, self.shop.home, base, *ranked)
        self.search_spaces = [base, *ranked]

    def lacking(self) -> int:
        """How many images the space that answers now has and this one has not."""
        answering = registry.active_cell_space(self.shop.database, label=self.space.label)
        if answering is None or answering.id == self.space.id:
            return 0
        return self.encodings.lacking(self.shop.encodings(answering))

    def _todo(self) -> Iterator[Image]:
        after = 0
        while page := self.encodings.todo(after_id=after):
            yield from page
            after = page[-1].id


def prepare(shop: Opened, maker: CellMaker) -> Filling:
    """A cell space ready to be filled; declared already. The first one of its label answers
    queries from the start, as far as it has come."""
    space, store = maker.space, shop.vectors(maker.space)
    spaces: list[SearchSpace] = []
    answering = registry.active_cell_space(shop.database, label=space.label)
    if answering is not None and answering.id == space.id:
        spaces = [_answering(shop, store, maker)]
        if not space.label:
            spaces += ranked_spaces.answering(shop)
    return Filling(shop, space, maker.embedder, store, shop.encodings(space), spaces)


def _answering(shop: Opened, store: VectorStore, maker: CellMaker) -> SearchSpace:
    if registry.has_search_space(shop.database, maker.space.id):
        try:
            return shop.search_space(label=maker.space.label)
        except StoreError:
            # Its arrays are damaged: begin again as an empty catalogue does, then refit.
            pass
    first = growth.first_space(maker.space)
    growth.switch(shop, store, first)
    return first
