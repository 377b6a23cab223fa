"""JSON Lines: an object for each judgement. The first one's keys are the columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import cast

from tiefvision.store.judgement_formats.entries import Cells, Flaw, Rows

_REMEDY = 'a line is an object such as {"anchor": "1.jpg", "positive": "2.jpg", ...}'


def read(path: Path) -> Rows:
    """The rows of a file of JSON Lines; a line that is no object is a flaw."""
    rows = _rows(path)
    flaws: list[Flaw] = []
    for row in rows:
        if not isinstance(row, Flaw):
            return Rows(list(row[1]), chain(flaws, [row], rows))
        flaws.append(row)
    return Rows([], iter(flaws))


def _rows(path: Path) -> Iterator[tuple[int, Cells] | Flaw]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                held: object = json.loads(line)
            # UnicodeDecodeError and JSONDecodeError are ValueErrors.
            except (ValueError, RecursionError) as error:
                yield Flaw(number, f"no JSON: {error}", _REMEDY)
                continue
            if isinstance(held, dict):
                yield number, cast("Cells", held)
            else:
                yield Flaw(number, "no JSON object", _REMEDY)


def write(target: Path, header: Sequence[str], rows: Iterator[Mapping[str, str | bool]]) -> None:
    """Write a file of JSON Lines."""
    with target.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps({column: row[column] for column in header}, ensure_ascii=False))
            file.write("\n")
