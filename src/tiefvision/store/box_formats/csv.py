"""CSV: a line for each box, with a header.

Edges are left, top, right, bottom in pixels, half-open. Other columns are passed over.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tiefvision.errors import InvalidInput
from tiefvision.store.attribute_files import csv_format
from tiefvision.store.attributes import JOIN_COLUMNS
from tiefvision.store.box_formats.annotations import BoxedPhotograph, Drawn, Entry, Flaw, plain

# What each column may be called; the first name is the one that is written.
_COLUMNS = {
    "path": JOIN_COLUMNS,
    "label": ("label", "class"),
    "left": ("left", "xmin", "x1"),
    "top": ("top", "ymin", "y1"),
    "right": ("right", "xmax", "x2"),
    "bottom": ("bottom", "ymax", "y2"),
}


def read(path: Path) -> Iterator[Entry]:
    """The boxes of a CSV file. Raises InvalidInput when it has not the columns of boxes."""
    format = csv_format(path)
    places = _places(path, format.header)
    with path.open(encoding=format.encoding, newline="") as file:
        rows = csv.reader(file, delimiter=format.delimiter)
        header_seen = False
        try:
            for row in rows:
                if row and header_seen:
                    yield _entry(row, places, f"line {rows.line_num}")
                header_seen = header_seen or bool(row)
        except csv.Error as error:
            raise InvalidInput(f"{path}, line {rows.line_num}: {error}") from None


def _places(path: Path, header: Sequence[str]) -> list[int]:
    names = [name.strip().lower() for name in header]
    places = [
        next((names.index(name) for name in accepted if name in names), None)
        for accepted in _COLUMNS.values()
    ]
    found = [place for place in places if place is not None]
    if len(found) < len(places):
        missing = [name for name, place in zip(_COLUMNS, places, strict=True) if place is None]
        raise InvalidInput(
            f"{path} has no column {', '.join(missing)}; its columns are {', '.join(header)}",
            remedy=f"its first line must be {','.join(_COLUMNS)}",
        )
    return found


def _entry(row: Sequence[str], places: Sequence[int], place: str) -> Entry:
    if len(row) <= max(places):
        return Flaw(place, f"{len(row)} cells are too few: {','.join(row)[:80]}")
    path, label, *edges = (row[number] for number in places)
    try:
        left, top, right, bottom = (float(edge) for edge in edges)
    except ValueError:
        return Flaw(place, f"{', '.join(edges)} are not four numbers: left, top, right, bottom")
    return Drawn(path, label, (left, top, right, bottom), place)


def write(target: Path, photographs: Iterable[BoxedPhotograph], labels: Sequence[str]) -> None:
    """Write a CSV file."""
    with target.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(_COLUMNS)
        for photograph in photographs:
            for labelled in photograph.boxes:
                edges = (plain(edge) for edge in labelled.box.as_list())
                rows.writerow((photograph.path, labelled.label, *edges))
