"""What becomes of memory that is freed: glibc keeps it for later, unless told otherwise."""

from __future__ import annotations

import ctypes
import sys

_M_MMAP_THRESHOLD = -3  # from glibc's malloc.h
_LARGE_BYTES = 1 << 20


def return_large_blocks() -> None:
    """From now on a megabyte or more goes back to the system as soon as it is freed.

    By itself glibc comes to keep blocks of up to 32 megabytes in a heap for each thread, and the
    vector engine reads on dozens of threads. Holds for the whole process; elsewhere than with
    glibc nothing is done.
    """
    if libc := _glibc():
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def return_everything() -> None:
    """Give back what is free now, in blocks of any size."""
    if libc := _glibc():
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") else None
