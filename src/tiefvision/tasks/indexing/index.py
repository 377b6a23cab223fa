"""`tiefvision index`: from folders of photographs to a catalogue that can be searched."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tiefvision import settings
from tiefvision.errors import InvalidInput, NotFound
from tiefvision.store import columns, home, roots, runs
from tiefvision.store.attributes import merge_types
from tiefvision.store.catalogue import Catalogue
from tiefvision.store.database import open_database
from tiefvision.store.filters import ColumnType
from tiefvision.store.home import Home
from tiefvision.store.records import FileSeen, Registered
from tiefvision.tasks.indexing import freed_memory, join, update, walk, workers
from tiefvision.tasks.indexing.filling import Filling
from tiefvision.tasks.indexing.join import AttributeJoin
from tiefvision.tasks.indexing.reconcile import finish_deletions
from tiefvision.tasks.indexing.walk import FoundFile, Walk
from tiefvision.tasks.indexing.writer import Tally
from tiefvision.tasks.opened import Opened
from tiefvision.tasks.progress import Advance, Progress, silent
from tiefvision.tasks.ready_encoder import ready_encoder
from tiefvision.tasks.ready_locator import ready_locating

_REGISTER_FILES = 1_000


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a run of `index` did.

    Counts are files: indexed (new), updated, unchanged, duplicates, refused (with reasons in
    `refusals`: path, reason, remedy; the first twenty), missing (to be read again, but gone since),
    skipped by the walk (by reason), vanished (known, but no longer on disk) and pruned. reencoded:
    images encoded anew because the encoder or a locator changed; notes: how far that has come.
    total: images that can be found now.
    interrupted: whether Ctrl-C ended it early; the next run goes on from there.
    """

    catalogue: str
    encoder: str
    indexed: int
    updated: int
    unchanged: int
    duplicates: int
    refused: int
    missing: int
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
    reencoded: int = 0
    notes: Sequence[str] = ()


def index(
    paths: Sequence[str | Path],
    *,
    catalogue: str | Path | None = None,
    attributes_file: str | Path | None = None,
    prune: bool = False,
    prune_emptied: bool = False,
    encoder: str | None = None,
    precision: str | None = None,
    workers_wanted: int | None = None,
    offline: bool = False,
    wait_s: float = 0.0,
    progress: Progress = silent,
    stop: threading.Event | None = None,
) -> IndexReport:
    """Bring a catalogue up to date with folders and files; only what is new or changed is read.

    catalogue: its folder, made when it does not exist. attributes_file: a CSV or Parquet table
    with a column `path`. prune: remove images whose file is gone; where all of a folder's are
    gone, which is what a drive that is not mounted looks like, only with prune_emptied. encoder,
    precision: for a new catalogue, or to move an existing one to a new cell space. wait_s: how
    long to wait for another run to end. stop: set it to end early.
    Raises NotFound, InvalidInput, Conflict (another run is at work), WeightsError or NotReady.
    """
    freed_memory.keep_working_blocks()
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
        ready_locating(shop, offline=offline, progress=progress)
        run = _Run(shop, folders, table, progress, stop or threading.Event())
        with update.alone(database, wait_s=wait_s, progress=progress, stop=stop):
            if not place.settings_file.exists() or chosen != settings.read(place.folder):
                settings.write(place.folder, chosen)
            fillings = update.fillings(shop, network)
            del network  # each filling lets go of its embedder when its cells are made
            return run.execute(
                fillings,
                prune=prune or prune_emptied,
                prune_emptied=prune_emptied,
                count=workers.worker_count(workers_wanted or chosen.index.workers),
            )
    finally:
        database.close()


@dataclass(slots=True)
class _Run:
    """One run of `index` over an opened catalogue."""

    shop: Opened
    folders: Sequence[Path]
    table: AttributeJoin | None
    progress: Progress
    stop: threading.Event
    run_id: int = 0
    skipped: Counter[str] = field(default_factory=Counter[str])
    joined: set[str] = field(default_factory=set[str])
    vanished: int = 0

    def execute(
        self, fillings: Sequence[Filling], *, prune: bool, prune_emptied: bool, count: int
    ) -> IndexReport:
        started = time.monotonic()
        self.run_id = runs.begin(self.shop.database)
        self._declare_columns(fillings)
        update.reconcile(self.shop, fillings)
        registered = self._register_all()
        tally, reencoded = update.work(
            self.shop,
            fillings,
            run_id=self.run_id,
            count=count,
            progress=self.progress,
            stop=self.stop,
        )
        encoding_s = time.monotonic() - started
        freed_memory.return_blocks()  # of the networks too, before the fit takes its own
        tally.unchanged += registered.unchanged
        tally.refused += registered.refused
        pruned, kept = 0, list[str]()
        if prune and not self.stop.is_set():
            pruned, kept = self._prune(fillings, emptied=prune_emptied)
        update.finish(self.shop, fillings, progress=self.progress, stop=self.stop)
        if not self.stop.is_set():
            runs.finish(self.shop.database, self.run_id, skipped=self.skipped)
        seconds = time.monotonic() - started
        report = self._report(tally, pruned=pruned, seconds=seconds, encoding_s=encoding_s)
        return replace(report, reencoded=reencoded, notes=(*update.notes(fillings), *kept))

    @property
    def catalogue(self) -> Catalogue:
        return self.shop.catalogue

    def _declare_columns(self, fillings: Sequence[Filling]) -> None:
        known = columns.read(self.shop.database)
        if self.table is not None:
            known = merge_types(known, self.table.columns, empty=self.table.table.empty)
        # The engine first: queries filter by the columns that the catalogue names.
        for filling in fillings:
            filling.store.declare_columns(known)
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

    # --- the end -------------------------------------------------------------------------------

    def _prune(self, fillings: Sequence[Filling], *, emptied: bool) -> tuple[int, list[str]]:
        """How many images were removed, and which folders were left as they are, and why."""
        left = [] if emptied else roots.emptied(self.shop.database)
        spared = {root.path for root in left}
        self.catalogue.bury([i.id for i in self.catalogue.vanished() if i.root not in spared])
        pruned = finish_deletions(self.catalogue, [filling.store for filling in fillings])
        return pruned, [
            f"of the {root.images:,} photographs below {root.path} none is there: is its drive not "
            "mounted? They were kept; --prune-emptied removes them"
            for root in left
        ]

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
            missing=tally.missing,
            vanished=self.vanished - pruned,
            pruned=pruned,
            total=self.shop.searchable(),
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
