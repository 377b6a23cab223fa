"""Brings every cell space of a catalogue up to date: the one that answers queries, the one that is
to take its place, and those of labels. It is the second half of `index`, and what follows a change
of boxes or locators.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tiefvision.errors import Conflict, TiefVisionError
from tiefvision.store import columns, leases, registry, runs
from tiefvision.store.database import Database
from tiefvision.tasks import cell_makers
from tiefvision.tasks.indexing import freed_memory, growth
from tiefvision.tasks.indexing import reconcile as mending
from tiefvision.tasks.indexing.filling import Filling, prepare
from tiefvision.tasks.indexing.workers import worker_count
from tiefvision.tasks.indexing.writer import Tally
from tiefvision.tasks.opened import Opened, opened
from tiefvision.tasks.progress import Progress, silent
from tiefvision.tasks.ready_encoder import ready_encoder
from tiefvision.tasks.ready_locator import ready_locating
from tiefvision.vision.encoders.protocol import Encoder

# Only its owner changes vectors.
LEASE = "index"
# How long a run that nobody can simply start again waits for another: most are over by then.
_WAIT_S = 600.0


@contextmanager
def alone(
    database: Database,
    *,
    wait_s: float = _WAIT_S,
    progress: Progress = silent,
    stop: threading.Event | None = None,
) -> Generator[None]:
    """Be the only run that changes vectors for the length of the block, once others have ended.

    Raises Conflict when another is still at work after `wait_s`, or when `stop` is set.
    """
    with ExitStack() as held:
        try:
            held.enter_context(leases.hold(database, LEASE))
        except Conflict:
            if not wait_s:
                raise
            with progress("waiting for another run", None):
                held.enter_context(leases.hold(database, LEASE, wait_s=wait_s, stop=stop))
        yield


def fillings(shop: Opened, network: Encoder) -> list[Filling]:
    """The cell spaces to bring up to date, those that answer queries first."""
    makers = cell_makers.wanted(shop, network)
    answering: list[Filling] = []
    to_be: list[Filling] = []
    for maker in makers:
        registry.declare_cell_space(shop.database, maker.space)
        own = prepare(shop, maker)
        if own.search_spaces:
            answering.append(own)
            continue
        to_be.append(own)
        old = registry.active_cell_space(shop.database, label=maker.space.label)
        assert old is not None, "a space that does not answer takes the place of one that does"
        try:
            answering.append(prepare(shop, cell_makers.carried(shop, old)))
        except TiefVisionError:
            # Without what made the old cells new photographs wait for the new space.
            continue
    for label in set(registry.labels(shop.database)) - {maker.space.label for maker in makers}:
        registry.withdraw_label(shop.database, label)
    return [*answering, *to_be]


def reconcile(shop: Opened, fillings: Sequence[Filling]) -> None:
    """Mend what an earlier run left, and remove what it replaced. The caller holds the lease."""
    growth.remove_retired(shop)
    # A space that was just made has none of the catalogue's columns yet.
    known = columns.read(shop.database)
    for filling in fillings:
        filling.store.declare_columns(known)
    mending.finish_deletions(shop.catalogue, [filling.store for filling in fillings])
    for filling in fillings:
        filling.reconcile()


def work(
    shop: Opened,
    fillings: Sequence[Filling],
    *,
    run_id: int,
    count: int,
    progress: Progress,
    stop: threading.Event,
) -> tuple[Tally, int]:
    """Fill them one after the other; what became of the files, and how many images were encoded
    again for another cell space."""
    first: Tally | None = None
    again = 0
    for filling in fillings:
        done = again + (first.done if first is not None else 0)
        total = done + filling.encodings.todo_count()

        def written(now: Tally, done: int = done, total: int = total) -> None:
            runs.note(shop.database, run_id, total=total, done=done + now.done)

        tally = filling.work(
            count=count, stage=_stage(filling), progress=progress, stop=stop, written=written
        )
        if first is None:
            first = tally
        else:
            again += tally.indexed + tally.updated + tally.duplicates
    return first or Tally(), again


def finish(
    shop: Opened, fillings: Sequence[Filling], *, progress: Progress, stop: threading.Event
) -> None:
    """Make what was filled searchable."""
    shop.catalogue.name_duplicates()
    with progress("making it searchable", None):
        for filling in fillings:
            filling.finish(stop=stop)


def notes(fillings: Sequence[Filling]) -> list[str]:
    """How far the spaces are that do not answer queries yet, and what could not be done."""
    found: list[str] = []
    for filling in fillings:
        found += filling.notes
        lacking = filling.lacking()
        if lacking:
            found.append(
                f"{filling.encodings.count()} images are encoded anew; {lacking} are still to do, "
                "and until then searches use the old encodings (a photograph that is gone holds "
                "this up: put it back, or index again with --prune)"
            )
    return found


@dataclass(frozen=True, slots=True)
class Updated:
    """What an update did: how many images were encoded or copied, how many of them could not be
    read because they are gone, and what is left to do."""

    encoded: int
    missing: int
    notes: Sequence[str]


def update(
    catalogue: str | Path | None = None,
    *,
    progress: Progress = silent,
    stop: threading.Event | None = None,
) -> Updated:
    """As `bring_up_to_date`, of a catalogue that is not open. Raises NotFound too."""
    with opened(catalogue) as shop:
        return bring_up_to_date(shop, progress=progress, stop=stop)


def bring_up_to_date(
    shop: Opened, *, progress: Progress = silent, stop: threading.Event | None = None
) -> Updated:
    """Encode what new boxes, another encoder or another locator ask for, without looking for new
    files. Raises Conflict as `alone` does."""
    if registry.active_cell_space(shop.database) is None:
        return Updated(0, 0, ())
    freed_memory.keep_working_blocks()
    chosen, ended = shop.settings, stop or threading.Event()
    network = ready_encoder(
        chosen.encoder.name,
        precision=chosen.encoder.precision,
        place=shop.home,
        offline=True,
        progress=progress,
    )
    ready_locating(shop, offline=True, progress=progress)
    with alone(shop.database, progress=progress, stop=stop):
        own = fillings(shop, network)
        del network  # each filling lets go of its embedder when its cells are made
        run_id = runs.begin(shop.database)
        reconcile(shop, own)
        tally, again = work(
            shop,
            own,
            run_id=run_id,
            count=worker_count(chosen.index.workers),
            progress=progress,
            stop=ended,
        )
        freed_memory.return_blocks()  # of the networks too, before a fit takes its own
        finish(shop, own, progress=progress, stop=ended)
        if not ended.is_set():
            runs.finish(shop.database, run_id, skipped={})
        done = tally.indexed + tally.updated + tally.duplicates + again
        return Updated(done, tally.missing, tuple(notes(own)))


def _stage(filling: Filling) -> str:
    label = filling.space.label
    if not filling.search_spaces:
        return "encoding anew" if not label else f"encoding each {label} anew"
    return "indexing" if not label else f"indexing each {label}"
