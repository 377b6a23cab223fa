"""CSV and Parquet files of attributes, read into Arrow columns.

pyarrow is imported inside the functions: importing pyarrow.csv costs time that a search without
filters must not pay.
"""

from __future__ import annotations

import codecs
import csv
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tiefvision.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    import pyarrow as pa

CSV_SUFFIXES = (".csv", ".tsv", ".txt")
PARQUET_SUFFIXES = (".parquet", ".pq")
DELIMITERS = (",", ";", "\t")
# One read of the scan that finds a file's encoding; bounds its memory.
SCAN_BYTES = 1 << 22
# Longest cell that a CSV may hold; the csv module's own limit of 128 KiB is below real texts.
CELL_CHARACTERS = 1 << 24


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """How a CSV file is written: encoding (a codec's name), delimiter, the names of its header.

    quotes: how many double quotes the file holds.
    """

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    quotes: int


def check_file(path: Path) -> None:
    """Raises NotFound for a missing file, with near matches, and InvalidInput for another kind."""
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder; expected a .csv or .parquet file of attributes")
    if not path.exists():
        raise _missing(path)
    suffix = path.suffix.lower()
    if suffix not in CSV_SUFFIXES + PARQUET_SUFFIXES:
        raise InvalidInput(
            f"{path} is no attribute file: it ends in {suffix or 'nothing'}; "
            "expected .csv, .tsv or .parquet",
            remedy="save the table as CSV (UTF-8) with a column `path`",
        )


def _missing(path: Path) -> NotFound:
    folder = path.parent
    names = [file.name for file in folder.iterdir()] if folder.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=3)
    if not folder.is_dir():
        return NotFound(f"no attribute file {path}: there is no folder {folder}")
    remedy = f"did you mean {' or '.join(str(folder / name) for name in near)}?" if near else ""
    return NotFound(f"no attribute file {path}", remedy=remedy)


def csv_format(path: Path) -> CsvFormat:
    """The file's encoding, delimiter and header. Raises InvalidInput for an empty or binary file.

    UTF-8 (with or without a byte order mark) where all of it decodes, else Windows-1252, and
    Latin-1 where that has no character for a byte; UTF-16 with its byte order mark.
    """
    encoding, quotes = _encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        header_line = next((line for line in file if line.strip()), "")
    if not header_line:
        raise InvalidInput(f"{path} is empty; expected a header line with a column `path`")
    counts = {sign: len(_split(header_line, sign)) for sign in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda sign: counts[sign])
    csv.field_size_limit(CELL_CHARACTERS)
    with path.open(encoding=encoding, newline="") as file:
        header = next(row for row in csv.reader(file, delimiter=delimiter) if row)
    return CsvFormat(encoding, delimiter, tuple(header), quotes)


def _split(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _encoding(path: Path) -> tuple[str, int]:
    """The codec that decodes the whole file, and its number of double quotes."""
    decoders = {name: codecs.getincrementaldecoder(name)() for name in ("utf-8", "cp1252")}
    quotes, first = 0, True
    with path.open("rb") as file:
        while block := file.read(SCAN_BYTES):
            if first and block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                return "utf-16", 0
            first = False
            if b"\x00" in block:
                raise InvalidInput(f"{path} is a binary file; expected a CSV or Parquet file")
            quotes += block.count(b'"')
            for name, decoder in list(decoders.items()):
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    del decoders[name]
    if "utf-8" in decoders and not decoders["utf-8"].getstate()[0]:
        return "utf-8-sig", quotes
    return ("cp1252" if "cp1252" in decoders else "latin-1"), quotes


def read_csv(path: Path, format: CsvFormat) -> pa.Table:
    """Every cell as text, NULL where empty; columns in the header's order, under its names.

    Raises InvalidInput, naming the line, for a row that is shorter or longer than the header.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    # Column numbers as names: the header may repeat a name.
    names = [str(number) for number in range(len(format.header))]
    encoding = "utf8" if format.encoding == "utf-8-sig" else format.encoding
    try:
        table = arrow_csv.read_csv(
            path,
            read_options=arrow_csv.ReadOptions(
                encoding=encoding, column_names=names, skip_rows_after_names=1
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=format.delimiter, newlines_in_values=True
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise _unreadable_csv(path, format, error) from None
    if format.quotes % 2 and table.num_rows:
        last = table.slice(table.num_rows - 1).to_pylist()[0]
        if any(cell is not None and "\n" in cell for cell in last.values()):
            line = line_numbers(path, format, {table.num_rows - 1})[table.num_rows - 1]
            raise InvalidInput(
                f"{path}, line {line}: a quoted text begins here and never ends",
                remedy='close the quote; inside a quoted text write a double quote twice ("")',
            )
    return table.rename_columns(list(format.header))


def _unreadable_csv(path: Path, format: CsvFormat, error: Exception) -> InvalidInput:
    """The error for a file that pyarrow refuses: with the line where rows differ in length."""
    width = len(format.header)
    try:
        for line, row in _csv_rows(path, format):
            if len(row) != width:
                shown = format.delimiter.join(row)
                return InvalidInput(
                    f"{path}, line {line}: {len(row)} cells; expected {width} as in the header: "
                    f"{shown[:80]}",
                    remedy="put a cell that holds the delimiter in double quotes",
                )
    except csv.Error as csv_error:
        return InvalidInput(f"{path} is no CSV file: {csv_error}")
    return InvalidInput(f"{path} is no CSV file: {error}")


def _csv_rows(path: Path, format: CsvFormat) -> Iterator[tuple[int, list[str]]]:
    """Every row below the header with the line (from 1) where it begins; no blank lines."""
    csv.field_size_limit(CELL_CHARACTERS)
    with path.open(encoding=format.encoding, newline="") as file:
        reader = csv.reader(file, delimiter=format.delimiter)
        header_seen, last_line = False, 0
        for row in reader:
            line, last_line = last_line + 1, reader.line_num
            if row and header_seen:
                yield line, row
            header_seen = header_seen or bool(row)


def line_numbers(path: Path, format: CsvFormat, rows: set[int]) -> dict[int, int]:
    """The file's line of each given row (from 0, header not counted)."""
    last = max(rows, default=-1)
    lines: dict[int, int] = {}
    for number, (line, _) in enumerate(_csv_rows(path, format)):
        if number in rows:
            lines[number] = line
        if number >= last:
            break
    return lines


def read_parquet(path: Path) -> tuple[pa.Table, list[str]]:
    """The columns that attributes can come from, and a notice for each one left out.

    Raises InvalidInput for a damaged file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        kept: list[str] = []
        notices: list[str] = []
        for field in file.schema_arrow:
            if field.name.startswith("__index_level_"):
                continue  # pandas' row numbers
            if _holds_attributes(field.type):
                kept.append(field.name)
            else:
                notices.append(
                    f"column {field.name} is left out: {field.type} is no text, number, boolean, "
                    "date or time"
                )
        return file.read(columns=kept), notices
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidInput(
            f"{path} is no readable Parquet file: {str(error).splitlines()[0]}"
        ) from None


def _holds_attributes(type: pa.DataType) -> bool:
    import pyarrow.types as kinds

    if kinds.is_dictionary(type):
        return _holds_attributes(type.value_type)
    return any(
        is_kind(type)
        for is_kind in (
            kinds.is_null,
            kinds.is_string,
            kinds.is_large_string,
            kinds.is_string_view,
            kinds.is_integer,
            kinds.is_floating,
            kinds.is_decimal,
            kinds.is_boolean,
            kinds.is_date,
            kinds.is_timestamp,
        )
    )
