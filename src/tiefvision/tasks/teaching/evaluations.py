"""What was taught so far, and what trained models are worth: figures for a page, no training."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import cast

from tiefvision.errors import NotFound
from tiefvision.store import models, photographs
from tiefvision.store.boxes import Boxes
from tiefvision.store.judgements import Judgements
from tiefvision.store.models import Model
from tiefvision.tasks.keeping.models import folder_of, named
from tiefvision.tasks.locating.train_locator import GUESS, WORST_FILE
from tiefvision.tasks.opened import Opened
from tiefvision.tasks.teaching.train_ranker import CHANGED_FILE

# The figures of a ranker's report by the set that they were measured on, and how they are called.
_SETS: Mapping[str, str] = {
    "learned triplets": "learned from",
    "held-out triplets": "held out",
    "unseen kinds": "kinds never seen",
}
_SHEETS = {"locator": WORST_FILE, "ranker": CHANGED_FILE}
_TEACH = "pip install 'tiefvision[teach]'"


@dataclass(frozen=True, slots=True)
class TaughtUnder:
    """How many judgements a ranker's name has."""

    name: str
    triplets: int
    pairs: int
    groups: int


@dataclass(frozen=True, slots=True)
class TeachingData:
    """What there is to learn from. remedy: what to type before anything can be; "" when ready."""

    boxes: int
    names: Sequence[TaughtUnder]
    remedy: str


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """A figure without and with a model, in [0, 1]; for a locator without is the first guess.

    verdict: better, no difference, worse or too few to judge; "" where none was found.
    """

    before: float
    after: float
    count: int
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """What a ranker is worth on a set of triplets, plain and with mirrored references."""

    name: str
    plain: BeforeAfter | None
    mirrored: BeforeAfter | None


@dataclass(frozen=True, slots=True)
class WorstQuery:
    """A held-out photograph that a ranker made worse. gain: of its similarities' gap, negative.

    content_id: what it shows; name: the last part of its file's path.
    """

    id: int
    name: str
    content_id: str
    gain: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a model is worth, as its training measured.

    learned: photographs (a locator's) or judgements (a ranker's) that it learned from. headline:
    mean IoU of held-out boxes, or triplet accuracy of held-out triplets. sets, worst: a ranker's.
    sheet: whether there is a picture of it.
    """

    model_id: str
    kind: str
    name: str
    created_at: float
    active: bool
    learned: int
    headline: BeforeAfter | None
    sets: Sequence[JudgedSet]
    worst: Sequence[WorstQuery]
    sheet: bool


def teaching_data(shop: Opened) -> TeachingData:
    """What was taught so far."""
    names = [
        TaughtUnder(each.name, sum(each.triplets.values()), sum(each.pairs.values()), each.groups)
        for each in Judgements(shop.database).names()
    ]
    boxes = sum(each.boxes for each in Boxes(shop.database).labels())
    ready = importlib.util.find_spec("torch") is not None
    return TeachingData(boxes, names, "" if ready else _TEACH)


def evaluations(shop: Opened) -> list[Evaluation]:
    """Every model of a catalogue, the newest first."""
    known = models.each(shop.database)
    wanted = {str(one["query"]) for each in known for one in _worse(each)}
    shown = _by_file(shop, wanted)
    return [_evaluation(shop, each, shown) for each in known]


def sheet_of(shop: Opened, which: str) -> Path:
    """The picture of a model's report. Raises NotFound."""
    model = named(shop, which)
    file = folder_of(shop, model) / _SHEETS[model.kind]
    if not file.is_file():
        raise NotFound(f"the model {model.id[:12]} has no picture of its report")
    return file


def _evaluation(
    shop: Opened, model: Model, shown: Mapping[str, photographs.Photograph]
) -> Evaluation:
    report = model.report
    is_ranker = model.kind == "ranker"
    parts = ("triplets", "pairs") if is_ranker else ("photographs",)
    sets = [
        JudgedSet(word, _judged(report, name), _judged(report, f"{name}, mirrored"))
        for name, word in _SETS.items()
        if _judged(report, name)
    ]
    worst = [
        WorstQuery(
            own.id, PurePath(own.path).name, own.content_id or "", cast(float, change["gain"])
        )
        for change in _worse(model)
        if (own := shown.get(str(change["query"]))) is not None
    ]
    return Evaluation(
        model.id,
        model.kind,
        model.name,
        model.created_at,
        model.active,
        sum(cast(int, report.get(part, 0)) for part in parts),
        _judged(report, "held-out triplets") if is_ranker else _placed(report),
        sets,
        worst,
        (folder_of(shop, model) / _SHEETS[model.kind]).is_file(),
    )


def _judged(report: Mapping[str, object], name: str) -> BeforeAfter | None:
    judged = cast("Mapping[str, Mapping[str, object]]", report.get("judged", {}))
    if name not in judged:
        return None
    one = judged[name]
    return BeforeAfter(
        cast(float, one["before"]),
        cast(float, one["after"]),
        cast(int, one["count"]),
        str(one["verdict"]),
    )


def _placed(report: Mapping[str, object]) -> BeforeAfter | None:
    placed = cast("Mapping[str, Mapping[str, float]]", report.get("placed", {}))
    if "locator" not in placed:
        return None
    before = placed.get(GUESS) or placed["whole image"]
    return BeforeAfter(before["iou"], placed["locator"]["iou"], cast(int, report["held_out"]))


def _worse(model: Model) -> Sequence[Mapping[str, object]]:
    return cast("Sequence[Mapping[str, object]]", model.report.get("worse", ()))


def _by_file(shop: Opened, wanted: Iterable[str]) -> dict[str, photographs.Photograph]:
    files = set(wanted)
    if not files:
        return {}
    return {
        own.file: own
        for own in photographs.each(shop.database)
        if own.file in files and own.state == "indexed"
    }
