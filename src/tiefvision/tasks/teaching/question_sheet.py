"""A sheet of questions as a CSV file: a person writes 1 or 2 behind each, or nothing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tiefvision.errors import Conflict, InvalidInput
from tiefvision.store import judgement_formats
from tiefvision.store.judgement_formats import csv
from tiefvision.store.judgement_formats.columns import folded
from tiefvision.store.judgement_formats.entries import Cells, Flaw, NamedTriplet
from tiefvision.tasks.locating.boxes import check_target

# `asked` says what was answered before the sheet was made, and what from it.
COLUMNS = ("anchor", "first", "second", "answer", "reason", "name", "asked")
_NEEDED = COLUMNS[:4]
# Characters of a bad cell that are shown.
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class SheetLine:
    """A question by the paths of its photographs. reason: why it is asked, in words."""

    anchor: str
    first: str
    second: str
    reason: str


@dataclass(frozen=True, slots=True)
class Answer(NamedTriplet):
    """A line that is answered. asked_at: seconds since 1970; None where the sheet does not say."""

    asked_at: float | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """What was read from a sheet. skipped: lines without an answer."""

    answered: Sequence[Answer]
    skipped: int
    flaws: Sequence[Flaw]


def check_sheet(file: str | Path) -> Path:
    """The file of a sheet to come. Raises Conflict where it exists: it may hold answers."""
    target = Path(file).expanduser().absolute()
    check_target(target, is_folder=False)
    if target.exists():
        raise Conflict(
            f"{target} exists, and may hold answers",
            remedy=f"take them over: tiefvision triplets answer {target}; or name a new file",
        )
    return target


def write(target: Path, lines: Sequence[SheetLine], *, name: str, now: float) -> None:
    """Write a sheet, whole or not at all.

    name: of the ranker that shall learn the answers. now: seconds since 1970.
    """
    asked = datetime.fromtimestamp(now, UTC).isoformat()
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".questions-") as place:
        partial = Path(place) / target.name
        csv.write(partial, COLUMNS, (_row(line, name, asked) for line in lines))
        os.replace(partial, target)


def read(source: Path) -> Answers:
    """The lines of a sheet that are answered.

    Raises NotFound, and InvalidInput for a file that is no sheet.
    """
    rows = judgement_formats.of_file(source, "csv").read_rows(source)
    names = {folded(column): column for column in rows.header}
    missing = [column for column in _NEEDED if column not in names]
    if missing:
        raise InvalidInput(
            f"{source} has no column {', '.join(missing)}; its columns are "
            f"{', '.join(rows.header) or 'none'}",
            remedy="tiefvision triplets ask --out FILE writes a sheet to fill in",
        )
    answered: list[Answer] = []
    flaws: list[Flaw] = []
    skipped = 0
    for row in rows.rows:
        found = row if isinstance(row, Flaw) else _answer(row[0], row[1], names)
        if found is None:
            skipped += 1
        elif isinstance(found, Flaw):
            flaws.append(found)
        else:
            answered.append(found)
    return Answers(answered, skipped, flaws)


def _row(line: SheetLine, name: str, asked: str) -> Mapping[str, str | bool]:
    cells = (line.anchor, line.first, line.second, "", line.reason, name, asked)
    return dict(zip(COLUMNS, cells, strict=True))


def _answer(line: int, cells: Cells, names: Mapping[str, str]) -> Answer | Flaw | None:
    """An answered line; None for one that is not."""
    said = {column: str(cells.get(names.get(column, "")) or "").strip() for column in COLUMNS}
    anchor, first, second = said["anchor"], said["first"], said["second"]
    # A spreadsheet may write integers beside empty cells as 1.0.
    answer = said["answer"].removesuffix(".0")
    if not answer:
        return None
    if answer not in ("1", "2"):
        shown = said["answer"][:_SHOWN]
        remedy = "write 1 or 2, or nothing to skip the question"
        return Flaw(line, f"the answer is {shown!r}", remedy)
    if not (anchor and first and second):
        lost = next(column for column in _NEEDED if not said[column])
        return Flaw(line, f"no {lost}", "every line names all of its photographs")
    try:
        asked = _asked_at(said["asked"])
    except ValueError:
        shown = said["asked"][:_SHOWN]
        remedy = "leave the column as tiefvision triplets ask wrote it"
        return Flaw(line, f"asked is {shown!r}, which is no time", remedy)
    chosen, other = (first, second) if answer == "1" else (second, first)
    return Answer(line, anchor, chosen, other, source="asked", name=said["name"], asked_at=asked)


def _asked_at(text: str) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None
