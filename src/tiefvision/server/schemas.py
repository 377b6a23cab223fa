"""Bodies of requests and answers that are not already a verb's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tiefvision.store.boxes import LabelCount
from tiefvision.tasks.gallery import CatalogueImage
from tiefvision.tasks.search import Hit, SearchResult
from tiefvision.tasks.status import Status

# More hits than this fill no screen.
MOST_HITS = 500
_LONGEST_TEXT = 2_000

Edges = Annotated[
    list[float],
    Field(min_length=4, max_length=4, description="left, top, right, bottom in pixels"),
]
# As many numbers as the catalogue has for its images.
ImageId = Annotated[int, Field(ge=1, le=2**63 - 1)]
Text = Annotated[str, Field(max_length=_LONGEST_TEXT)]


class SearchFields(BaseModel):
    """How to search; with an upload these are the other fields of the form.

    box: where the product is in the query. whole: do not look for it. label: look for this one of
    several products. where: a filter on attributes. cells: how much each cell matters, row by row.
    """

    model_config = ConfigDict(extra="forbid")

    k: Annotated[int, Field(ge=1, le=MOST_HITS)] | None = None
    box: Edges | None = None
    whole: bool = False
    label: Text = ""
    where: Text | None = None
    mirror: bool = False
    cells: list[list[float]] | None = None


class SearchById(SearchFields):
    """A search with an image of the catalogue."""

    image_id: ImageId


class DrawnBoxFields(BaseModel):
    """A box that somebody drew."""

    model_config = ConfigDict(extra="forbid")

    box: Edges
    label: Text = "product"


class BoxesFields(BaseModel):
    """All boxes that an image has from now on."""

    model_config = ConfigDict(extra="forbid")

    boxes: list[DrawnBoxFields]


class SessionFields(BaseModel):
    """What a browser logs in with."""

    model_config = ConfigDict(extra="forbid")

    token: Text


@dataclass(frozen=True, slots=True)
class ShownHit(Hit):
    """A hit with the addresses of its pictures."""

    thumbnail: str = ""
    photo: str = ""


@dataclass(frozen=True, slots=True)
class SearchAnswer(SearchResult):
    """The answer to one query: that of `tiefvision search --json`, with pictures."""

    # A list of hits with more in them is not pyright's list of hits; nothing is ever added to it.
    hits: list[ShownHit]  # pyright: ignore[reportIncompatibleVariableOverride]


@dataclass(frozen=True, slots=True)
class ShownImage(CatalogueImage):
    """An image with the addresses of its pictures; None until it is indexed."""

    thumbnail: str | None = None
    photo: str | None = None


@dataclass(frozen=True, slots=True)
class ShownPage:
    """Some images, and the cursor from which the next page goes on; None: there is no more."""

    images: Sequence[ShownImage]
    next: str | None


@dataclass(frozen=True, slots=True)
class ServerStatus(Status):
    """What `tiefvision status --json` says, and what the server itself does.

    labels: of the boxes that people drew. searched_labels: those that a search can ask for.
    updating: whether images are being encoded again; update_problem: why that failed, if it did.
    """

    labels: Sequence[LabelCount] = ()
    searched_labels: Sequence[str] = ()
    updating: bool = False
    update_problem: str = ""
