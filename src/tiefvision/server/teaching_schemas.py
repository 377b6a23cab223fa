"""Bodies of the routes by which a ranker is taught."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tiefvision.server.schemas import ImageId
from tiefvision.tasks.teach_triplets import MOST_TRIPLETS, TaughtImage, TaughtTriplet, TripletPage

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
