"""`tiefvision train locator`: from drawn boxes to a model, used where it is the better one."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from tiefvision.errors import TiefVisionError
from tiefvision.maths import windows
from tiefvision.maths.boxes import Box
from tiefvision.store import models
from tiefvision.tasks.keeping.models import switch
from tiefvision.tasks.locating.boxed_photographs import (
    BoxedPhotograph,
    drawn_samples,
    locator_encoder,
)
from tiefvision.tasks.opened import Opened, opened
from tiefvision.tasks.progress import Progress, silent
from tiefvision.tasks.ready_locator import guesses, untrained_locator
from tiefvision.tasks.showing.sheet import gallery, save
from tiefvision.tasks.showing.tiles import SheetTile
from tiefvision.vision import artefacts, pixels
from tiefvision.vision.artefacts import Artefact
from tiefvision.vision.encoders import SideBySide
from tiefvision.vision.location import Finder
from tiefvision.vision.locator import Locator
from tiefvision.vision.locator_choices import LocatorChoices

if TYPE_CHECKING:
    from tiefvision.teach.export_locator import LocatorNetworks
    from tiefvision.teach.judge_locator import Judgement, Placed
    from tiefvision.teach.samples import SampleSet
    from tiefvision.teach.train_locator import Step

_WORST = 20
# Photographs in which the product is looked for to see what that costs.
_TIMED = 20
WORST_FILE = "worst.jpg"
GUESS = "first guess"


@dataclass(frozen=True, slots=True)
class LocatorLesson:
    """What was learned, and what it is worth.

    merge, windows, pyramid: how it looks (`LocatorChoices`); milliseconds: processor time of
    looking for the product in one photograph, the median of some; None where all are gone.
    photographs: that were learned from; left_out: that are gone. dataset: SHA-256 of boxes and
    contents. held_out: photographs that judged it, never ones that it had learned from then;
    the model itself learned from all. placed: IoU and CorLoc on those, beside what it must beat.
    activated: whether it is used now, and why or why not; encoded: images encoded anew by it.
    worst: a picture of the twenty worst.
    """

    model_id: str
    label: str
    merge: str
    windows: Sequence[int]
    pyramid: Sequence[float]
    photographs: int
    left_out: int
    dataset: str
    held_out: int
    found: float
    classifier_accuracy: float
    classifier_roc_auc: float
    placed: Mapping[str, Placed]
    seconds: float
    milliseconds: float | None
    activated: bool
    reason: str
    encoded: int
    worst: str | None
    notes: Sequence[str] = ()


def train_locator(
    *,
    catalogue: str | Path | None = None,
    label: str = "",
    choices: LocatorChoices | None = None,
    seed: int = 0,
    keep: bool = False,
    force: bool = False,
    progress: Progress = silent,
    stop: threading.Event | None = None,
) -> LocatorLesson:
    """Learn where the product is from the boxes that people drew; use it where it is better.

    label: learn from boxes of this label only; "": from what encloses all boxes of a photograph.
    choices: how it looks. keep: do not use it yet. force: use it though it is not better. Raises
    NotReady without the teach extra, InvalidInput for too few boxes, NotFound without a catalogue,
    Conflict while an index run is at work and does not end.
    """
    # torch takes seconds to import and belongs to the teach extra.
    from tiefvision.teach import train_locator

    train_locator.torch_or_explain()
    began = time.monotonic()
    looks = choices or LocatorChoices()
    with opened(catalogue) as shop:
        encoder = locator_encoder(shop, progress)
        samples, photographs, left_out = drawn_samples(shop, label, encoder, looks, progress)
        judged, networks = _learned(shop, samples, photographs, encoder, looks, seed, progress)
        model, cost = _kept(shop, samples, photographs, judged, networks, encoder)
        worst = _draw_worst(shop, model.folder / WORST_FILE, photographs, judged)
        seconds = time.monotonic() - began
        better, reason = _verdict(judged)
        use = not keep and (better or force)
        encoded, notes = 0, tuple[str, ...]()
        if use:
            done = switch(shop, "locator", label, model.fingerprint, progress=progress, stop=stop)
            encoded, notes = done.encoded, tuple(done.notes)
        return LocatorLesson(
            model_id=model.fingerprint,
            label=label,
            merge=looks.merge,
            windows=looks.windows,
            pyramid=looks.pyramid,
            photographs=len(samples),
            left_out=left_out,
            dataset=samples.sha256,
            held_out=len(judged.held_out),
            found=judged.found,
            classifier_accuracy=judged.accuracy,
            classifier_roc_auc=judged.roc_auc,
            placed=judged.placed,
            seconds=round(seconds, 1),
            milliseconds=cost,
            activated=use,
            reason=reason,
            encoded=encoded,
            worst=worst,
            notes=notes,
        )


def _learned(
    shop: Opened,
    samples: SampleSet,
    photographs: Sequence[BoxedPhotograph],
    encoder: SideBySide,
    choices: LocatorChoices,
    seed: int,
    progress: Progress,
) -> tuple[Judgement, LocatorNetworks]:
    """What networks are worth that never saw what they are judged by, and those that saw all."""
    # As in train_locator.
    from tiefvision.teach import judge_locator, train_locator

    guess = None if samples.label else _guess_of(shop)
    others = {} if guess is None else {GUESS: _guessed(shop, photographs, guess)}
    with progress("learning", None, unit="epochs") as advance:

        def step(now: Step) -> None:
            held = now.held_out_loss
            beside = "" if held is None else f", {held:.3f} held out"
            advance(1, note=f"{now.stage}: loss {now.loss:.3f}{beside}")

        judged = judge_locator.judge(
            samples, encoder, others=others, choices=choices, seed=seed, progress=step
        )
        everything = np.arange(len(samples))
        networks = train_locator.fit(samples, everything, choices=choices, seed=seed, progress=step)
        return judged, networks


def _kept(
    shop: Opened,
    samples: SampleSet,
    photographs: Sequence[BoxedPhotograph],
    judged: Judgement,
    networks: LocatorNetworks,
    encoder: SideBySide,
) -> tuple[Artefact, float | None]:
    """The model folder in the catalogue, with its report and what it was taught; and the
    milliseconds that it takes."""
    # As in train_locator.
    from tiefvision.teach import export_locator

    figures = _figures(samples, judged, networks.choices)
    with tempfile.TemporaryDirectory() as place:
        written = export_locator.write_folder(
            Path(place) / "model",
            networks,
            encoder=encoder,
            label=samples.label,
            report=json.dumps(figures, sort_keys=True).encode(),
            dataset=samples.as_json(),
        )
        model = artefacts.copy(written, shop.home.models("locator"))
    # Not in the folder: the same boxes and choices shall make the same model.
    cost = _milliseconds(shop, Locator(model.folder, folders=(shop.home.encoders,)), photographs)
    models.add(
        shop.database,
        model_id=model.fingerprint,
        kind="locator",
        name=samples.label,
        report={**figures, "milliseconds": cost},
    )
    return model, cost


def _milliseconds(
    shop: Opened, locator: Locator, photographs: Sequence[BoxedPhotograph]
) -> float | None:
    """Processor time of looking for the product in one photograph that is decoded already."""
    spent: list[float] = []
    for photograph in photographs[:_TIMED]:
        try:
            image = pixels.read(
                Path(photograph.file), side=locator.encoder.side, limits=shop.limits
            )
        except TiefVisionError:
            continue  # its grids were kept, the photograph was not
        began = time.thread_time()
        locator.locate(image)
        spent.append((time.thread_time() - began) * 1e3)
    return round(float(np.median(spent)), 1) if spent else None


def _guess_of(shop: Opened) -> Finder | None:
    return untrained_locator(shop) if guesses(shop.settings) else None


def _guessed(
    shop: Opened, photographs: Sequence[BoxedPhotograph], guess: Finder
) -> Float64[np.ndarray, "photos 4"]:
    """Where the first guess sees the product, in fractions of the image; else the whole image."""
    found = np.tile(np.array([0.0, 0.0, 1.0, 1.0]), (len(photographs), 1))
    for at, photograph in enumerate(photographs):
        file = Path(photograph.file)
        if not file.exists():
            continue  # its grids were kept, the photograph was not
        image = pixels.read(file, side=_GUESS_SIDE, limits=shop.limits)
        location = guess.locate(image)
        if location is not None:
            found[at] = windows.to_fractions(
                location.box, width=image.original_width, height=image.original_height
            )
    return found


# Pixels of the shorter side that a photograph is decoded with at least.
_GUESS_SIDE = 224


def _verdict(judged: Judgement) -> tuple[bool, str]:
    """Whether the locator places held-out boxes better than all that needs no teaching."""
    own = judged.placed["locator"].iou
    rivals = {name: one.iou for name, one in judged.placed.items() if name in _RIVALS}
    best = max(rivals, key=lambda name: rivals[name])
    compared = f"{own:.3f} against {rivals[best]:.3f} of the {best}"
    if own > rivals[best]:
        return True, f"it places held-out boxes better: mean IoU {compared}"
    return False, f"it places held-out boxes no better yet: mean IoU {compared}; draw more boxes"


_RIVALS = (GUESS, "whole image", "mean box")


def _figures(samples: SampleSet, judged: Judgement, choices: LocatorChoices) -> dict[str, object]:
    """The report as JSON: it lies in the model folder, and in the catalogue."""
    return {
        **asdict(choices),
        "photographs": len(samples),
        "dataset": samples.sha256,
        "held_out": len(judged.held_out),
        "found": judged.found,
        "classifier_accuracy": judged.accuracy,
        "classifier_roc_auc": judged.roc_auc,
        "placed": {name: asdict(one) for name, one in judged.placed.items()},
    }


def _draw_worst(
    shop: Opened, file: Path, photographs: Sequence[BoxedPhotograph], judged: Judgement
) -> str | None:
    """The held-out photographs that were placed worst, with both boxes."""
    tiles: list[SheetTile] = []
    for at in np.argsort(judged.ious)[:_WORST]:
        one = photographs[int(judged.held_out[at])]
        tiles.append(
            SheetTile(
                Path(one.file),
                f"IoU {judged.ious[at]:.2f}",
                Path(one.file).name,
                _inside(judged.boxes[at], one),
                truth=one.box,
            )
        )
    if not tiles:
        return None
    title = "Placed worst: drawn in green, found in red"
    return str(save(file, gallery(tiles, title=title, limits=shop.limits)))


def _inside(edges: Float64[np.ndarray, " 4"], one: BoxedPhotograph) -> Box:
    return windows.to_box(edges, width=one.width, height=one.height)
