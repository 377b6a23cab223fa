"""What files of judgements say, in one form for all formats: images are paths, nothing is checked.

source and name are "" where a file does not say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

# A cell of a row, by the name of its column; a Parquet or JSON file may hold anything.
Cells = Mapping[str, object]

Kind = Literal["triplets", "pairs", "groups"]


@dataclass(frozen=True, slots=True)
class NamedTriplet:
    """A triplet of a file. line: where it stands, from 1. mirrored: the positive is."""

    line: int
    anchor: str
    positive: str
    negative: str
    mirrored: bool = False
    source: str = ""
    name: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        return self.anchor, self.positive, self.negative


@dataclass(frozen=True, slots=True)
class NamedPair:
    """Two images of a file that are the same or different."""

    line: int
    first: str
    second: str
    same: bool
    source: str = ""
    name: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        return self.first, self.second


@dataclass(frozen=True, slots=True)
class NamedGroup:
    """What an image of a file belongs to. value, apart, split: as of `judgements.Group`."""

    line: int
    value: str
    path: str
    split: str = ""
    apart: str = ""
    name: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path,)


@dataclass(frozen=True, slots=True)
class Flaw:
    """A line that cannot be taken over, why, and what to do about it."""

    line: int
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        told = f"line {self.line}: {self.message}"
        return f"{told} ({self.remedy})" if self.remedy else told


Judged = NamedTriplet | NamedPair | NamedGroup


@dataclass(frozen=True, slots=True)
class Rows:
    """A file as a table. header: the names of its columns, as they stand there.

    rows: (line, cells) of each row, or what is wrong with it.
    """

    header: Sequence[str]
    rows: Iterator[tuple[int, Cells] | Flaw]
