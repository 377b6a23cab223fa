"""Bodies of the routes for trained models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tiefvision.server.teaching_schemas import Name
from tiefvision.tasks.teaching.evaluations import Evaluation, TeachingData, WorstQuery


class UndoFields(BaseModel):
    """Which model goes: the active one of a ranker's name or a locator's label."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["locator", "ranker"]
    name: Name = ""


@dataclass(frozen=True, slots=True)
class ModelReport:
    """A model with everything that its training measured."""

    id: str
    kind: str
    name: str
    created_at: float
    active: bool
    report: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ShownModel:
    """A model. sheet: the address of the picture of its report; None without one."""

    id: str
    kind: str
    name: str
    created_at: float
    active: bool
    sheet: str | None


@dataclass(frozen=True, slots=True)
class ModelList:
    """All models, the newest first, and what there is to learn from."""

    models: Sequence[ShownModel]
    data: TeachingData


@dataclass(frozen=True, slots=True)
class ShownWorst(WorstQuery):
    """A worst query with the address of its small picture."""

    thumbnail: str = ""


@dataclass(frozen=True, slots=True)
class ShownEvaluation(Evaluation):
    """An evaluation with the addresses of its pictures."""

    # A list of queries with more in them; nothing is ever added to it.
    worst: Sequence[ShownWorst]


@dataclass(frozen=True, slots=True)
class Evaluations:
    """What every model is worth, the newest first."""

    evaluations: Sequence[ShownEvaluation]
