"""`tiefvision triplets answer`: takes over the answers of a sheet of questions."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tiefvision.errors import InvalidInput
from tiefvision.store import models
from tiefvision.store.database import Database
from tiefvision.store.judgement_formats.entries import Flaw
from tiefvision.store.judgements import Clash, Judgements, NewTriplet, Teaching
from tiefvision.tasks.opened import opened
from tiefvision.tasks.progress import Progress, silent
from tiefvision.tasks.teaching import question_sheet
from tiefvision.tasks.teaching.question_sheet import Answer
from tiefvision.tasks.teaching.triplet_reading import (
    Reading,
    by_name,
    find_photographs,
    usable_name,
    without_unknown,
)


@dataclass(frozen=True, slots=True)
class AnswerReport:
    """What the answers of a sheet gave.

    names: how many new triplets each name has from it; added: all of them. unchanged: answers that
    were taken over before. skipped: questions without an answer. repeats: questions that were
    answered before the sheet was made; alike: those of them that were answered the same now.
    problems: lines that were left out, the first of them.
    """

    file: str
    names: Mapping[str, int]
    added: int
    unchanged: int
    skipped: int
    repeats: int
    alike: int
    problems: Sequence[Flaw]
    problem_count: int


def answer_triplets(
    file: str | Path,
    *,
    catalogue: str | Path | None = None,
    name: str | None = None,
    skip_bad: bool = False,
    progress: Progress = silent,
) -> AnswerReport:
    """Take over the answers of a sheet that `ask_triplets` wrote, all or none.

    1 says that the first candidate is the more similar one, 2 the second; nothing skips the
    question. A question that was answered before the sheet was made is no new triplet: it is noted
    whether the answer is the same. A sheet can be taken over again when more of it is answered.

    name: of the ranker that shall learn them; None: what the sheet says, else "default". skip_bad:
    leave out lines that cannot be taken over, which otherwise end it.
    Raises InvalidInput for what is no sheet and for bad lines, NotFound where there is no file or
    catalogue, and NotReady for a catalogue without photographs.
    """
    source = Path(file).expanduser().absolute()
    own_name = None if name is None else usable_name(name)
    answers = question_sheet.read(source)
    if not answers.answered and not answers.flaws:
        raise InvalidInput(
            f"no question of {source} is answered",
            remedy="write 1 or 2 into its column answer, for the candidate that is more similar",
        )
    with opened(catalogue) as shop:
        reading = Reading("triplets", flaws=list(answers.flaws))
        matches = find_photographs(source, answers.answered, shop.database, reading, progress)
        sound = without_unknown(answers.answered, matches, reading, shop.database)
        again: dict[int, bool] = {}
        contents = {path: found.content_id or "" for path, found in matches.photographs.items()}
        for each, named in by_name(sound, own_name, reading).items():
            again |= take(each, named, contents, reading, shop.database)
        if not skip_bad:
            reading.check(source)
        Judgements(shop.database).add(reading.teachings, now=time.time(), again=again)
    names = {each.name: len(each.triplets) for each in reading.teachings}
    return AnswerReport(
        file=str(source),
        names=names,
        added=sum(names.values()),
        unchanged=reading.unchanged,
        skipped=answers.skipped,
        repeats=len(again),
        alike=sum(again.values()),
        problems=reading.told(),
        problem_count=len(reading.flaws),
    )


@dataclass(slots=True)
class _Known:
    """When the triplets of a name were taught, and when they were last asked once more."""

    taught: Mapping[int, float]
    repeated: Mapping[int, float]
    again: dict[int, bool] = field(default_factory=dict[int, bool])


def take(
    name: str,
    answered: Sequence[Answer],
    contents: Mapping[str, str],
    reading: Reading,
    database: Database,
) -> Mapping[int, bool]:
    """Note what is new under a name, and what cannot be taken over; the triplets that were asked
    once more, with whether the answer is the same.

    contents: the content id of each path that an answer names.
    """
    held = Judgements(database)
    known = _Known({each.id: each.taught_at for each in held.triplets(name)}, held.repeated(name))
    new = [
        NewTriplet(contents[each.anchor], contents[each.positive], contents[each.negative])
        for each in answered
    ]
    clashes = held.triplet_clashes(name, new)
    for clash in clashes:
        flaw = _sort_out(name, answered, clash, reading, known)
        if flaw is not None:
            reading.flaws.append(flaw)
    bad = {clash.row for clash in clashes}
    fresh = [triplet for row, triplet in enumerate(new) if row not in bad]
    ranker = models.active(database, kind="ranker", name=name)
    if fresh:
        reading.teachings.append(Teaching(name, "asked", triplets=fresh, ranker=ranker))
    return known.again


def _sort_out(
    name: str, answered: Sequence[Answer], clash: Clash, reading: Reading, known: _Known
) -> Flaw | None:
    """What is wrong with an answer; None for one of a question that was answered before."""
    each = answered[clash.row]
    alike = clash.kind == "duplicate"
    if clash.held is None and clash.other is None:
        return Flaw(
            each.line,
            f"one photograph stands twice in it, or two copies of it: {', '.join(each.paths)}",
            "remove the line",
        )
    if clash.held is None or clash.held in known.again:
        first = "an earlier line" if clash.other is None else f"line {answered[clash.other].line}"
        verb = "repeats" if alike else "contradicts"
        return Flaw(each.line, f"{verb} {first}", "remove one of the two")
    if each.asked_at is None or known.taught[clash.held] < each.asked_at:
        if each.asked_at is None or known.repeated.get(clash.held, 0.0) < each.asked_at:
            known.again[clash.held] = alike
        else:
            reading.unchanged += 1
    elif alike:
        reading.unchanged += 1
    else:
        return Flaw(
            each.line,
            f"contradicts number {clash.held} of {name} in the catalogue",
            f"remove the line, or that one: tiefvision triplets remove {clash.held} --name {name}",
        )
    return None
