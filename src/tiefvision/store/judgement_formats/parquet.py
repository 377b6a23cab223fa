"""Parquet: a row for each judgement; its line is its number, from 1.

pyarrow is imported inside the functions: it takes longer than most commands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from tiefvision.errors import InvalidInput
from tiefvision.store.judgement_formats.columns import KNOWN, folded
from tiefvision.store.judgement_formats.entries import Cells, Rows

if TYPE_CHECKING:
    import pyarrow.parquet as pq

# Rows that are Python objects at once.
_ROWS_AT_ONCE = 10_000


def read(path: Path) -> Rows:
    """The rows of a Parquet file. Raises InvalidInput for a damaged one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        header = file.schema_arrow.names
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None
    return Rows(header, _rows(path, file, [name for name in header if folded(name) in KNOWN]))


def _rows(path: Path, file: pq.ParquetFile, columns: list[str]) -> Iterator[tuple[int, Cells]]:
    import pyarrow as pa

    line = 0
    try:
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=columns):
            for cells in batch.to_pylist():
                line += 1
                yield line, cells
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> InvalidInput:
    return InvalidInput(
        f"{path} is no readable Parquet file: {str(error).splitlines()[0]}",
        remedy="write it again, or save the table as CSV (UTF-8)",
    )


def write(target: Path, header: Sequence[str], rows: Iterator[Mapping[str, str | bool]]) -> None:
    """Write a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = [pa.bool_() if name in ("mirrored", "same") else pa.string() for name in header]
    schema = pa.schema(list(zip(header, types, strict=True)))
    with pq.ParquetWriter(target, schema) as file:
        while some := list(islice(rows, _ROWS_AT_ONCE)):
            file.write_table(pa.Table.from_pylist([dict(row) for row in some], schema=schema))
