"""The columns of judgements: what they may be called, and what their cells mean."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tiefvision.errors import InvalidInput
from tiefvision.store.attributes import JOIN_COLUMNS
from tiefvision.store.judgement_formats.entries import (
    Cells,
    Flaw,
    Judged,
    Kind,
    NamedGroup,
    NamedPair,
    NamedTriplet,
    Rows,
)
from tiefvision.store.judgements import SOURCES

# What each column may be called; the first name is the one that is written. The original called
# the anchor reference; OML calls what must stay apart a sequence.
_REQUIRED: Mapping[Kind, Mapping[str, Sequence[str]]] = {
    "triplets": {
        "anchor": ("anchor", "reference"),
        "positive": ("positive",),
        "negative": ("negative",),
    },
    "pairs": {"first": ("first",), "second": ("second",), "same": ("same",)},
    "groups": {"value": ("label",), "path": JOIN_COLUMNS},
}
_OPTIONAL: Mapping[Kind, Mapping[str, Sequence[str]]] = {
    "triplets": {"mirrored": ("mirrored",), "source": ("source",), "name": ("name",)},
    "pairs": {"source": ("source",), "name": ("name",)},
    "groups": {"split": ("split",), "apart": ("sequence", "apart"), "name": ("name",)},
}
# Every name above: other columns are passed over.
KNOWN = frozenset(
    name
    for columns in (*_REQUIRED.values(), *_OPTIONAL.values())
    for names in columns.values()
    for name in names
)
KINDS: tuple[Kind, ...] = tuple(_REQUIRED)

_SPLITS = ("train", "validation")
_TRUE = ("true", "yes", "1", "same")
_FALSE = ("false", "no", "0", "different")
_HALF = re.compile("[\ud800-\udfff]")
# Characters of a bad cell that are shown.
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Layout:
    """Which judgements a file holds, and the column of each of their fields."""

    kind: Kind
    columns: Mapping[str, str]


def folded(name: str) -> str:
    """A column's name in the form in which it is looked for."""
    return name.strip().lower()


def layout(file: Path, header: Sequence[str]) -> Layout:
    """What the columns of a file hold.

    Raises InvalidInput for a missing column and for two that mean the same.
    """
    found = {kind: _places(file, header, columns) for kind, columns in _REQUIRED.items()}
    kind = max(KINDS, key=lambda kind: len(found[kind]) / len(_REQUIRED[kind]))
    missing = [names[0] for field, names in _REQUIRED[kind].items() if field not in found[kind]]
    if missing:
        first_lines = " or ".join(
            ",".join(names[0] for names in columns.values()) for columns in _REQUIRED.values()
        )
        plural = "s" if len(missing) > 1 else ""
        raise InvalidInput(
            f"{file} has no column{plural} {', '.join(missing)}; its columns are "
            f"{', '.join(header) or 'none'}",
            remedy=f"name its columns {first_lines}",
        )
    return Layout(kind, {**found[kind], **_places(file, header, _OPTIONAL[kind])})


def _places(
    file: Path, header: Sequence[str], columns: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for field, names in columns.items():
        fitting = [name for name in header if folded(name) in names]
        # Of the names of photographs' columns the first one wins, as for attributes.
        best = min(fitting, key=lambda name: names.index(folded(name)), default=None)
        if best is None:
            continue
        if fitting.count(best) > 1 or (len(fitting) > 1 and names is not JOIN_COLUMNS):
            raise InvalidInput(
                f"{file} has more than one column for the {names[0]}: {', '.join(fitting)}",
                remedy="rename or remove one of them",
            )
        found[field] = best
    return found


def entries(rows: Rows, own: Layout) -> Iterator[Judged | Flaw]:
    """What the rows of a file say."""
    make = _MAKERS[own.kind]
    for row in rows.rows:
        if isinstance(row, Flaw):
            yield row
            continue
        line, cells = row
        try:
            yield make(line, _Cells(cells, own.columns))
        except _BadCell as bad:
            yield Flaw(line, *bad.args)


def header(kind: Kind) -> list[str]:
    """The columns of a file that is written."""
    return [names[0] for names in {**_REQUIRED[kind], **_OPTIONAL[kind]}.values()]


def cells(kind: Kind, judged: Iterable[Judged]) -> Iterator[dict[str, str | bool]]:
    """The cells of each judgement, by column, as they are written."""
    fields = {**_REQUIRED[kind], **_OPTIONAL[kind]}
    for each in judged:
        yield {names[0]: getattr(each, field) for field, names in fields.items()}


class _BadCell(Exception):
    """A cell that cannot be read: what is wrong, and what to do."""


class _Cells:
    """The cells of a row by field."""

    def __init__(self, cells: Cells, columns: Mapping[str, str]) -> None:
        self._cells = cells
        self._columns = columns

    def _get(self, field: str) -> object:
        return self._cells.get(self._columns.get(field, ""))

    def path(self, field: str) -> str:
        """The name of a photograph."""
        found, column = self._get(field), self._columns[field]
        if found is None or found == "" or (isinstance(found, str) and not found.strip()):
            raise _BadCell(f"no {column}", "every line names all of its photographs")
        if not isinstance(found, str):
            raise _BadCell(
                f"{column} is {str(found)[:_SHOWN]}", "a photograph is named by its path"
            )
        return found

    def text(self, field: str) -> str:
        """A text or a number; "" where the cell is empty."""
        found = self._get(field)
        if found is None:
            return ""
        if isinstance(found, bool):
            return str(found).lower()
        # JSON can hold halves of characters, which no database takes.
        if isinstance(found, str | int | float) and not _HALF.search(str(found)):
            return str(found)
        raise _BadCell(
            f"{self._columns[field]} is {str(found)[:_SHOWN]!r}", "it must be a text or a number"
        )

    def choice(self, field: str, choices: Sequence[str]) -> str:
        """One of some texts, or ""."""
        found = self.text(field).strip()
        if found and found not in choices:
            near = difflib.get_close_matches(found, choices, n=1)
            remedy = f"did you mean {near[0]}?" if near else f"expected {', '.join(choices)}"
            raise _BadCell(f"there is no {self._columns[field]} {found[:_SHOWN]!r}", remedy)
        return found

    def truth(self, field: str, *, default: bool | None = None) -> bool:
        """Yes or no; the default where the cell is empty."""
        found = self.text(field).strip().lower()
        found = found.removesuffix(".0")  # pandas' integers beside empty cells
        if found in _TRUE:
            return True
        if found in _FALSE:
            return False
        if not found and default is not None:
            return default
        column = self._columns[field]
        raise _BadCell(f"{column} is {found[:_SHOWN]!r}", f"{column} must be true or false")


def _triplet(line: int, cells: _Cells) -> NamedTriplet:
    return NamedTriplet(
        line,
        cells.path("anchor"),
        cells.path("positive"),
        cells.path("negative"),
        cells.truth("mirrored", default=False),
        cells.choice("source", SOURCES),
        cells.text("name"),
    )


def _pair(line: int, cells: _Cells) -> NamedPair:
    return NamedPair(
        line,
        cells.path("first"),
        cells.path("second"),
        cells.truth("same"),
        cells.choice("source", SOURCES),
        cells.text("name"),
    )


def _group(line: int, cells: _Cells) -> NamedGroup:
    value = cells.text("value")
    if not value.strip():
        raise _BadCell("no label", "say what the photograph belongs to, or remove the line")
    split = cells.choice("split", _SPLITS)
    return NamedGroup(
        line, value, cells.path("path"), split, cells.text("apart"), cells.text("name")
    )


_MAKERS: Mapping[Kind, Callable[[int, _Cells], Judged]] = {
    "triplets": _triplet,
    "pairs": _pair,
    "groups": _group,
}
