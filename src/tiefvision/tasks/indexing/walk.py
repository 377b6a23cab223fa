"""Which files of a folder are tried as images, and which are passed over, counted by reason."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tiefvision.store import home
from tiefvision.vision.pixels import IMAGE_EXTENSIONS

# Folders and files that programs leave behind.
_JUNK = frozenset({"__MACOSX", "Thumbs.db", "ehthumbs.db", "Desktop.ini", "@eaDir", "$RECYCLE.BIN"})

# A byte 0x80..0xFF of a name that is not UTF-8 is U+DC80..U+DCFF in Python, which no database
# stores; in the catalogue it is the private character U+F780..U+F7FF.
_LONE_BYTES = {0xDC00 + byte: 0xF700 + byte for byte in range(0x80, 0x100)}
_AS_LONE_BYTES = {stored: lone for lone, stored in _LONE_BYTES.items()}


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file to be tried. path: below the folder walked, with "/" between its parts."""

    path: str
    file_bytes: int
    modified_ns: int


@dataclass(slots=True)
class Walk:
    """A walk over a folder; `skipped` counts, reason by reason, what it passed over so far.

    unopened: the folders below it that could not be looked into, as paths with "/" at their ends.
    """

    folder: Path
    skipped: Counter[str] = field(default_factory=Counter[str])
    unopened: list[str] = field(default_factory=list[str])

    def files(self) -> Iterator[FoundFile]:
        """The files to try, folder by folder in name order."""
        yield from self._folder(str(self.folder), "", frozenset())

    def _folder(
        self, folder: str, below: str, above: frozenset[tuple[int, int]]
    ) -> Iterator[FoundFile]:
        try:
            status = os.stat(folder)
            identity = (status.st_dev, status.st_ino)
            if identity in above:
                self.skipped["links that lead back to a folder above"] += 1
                return
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            self.skipped["folders that cannot be opened"] += 1
            self.unopened.append(as_text(below))
            return
        for entry in entries:
            path = f"{below}{entry.name}"
            if entry.name.startswith(".") or entry.name in _JUNK:
                self.skipped["hidden and system files"] += 1
            elif _is_folder(entry):
                if home.Home(Path(entry.path)).exists:
                    self.skipped["catalogues"] += 1
                else:
                    yield from self._folder(entry.path, f"{path}/", above | {identity})
            elif os.path.splitext(entry.name)[1].lower() not in IMAGE_EXTENSIONS:
                self.skipped["files that are no images"] += 1
            else:
                yield found(entry.path, path)


def found(file: str | Path, path: str) -> FoundFile:
    """A file that will be tried; one that cannot even be looked at is refused when it is read."""
    try:
        status = os.stat(file)
    except OSError:
        return FoundFile(as_text(path), -1, -1)
    return FoundFile(as_text(path), status.st_size, status.st_mtime_ns)


def as_text(path: str) -> str:
    """A path as the catalogue stores it: any name becomes valid Unicode, reversibly."""
    return path.translate(_LONE_BYTES)


def as_path(text: str) -> str:
    """The inverse of `as_text`: the name as the operating system has it."""
    return text.translate(_AS_LONE_BYTES)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
