"""Reads a file of boxes and checks every one against the photographs of a catalogue."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from tiefvision.errors import InvalidBox, InvalidInput, NotReady, TiefVisionError
from tiefvision.maths.boxes import Box, clip
from tiefvision.store import photographs
from tiefvision.store.box_formats import BoxFormat
from tiefvision.store.box_formats.annotations import (
    Drawn,
    Edges,
    Entry,
    Flaw,
    Ignored,
    held,
    label_of,
)
from tiefvision.store.boxes import Labelled
from tiefvision.store.database import Database
from tiefvision.store.photographs import Photograph
from tiefvision.tasks.locating.box_matching import UNKNOWN, Matches, match, near_matches
from tiefvision.tasks.progress import Progress, counted

# Problems and unmatched photographs that are told one by one; the rest is counted.
MOST_TOLD = 20
# Examples of names where no photograph is found.
_EXAMPLES = 3
# How far a right box may reach out of its photograph: formats count pixels from 0 or from 1.
_ROUNDING_PX = 1.0
# A box of the file with the label that it gets.
_Labelled = tuple[str, Drawn]


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A photograph that a file names and that was not found. near: one with a similar name."""

    path: str
    boxes: int
    reason: str
    near: str | None


@dataclass(slots=True)
class Problems:
    """Boxes that cannot be right; the first of them are told."""

    told: list[str] = field(default_factory=list[str])
    count: int = 0

    def add(self, place: str, message: str) -> None:
        self.count += 1
        if len(self.told) < MOST_TOLD:
            self.told.append(f"{place}: {message}")

    def __str__(self) -> str:
        rest = self.count - len(self.told)
        return "\n".join([*self.told, *([f"and {rest:,} more"] if rest else [])])


@dataclass(slots=True)
class Reading:
    """What a file of boxes says of a catalogue's photographs.

    boxes: by content id. clipped: boxes cut at the photograph's edge, because they reached further
    out of it than rounding does. ignored: what was passed over by design, by kind.
    """

    boxes: dict[str, dict[Labelled, None]] = field(default_factory=dict[str, dict[Labelled, None]])
    problems: Problems = field(default_factory=Problems)
    ignored: Counter[str] = field(default_factory=Counter[str])
    clipped: int = 0
    unmatched: Sequence[Unmatched] = ()
    unmatched_count: int = 0
    unmatched_boxes: int = 0
    by_file_name: int = 0


def read_boxes(
    source: Path,
    form: BoxFormat,
    database: Database,
    *,
    labels: Collection[str] | None,
    as_label: str | None,
    progress: Progress,
) -> Reading:
    """The boxes of a file, checked, by the content of their photographs.

    Raises InvalidInput for a file that is not of the format, holds no box (of the labels), or
    names no photograph of the catalogue, and NotReady for a catalogue without photographs.
    """
    reading = Reading()
    with progress("reading boxes", None, unit="boxes") as advance:
        entries = counted(form.read(source), advance)
        drawn = _wanted(source, entries, reading, labels=labels, as_label=as_label)
    names = Counter(each.path for _, each in drawn)
    folder = source if source.is_dir() else source.parent
    with progress("finding photographs", None) as advance:
        known = counted(photographs.each(database), advance)
        matches = match(
            names,
            known,
            folder=folder,
            name_key=form.name_key,
            photograph_key=form.photograph_key,
        )
    _tell_unmatched(reading, matches, names, database)
    if drawn and not matches.photographs:
        raise _nothing_found(source, reading, database)
    with progress("checking boxes", len(drawn), unit="boxes") as advance:
        _check(counted(drawn, advance), matches, reading)
    return reading


def _wanted(
    source: Path,
    entries: Iterable[Entry],
    reading: Reading,
    *,
    labels: Collection[str] | None,
    as_label: str | None,
) -> list[_Labelled]:
    """The boxes that bear the labels asked for; the rest is noted in `reading`."""
    wanted = None if labels is None else {usable_label(label) for label in labels}
    new_label = None if as_label is None else usable_label(as_label)
    drawn: list[_Labelled] = []
    seen: set[str] = set()
    for entry in entries:
        if isinstance(entry, Flaw):
            reading.problems.add(entry.place, entry.message)
        elif isinstance(entry, Ignored):
            reading.ignored[entry.what] += 1
        else:
            label = label_of(entry.label)
            seen.add(label)
            if wanted is not None and label not in wanted:
                continue
            if new_label is None and not (label and label.isprintable()):
                reading.problems.add(entry.place, f"{entry.label!r} is no label")
            else:
                drawn.append((new_label or label, entry))
    for label in sorted((wanted or set[str]()) - seen):
        raise unknown_label(label, seen, whose=f"{source} has")
    if not drawn and not reading.problems.count:
        raise InvalidInput(f"{source} holds no boxes")
    return drawn


def _tell_unmatched(
    reading: Reading, matches: Matches, names: Mapping[str, int], database: Database
) -> None:
    reasons = matches.reasons
    told = list(reasons)[:MOST_TOLD]
    unknown = [name for name in told if reasons[name] == UNKNOWN]
    near = near_matches(unknown, photographs.each(database))
    reading.unmatched = [
        Unmatched(name, names[name], reasons[name], near.get(name)) for name in told
    ]
    reading.unmatched_count = len(reasons)
    reading.unmatched_boxes = sum(names[name] for name in reasons)
    reading.by_file_name = matches.by_file_name


def _nothing_found(source: Path, reading: Reading, database: Database) -> TiefVisionError:
    held_paths = [each.file for each in islice(photographs.each(database), _EXAMPLES)]
    if not held_paths:
        return NotReady(
            "the catalogue holds no photographs yet", remedy="index them: tiefvision index PHOTOS"
        )
    examples = [f"  {each.path}: {each.reason}" for each in reading.unmatched[:_EXAMPLES]]
    return InvalidInput(
        "\n".join(
            [
                f"none of the {reading.unmatched_count:,} photographs that {source} names was "
                "found, for example",
                *examples,
                "the catalogue holds, for example",
                *(f"  {path}" for path in held_paths),
            ]
        ),
        remedy="change the names in the file, or index its photographs: tiefvision index PHOTOS",
    )


def _check(drawn: Iterable[_Labelled], matches: Matches, reading: Reading) -> None:
    other_size: set[str] = set()
    for label, each in drawn:
        photograph = matches.photographs.get(each.path)
        if photograph is None or each.path in other_size:
            continue
        content_id, width, height = _indexed(photograph)
        if each.size not in (None, (width, height)):
            other_size.add(each.path)
            reading.problems.add(each.place, _about_size(each, width, height))
            continue
        edges = held(_in_pixels(each.edges, width, height) if each.relative else each.edges)
        try:
            box = Box(*edges)
            if edges[0] < 0 or edges[1] < 0 or edges[2] > width or edges[3] > height:
                box = clip(box, width=width, height=height)
                reading.clipped += _overhang(edges, box) > _ROUNDING_PX
        except InvalidBox as error:
            reading.problems.add(each.place, error.message)
            continue
        reading.boxes.setdefault(content_id, {})[label, box] = None


def _indexed(photograph: Photograph) -> tuple[str, int, int]:
    content_id, width, height = photograph.content_id, photograph.width, photograph.height
    assert content_id is not None and width is not None and height is not None, "it is indexed"
    return content_id, width, height


def _about_size(drawn: Drawn, width: int, height: int) -> str:
    assert drawn.size is not None, "the file states it"
    stated = f"{drawn.path} has {drawn.size[0]} x {drawn.size[1]} px in the file"
    turned = drawn.size == (height, width)
    hint = ": the boxes were drawn on the photograph as it lies, not upright" if turned else ""
    return f"{stated}, and {width} x {height} in the catalogue{hint}"


def _in_pixels(fractions: Edges, width: int, height: int) -> Edges:
    left, top, right, bottom = fractions
    return left * width, top * height, right * width, bottom * height


def _overhang(edges: Edges, inside: Box) -> float:
    """How far edges lie out of what is left of them, in pixels."""
    return max(abs(edge - kept) for edge, kept in zip(edges, inside.as_list(), strict=True))


def usable_label(text: str) -> str:
    """A label in its one form. Raises InvalidInput for an empty one and for odd characters."""
    label = label_of(text)
    if not label or not label.isprintable():
        raise InvalidInput(f"{text!r} is no label: expected a name such as dress")
    return label


def unknown_label(label: str, known: Iterable[str], *, whose: str) -> InvalidInput:
    """The error for a label that is not there."""
    names = sorted(known)
    near = difflib.get_close_matches(label, names, n=1)
    shown = ", ".join(names[:MOST_TOLD]) + (", ..." if len(names) > MOST_TOLD else "")
    return InvalidInput(
        f"{whose} no box labelled {label!r}; its labels are {shown or 'none'}",
        remedy=f"did you mean {near[0]}?" if near else "",
    )
