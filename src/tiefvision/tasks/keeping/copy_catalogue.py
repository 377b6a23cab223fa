"""`tiefvision catalogue copy`: a catalogue moved between SQLite and PostgreSQL, and with it, where
both ends are folders, everything that lies there."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from tiefvision import settings
from tiefvision.errors import InvalidInput, StoreError
from tiefvision.store import copying, home, leases, spaces
from tiefvision.store.database import Database, open_address, open_database
from tiefvision.store.home import Home
from tiefvision.tasks.indexing import update
from tiefvision.tasks.progress import Advance, Progress, silent

# What lies in a catalogue's folder beside its settings and its database; thumbnails are made anew.
_FOLDERS = ("models", "cells", "spaces", "uploads")


@dataclass(frozen=True, slots=True)
class CopyReport:
    """A finished copy. rows: of the database, by table; written: how many of them were new or
    other; checksum: SHA-256 of all rows, the same at both ends; files: those of the folder that
    were compared by content, copied_bytes: of those that were copied.

    remedy: what makes the copy be used, where that is still to do.
    """

    source: str
    target: str
    rows: Mapping[str, int]
    written: int
    checksum: str
    files: int = 0
    copied_bytes: int = 0
    remedy: str = ""


def copy_catalogue(
    source: str | Path,
    target: str | Path,
    *,
    wait_s: float = 600.0,
    progress: Progress = silent,
) -> CopyReport:
    """Copy a catalogue. Each end is a catalogue's folder, or the address of a PostgreSQL database.

    Between folders everything is copied, and the copy's settings may name another database; to or
    from an address it is the database alone. A copy that was cut off goes on when it is asked for
    again; what is there already is compared and not written. It counts once everything was read
    again and found equal. An index run that is going on is waited for, at most `wait_s` seconds.
    Raises NotFound, InvalidInput for a target that holds something else, Conflict, StoreError.
    """
    source_home = None if _is_address(source) else home.existing(source)
    target_home = None if _is_address(target) else Home(Path(target).expanduser().absolute())
    folders = None
    if source_home is not None and target_home is not None:
        folders = source_home.folder.absolute(), target_home.folder
        _check_apart(*folders)
    with ExitStack() as held:
        old = held.enter_context(closing(_open(source, source_home)))
        new = held.enter_context(closing(_open(target, target_home)))
        copying.claim(new, owner=old.place)
        held.enter_context(leases.hold(old, update.LEASE, wait_s=wait_s))
        files, copied_bytes = 0, 0
        if folders is not None:
            with progress("copying files", None, unit="bytes") as advance:
                files, copied_bytes = _copy_files(*folders, advance)
            own = replace(settings.read(folders[0]), store=settings.read(folders[1]).store)
            settings.write(folders[1], own)
        with progress("copying rows", copying.row_count(old), unit="rows") as advance:
            copied = copying.copy(old, new, advance=advance)
        return CopyReport(
            source=old.place,
            target=new.place,
            rows=copied.rows,
            written=copied.written,
            checksum=copied.checksum,
            files=files,
            copied_bytes=copied_bytes,
            remedy=_remedy(source_home, target_home, new.place),
        )


def _is_address(end: str | Path) -> bool:
    return "://" in str(end)


def _open(end: str | Path, place: Home | None) -> Database:
    if place is None:
        return open_address(str(end))
    place.folder.mkdir(parents=True, exist_ok=True)
    return open_database(place.folder)


def _check_apart(source: Path, target: Path) -> None:
    if target.is_relative_to(source) or source.is_relative_to(target):
        raise InvalidInput(
            f"{target} and {source} lie one in the other", remedy="name a folder beside it"
        )


def _remedy(source: Home | None, target: Home | None, place: str) -> str:
    if target is not None:
        return f"tiefvision status -c {target.folder}"
    file = "tiefvision.toml" if source is None else source.settings_file
    return f'use it: write catalogue = "{place}" under [store] in {file}'


# --- files -----------------------------------------------------------------------------------


def _copy_files(source: Path, target: Path, advance: Advance) -> tuple[int, int]:
    """Make the files of one folder those of the other; how many there are, and the bytes that had
    to be copied. Raises StoreError where one differs after that."""
    wanted = list(_files(source))
    for file in set(_files(target)).difference(wanted):
        (target / file).unlink()  # of a former state of the source, when a copy was cut off
    copied = 0
    for file in wanted:
        size, digest = (source / file).stat().st_size, _digest(source / file)
        if not (target / file).is_file() or _digest(target / file) != digest:
            _copy_file(source / file, target / file)
            copied += size
            if _digest(target / file) != digest:
                raise StoreError(
                    f"{target / file} differs from {source / file} after it was copied",
                    remedy="check that disk, then type the same again",
                )
        advance(size)
    return len(wanted), copied


def _files(folder: Path) -> Iterator[Path]:
    """The files to copy, below the catalogue's folder."""
    for part in _FOLDERS:
        for file in (folder / part).rglob("*"):
            # What is laid out for scanning is derived, and searches go on writing it.
            if file.is_file() and (part != "spaces" or file.name == spaces.ARRAYS):
                yield file.relative_to(folder)


def _digest(file: Path) -> bytes:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").digest()


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    shutil.copyfile(source, partial)
    with partial.open("rb") as written:
        os.fsync(written.fileno())
    partial.replace(target)
