"""`tiefvision train ranker`: from judgements to a model, used unless it is the worse one."""

from __future__ import annotations

import json
import math
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tiefvision.maths.judging import Comparison
from tiefvision.store import models
from tiefvision.store.judgements import DEFAULT_NAME
from tiefvision.store.records import Image
from tiefvision.tasks.keeping.models import switch
from tiefvision.tasks.one_thread import one_thread
from tiefvision.tasks.opened import Opened, opened
from tiefvision.tasks.progress import Advance, Progress, silent
from tiefvision.tasks.searching.search import file_of
from tiefvision.tasks.showing.sheet import gallery, save
from tiefvision.tasks.showing.tiles import SheetTile
from tiefvision.tasks.teaching.judged_images import JudgedImages, gather
from tiefvision.teach.rank_choices import CHANNELS, Loss, Network
from tiefvision.vision import artefacts, ranker
from tiefvision.vision.artefacts import Artefact

if TYPE_CHECKING:
    from tiefvision.teach.rank_changes import Change
    from tiefvision.teach.rank_folds import Step
    from tiefvision.teach.rank_report import RankReport, TrainedRanker

DATASET_FILE = "dataset.json"
REPORT_FILE = "report.json"
CHANGED_FILE = "changed.jpg"

# A query, its first hit before and its first hit after.
_ACROSS = 3

# Asks a person; True: yes.
Ask = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class RankerLesson:
    """What was learned, and what it is worth.

    images, triplets, pairs: that took part; left_out: judgements whose images are not indexed, or
    are too many. dataset: SHA-256 of the frozen dataset in the model's folder.
    judged: comparisons without and with the ranker, by name; those of "held-out triplets" and
    "unseen kinds" decide whether it is used, and none of their images was learned from.
    activated: whether it is used now, and why or why not. changed: a picture of what changed most.
    """

    model_id: str
    name: str
    images: int
    triplets: int
    pairs: int
    left_out: int
    dataset: str
    steps: int
    judged: Mapping[str, Comparison]
    seconds: float
    activated: bool
    reason: str
    changed: str | None
    notes: Sequence[str] = ()


class _Stopped(Exception):
    """Ctrl-C came before anything was written."""


@one_thread()
def train_ranker(
    *,
    catalogue: str | Path | None = None,
    name: str | None = None,
    groups: Sequence[str] = (),
    kind: str | None = None,
    network: Network = "residual",
    loss: Loss = "cosine",
    channels: int | None = CHANNELS,
    seed: int = 0,
    device: str = "cpu",
    keep: bool = False,
    force: bool = False,
    ask: Ask | None = None,
    progress: Progress = silent,
    stop: threading.Event | None = None,
) -> RankerLesson | None:
    """Learn from the judgements of a name what similar means; use it unless it is worse.

    name: of the ranker; None: the one that answers when none is named.
    groups, kind: attributes, as in `judged_images.gather`. channels: None keeps all.
    keep: do not use it yet. force: use it though it measured worse, or on too little. ask: a
    person, when there was too little to measure it by; None: it is kept then.
    Returns None when `stop` was set before anything was written.
    Raises NotReady without the teach extra or an index, NotFound without a catalogue or
    judgements, InvalidInput for judgements that cannot be learned from and unknown columns.
    """
    _torch_or_explain()
    began = time.monotonic()
    own_name = DEFAULT_NAME if name is None else name
    with opened(catalogue) as shop:
        judged = gather(
            shop,
            name=own_name,
            group_columns=groups,
            kind_column=kind,
            seed=seed,
            progress=progress,
        )
        choices = _Choices(network, loss, channels, seed, device)
        with _Told(progress, stop or threading.Event()) as told:
            trained = _learn(judged, choices, told)
        if trained is None:
            return None
        model = _keep(shop, own_name, judged, trained)
        changed = _draw_changed(shop, model.folder / CHANGED_FILE, judged, trained.report)
        seconds = time.monotonic() - began
        use, reason = _decide(trained.report, keep=keep, force=force, ask=ask)
        notes = tuple[str, ...]()
        if use:
            done = switch(shop, "ranker", own_name, model.fingerprint, progress=progress, stop=stop)
            notes = tuple(done.notes)
        return RankerLesson(
            model_id=model.fingerprint,
            name=own_name,
            images=len(judged.images),
            triplets=judged.triplets,
            pairs=judged.pairs,
            left_out=judged.left_out,
            dataset=judged.sha256,
            steps=trained.report.steps,
            judged=_comparisons(trained.report),
            seconds=round(seconds, 1),
            activated=use,
            reason=reason,
            changed=changed,
            notes=notes,
        )


class _Choices(NamedTuple):
    """How a head is trained."""

    network: Network
    loss: Loss
    channels: int | None
    seed: int
    device: str


def _torch_or_explain() -> None:
    # It takes seconds to import, and belongs to the teach extra.
    from tiefvision.teach.train_locator import torch_or_explain

    torch_or_explain()


def _learn(judged: JudgedImages, choices: _Choices, told: _Told) -> TrainedRanker | None:
    """A head and its report; None when it was stopped."""
    # As in _torch_or_explain.
    from tiefvision.teach import train_ranker as teach

    try:
        return teach.train(
            judged.data,
            recipe=teach.recipe_for(judged.data, choices.loss),
            network=choices.network,
            channels=choices.channels,
            seed=choices.seed,
            device=choices.device,
            progress=told,
        )
    except _Stopped:
        return None


class _Told:
    """Shows each fit as a stage with its loss and held-out accuracy, and ends it when stopped."""

    def __init__(self, progress: Progress, stop: threading.Event) -> None:
        self._progress, self._stop = progress, stop
        self._stage = ExitStack()
        self._advance: Advance | None = None
        self._name, self._done = "", 0

    def __enter__(self) -> _Told:
        return self

    def __exit__(self, *_: object) -> None:
        self._stage.close()

    def __call__(self, step: Step) -> None:
        if self._stop.is_set():
            raise _Stopped
        if self._advance is None or step.stage != self._name:
            self._stage.close()
            stage = self._progress(f"learning, {step.stage}", step.steps, unit="steps")
            self._advance = self._stage.enter_context(stage)
            self._name, self._done = step.stage, 0
        shown = "" if math.isnan(step.loss) else f"loss {step.loss:.4f}"
        if not math.isnan(step.held_out_accuracy):
            shown += f"  held out {step.held_out_accuracy:.3f}"
        self._advance(step.step - self._done, note=shown.strip())
        self._done = step.step


def _decide(report: RankReport, *, keep: bool, force: bool, ask: Ask | None) -> tuple[bool, str]:
    """Whether the ranker is used from now on, and why or why not."""
    judged = str(report.held_out)
    if report.loses:
        worse = [
            one for one in (report.held_out, report.unseen_kinds) if one and one.verdict == "worse"
        ]
        judged = f"it ranks what it never saw worse: {worse[0]}"
    if keep:
        return False, f"{judged}; kept, as was asked"
    if force:
        return True, f"{judged}; used, as was asked"
    if report.loses:
        return False, judged
    if report.too_few:
        question = f"{judged}. Use it all the same?"
        if ask is None:
            return False, f"{judged}; kept, as nobody could be asked"
        return (True, f"{judged}; used, as was answered") if ask(question) else (False, judged)
    return True, judged


def _comparisons(report: RankReport) -> dict[str, Comparison]:
    named = {
        "held-out triplets": report.held_out,
        "held-out triplets, mirrored": report.held_out_mirrored,
        "unseen kinds": report.unseen_kinds,
        "unseen kinds, mirrored": report.unseen_kinds_mirrored,
        "R@1": report.recall_1,
        "R@5": report.recall_5,
        "mAP@10": report.map_10,
        "learned triplets": report.learned,
    }
    return {name: found for name, found in named.items() if found is not None and found.count}


def _keep(shop: Opened, name: str, judged: JudgedImages, trained: TrainedRanker) -> Artefact:
    """The model in the catalogue: its folder is whole before the database knows of it."""
    space = shop.search_space().cell_space
    figures = _figures(judged, trained.report)
    description: dict[str, artefacts.Json] = {
        "name": name,
        "encoder": space.fingerprint,
        "cell_space": space.id,
        "dataset": judged.sha256,
    }
    with tempfile.TemporaryDirectory() as place:
        plain = ranker.write(trained.ranker, Path(place) / "plain", description=description)
        whole = artefacts.write(
            Path(place) / "whole",
            description=plain.description,
            files={
                **{file: plain.path(file).read_bytes() for file in plain.files},
                DATASET_FILE: judged.frozen,
                REPORT_FILE: json.dumps(figures, indent=1, sort_keys=True).encode(),
            },
        )
        model = artefacts.copy(whole, shop.home.models(ranker.KIND))
    models.add(shop.database, model_id=model.fingerprint, kind="ranker", name=name, report=figures)
    return model


def _figures(judged: JudgedImages, report: RankReport) -> dict[str, object]:
    """The report as JSON: it lies in the model folder, and in the catalogue."""
    return {
        "dataset": judged.sha256,
        "images": len(judged.images),
        "triplets": judged.triplets,
        "pairs": judged.pairs,
        "left_out": judged.left_out,
        "kind": judged.kind_column,
        "network": report.network,
        "recipe": asdict(report.recipe),
        "seed": report.seed,
        "steps": report.steps,
        "judged": {name: asdict(one) for name, one in _comparisons(report).items()},
        # Before the first step there is no loss, and JSON has no nan.
        "history": [
            {**asdict(point), "loss": None if math.isnan(point.loss) else point.loss}
            for point in report.history
        ],
        "better": [_change(judged, one) for one in report.better],
        "worse": [_change(judged, one) for one in report.worse],
    }


def _change(judged: JudgedImages, change: Change) -> dict[str, object]:
    shown = {
        "query": file_of(judged.images[change.query]),
        "before": file_of(judged.images[change.before]),
        "after": file_of(judged.images[change.after]),
    }
    return {**shown, "gain": round(change.gain, 4)}


def _draw_changed(shop: Opened, file: Path, judged: JudgedImages, report: RankReport) -> str | None:
    """The held-out photographs whose hits changed most: for better, then for worse."""
    tiles: list[SheetTile] = []
    for said, changes in (("better", report.better), ("worse", report.worse)):
        for change in changes:
            tiles += [
                _tile(judged.images[change.query], f"{said} by {abs(change.gain):.2f}"),
                _tile(judged.images[change.before], "first hit before"),
                _tile(judged.images[change.after], "first hit now"),
            ]
    if not tiles:
        return None
    title = "Held out, changed most"
    return str(save(file, gallery(tiles, title=title, across=_ACROSS, limits=shop.limits)))


def _tile(image: Image, heading: str) -> SheetTile:
    file = Path(file_of(image))
    return SheetTile(file, heading, file.name, None if image.found is None else image.found.box)
