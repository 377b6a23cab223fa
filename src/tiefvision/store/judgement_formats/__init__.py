"""The formats of files of judgements: reading, writing, and telling which one a file has."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tiefvision.errors import InvalidInput, NotFound
from tiefvision.store.judgement_formats import columns, csv, jsonl, parquet
from tiefvision.store.judgement_formats.entries import Flaw, Judged, Kind, Rows

_Write = Callable[[Path, Sequence[str], Iterator[Mapping[str, str | bool]]], None]


@dataclass(frozen=True, slots=True)
class JudgementFormat:
    """A format of judgements."""

    name: str
    suffixes: Sequence[str]
    read_rows: Callable[[Path], Rows]
    write_rows: _Write

    def read(self, file: Path) -> tuple[Kind, Iterator[Judged | Flaw]]:
        """Which judgements a file holds, and those, with what is wrong with a line.

        Raises InvalidInput for a damaged file and for missing columns.
        """
        rows = self.read_rows(file)
        if not rows.header and (flaw := next(rows.rows, None)) is not None:
            assert isinstance(flaw, Flaw), "a row has columns"
            raise InvalidInput(f"{file}, line {flaw.line}: {flaw.message}", remedy=flaw.remedy)
        layout = columns.layout(file, rows.header)
        return layout.kind, columns.entries(rows, layout)

    def write(self, target: Path, kind: Kind, judged: Iterable[Judged]) -> None:
        """Write a new file of judgements of one kind."""
        self.write_rows(target, columns.header(kind), columns.cells(kind, judged))


FORMATS = {
    format.name: format
    for format in (
        JudgementFormat("csv", (".csv", ".tsv"), csv.read, csv.write),
        JudgementFormat("parquet", (".parquet", ".pq"), parquet.read, parquet.write),
        JudgementFormat("jsonl", (".jsonl", ".ndjson"), jsonl.read, jsonl.write),
    )
}
_CHOICE = f"--format {'|'.join(FORMATS)}"


def of_file(file: Path, name: str | None = None) -> JudgementFormat:
    """The format of a file that exists: the named one, or that of its suffix.

    Raises NotFound, and InvalidInput for a folder, an empty file and an unknown format.
    """
    if not file.exists():
        siblings = [each.name for each in file.parent.iterdir()] if file.parent.is_dir() else []
        near = difflib.get_close_matches(file.name, siblings, n=1)
        raise NotFound(
            f"there is no file {file}",
            remedy=f"did you mean {file.parent / near[0]}?" if near else "",
        )
    if file.is_dir():
        raise InvalidInput(f"{file} is a folder; expected a .csv, .parquet or .jsonl file")
    if file.stat().st_size == 0:
        raise InvalidInput(f"{file} is empty", remedy="its first line names its columns")
    return of_name(file, name)


def of_name(file: Path, name: str | None = None) -> JudgementFormat:
    """The named format, or that of a file's suffix. Raises InvalidInput."""
    if name is not None:
        if name not in FORMATS:
            raise InvalidInput(
                f"there is no format {name!r} of judgements", remedy=f"say which: {_CHOICE}"
            )
        return FORMATS[name]
    suffix = file.suffix.lower()
    for format in FORMATS.values():
        if suffix in format.suffixes:
            return format
    raise InvalidInput(
        f"the format of {file} cannot be told from its name", remedy=f"say which: {_CHOICE}"
    )
