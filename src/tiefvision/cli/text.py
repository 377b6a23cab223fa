"""Figures and names as a terminal can show them."""

from __future__ import annotations

import os
import unicodedata
from datetime import datetime

# Python holds a byte 0x80..0xFF of a name that is not UTF-8 as U+DC80..U+DCFF.
_LONE_BYTES = range(0xDC80, 0xDD00)
_LONE_BYTE_OFFSET = 0xDC00

_SECONDS_PER_MINUTE = 60
_SECONDS_PER_HOUR = 3_600
_UNITS = ("kB", "MB", "GB", "TB")
_STEP = 1_000


def printable(text: str, *, lines: bool = False) -> str:
    """A text with everything that a terminal obeys or cannot show written as an escape.

    lines: keep line breaks.
    """
    return "".join(
        letter
        if letter.isprintable()
        or unicodedata.category(letter) == "Zs"
        or (lines and letter == "\n")
        else _escaped(letter)
        for letter in text
    )


def near_path(path: str, *, start: str | None = None) -> str:
    """A path as short as it still opens: relative to the working folder when it lies below it."""
    here = os.getcwd() if start is None else start
    below = here if here.endswith(os.sep) else here + os.sep
    return path[len(below) :] if path.startswith(below) and path != below else path


def size(count: int) -> str:
    """Bytes for people: 999 bytes, 1.2 MB."""
    if count < _STEP:
        return f"{count} bytes"
    amount, power = count / _STEP, 0
    while amount >= _STEP and power < len(_UNITS) - 1:
        amount, power = amount / _STEP, power + 1
    return f"{amount:.1f} {_UNITS[power]}"


def duration(seconds: float) -> str:
    """A time span for people: 0.4 s, 3 min 20 s, 2 h 5 min."""
    if seconds < _SECONDS_PER_MINUTE:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _SECONDS_PER_HOUR:
        return f"{whole // _SECONDS_PER_MINUTE} min {whole % _SECONDS_PER_MINUTE} s"
    minutes = whole // _SECONDS_PER_MINUTE
    return f"{minutes // 60} h {minutes % 60} min"


def moment(seconds: float) -> str:
    """A time since 1970 as local date and time."""
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")


def files(count: int) -> str:
    """A count with its thousands apart."""
    return f"{count:,}"


def _escaped(letter: str) -> str:
    if ord(letter) in _LONE_BYTES:
        return f"\\x{ord(letter) - _LONE_BYTE_OFFSET:02x}"
    return letter.encode("unicode_escape").decode("ascii")
