"""Questions that a page asks, and their answers by the ids of images."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tiefvision.errors import EntryFault, InvalidInput
from tiefvision.store.judgements import DEFAULT_NAME, Judgements
from tiefvision.tasks.opened import Opened
from tiefvision.tasks.teaching.answer_triplets import take
from tiefvision.tasks.teaching.ask_triplets import Questions, next_questions
from tiefvision.tasks.teaching.question_sheet import Answer
from tiefvision.tasks.teaching.teach_triplets import (
    MOST_TRIPLETS,
    ImageTriplet,
    contents_of,
    refuse,
)
from tiefvision.tasks.teaching.triplet_reading import Reading, usable_name

# More are asked by a sheet: `tiefvision triplets ask`.
MOST_QUESTIONS = 100


@dataclass(frozen=True, slots=True)
class Answered:
    """What answers gave.

    added: new triplets, and their ids. unchanged: answers that were taken over before. repeats:
    questions that were answered before they were asked; alike: those of them that were answered
    the same now.
    """

    added: int
    ids: Sequence[int]
    unchanged: int
    repeats: int
    alike: int


def ask(shop: Opened, *, name: str = "", count: int) -> Questions:
    """The next questions for a ranker's name ("": "default"), as `ask_triplets` chooses them."""
    if not 1 <= count <= MOST_QUESTIONS:
        raise InvalidInput(f"count is {count}; expected 1 to {MOST_QUESTIONS}")
    own_name = usable_name(name or DEFAULT_NAME)
    return next_questions(shop, count, name=own_name, rng=np.random.default_rng())


def answer(
    shop: Opened, given: Sequence[ImageTriplet], *, name: str = "", asked_at: float | None = None
) -> Answered:
    """Take over answers, all or none, as `answer_triplets` takes over those of a sheet.

    asked_at: seconds since 1970; what was answered before is no new triplet. Raises InvalidInput
    for none or too many and a name that is none, InvalidEntries for those that cannot be taken
    over.
    """
    own_name = usable_name(name or DEFAULT_NAME)
    if not 1 <= len(given) <= MOST_TRIPLETS:
        raise InvalidInput(f"{len(given):,} answers; expected 1 to {MOST_TRIPLETS:,}")
    contents = {str(id_): content for id_, content in contents_of(shop, given).items()}
    answers = [
        Answer(number, str(each.anchor), str(each.positive), str(each.negative), asked_at=asked_at)
        for number, each in enumerate(given)
    ]
    reading = Reading("triplets")
    again = take(own_name, answers, contents, reading, shop.database)
    refuse([EntryFault(flaw.line, flaw.message, flaw.remedy) for flaw in reading.flaws])
    held = Judgements(shop.database)
    held.add(reading.teachings, now=time.time(), again=again)
    new = [triplet for teaching in reading.teachings for triplet in teaching.triplets]
    # What was just added is now held: each clashes with itself, under its id.
    ids = [clash.held for clash in held.triplet_clashes(own_name, new) if clash.held is not None]
    return Answered(len(ids), ids, reading.unchanged, len(again), sum(again.values()))
