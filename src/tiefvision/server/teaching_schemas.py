"""Bodies of the routes by which a ranker is taught."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tiefvision.server.schemas import ImageId
from tiefvision.tasks.teaching.teach_triplets import (
    MOST_TRIPLETS,
    TaughtImage,
    TaughtTriplet,
    TripletPage,
)

# Of a ranker; it stands in commands and file names.
Name = Annotated[str, Field(max_length=200)]


class TripletFields(BaseModel):
    """The anchor is more similar to the positive than to the negative; ids of images."""

    model_config = ConfigDict(extra="forbid")

    anchor: ImageId
    positive: ImageId
    negative: ImageId


class TripletsFields(BaseModel):
    """Triplets to add. ranker: the name of the one that shall learn them; "" is "default"."""

    model_config = ConfigDict(extra="forbid")

    triplets: Annotated[list[TripletFields], Field(min_length=1, max_length=MOST_TRIPLETS)]
    ranker: Name = ""


class TripletIds(BaseModel):
    """Triplets to remove."""

    model_config = ConfigDict(extra="forbid")

    ids: Annotated[list[ImageId], Field(min_length=1, max_length=MOST_TRIPLETS)]


@dataclass(frozen=True, slots=True)
class RemovedTriplets:
    """How many triplets were removed."""

    removed: int


@dataclass(frozen=True, slots=True)
class ShownTaughtImage(TaughtImage):
    """An image of a triplet with the address of its small picture."""

    thumbnail: str = ""


@dataclass(frozen=True, slots=True)
class ShownTriplet(TaughtTriplet):
    """A triplet with the addresses of its pictures."""

    anchor: ShownTaughtImage | None
    positive: ShownTaughtImage | None
    negative: ShownTaughtImage | None


@dataclass(frozen=True, slots=True)
class ShownTriplets(TripletPage):
    """A page of triplets with the addresses of their pictures."""

    # A list of triplets with more in them is not pyright's list of triplets; nothing is ever
    # added to it.
    triplets: Sequence[ShownTriplet]


class AnswersFields(BaseModel):
    """Answers to questions. asked_at: what `questions/next` said of them; seconds since 1970."""

    model_config = ConfigDict(extra="forbid")

    answers: Annotated[list[TripletFields], Field(min_length=1, max_length=MOST_TRIPLETS)]
    ranker: Name = ""
    asked_at: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


@dataclass(frozen=True, slots=True)
class AskedImage:
    """A photograph of a question with the addresses of its pictures."""

    id: int
    name: str
    thumbnail: str
    photo: str


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """Is the anchor more similar to the first or to the second? reason: why it is asked."""

    anchor: AskedImage
    first: AskedImage
    second: AskedImage
    reason: str


@dataclass(frozen=True, slots=True)
class AskedQuestions:
    """Questions in the order to ask them; some were answered before, to see how alike the answers
    are, and nothing tells which.

    name: of the ranker that shall learn the answers; ranked: whether it is the one whose order is
    asked about. asked_at: seconds since 1970, to be sent with the answers. repeated: how many were
    answered once more so far; agreed: how many of these alike.
    """

    name: str
    ranked: bool
    asked_at: float
    questions: Sequence[AskedQuestion]
    repeated: int
    agreed: int
    notes: Sequence[str]
