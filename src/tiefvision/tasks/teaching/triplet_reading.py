"""Reads a file of judgements and checks every line of it against a catalogue."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tiefvision.errors import InvalidInput, NotReady
from tiefvision.store import photographs
from tiefvision.store.database import Database
from tiefvision.store.judgement_formats import JudgementFormat
from tiefvision.store.judgement_formats.entries import (
    Flaw,
    Judged,
    Kind,
    NamedGroup,
    NamedPair,
    NamedTriplet,
)
from tiefvision.store.judgements import (
    DEFAULT_NAME,
    SOURCES,
    Clash,
    Group,
    Judgements,
    NewPair,
    NewTriplet,
    Source,
    Teaching,
)
from tiefvision.tasks.locating.box_matching import UNKNOWN, Matches, match, near_matches
from tiefvision.tasks.progress import Progress, counted

# Lines that are told one by one; the rest is counted.
MOST_TOLD = 100

_Judged = TypeVar("_Judged", bound=Judged)


@dataclass(slots=True)
class Reading:
    """What a file of judgements says of a catalogue's photographs.

    teachings: what can be taken over, one for each name and source. unchanged: judgements that
    the catalogue holds already. flaws: lines that cannot be taken over, in no order.
    """

    kind: Kind
    teachings: list[Teaching] = field(default_factory=list[Teaching])
    unchanged: int = 0
    flaws: list[Flaw] = field(default_factory=list[Flaw])
    by_file_name: int = 0

    def told(self) -> list[Flaw]:
        """The first lines that cannot be taken over."""
        return sorted(self.flaws, key=lambda flaw: flaw.line)[:MOST_TOLD]

    def check(self, source: Path) -> None:
        """Raise InvalidInput, with the first of them, where lines cannot be taken over."""
        if not self.flaws:
            return
        told = self.told()
        rest = len(self.flaws) - len(told)
        more = [f"and {rest:,} more"] if rest else []
        raise InvalidInput(
            "\n".join(
                [
                    f"nothing was imported: {len(self.flaws):,} lines of {source} cannot "
                    "be taken over",
                    *map(str, told),
                    *more,
                ]
            ),
            remedy="mend them in the file, or leave them out with --skip-bad",
        )


def read_judgements(
    source: Path,
    form: JudgementFormat,
    database: Database,
    *,
    name: str | None,
    progress: Progress,
) -> Reading:
    """The judgements of a file, checked, by the content of their photographs.

    name: the one that all of them get; None: the file's own, and where it has none, the default.
    Raises InvalidInput for a file that is damaged or empty or lacks a column, and NotReady for a
    catalogue without photographs.
    """
    kind, entries = form.read(source)
    reading, judged = Reading(kind), list[Judged]()
    with progress(f"reading {kind}", None, unit=kind) as advance:
        for entry in counted(entries, advance):
            if isinstance(entry, Flaw):
                reading.flaws.append(entry)
            else:
                judged.append(entry)
    if not judged and not reading.flaws:
        raise InvalidInput(f"{source} holds no {kind}: it has only a header")
    matches = find_photographs(source, judged, database, reading, progress)
    sound = without_unknown(judged, matches, reading, database)
    with progress(f"checking {kind}", len(sound), unit=kind) as advance:
        for own, group in by_name(sound, name, reading).items():
            _check(own, group, matches, reading, Judgements(database))
            advance(len(group))
    return reading


def find_photographs(
    source: Path,
    judged: Sequence[Judged],
    database: Database,
    reading: Reading,
    progress: Progress,
) -> Matches:
    """The photographs that the judgements of a file name. Raises NotReady for a catalogue without
    any."""
    with progress("finding photographs", None) as advance:
        known = counted(photographs.each(database), advance)
        paths = (path for each in judged for path in each.paths)
        matches = match(dict.fromkeys(paths), known, folder=source.parent)
    if not matches.photographs and next(photographs.each(database), None) is None:
        raise NotReady(
            "the catalogue holds no photographs yet", remedy="index them: tiefvision index PHOTOS"
        )
    reading.by_file_name = matches.by_file_name
    return matches


def usable_name(text: str) -> str:
    """A ranker's name in its one form. Raises InvalidInput for an empty one and odd characters."""
    name = text.strip()
    if not name or not name.isprintable():
        raise InvalidInput(f"{text!r} is no name: expected one such as colour")
    return name


def usable_source(text: str) -> Source:
    """Where judgements come from. Raises InvalidInput for what is no source."""
    for source in SOURCES:
        if source == text:
            return source
    near = difflib.get_close_matches(text, SOURCES, n=1)
    raise InvalidInput(
        f"there is no source {text!r}; expected {', '.join(SOURCES)}",
        remedy=f"did you mean {near[0]}?" if near else "",
    )


def without_unknown(
    judged: Iterable[_Judged], matches: Matches, reading: Reading, database: Database
) -> list[_Judged]:
    """The judgements all of whose photographs were found; the others become flaws."""
    unknown = [name for name, reason in matches.reasons.items() if reason == UNKNOWN]
    near = near_matches(unknown[:MOST_TOLD], photographs.each(database))
    sound: list[_Judged] = []
    for each in judged:
        lost = [path for path in dict.fromkeys(each.paths) if path in matches.reasons]
        if not lost:
            sound.append(each)
            continue
        meant = [f"did you mean {near[path]}?" for path in lost if path in near]
        reading.flaws.append(
            Flaw(
                each.line,
                "; ".join(f"{path}: {matches.reasons[path]}" for path in lost),
                " ".join(meant) or "index its photograph, or change the name in the file",
            )
        )
    return sound


def by_name(
    judged: Iterable[_Judged], name: str | None, reading: Reading
) -> dict[str, list[_Judged]]:
    """The judgements by the name they get; what cannot be one is a flaw."""
    found: dict[str, list[_Judged]] = {}
    for each in judged:
        try:
            own = usable_name(name or each.name or DEFAULT_NAME)
        except InvalidInput as error:
            reading.flaws.append(Flaw(each.line, error.message, "change it, or say --name NAME"))
        else:
            found.setdefault(own, []).append(each)
    return found


def _check(
    name: str,
    judged: Sequence[Judged],
    matches: Matches,
    reading: Reading,
    judgements: Judgements,
) -> None:
    """Note what can be taken over under a name, and what cannot."""
    contents = {
        path: photograph.content_id or "" for path, photograph in matches.photographs.items()
    }
    named_triplets = [each for each in judged if isinstance(each, NamedTriplet)]
    new_triplets = [
        NewTriplet(*(contents[path] for path in each.paths), mirrored=each.mirrored)
        for each in named_triplets
    ]
    clashes = judgements.triplet_clashes(name, new_triplets)
    _sort_out(name, named_triplets, clashes, reading)
    bad = {clash.row for clash in clashes}
    for source, rows in _by_source(named_triplets, bad).items():
        own = [new_triplets[row] for row in rows]
        reading.teachings.append(Teaching(name, source, triplets=own))

    named_pairs = [each for each in judged if isinstance(each, NamedPair)]
    new_pairs = [
        NewPair(contents[each.first], contents[each.second], each.same) for each in named_pairs
    ]
    clashes = judgements.pair_clashes(name, new_pairs)
    _sort_out(name, named_pairs, clashes, reading)
    bad = {clash.row for clash in clashes}
    for source, rows in _by_source(named_pairs, bad).items():
        reading.teachings.append(Teaching(name, source, pairs=[new_pairs[row] for row in rows]))

    named_groups = [each for each in judged if isinstance(each, NamedGroup)]
    groups = _groups(name, named_groups, contents, reading, judgements.groups(name))
    if groups:
        reading.teachings.append(Teaching(name, "imported", groups=groups, keep_groups=True))


def _by_source(named: Sequence[NamedTriplet | NamedPair], bad: set[int]) -> dict[Source, list[int]]:
    """The rows that are not bad, by the source that the file gives them."""
    rows: dict[Source, list[int]] = {}
    for row, each in enumerate(named):
        if row not in bad:
            rows.setdefault(usable_source(each.source or "imported"), []).append(row)
    return rows


def _sort_out(
    name: str,
    named: Sequence[NamedTriplet | NamedPair],
    clashes: Sequence[Clash],
    reading: Reading,
) -> None:
    """Turn clashes into flaws; what the catalogue holds already is none."""
    for clash in clashes:
        each = named[clash.row]
        if clash.kind == "self-referring":
            again = ", ".join(each.paths)
            flaw = Flaw(
                each.line,
                f"one photograph stands twice in it, or two copies of it: {again}",
                "name different photographs, or remove the line",
            )
        elif clash.kind == "duplicate" and clash.held is not None:
            reading.unchanged += 1
            continue
        elif clash.other is not None:
            first = named[clash.other].line
            verb = "repeats" if clash.kind == "duplicate" else "contradicts"
            flaw = Flaw(each.line, f"{verb} line {first}", "remove one of the two")
        else:
            flaw = Flaw(
                each.line,
                f"contradicts number {clash.held} of {name} in the catalogue",
                f"remove the line, or see: tiefvision triplets list --name {name}",
            )
        reading.flaws.append(flaw)


def _groups(
    name: str,
    named: Sequence[NamedGroup],
    contents: Mapping[str, str],
    reading: Reading,
    held: Mapping[str, Group],
) -> dict[str, Group]:
    """The groups that are new; a photograph that would belong to two of them is a flaw."""
    new: dict[str, Group] = {}
    first_lines: dict[str, NamedGroup] = {}
    for each in named:
        content_id = contents[each.path]
        group = Group(each.value, each.apart, each.split)
        first = first_lines.setdefault(content_id, each)
        if first is not each:
            other = Group(first.value, first.apart, first.split)
            if other != group:
                told = f"contradicts line {first.line}: {_shown(group)}, not {_shown(other)}"
                reading.flaws.append(Flaw(each.line, told, "remove one of the two"))
            elif first.path == each.path:
                told = f"repeats line {first.line}"
                reading.flaws.append(Flaw(each.line, told, "remove one of the two"))
        elif content_id not in held:
            new[content_id] = group
        elif held[content_id] == group:
            reading.unchanged += 1
        else:
            reading.flaws.append(
                Flaw(
                    each.line,
                    f"contradicts the catalogue: {_shown(group)}, not {_shown(held[content_id])}",
                    f"remove what it holds: tiefvision triplets remove --groups --name {name}",
                )
            )
    return new


def _shown(group: Group) -> str:
    return " ".join(part for part in (group.value, group.apart, group.split) if part)
