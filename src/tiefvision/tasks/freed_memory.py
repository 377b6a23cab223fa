"""What becomes of memory that is freed."""

from __future__ import annotations

import ctypes
import sys

_M_MMAP_THRESHOLD = -3  # from glibc's malloc.h
_LARGE_BYTES = 1 << 20


def return_large_blocks() -> None:
    """From now on glibc gives a megabyte or more back to the system as soon as it is freed.

    By itself it comes to keep blocks of up to 32 megabytes in a heap for each thread, and the
    vector engine reads on dozens of threads. Holds for the whole process; does nothing where
    there is no glibc.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
