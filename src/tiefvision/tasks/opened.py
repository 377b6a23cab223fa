"""An opened catalogue: its settings, database, spaces and vectors in one hand for the verbs."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tiefvision import settings
from tiefvision.errors import Conflict
from tiefvision.settings import Settings
from tiefvision.store import home, leases, registry, scan
from tiefvision.store.catalogue import Catalogue
from tiefvision.store.database import Database, open_database
from tiefvision.store.encodings import Encodings
from tiefvision.store.home import Home
from tiefvision.store.records import RowKey
from tiefvision.store.scan import Scan, ScanRows
from tiefvision.store.spaces import CellSpace, SearchSpace
from tiefvision.store.vectors import VectorStore
from tiefvision.tasks.indexing.workers import worker_count
from tiefvision.tasks.one_thread import one_thread
from tiefvision.vision.pixels import Limits

if TYPE_CHECKING:
    from tiefvision.store.milvus_collections import Collections

# A scan is laid out anew when it holds this many times the rows that still count.
_REBUILD_RATIO = 1.3
_FEW_ROWS = 1_000
_BYTES_PER_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Opened:
    """A catalogue that is open in this process."""

    home: Home
    settings: Settings
    database: Database

    @property
    def catalogue(self) -> Catalogue:
        return Catalogue(self.database)

    @property
    def limits(self) -> Limits:
        own = self.settings.index
        return Limits(megapixels=own.megapixels, file_bytes=own.megabytes * _BYTES_PER_MEGABYTE)

    def vectors(self, space: CellSpace) -> VectorStore:
        """The vector engine's rows of a cell space."""
        # Importing the engine takes longer than a search that can do without it.
        from tiefvision.store.lance import LanceStore

        files = LanceStore(
            self.home.cells(space.id), cell_space_id=space.id, cell_length=space.cell_length
        )
        collections = self.collections()
        if collections is None:
            return files
        from tiefvision.store.milvus import MilvusStore  # as above

        return MilvusStore(collections, files)

    def collections(self) -> Collections | None:
        """The collections on a Milvus server; None where the vectors lie in the folder."""
        own = self.settings.store
        if not own.url:
            return None
        from tiefvision.store.milvus_collections import Collections  # as above

        is_address = "://" in own.url
        url = own.url if is_address else str(self.home.folder / own.url)
        return Collections(url, prefix=own.collections)

    def encodings(self, space: CellSpace) -> Encodings:
        """What was acknowledged in a cell space."""
        return Encodings(self.database, space.id, label=space.label)

    def searchable(self) -> int:
        """How many images a query can find."""
        space = registry.active_cell_space(self.database)
        return 0 if space is None else self.encodings(space).count()

    def todo_count(self) -> int:
        """How many images the next `index` has to read, as far as the catalogue knows."""
        wanted = registry.filling_cell_space(self.database)
        space = wanted or registry.active_cell_space(self.database)
        own = Encodings(self.database, "") if space is None else self.encodings(space)
        return own.todo_count()

    def search_space(self, *, label: str = "") -> SearchSpace:
        """The active base space of a label. Raises NotReady for an empty catalogue, NotFound for a
        label that nothing looks for."""
        return registry.active_search_space(self.database, self.home, label=label)


@contextmanager
def opened(catalogue: str | Path | None) -> Generator[Opened]:
    """Open an existing catalogue for the length of the block. Raises NotFound."""
    place = home.existing(catalogue)
    database = open_database(place.folder)
    try:
        yield Opened(place, settings.read(place.folder), database)
    finally:
        database.close()


def fresh_scan(shop: Opened, space: SearchSpace) -> Scan:
    """The scan of a search space, brought up to date with the catalogue first."""
    folder = shop.home.space(space.id)
    current = scan.open_scan(space, folder)
    if current is not None and current.version == shop.catalogue.version():
        return current
    try:
        with leases.hold(shop.database, f"scan {space.id}", wait_s=leases.LEASE_S):
            current = scan.open_scan(space, folder)
            version = shop.catalogue.version()
            if current is None or current.version != version:
                extend_scan(shop, space, current, version)
    except Conflict:
        # Another process is long at it: what was there before still answers, without the newest.
        if current is not None:
            return current
        raise
    updated = scan.open_scan(space, folder)
    assert updated is not None, "a scan was just written"
    return updated


@one_thread()
def extend_scan(shop: Opened, space: SearchSpace, current: Scan | None, version: int) -> None:
    """Bring a scan up to a change number. The caller holds its lease."""
    indexed = shop.encodings(space.cell_space).count(shown=True)
    grown = current is not None and len(current.image_ids) > _REBUILD_RATIO * indexed + _FEW_ROWS
    anew = current is None or grown
    since = -1 if current is None or grown else current.version
    rows = _changed_rows(shop, space.cell_space, since=since, up_to=version)
    threads = worker_count(shop.settings.index.workers)
    folder = shop.home.space(space.id)
    scan.extend(space, folder, rows, version=version, anew=anew, threads=threads)


def _changed_rows(shop: Opened, space: CellSpace, *, since: int, up_to: int) -> Iterator[ScanRows]:
    changed = shop.encodings(space).keys(since=since, up_to=up_to, shown=True)
    store: VectorStore | None = None
    for page in changed:
        store = store or shop.vectors(space)
        versions: dict[RowKey, int] = dict(page)
        rows = store.fetch([key.image_id for key in versions])
        current = [place for place, key in enumerate(rows.keys) if key in versions]
        keys = [rows.keys[place] for place in current]
        yield ScanRows(
            image_ids=np.array([key.image_id for key in keys], np.int64),
            versions=np.array([versions[key] for key in keys], np.int64),
            content_keys=np.array([scan.content_key(key.content_id) for key in keys], np.uint64),
            cells=rows.cells[current],
        )
