"""Bodies of the routes for jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tiefvision.server.schemas import Text
from tiefvision.server.teaching_schemas import Name
from tiefvision.store.jobs import Job

_MOST_FOLDERS = 20


class IndexFields(BaseModel):
    """Look for new and changed photographs.

    folders: of the server's machine, only where nobody else can call it; none: those that the
    catalogue has and those that were sent to it. prune: remove images whose file is gone. demo:
    first draw 300 garments, and take nothing else.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["index"]
    folders: Annotated[list[Text], Field(max_length=_MOST_FOLDERS)] = []
    prune: bool = False
    demo: bool = False


class TrainRankerFields(BaseModel):
    """Learn from what was judged under a name ("": "default").

    keep: do not use the model yet. force: use it though it measured worse. use_unjudged: use it
    where there is too little to measure it by.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["train-ranker"]
    ranker: Name = ""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    keep: bool = False
    force: bool = False
    use_unjudged: bool = False


class TrainLocatorFields(BaseModel):
    """Learn where the product is from drawn boxes (of a label, or "": of all).

    keep: do not use the model yet. force: use it though it measured no better.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["train-locator"]
    label: Text = ""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    keep: bool = False
    force: bool = False


JobFields = Annotated[
    IndexFields | TrainRankerFields | TrainLocatorFields, Field(discriminator="kind")
]


@dataclass(frozen=True, slots=True)
class JobList:
    """The newest jobs, the newest first."""

    jobs: Sequence[Job]
