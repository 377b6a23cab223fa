"""`tiefvision index`: from folders of photographs to a catalogue that can be searched."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from tiefvision import settings
from tiefvision.errors import InvalidInput, NotFound, StoreError
from tiefvision.maths.centring import PartLayout
from tiefvision.store import columns, home, leases, registry, roots, runs
from tiefvision.store.attributes import merge_types
from tiefvision.store.catalogue import Catalogue
from tiefvision.store.database import open_database
from tiefvision.store.filters import ColumnType
from tiefvision.store.home import Home
from tiefvision.store.records import FileSeen, Image, Registered
from tiefvision.store.spaces import CellSpace, SearchSpace
from tiefvision.store.vectors import VectorStore
from tiefvision.tasks import growth, join, walk, workers
from tiefvision.tasks.join import AttributeJoin
from tiefvision.tasks.opened import Opened
from tiefvision.tasks.progress import Advance, Progress, silent
from tiefvision.tasks.ready_encoder import ready_encoder
from tiefvision.tasks.reconcile import reconcile
from tiefvision.tasks.walk import FoundFile, Walk
from tiefvision.tasks.writer import Tally, Writer
from tiefvision.vision.embedder import PREPROCESS, Embedder

_LEASE = "index"
_REGISTER_FILES = 1_000


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a run of `index` did.

    Counts are files: indexed (new), updated, unchanged, duplicates, refused (with reasons in
    `refusals`: path, reason, remedy; the first twenty), skipped by the walk (by reason), vanished
    (known, but no longer on disk) and pruned. total: images that can be found now.
    interrupted: whether Ctrl-C ended it early; the next run goes on from there.
    """

    catalogue: str
    encoder: str
    indexed: int
    updated: int
    unchanged: int
    duplicates: int
    refused: int
    vanished: int
    pruned: int
    total: int
    seconds: float
    images_per_second: float
    interrupted: bool
    skipped: Mapping[str, int] = field(default_factory=dict[str, int])
    refusals: Sequence[tuple[str, str, str]] = ()
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    attribute_problems: Sequence[str] = ()


def index(
    paths: Sequence[str | Path],
    *,
    catalogue: str | Path | None = None,
    attributes_file: str | Path | None = None,
    prune: bool = False,
    encoder: str | None = None,
    precision: str | None = None,
    workers_wanted: int | None = None,
    offline: bool = False,
    progress: Progress = silent,
    stop: threading.Event | None = None,
) -> IndexReport:
    """Bring a catalogue up to date with folders and files; only what is new or changed is read.

    catalogue: its folder, made when it does not exist. attributes_file: a CSV or Parquet table
    with a column `path`. prune: remove images whose file is gone. encoder, precision: for a new
    catalogue, or to move an existing one to a new cell space. stop: set it to end early.
    Raises NotFound, InvalidInput, Conflict (another run is at work), WeightsError or NotReady.
    """
    folders = [_existing(path) for path in paths]
    if not folders:
        raise InvalidInput("nothing to index", remedy="name a folder: tiefvision index PHOTOS")
    place = home.named(catalogue)
    table = None
    if attributes_file is not None:
        table = join.read(Path(attributes_file), known=_known_columns(place))
    chosen = _settings(place, encoder=encoder, precision=precision)
    network = ready_encoder(
        chosen.encoder.name,
        precision=chosen.encoder.precision,
        place=place,
        offline=offline,
        progress=progress,
    )
    place.folder.mkdir(parents=True, exist_ok=True)
    database = open_database(place.folder)
    try:
        shop = Opened(place, chosen, database)
        embedder = Embedder(
            network,
            chosen.encoder.rows,
            chosen.encoder.cols,
            pooling=chosen.encoder.pooling,
            limits=shop.limits,
        )
        run = _Run(shop, embedder, folders, table, progress, stop or threading.Event())
        with leases.hold(database, _LEASE):
            if not place.settings_file.exists() or chosen != settings.read(place.folder):
                settings.write(place.folder, chosen)
            return run.execute(
                prune=prune, count=workers.worker_count(workers_wanted or chosen.index.workers)
            )
    finally:
        database.close()


@dataclass(slots=True)
class _Run:
    """One run of `index` over an opened catalogue."""

    shop: Opened
    embedder: Embedder
    folders: Sequence[Path]
    table: AttributeJoin | None
    progress: Progress
    stop: threading.Event
    run_id: int = 0
    skipped: Counter[str] = field(default_factory=Counter[str])
    joined: set[str] = field(default_factory=set[str])
    vanished: int = 0

    def execute(self, *, prune: bool, count: int) -> IndexReport:
        started = time.monotonic()
        space = self._cell_space()
        store = self.shop.vectors(space)
        search_space = self._search_space(space)
        self.run_id = runs.begin(self.shop.database)
        self._declare_columns(store)
        growth.remove_retired(self.shop, store)
        reconcile(self.catalogue, store, space)
        registered = self._register_all()
        self.catalogue.request_other_spaces(space.id)
        tally = self._work(store, space, search_space, count)
        encoding_s = time.monotonic() - started
        tally.unchanged += registered.unchanged
        tally.refused += registered.refused
        pruned = self._prune(store) if prune and not self.stop.is_set() else 0
        self._finish(store, space)
        seconds = time.monotonic() - started
        return self._report(tally, pruned=pruned, seconds=seconds, encoding_s=encoding_s)

    @property
    def catalogue(self) -> Catalogue:
        return self.shop.catalogue

    def _cell_space(self) -> CellSpace:
        chosen = self.shop.settings.encoder
        layout: tuple[PartLayout, ...] = self.embedder.layout
        space = CellSpace(
            encoder=chosen.name,
            fingerprint=self.embedder.encoder.fingerprint,
            precision=chosen.precision,
            preprocess=PREPROCESS,
            rows=chosen.rows,
            cols=chosen.cols,
            pooling=chosen.pooling,
            parts=layout,
        )
        registry.declare_cell_space(self.shop.database, space)
        return space

    def _search_space(self, space: CellSpace) -> SearchSpace:
        """The space that queries use while this run goes on."""
        if registry.has_search_space(self.shop.database, space.id):
            try:
                return self.shop.search_space()
            except StoreError:
                # Its arrays are damaged: begin again as an empty catalogue does, then refit.
                pass
        first = growth.first_space(space)
        growth.switch(self.shop, self.shop.vectors(space), first)
        return first

    def _declare_columns(self, store: VectorStore) -> None:
        known = columns.read(self.shop.database)
        if self.table is not None:
            known = merge_types(known, self.table.columns, empty=self.table.table.empty)
        # The engine first: queries filter by the columns that the catalogue names.
        store.declare_columns(known)
        columns.declare(self.shop.database, known)

    # --- what is on disk ---------------------------------------------------------------------

    def _register_all(self) -> Registered:
        result = Registered()
        with self.progress("looking at files", None) as advance:
            for folder in self.folders:
                if folder.is_dir():
                    result += self._register_folder(folder, advance)
                else:
                    result += self._register_file(folder)
                    advance(1)
        return result

    def _register_folder(self, folder: Path, advance: Advance) -> Registered:
        root_id, below = roots.containing(self.shop.database, _storable(folder))
        tour = Walk(folder)
        prefix = f"{below}/" if below else ""
        result = Registered()
        for batch in _batches(tour.files(), _REGISTER_FILES):
            seen = [self._seen(folder, prefix, file) for file in batch]
            result += self.catalogue.register(root_id, seen, run_id=self.run_id)
            advance(len(batch))
        self.skipped += tour.skipped
        self.vanished += self.catalogue.mark_vanished(
            root_id,
            under=below,
            run_id=self.run_id,
            unopened=[f"{prefix}{place}".rstrip("/") for place in tour.unopened],
        )
        return result

    def _register_file(self, file: Path) -> Registered:
        root_id, below = roots.containing(self.shop.database, _storable(file.parent))
        found = walk.found(file, file.name)
        prefix = f"{below}/" if below else ""
        seen = self._seen(file.parent, prefix, found)
        return self.catalogue.register(root_id, [seen], run_id=self.run_id)

    def _seen(self, folder: Path, prefix: str, file: FoundFile) -> FileSeen:
        own = None
        if self.table is not None:
            key = self.table.key_of(prefix + file.path, folder / walk.as_path(file.path))
            if key is not None:
                self.joined.add(key)
                own = self.table.rows[key]
        return FileSeen(prefix + file.path, file.file_bytes, file.modified_ns, own)

    # --- the work ------------------------------------------------------------------------------

    def _work(
        self, store: VectorStore, space: CellSpace, search_space: SearchSpace, count: int
    ) -> Tally:
        total = left = self.catalogue.todo_count()
        claims = workers.Claims()
        workshop = workers.Workshop(self.embedder, self.catalogue, space.id, claims)
        tally = Tally()
        with self.progress("indexing", total) as advance:

            def written(now: Tally) -> None:
                runs.note(self.shop.database, self.run_id, total=total, done=now.done)

            written(tally)
            while left and not self.stop.is_set():
                writer = Writer(
                    self.catalogue, store, space, search_space, claims, written, tally=tally
                )
                found = workers.outcomes(workshop, self._todo(), workers=count, stop=self.stop)
                with closing(found):
                    for outcome in found:
                        writer.take(outcome)
                        advance(1)
                    writer.flush()
                # An image stays to do when the one it would share vectors with changed meanwhile.
                before, left = left, self.catalogue.todo_count()
                if left >= before:
                    break
        return tally

    def _todo(self) -> Iterator[Image]:
        after = 0
        while page := self.catalogue.todo(after_id=after):
            yield from page
            after = page[-1].id

    # --- the end -------------------------------------------------------------------------------

    def _prune(self, store: VectorStore) -> int:
        gone = [image.id for image in self.catalogue.vanished()]
        self.catalogue.bury(gone)
        store.remove_images(gone)
        self.catalogue.forget(gone)
        return len(gone)

    def _finish(self, store: VectorStore, space: CellSpace) -> None:
        self.catalogue.name_duplicates()
        active = self.shop.search_space()
        count = self.catalogue.indexed_count(cell_space_id=space.id)
        with self.progress("making it searchable", None):
            if growth.is_outgrown(active, count) and not self.stop.is_set():
                active = growth.refit(self.shop, store, space, count)
            else:
                growth.lay_out(self.shop, active)
            store.optimize(
                search_space_id=None if active.dimensions is None else active.id,
                columns=list(columns.read(self.shop.database)),
            )
        if not self.stop.is_set():
            runs.finish(self.shop.database, self.run_id, skipped=self.skipped)

    def _report(
        self, tally: Tally, *, pruned: int, seconds: float, encoding_s: float
    ) -> IndexReport:
        read = tally.indexed + tally.updated + tally.duplicates
        problems: list[str] = []
        if self.table is not None:
            problems = [*self.table.problems, *self.table.unmatched(self.joined)]
        return IndexReport(
            catalogue=str(self.shop.home.folder),
            encoder=self.shop.settings.encoder.name,
            indexed=tally.indexed,
            updated=tally.updated,
            unchanged=tally.unchanged,
            duplicates=tally.duplicates,
            refused=tally.refused,
            vanished=self.vanished - pruned,
            pruned=pruned,
            total=self.catalogue.indexed_count(),
            seconds=round(seconds, 3),
            images_per_second=round(read / encoding_s, 1) if read else 0.0,
            interrupted=self.stop.is_set(),
            skipped=dict(self.skipped),
            refusals=tuple(tally.refusals),
            columns={name: kind.value for name, kind in columns.read(self.shop.database).items()},
            attribute_problems=tuple(problems),
        )


def _existing(path: str | Path) -> Path:
    """The absolute path of a folder or file to index; links are kept as the caller wrote them."""
    if "://" in str(path):
        raise InvalidInput(
            f"{path} is an address; only folders and files of this machine are indexed",
            remedy="download the photographs first",
        )
    given = Path(path).expanduser()
    if not given.exists():
        raise NotFound(f"there is no folder or file {given}", remedy="check the spelling")
    whole = given.absolute()
    # Roots are compared by name, and ".." behind a link leads elsewhere than its name says.
    return whole.resolve() if ".." in whole.parts else whole


def _storable(folder: Path) -> Path:
    """A folder as the catalogue stores its name."""
    return Path(walk.as_text(str(folder)))


def _known_columns(place: Home) -> dict[str, ColumnType]:
    if not place.exists:
        return {}
    database = open_database(place.folder)
    try:
        return columns.read(database)
    finally:
        database.close()


def _settings(place: Home, *, encoder: str | None, precision: str | None) -> settings.Settings:
    own = settings.read(place.folder)
    changed = replace(
        own.encoder,
        name=encoder or own.encoder.name,
        precision=precision or own.encoder.precision,
    )
    return replace(own, encoder=changed)


def _batches(files: Iterator[FoundFile], size: int) -> Iterator[list[FoundFile]]:
    batch: list[FoundFile] = []
    for file in files:
        batch.append(file)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
