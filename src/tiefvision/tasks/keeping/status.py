"""`tiefvision status`: what a catalogue holds, what it uses, and who is at work on it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tiefvision.errors import NotReady
from tiefvision.store import columns, database, leases, registry, roots, runs
from tiefvision.store.home import Home
from tiefvision.store.roots import Root
from tiefvision.store.runs import Run
from tiefvision.store.spaces import CellSpace
from tiefvision.tasks.indexing import ranked_spaces
from tiefvision.tasks.opened import Opened, opened


@dataclass(frozen=True, slots=True)
class CellSpaceStatus:
    """The stored cells: rows x cols of them in an image, each of so many channels."""

    id: str
    encoder: str
    precision: str
    rows: int
    cols: int
    channels: int


@dataclass(frozen=True, slots=True)
class SearchSpaceStatus:
    """What queries compare. fitted_on: images that the mean cell and the projection come from.

    dimensions: length of the compact vectors; None where all numbers of a vector are compared.
    """

    id: str
    cell_space_id: str
    fitted_on: int
    dimensions: int | None


@dataclass(frozen=True, slots=True)
class RankerStatus:
    """An active ranker. search_space: the id of its own; None where it changes nothing, or is not
    filled yet."""

    name: str
    model_id: str
    search_space: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """What a catalogue holds.

    Every image is counted once: indexed, a duplicate of one, refused, pending (never read yet)
    or vanished from its folder. searchable: images that a query can return. todo: images that
    the next `index` reads, changed ones included. cell_space: what `index` fills; search_space:
    what queries use without a ranker; None in an empty catalogue. rankers: that are active.
    last_run: the newest `index`. indexing_by: the process that is indexing now, as
    "host:process:token". disk_bytes: part -> bytes.
    """

    catalogue: str
    searchable: int
    indexed: int
    duplicates: int
    refused: int
    pending: int
    vanished: int
    todo: int
    encoder: str
    cell_space: CellSpaceStatus | None
    search_space: SearchSpaceStatus | None
    roots: Sequence[Root]
    columns: Mapping[str, str]
    last_run: Run | None
    indexing_by: str | None
    disk_bytes: Mapping[str, int]
    rankers: Sequence[RankerStatus] = ()


def status(catalogue: str | Path | None = None) -> Status:
    """What a catalogue holds, without changing it. Raises NotFound."""
    with opened(catalogue) as shop:
        return status_of(shop)


def status_of(shop: Opened) -> Status:
    """As `status`, of a catalogue that is open already."""
    counts = shop.catalogue.count_by_state()
    cell_space = registry.active_cell_space(shop.database)
    return Status(
        catalogue=str(shop.home.folder),
        searchable=shop.searchable(),
        indexed=counts.get("indexed", 0),
        duplicates=counts.get("duplicate", 0),
        refused=counts.get("refused", 0),
        pending=counts.get("pending", 0),
        vanished=counts.get("vanished", 0),
        todo=shop.todo_count(),
        encoder=shop.settings.encoder.name,
        cell_space=None if cell_space is None else _cell_space(cell_space),
        search_space=_search_space(shop),
        roots=roots.each(shop.database),
        columns={name: kind.value for name, kind in columns.read(shop.database).items()},
        last_run=runs.last(shop.database),
        indexing_by=leases.holder(shop.database, "index"),
        disk_bytes=disk_bytes(shop.home),
        rankers=rankers_of(shop),
    )


def rankers_of(shop: Opened) -> list[RankerStatus]:
    """The active rankers, by name."""
    spaces = registry.active_search_spaces(shop.database)
    return [
        RankerStatus(name, model_id, spaces.get(name))
        for name, model_id in ranked_spaces.wanted(shop).items()
    ]


def disk_bytes(home: Home) -> dict[str, int]:
    """What each part of a catalogue's folder takes up, in bytes; the parts that it has."""
    files = (home.folder / f"{database.FILE_NAME}{suffix}" for suffix in ("", "-wal", "-shm"))
    sizes = {
        "database": sum(file.stat().st_size for file in files if file.exists()),
        "vectors": _folder_bytes(home.folder / "cells"),
        "search spaces": _folder_bytes(home.folder / "spaces"),
        "models": _folder_bytes(home.folder / "models"),
        "thumbnails": _folder_bytes(home.thumbnails),
        "uploads": _folder_bytes(home.folder / "uploads"),
    }
    return {part: size for part, size in sizes.items() if size}


def _cell_space(space: CellSpace) -> CellSpaceStatus:
    return CellSpaceStatus(
        space.id, space.encoder, space.precision, space.rows, space.cols, space.channels
    )


def _search_space(shop: Opened) -> SearchSpaceStatus | None:
    try:
        space = shop.search_space()
    except NotReady:
        return None
    return SearchSpaceStatus(space.id, space.cell_space.id, space.fitted_on, space.dimensions)


def _folder_bytes(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(place, name)).st_size
            except FileNotFoundError:  # removed by an index run since it was listed
                continue
    return total
