"""/api/v1/questions: what is worth a person's answer."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import PurePath
from typing import Annotated

from fastapi import APIRouter, Query, Response

from tiefvision.server import pictures
from tiefvision.server.site import AsciiResponse, SiteOf, document
from tiefvision.server.teaching_schemas import (
    AnswersFields,
    AskedImage,
    AskedQuestion,
    AskedQuestions,
    Name,
)
from tiefvision.tasks.teaching import answer_questions
from tiefvision.tasks.teaching.answer_questions import MOST_QUESTIONS, Answered
from tiefvision.tasks.teaching.ask_triplets import QuestionImage
from tiefvision.tasks.teaching.teach_triplets import ImageTriplet

router = APIRouter(prefix="/questions", tags=["questions"])


@router.get("/next", response_model=AskedQuestions)
async def following(
    site: SiteOf,
    ranker: Annotated[Name, Query()] = "",
    count: Annotated[int, Query(ge=1, le=MOST_QUESTIONS)] = 10,
) -> Response:
    """The next questions; each time others."""
    asked_at = time.time()
    found = await site.compute(lambda: answer_questions.ask(site.shop, name=ranker, count=count))
    questions = [
        AskedQuestion(_shown(each.anchor), _shown(each.first), _shown(each.second), each.reason)
        for each in found.questions
    ]
    return document(
        AskedQuestions(
            found.name,
            found.ranked,
            asked_at,
            questions,
            found.repeated,
            found.agreed,
            found.notes,
        )
    )


@router.post("/answers", status_code=201, response_model=Answered)
def answer(site: SiteOf, fields: AnswersFields) -> Response:
    """Take over answers, all or none: the more similar candidate is the positive."""
    given = [ImageTriplet(each.anchor, each.positive, each.negative) for each in fields.answers]
    taken = answer_questions.answer(site.shop, given, name=fields.ranker, asked_at=fields.asked_at)
    return AsciiResponse(asdict(taken), status_code=201)


def _shown(image: QuestionImage) -> AskedImage:
    return AskedImage(
        image.id,
        PurePath(image.path).name,
        pictures.thumbnail_url(image.id, image.content_id),
        pictures.photo_url(image.id, image.content_id),
    )
