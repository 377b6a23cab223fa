"""CSV: a line for each judgement, with a header."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tiefvision.errors import InvalidInput
from tiefvision.store.attribute_files import CsvFormat, csv_format
from tiefvision.store.judgement_formats.entries import Cells, Flaw, Rows


def read(path: Path) -> Rows:
    """The rows of a CSV file. Raises InvalidInput for an empty, binary or broken one."""
    format = csv_format(path)
    return Rows(format.header, _rows(path, format))


def _rows(path: Path, format: CsvFormat) -> Iterator[tuple[int, Cells] | Flaw]:
    width = len(format.header)
    with path.open(encoding=format.encoding, newline="") as file:
        # strict: a quoted text that never ends is an error, not one long cell.
        rows = csv.reader(file, delimiter=format.delimiter, strict=True)
        header_seen, line = False, 1
        try:
            for row in rows:
                if row and header_seen:
                    if len(row) == width:
                        yield line, dict(zip(format.header, row, strict=True))
                    else:
                        yield Flaw(
                            line,
                            f"{len(row)} cells; expected {width} as in the header",
                            "put a cell that holds the delimiter in double quotes",
                        )
                header_seen, line = header_seen or bool(row), rows.line_num + 1
        except csv.Error as error:
            raise InvalidInput(
                f"{path}, from line {line}: {error}",
                remedy='close every quote; inside a quoted text write a double quote twice ("")',
            ) from None


def write(target: Path, header: Sequence[str], rows: Iterator[Mapping[str, str | bool]]) -> None:
    """Write a CSV file."""
    with target.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(header)
        for row in rows:
            lines.writerow(_written(row[column]) for column in header)


def _written(cell: str | bool) -> str:
    return str(cell).lower() if isinstance(cell, bool) else cell
