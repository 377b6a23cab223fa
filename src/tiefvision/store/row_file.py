"""A few rows out of a large file of equal rows, wherever they lie in it.

Reading by position instead of through a memory map: a map takes a page fault for each 64 kB even
where the file is in memory, and reads from disk page after page. 200 rows of 46 kB out of 4.6 GB
took 13 ms instead of 1,270 from disk, and 2.8 instead of 4.3 from memory (docs/benchmarks.md).
"""

from __future__ import annotations

import os
import weakref
from pathlib import Path

import numpy as np
from jaxtyping import Float16, Int64

_HALF = np.dtype("<f2")


class RowFile:
    """float16 rows of one length in a file. Safe to share between threads."""

    def __init__(self, file: Path, *, length: int) -> None:
        self._length = length
        self._row_bytes = length * _HALF.itemsize
        self._descriptor = os.open(file, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)

    def read(self, rows: Int64[np.ndarray, " m"]) -> Float16[np.ndarray, "m length"]:
        """The rows, in the order given. Raises OSError when the file holds fewer."""
        starts = [int(row) * self._row_bytes for row in rows]
        if hasattr(os, "posix_fadvise"):
            # All of them are asked for at once, so that a disk reads them side by side.
            for start in starts:
                advice = os.POSIX_FADV_WILLNEED
                os.posix_fadvise(self._descriptor, start, self._row_bytes, advice)
        found = np.empty((len(starts), self._length), _HALF)
        memory = memoryview(found.view(np.uint8).reshape(-1))  # pyright: ignore[reportArgumentType]
        for place, start in enumerate(starts):
            into = memory[place * self._row_bytes : (place + 1) * self._row_bytes]
            if os.preadv(self._descriptor, [into], start) != self._row_bytes:
                raise OSError(f"row {rows[place]} lies beyond the end of the file")
        return found


def can_read() -> bool:
    """Whether this platform reads by position (all but Windows do)."""
    return hasattr(os, "preadv")
