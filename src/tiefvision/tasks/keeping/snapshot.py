"""`tiefvision catalogue snapshot`: a copy of a catalogue that is in use, whole or not at all."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from tiefvision import settings
from tiefvision.errors import InvalidInput
from tiefvision.store import database, leases, registry
from tiefvision.store.home import Home
from tiefvision.tasks.opened import Opened, opened
from tiefvision.tasks.progress import Advance, Progress, silent

# What lies in a catalogue's folder beside its database.
_FOLDERS = ("models", "cells", "spaces", "thumbnails", "uploads")
_COPY_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class SnapshotReport:
    """A finished snapshot: its folder, what it holds, and how large it is."""

    folder: str
    images: int
    copied_bytes: int


def snapshot(
    folder: str | Path,
    *,
    catalogue: str | Path | None = None,
    wait_s: float = 600.0,
    progress: Progress = silent,
) -> SnapshotReport:
    """Copy a catalogue into a new folder, as it is between two index runs.

    An index run that is going on is waited for, at most `wait_s` seconds; searches go on
    meanwhile. The copy is made beside the folder as FOLDER.partial and then renamed.
    Raises InvalidInput when the folder is not empty or too small a disk, and Conflict when an
    index run has not ended in time.
    """
    target = Path(folder).expanduser().absolute()
    with opened(catalogue) as shop:
        if shop.settings.store.catalogue:
            raise InvalidInput(
                f"the database of this catalogue is in {shop.database.place}; a snapshot copies "
                "folders only",
                remedy=f"tiefvision catalogue copy {shop.home.folder} {target}",
            )
        partial = _checked(target, shop.home)
        with ExitStack() as held:
            with progress("waiting for its turn", None):
                for name in _leases(shop):
                    held.enter_context(leases.hold(shop.database, name, wait_s=wait_s))
            return _copy(shop, target, partial, progress)


def _leases(shop: Opened) -> Iterator[str]:
    """All work that changes files: indexing, and laying out the scans of the active spaces."""
    yield "index"
    # Asked for only once indexing is held: a run may have switched to another space.
    for active in sorted(registry.answering(shop.database)):
        yield f"scan {active}"


def _copy(shop: Opened, target: Path, partial: Path, progress: Progress) -> SnapshotReport:
    files = list(_files(shop.home.folder))
    total = sum(size for _, size in files) + shop.home.database_file.stat().st_size
    _check_space(target.parent, total)
    try:
        partial.mkdir(parents=True)
        with progress("copying", total, unit="bytes") as advance:
            for file, _ in files:
                _copy_file(shop.home.folder / file, partial / file, advance)
            copied = _copy_database(shop.home.database_file, partial / database.FILE_NAME)
            advance(copied)
        if target.exists():
            target.rmdir()
        partial.rename(target)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise InvalidInput(
            f"the snapshot cannot be written to {target}: {error.strerror or error}",
            remedy="name a folder that you may write to, on a disk with room",
        ) from error
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    held = sum(size for _, size in files) + copied
    return SnapshotReport(str(target), shop.searchable(), held)


def _checked(target: Path, home: Home) -> Path:
    """The folder to copy into first. Raises InvalidInput where a copy would overwrite."""
    if target.is_relative_to(home.folder.absolute()):
        raise InvalidInput(
            f"{target} lies in the catalogue itself; expected a folder outside of it"
        )
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InvalidInput(
            f"{target} exists and is not empty; a snapshot goes into a new folder",
            remedy=f"name another one, for example {target}-2",
        )
    partial = target.with_name(f"{target.name}.partial")
    if partial.exists():
        raise InvalidInput(
            f"{partial} is left from a snapshot that was cut short, or is being written now",
            remedy=f"remove {partial}, then take the snapshot again",
        )
    return partial


def _check_space(folder: Path, wanted: int) -> None:
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    if free < wanted:
        raise InvalidInput(
            f"the snapshot takes {wanted} bytes; only {free} are free in {folder}",
            remedy="name a folder on a larger disk",
        )


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    """The files to copy beside the database, below the catalogue's folder, with their sizes."""
    for part in _FOLDERS:
        for place, _, names in os.walk(folder / part):
            for name in names:
                file = Path(place, name)
                yield file.relative_to(folder), file.stat().st_size
    if (folder / settings.FILE_NAME).exists():
        yield Path(settings.FILE_NAME), (folder / settings.FILE_NAME).stat().st_size


def _copy_file(source: Path, target: Path, advance: Advance) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as reader, target.open("xb") as writer:
        while block := reader.read(_COPY_BYTES):
            writer.write(block)
            advance(len(block))
        writer.flush()
        os.fsync(writer.fileno())


def _copy_database(source: Path, target: Path) -> int:
    """Copy a database that others may be writing to; its size in bytes."""
    with (
        closing(sqlite3.connect(source)) as reader,
        closing(sqlite3.connect(target, isolation_level=None)) as writer,
    ):
        reader.backup(writer)
        # The copy has no owners at work: the leases were this process's.
        writer.execute("DELETE FROM leases")
    return target.stat().st_size
