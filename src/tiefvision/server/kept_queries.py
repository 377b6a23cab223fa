"""Uploaded photographs that searches were made with, kept for a while by what they are.

So that another filter, ranker, box or weight of cells needs no second upload, and an address that
holds a search still works when the page is loaded again, or by another worker of the server.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

from tiefvision.errors import NotFound
from tiefvision.server.previews import PHOTO_PX, PHOTO_QUALITY, as_jpeg, remove_oldest
from tiefvision.tasks.searching.search import QUERY_DIGITS
from tiefvision.vision import pixels
from tiefvision.vision.pixels import Limits

# What all of them may take on disk, and how long one is kept: customers send them.
_MOST_BYTES = 200_000_000
_KEPT_S = 24 * 3600
_WRITES_BETWEEN_LOOKS = 32


class KeptQueries:
    """Photographs in a folder of the catalogue. Safe to share between threads and processes."""

    def __init__(self, folder: Path, *, limits: Limits) -> None:
        self._folder = folder
        self._limits = limits
        self._lock = threading.Lock()
        self._writes = 0

    def keep(self, data: bytes) -> None:
        """Keep a photograph; what is old or too much goes."""
        file = self._file(pixels.content_id(data)[:QUERY_DIGITS])
        if not file.is_file():
            self._folder.mkdir(parents=True, exist_ok=True)
            # Two threads may keep the same one: each writes its own file, the last name stays.
            partial = file.with_name(f"{file.name}.{threading.get_ident()}.partial")
            partial.write_bytes(data)
            partial.replace(file)
        else:
            file.touch()
        with self._lock:
            self._writes += 1
            is_due = self._writes % _WRITES_BETWEEN_LOOKS == 0
        if is_due:
            remove_older(self._folder, than=time.time() - _KEPT_S)
            remove_oldest(self._folder, limit=_MOST_BYTES)

    def photograph(self, name: str) -> bytes:
        """A kept photograph's file. Raises NotFound when it was not kept, or no longer is."""
        try:
            return self._file(name).read_bytes()
        except FileNotFoundError:
            raise NotFound(
                "the photograph of this search is no longer kept", remedy="choose it again"
            ) from None

    def photo(self, name: str) -> bytes:
        """A kept photograph as a JPEG at most 2,000 px long. Raises NotFound."""
        return as_jpeg(self.photograph(name), PHOTO_PX, PHOTO_QUALITY, self._limits)

    def _file(self, name: str) -> Path:
        return self._folder / name


def remove_older(folder: Path, *, than: float) -> None:
    """Remove the files of a folder that were last used before a time, in seconds of the clock."""
    for file in folder.iterdir():
        try:
            if file.stat().st_mtime < than:
                file.unlink()
        except FileNotFoundError:  # another process was faster
            continue
