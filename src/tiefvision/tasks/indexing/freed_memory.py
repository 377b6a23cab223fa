"""What becomes of memory that is freed: glibc keeps it for later, unless told otherwise.

Both rules hold for the whole process; elsewhere than with glibc nothing is done.
"""

from __future__ import annotations

import ctypes
import sys

# From glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3

_MEGABYTE = 1 << 20
# What decoding and encoding a photograph take and free all the time is smaller than this.
_WORKING_BLOCK = 4 * _MEGABYTE
_WORKING_SET = 64 * _MEGABYTE
_KEPT_BYTES = 128 << 10


def keep_working_blocks() -> None:
    """While photographs are encoded: only larger blocks go back to the system when they are freed.

    By itself glibc comes to keep blocks of up to 32 megabytes in a heap for each thread; with none
    kept, indexing takes a third more processor time, for pages that go and come.
    """
    _set_thresholds(_WORKING_BLOCK, _WORKING_SET)


def return_blocks() -> None:
    """While spaces are fitted and files merged: a megabyte or more goes back to the system as soon
    as it is freed, since the vector engine reads on dozens of threads; what is free now does too.
    """
    _set_thresholds(_MEGABYTE, _KEPT_BYTES)
    if libc := _glibc():
        libc.malloc_trim(0)


def _set_thresholds(large: int, kept: int) -> None:
    if libc := _glibc():
        libc.mallopt(_M_MMAP_THRESHOLD, large)
        libc.mallopt(_M_TRIM_THRESHOLD, kept)


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") else None
