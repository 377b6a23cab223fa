"""Attributes of photographs from a CSV or Parquet file, joined to the catalogue by path.

    table = read_table(Path("shop.csv"))
    print(describe(table))                     # one line per column: its type, an example
    table.rows["dresses/1.jpg"]["price"]       # 79.95

Cells are JSON's: str, int, float, bool or None, with dates and times as ISO texts (2026-01-31,
2026-01-31T14:30:00); `table.arrow` holds them in the Arrow types of `arrow_type`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tiefvision.errors import Conflict, InvalidInput
from tiefvision.store import attribute_files
from tiefvision.store.attribute_types import arrow_type, composed, stored_column, typed_column
from tiefvision.store.conditions import ColumnType

if TYPE_CHECKING:
    import pyarrow as pa

    from tiefvision.store.attribute_types import ArrowColumn, ArrowTexts

__all__ = [
    "AttributeRows",
    "AttributeTable",
    "ColumnType",
    "Problem",
    "arrow_type",
    "describe",
    "merge_types",
    "normalise_path",
    "read_table",
]

Cell = str | int | float | bool | None

# Names of the join column, the first found wins.
JOIN_COLUMNS = ("path", "file", "filename", "image")
# Names that hits, the catalogue and the vector table use themselves.
RESERVED = frozenset(
    (
        "id",
        "path",
        "similarity",
        "box",
        "also",
        "image_id",
        "content_id",
        "box_revision",
        "attributes_revision",
        "cells",
    )
)
RESERVED_STARTS = ("vector_", "_")
# Lance splits names at points into structs and quotes them with backticks.
IMPOSSIBLE_CHARACTERS = ".`"
MAX_COLUMNS = 200
# Problems told one by one; the rest is counted.
MAX_PROBLEMS = 100
# Rows that `AttributeRows.batches` holds as Python objects at once.
BATCH_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that was left out, and why. line: of the CSV, or row of the Parquet file, from 1."""

    line: int
    message: str


@dataclass(frozen=True, slots=True, eq=False)
class AttributeTable:
    """What an attribute file says.

    columns: attribute columns in the file's order, without the join column.
    rows: attributes by normalised path. arrow: the same cells, typed, one row per path in the
    order of `rows`. empty: columns without a single value, whose type is a guess.
    notices: what the user should know about the file as a whole.
    """

    columns: dict[str, ColumnType]
    rows: AttributeRows
    problems: tuple[Problem, ...]
    problem_count: int
    notices: tuple[str, ...]
    empty: frozenset[str]
    join_column: str

    @property
    def arrow(self) -> pa.Table:
        return self.rows.arrow


class AttributeRows(Mapping[str, dict[str, Cell]]):
    """Attributes by path; a row becomes Python objects only when it is asked for."""

    def __init__(self, places: dict[str, int], arrow: pa.Table) -> None:
        self._places = places
        self.arrow = arrow

    def __getitem__(self, path: str) -> dict[str, Cell]:
        place = self._places[path]
        return self._plain(self.arrow.slice(place, 1))[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[list[tuple[str, dict[str, Cell]]]]:
        """All (path, attributes), `rows` at a time, much faster than path by path."""
        paths = list(self._places)
        for start in range(0, len(paths), rows):
            cells = self._plain(self.arrow.slice(start, rows))
            yield list(zip(paths[start : start + rows], cells, strict=True))

    def _plain(self, part: pa.Table) -> list[dict[str, Cell]]:
        """The rows of a part as dictionaries of JSON values."""
        names = part.column_names
        columns = [[_plain_cell(cell) for cell in column.to_pylist()] for column in part.columns]
        if not names:
            return [{} for _ in range(part.num_rows)]
        return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]


def _plain_cell(cell: Cell | date) -> Cell:
    return cell.isoformat() if isinstance(cell, date) else cell


def normalise_path(path: str) -> str:
    """A path in the form that joins: forward slashes, no leading ./, composed Unicode (NFC)."""
    slashed = unicodedata.normalize("NFC", path.strip()).replace("\\", "/")
    return re.sub(r"^(\./)+", "", re.sub(r"/(\.?/)+", "/", slashed))


def read_table(path: Path, *, known: Mapping[str, ColumnType] | None = None) -> AttributeTable:
    """The attributes in a CSV or Parquet file, by path.

    known: columns that the catalogue already has; one that is text there is not guessed at, so a
    code such as 123 stays text where an earlier file had 0123.
    Rows without a path and repeated paths (the first counts) are left out and reported.
    Raises NotFound for a missing file and InvalidInput, saying what to change, for a file of
    another kind, a row of another length than the header, no join column, a reserved, repeated or
    empty column name, and more than 200 columns.
    """
    attribute_files.check_file(path)
    if path.suffix.lower() in attribute_files.PARQUET_SUFFIXES:
        return _from_parquet(path, known or {})
    return _from_csv(path, known or {})


def _from_csv(path: Path, known: Mapping[str, ColumnType]) -> AttributeTable:
    format = attribute_files.csv_format(path)
    names = _clean_names(format.header)
    join = _checked_header(path, names)
    table = attribute_files.read_csv(path, format).rename_columns(names)
    notices: list[str] = []
    if format.encoding in ("cp1252", "latin-1"):
        notices.append(f"{path.name} is not UTF-8; read as {format.encoding}")
    kept, places, bad_rows = _join(table, join)
    shown = sorted(bad_rows)[:MAX_PROBLEMS]
    wanted = set(shown) | {first for number in shown if (first := bad_rows[number][1]) >= 0}
    lines = attribute_files.line_numbers(path, format, wanted) if wanted else {}
    problems = tuple(_problem(number, bad_rows[number], lines) for number in shown)
    texts = kept.drop_columns([join])
    columns: dict[str, ColumnType] = {}
    cells: list[ArrowColumn] = []
    for name in texts.column_names:
        if known.get(name) is ColumnType.TEXT:
            type, column, notice = ColumnType.TEXT, texts[name], ""
        else:
            type, column, notice = typed_column(texts[name])
        columns[name] = type
        cells.append(composed(column) if type is ColumnType.TEXT else column)
        if notice:
            notices.append(f"column {name}: {notice}")
    return _table(columns, cells, places, problems, len(bad_rows), notices, join)


def _from_parquet(path: Path, known: Mapping[str, ColumnType]) -> AttributeTable:
    raw, notices = attribute_files.read_parquet(path)
    names = _clean_names(raw.column_names)
    join = _checked_header(path, names)
    table = raw.rename_columns(names)
    kept, places, bad_rows = _join(table, join)
    shown = sorted(bad_rows)[:MAX_PROBLEMS]
    problems = tuple(_problem(number, bad_rows[number], {}) for number in shown)
    columns: dict[str, ColumnType] = {}
    cells: list[ArrowColumn] = []
    for name in kept.column_names:
        if name == join:
            continue
        type, column, notice = stored_column(kept[name])
        if known.get(name) is ColumnType.TEXT and type is ColumnType.INTEGER:
            type, column = ColumnType.TEXT, column.cast(arrow_type(ColumnType.TEXT))
        columns[name] = type
        cells.append(composed(column) if type is ColumnType.TEXT else column)
        if notice:
            notices.append(f"column {name}: {notice}")
    return _table(columns, cells, places, problems, len(bad_rows), notices, join)


def _table(
    columns: dict[str, ColumnType],
    cells: list[ArrowColumn],
    places: dict[str, int],
    problems: tuple[Problem, ...],
    problem_count: int,
    notices: list[str],
    join: str,
) -> AttributeTable:
    import pyarrow as pa

    arrow = pa.Table.from_arrays(cells, names=list(columns)).combine_chunks()
    if join != "path":
        notices.insert(0, f"joined by the column {join}")
    return AttributeTable(
        columns=columns,
        rows=AttributeRows(places, arrow),
        problems=problems,
        problem_count=problem_count,
        notices=tuple(notices),
        empty=frozenset(
            name for name in columns if arrow.num_rows == arrow.column(name).null_count
        ),
        join_column=join,
    )


def _clean_names(names: list[str] | tuple[str, ...]) -> list[str]:
    return [unicodedata.normalize("NFC", name.strip()) for name in names]


def _checked_header(path: Path, names: list[str]) -> str:
    """The join column's name. Raises InvalidInput for a header that cannot be used."""
    if len(names) > MAX_COLUMNS:
        raise InvalidInput(
            f"{path} has {len(names)} columns; expected at most {MAX_COLUMNS}",
            remedy="keep the columns that you want to filter by or see beside a hit",
        )
    by_folded_name = {name.casefold(): name for name in reversed(names)}
    join = next((by_folded_name[name] for name in JOIN_COLUMNS if name in by_folded_name), None)
    if join is None:
        raise InvalidInput(
            f"{path} has no column `path`; its columns are {', '.join(names[:MAX_COLUMNS])}",
            remedy="name the column with the photographs' paths `path` (or file, filename, image)",
        )
    attributes = [name for number, name in enumerate(names) if number != names.index(join)]
    if not attributes:
        raise InvalidInput(f"{path} has only the column {join}; expected at least one attribute")
    for number, name in enumerate(names, start=1):
        if not name:
            raise InvalidInput(
                f"{path}: column {number} has no name",
                remedy="give it one in the header; pandas leaves row numbers out with index=False",
            )
    for name in attributes:
        _check_name(path, name, repeated=names.count(name) > 1)
    return join


def _check_name(path: Path, name: str, *, repeated: bool) -> None:
    folded = name.casefold()
    reserved = folded in RESERVED or folded.startswith(RESERVED_STARTS)
    impossible = [sign for sign in name if sign in IMPOSSIBLE_CHARACTERS or not sign.isprintable()]
    if reserved:
        renamed = "product_" + name.lstrip("_")
        raise InvalidInput(
            f"{path}: the column name {name} is reserved for TiefVision itself",
            remedy=f"rename it, for example to {renamed}",
        )
    if impossible:
        renamed = "".join(" " if sign in impossible else sign for sign in name).strip()
        raise InvalidInput(
            f"{path}: the column name {name!r} holds {impossible[0]!r}, which no column may hold",
            remedy=f"rename it, for example to {' '.join(renamed.split()) or 'column'}",
        )
    if repeated:
        raise InvalidInput(
            f"{path} has more than one column {name}", remedy="rename or remove one of them"
        )


def _join(
    table: pa.Table, join: str
) -> tuple[pa.Table, dict[str, int], dict[int, tuple[str, int]]]:
    """The rows to keep, the place of each path among them, and the rows left out.

    A row left out stands under its number (from 0) with its path and the first row of that path;
    ("", -1) where it has no path.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.types as kinds

    kind = table[join].type
    plain = kind.value_type if kinds.is_dictionary(kind) else kind
    if not (kinds.is_string(plain) or kinds.is_large_string(plain) or kinds.is_string_view(plain)):
        raise InvalidInput(f"the column {join} holds {kind}; expected paths as texts")
    paths = cast("ArrowTexts", table[join].cast(pa.string()))
    first_rows: dict[str, int] = {}
    bad_rows: dict[int, tuple[str, int]] = {}
    for number, raw in enumerate(_iterate(paths)):
        path = normalise_path(raw) if raw else ""
        if not path:
            bad_rows[number] = ("", -1)
        elif path in first_rows:
            bad_rows[number] = (path, first_rows[path])
        else:
            first_rows[path] = number
    if not bad_rows:
        return table, first_rows, bad_rows
    keep = np.ones(table.num_rows, dtype=bool)
    keep[list(bad_rows)] = False
    places = {path: place for place, path in enumerate(first_rows)}
    return table.filter(pa.array(keep)), places, bad_rows


def _iterate(column: ArrowTexts) -> Iterator[str | None]:
    """The cells as Python texts, a bounded number at a time."""
    for start in range(0, len(column), BATCH_ROWS):
        yield from column.slice(start, BATCH_ROWS).to_pylist()


def _problem(number: int, bad_row: tuple[str, int], lines: dict[int, int]) -> Problem:
    path, first = bad_row
    line = lines.get(number, number + 1)
    if not path:
        return Problem(line, "no path; the row is left out")
    return Problem(
        line, f"{path} stands already in line {lines.get(first, first + 1)}; this row is left out"
    )


def merge_types(
    old: Mapping[str, ColumnType],
    new: Mapping[str, ColumnType],
    *,
    empty: frozenset[str] = frozenset(),
) -> dict[str, ColumnType]:
    """The types of a catalogue's columns after a further file; old columns first.

    integer and number become number; a column of the new file without values (`empty`) takes the
    old type. Raises Conflict, naming the column, for any other two types.
    """
    merged = dict(old)
    for name, type in new.items():
        before = merged.setdefault(name, type)
        if before is type or name in empty:
            continue
        if {before, type} == {ColumnType.INTEGER, ColumnType.NUMBER}:
            merged[name] = ColumnType.NUMBER
            continue
        raise Conflict(
            f"the column {name} is {before} in the catalogue and {type} in the new file",
            remedy=f"make every cell of {name} {before} (or empty), or rename the column",
        )
    return merged


def describe(table: AttributeTable) -> str:
    """One line per column: name, type, an example, the share of empty cells."""
    import pyarrow.compute as pc

    lines: list[tuple[str, str, str, str]] = []
    for name, type in table.columns.items():
        column = table.arrow[name]
        first = pc.drop_null(column).slice(0, 1).to_pylist()
        example = "no value" if not first else f"such as {_shown(_plain_cell(first[0]))}"
        share = column.null_count / max(1, len(column))
        lines.append((name, str(type), example, f"{share:.0%} empty"))
    widths = [max((len(line[cell]) for line in lines), default=0) for cell in range(3)]
    return "\n".join(
        "  ".join(
            (*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[3])
        )
        for line in lines
    )


def _shown(cell: Cell) -> str:
    """A cell on at most 30 characters, its line breaks as spaces."""
    text = " ".join(str(cell).lower().split() if isinstance(cell, bool) else str(cell).split())
    return text if len(text) <= 30 else text[:29] + "…"
