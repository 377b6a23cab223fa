"""Bodies of requests and answers that are not already a verb's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tiefvision.server.scopes import Scope
from tiefvision.store.boxes import LabelCount
from tiefvision.tasks.keeping.gallery import CatalogueImage
from tiefvision.tasks.keeping.status import Status
from tiefvision.tasks.searching.search import QUERY_DIGITS, Hit, SearchResult

# More hits than this fill no screen.
MOST_HITS = 500
_LONGEST_TEXT = 2_000

Edges = Annotated[
    list[float],
    Field(min_length=4, max_length=4, description="left, top, right, bottom in pixels"),
]
# As many numbers as the catalogue has for its images.
ImageId = Annotated[int, Field(ge=1, le=2**63 - 1)]
# What an uploaded photograph is called from then on: the beginning of its SHA-256.
KEPT_NAME = rf"^[0-9a-f]{{{QUERY_DIGITS}}}$"
_MOST_EXAMPLES = 16
Examples = Annotated[list[ImageId], Field(max_length=_MOST_EXAMPLES)]
Text = Annotated[str, Field(max_length=_LONGEST_TEXT)]


class SearchFields(BaseModel):
    """How to search; with an upload these are the other fields of the form.

    box: where the product is in the query. whole: do not look for it. label: look for this one of
    several products. where: a filter on attributes. cells: how much each cell matters, row by row.
    ranker: a name, a mix such as colour=0.7,shape=0.3, or none; the ranker called default where it
    is left out. positive, negative: ids of images that hits shall be like, too, or shall not.
    """

    model_config = ConfigDict(extra="forbid")

    positive: Examples = []
    negative: Examples = []
    ranker: Text = ""
    k: Annotated[int, Field(ge=1, le=MOST_HITS)] | None = None
    box: Edges | None = None
    whole: bool = False
    label: Text = ""
    where: Text | None = None
    mirror: bool = False
    cells: list[list[float]] | None = None


class SearchByName(SearchFields):
    """A search with what the server has: an image of the catalogue by its id, an uploaded
    photograph by what the answer to it calls `query`, or the positive examples alone."""

    image_id: ImageId | None = None
    query: Annotated[str, Field(pattern=KEPT_NAME)] | None = None

    @model_validator(mode="after")
    def _has_one_query(self) -> SearchByName:
        named = [own for own in (self.image_id, self.query) if own is not None]
        if len(named) > 1 or not (named or self.positive):
            raise ValueError("expected an image_id, or a query, or positive examples")
        return self


class ExplainFields(SearchByName):
    """A search, and the image of it that is to be explained; k and where change nothing."""

    hit: ImageId


class DrawnBoxFields(BaseModel):
    """A box that somebody drew."""

    model_config = ConfigDict(extra="forbid")

    box: Edges
    label: Text = "product"


class BoxesFields(BaseModel):
    """All boxes that an image has from now on."""

    model_config = ConfigDict(extra="forbid")

    boxes: list[DrawnBoxFields]


@dataclass(frozen=True, slots=True)
class Session:
    """scope: what the request's token may do."""

    scope: Scope


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

    labels: of the boxes that people drew. boxed: photographs that have some. searched_labels:
    those that a search can ask for.
    updating: whether images are being encoded again; update_problem: why that failed, if it did.
    """

    labels: Sequence[LabelCount] = ()
    boxed: int = 0
    searched_labels: Sequence[str] = ()
    updating: bool = False
    update_problem: str = ""
