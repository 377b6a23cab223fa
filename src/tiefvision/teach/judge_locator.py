"""What a locator is worth on photographs that it was not taught with, beside what it must beat."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int64

from tiefvision.maths import metrics, windows
from tiefvision.teach import baselines, train_locator
from tiefvision.teach.export_locator import LocatorNetworks, write_folder
from tiefvision.teach.linear_maps import reduction
from tiefvision.teach.samples import HELD_OUT, SampleSet, both_ways, reduced
from tiefvision.teach.train_locator import Progress
from tiefvision.vision.encoders import SideBySide
from tiefvision.vision.locator import Heads
from tiefvision.vision.locator_choices import LocatorChoices

LOCATOR = "locator"
# With fewer photographs every fold is held out in turn: one fold of them would say little.
_ONE_FOLD_FROM = 250
_FAIR, _GOOD = 0.5, 0.7
# Resamplings of the held-out photographs for an interval.
_RESAMPLED = 2_000
_INTERVAL = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Placed:
    """How well one way places boxes: mean IoU with its 95 % interval, and the shares of
    photographs whose box reaches an IoU of .5 and of .7 (CorLoc)."""

    iou: float
    iou_low: float
    iou_high: float
    corloc_50: float
    corloc_70: float


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """Figures on held-out photographs.

    held_out: their positions in the sample set. placed: the locator and what it must beat, by
    name. found: the share of them in which the locator finds anything; elsewhere it counts as
    the whole image. accuracy, roc_auc: of the classifier, over windows that hold or do not hold
    the product. ious: the locator's, for each of `held_out`; boxes: what it found.
    """

    held_out: Int64[np.ndarray, " n"]
    placed: Mapping[str, Placed]
    found: float
    accuracy: float
    roc_auc: float
    ious: Float64[np.ndarray, " n"]
    boxes: Float64[np.ndarray, "n 4"]


def judge(
    samples: SampleSet,
    encoder: SideBySide,
    *,
    others: Mapping[str, Float64[np.ndarray, "photos 4"]] | None = None,
    choices: LocatorChoices | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Judgement:
    """Train on some folds, place boxes in the others.

    One fold is held out where there are many photographs, else each in turn. others: boxes that
    another way found in all photographs, judged on the same ones.
    """
    folds = [HELD_OUT] if len(samples) >= _ONE_FOLD_FROM else sorted(set(samples.folds.tolist()))
    trials = [_trial(samples, encoder, fold, choices, seed, progress) for fold in folds]
    held_out = np.concatenate([trial.held_out for trial in trials])
    truth = samples.boxes[held_out]
    boxes = {
        name: np.concatenate([trial.boxes[name] for trial in trials]) for name in trials[0].boxes
    }
    boxes |= {name: found[held_out] for name, found in (others or {}).items()}
    ious = {name: windows.ious(found, truth) for name, found in boxes.items()}
    scores = np.concatenate([trial.probabilities for trial in trials])
    holds = np.concatenate([trial.holds for trial in trials])
    return Judgement(
        held_out=held_out,
        placed={name: placed(own, seed=seed) for name, own in ious.items()},
        found=float(np.concatenate([trial.found for trial in trials]).mean()),
        accuracy=float(((scores >= _FAIR) == holds).mean()),
        roc_auc=metrics.roc_auc(scores, holds) if 0 < holds.sum() < len(holds) else 1.0,
        ious=ious[LOCATOR],
        boxes=boxes[LOCATOR],
    )


def placed(ious: Float64[np.ndarray, " n"], *, seed: int = 0) -> Placed:
    """The figures of a way that reached these intersections over union."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(ious), size=(_RESAMPLED, len(ious)))
    low, high = np.percentile(ious[drawn].mean(axis=1), _INTERVAL)
    return Placed(
        iou=float(ious.mean()),
        iou_low=float(low),
        iou_high=float(high),
        corloc_50=metrics.corloc(ious, at=_FAIR),
        corloc_70=metrics.corloc(ious, at=_GOOD),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    held_out: Int64[np.ndarray, " n"]
    boxes: Mapping[str, Float64[np.ndarray, "n 4"]]
    found: Bool[np.ndarray, " n"]
    probabilities: Float64[np.ndarray, " w"]
    holds: Bool[np.ndarray, " w"]


def _trial(
    samples: SampleSet,
    encoder: SideBySide,
    fold: int,
    choices: LocatorChoices | None,
    seed: int,
    progress: Progress | None,
) -> _Trial:
    held_out, taught = np.flatnonzero(samples.folds == fold), np.flatnonzero(samples.folds != fold)
    networks = train_locator.fit(samples, taught, choices=choices, seed=seed, **_given(progress))
    grids = samples.grids[held_out, 0].astype(np.float32)
    found, boxes = np.zeros(len(held_out), bool), baselines.whole(len(held_out))
    probabilities: list[Float64[np.ndarray, " w"]] = []
    holds: list[Bool[np.ndarray, " w"]] = []
    with tempfile.TemporaryDirectory() as place:
        heads = _loaded(networks, encoder, samples.label, Path(place) / "model")
        for at, photo in enumerate(held_out):
            truth, own = samples.boxes[photo], samples.plain(int(photo))
            location, seen = heads.find(*own), heads.slide(*own)
            if location is not None:
                found[at], boxes[at] = True, location.edges
            kinds = windows.kinds(seen.windows, truth[None])
            clear = kinds != windows.NEITHER
            probabilities.append(seen.probability[clear])
            holds.append(kinds[clear] == windows.TARGET)
    rng = np.random.default_rng(seed)
    few = reduction(samples.grids[taught], samples.parts, rng=rng)
    cells = reduced(samples.grids[taught], few.offset, few.projection)
    count = len(held_out)
    return _Trial(
        held_out=held_out,
        boxes={
            LOCATOR: boxes,
            baselines.WHOLE: baselines.whole(count),
            baselines.MEAN: baselines.mean(samples.boxes[taught], count),
            baselines.ACTIVATION: baselines.activation(grids),
            baselines.RIDGE: baselines.ridge(
                cells.reshape(-1, *cells.shape[2:]),
                both_ways(samples.boxes[taught]),
                reduced(grids, few.offset, few.projection),
            ),
        },
        found=found,
        probabilities=np.concatenate(probabilities),
        holds=np.concatenate(holds),
    )


def _given(progress: Progress | None) -> dict[str, Progress]:
    return {} if progress is None else {"progress": progress}


def _loaded(networks: LocatorNetworks, encoder: SideBySide, label: str, folder: Path) -> Heads:
    write_folder(folder, networks, encoder=encoder, label=label)
    return Heads(folder)


def names_beaten(judgement: Judgement, others: Sequence[str]) -> list[str]:
    """Which of the other ways the locator places boxes better than, by mean IoU."""
    own = judgement.placed[LOCATOR].iou
    return [name for name in others if own > judgement.placed[name].iou]
