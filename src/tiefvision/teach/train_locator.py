"""The locator's networks from boxes: solved in closed form, then a little descent."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float, Float32, Float64, Int8, Int64

from tiefvision.errors import InvalidInput, NotReady
from tiefvision.maths import windows
from tiefvision.maths.merge_rules import Merge
from tiefvision.maths.merging import merge
from tiefvision.teach.export_locator import LocatorNetworks, Slide, Weights
from tiefvision.teach.linear_maps import (
    Reduction,
    look_start,
    reduction,
    slide_moments,
    slide_start,
)
from tiefvision.teach.samples import SampleSet, both_ways, look_windows, reduced
from tiefvision.vision.locator import LEAST_PROBABILITY, Shape, look_cells
from tiefvision.vision.locator_choices import LocatorChoices

_LOOK_SIDE = 7
_LOOK_GROWN = 1.5
_LOOKS = 3
# Second looks learn from windows that are wrong by this share of what first looks are wrong by:
# each look after the first starts nearer. Half to three quarters do alike.
_ERROR_SHARE = 0.5
# What first looks are wrong by, in what the mean box is wrong by, where it was not measured.
_PLAIN_ERROR = 0.8
_LEAST_ERROR = 0.02
_LEAST_LOGIT = math.log(LEAST_PROBABILITY / (1 - LEAST_PROBABILITY))
# Windows drawn about each box for the second look, so that there are about so many of them.
_LOOK_WINDOWS = 4_000
_MOST_DRAWS = 6
# Tried on the images that decide when to stop; the middle one where they are too few.
_PENALTIES = (1.0, 3.0, 10.0)
_PLAIN_PENALTY = 10.0
# One image in five decides when to stop, where that makes at least so many.
_STOP_EVERY = 5
_LEAST_STOPS = 4
_PLAIN_EPOCHS = 2
_BATCH_IMAGES = 16
_BATCH_WINDOWS = 64


@dataclass(frozen=True, slots=True)
class Step:
    """How far a training is.

    stage: "slide" or "look", and how it is run: "trying" to find when to stop, or "training".
    loss: of the epoch; held_out_loss: of the images that decide when to stop, if there are any.
    """

    stage: str
    epoch: int
    epochs: int
    loss: float
    held_out_loss: float | None


Progress = Callable[[Step], None]


def silent(_step: Step) -> None:
    """Tells nobody."""


def fit(
    samples: SampleSet,
    chosen: Int64[np.ndarray, " photos"],
    *,
    choices: LocatorChoices | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> LocatorNetworks:
    """The networks learned from some of a set's photographs; the same ones for the same seed.

    chosen: positions in the set; at least two. One in five of them first decides the penalty and
    when to stop, then all are learned from. choices: with the pyramid that the set has.
    Raises NotReady without the teach extra.
    """
    torch_or_explain()
    if len(chosen) < 2:
        raise InvalidInput(
            f"{len(chosen)} box to learn from; at least 2 expected", remedy="draw more boxes"
        )
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(np.sort(chosen))
    choices = choices or LocatorChoices()
    few = reduction(samples.grids[np.sort(chosen)], samples.parts, rng=rng)
    shape = shape_of(samples, choices)
    cells = tuple(_few_channels(grids, chosen, few) for grids in samples.pyramid)
    taught = _Taught(shape, cells, both_ways(samples.boxes[chosen]))
    held = len(chosen) // _STOP_EVERY
    held = 2 * held if held >= _LEAST_STOPS else 0
    slides, wrong = _fit_slides(taught, held, seed, choices.merge, progress)
    look = _fit_look(taught, wrong, held, seed, progress)
    return LocatorNetworks(
        shape=shape,
        choices=choices,
        offset=few.offset,
        projection=few.projection,
        slides=slides,
        look=look.weights,
        look_mean=look.added,
        look_scale=look.scale,
    )


def shape_of(samples: SampleSet, choices: LocatorChoices) -> Shape:
    """What networks are made for that learn from a sample set.

    Raises InvalidInput where the set's grids are not those of the pyramid.
    """
    grids = tuple((grids.shape[2], grids.shape[3]) for grids in samples.pyramid)
    if len(grids) != len(choices.sizes):
        raise InvalidInput(
            f"the samples were read at {len(grids)} sizes; {len(choices.sizes)} were chosen"
        )
    return Shape(grids, choices.windows, _LOOK_SIDE, _LOOK_GROWN, _LOOKS)


def _few_channels(
    grids: Float[np.ndarray, "photos 2 rows cols channels"],
    chosen: Int64[np.ndarray, " n"],
    few: Reduction,
) -> Float32[np.ndarray, "n2 rows cols kept"]:
    """The chosen photographs' grids, reduced one by one: all at once would fill the memory."""
    cells = [reduced(grids[photo], few.offset, few.projection) for photo in chosen]
    return np.concatenate(cells)


def torch_or_explain() -> None:
    """Raises NotReady, with what to type, where torch is not installed."""
    try:
        importlib.import_module("torch")
    except ImportError as error:
        raise NotReady(
            "training needs torch", remedy="type `pip install 'tiefvision[teach]'`"
        ) from error


@dataclass(frozen=True, slots=True, eq=False)
class _Taught:
    """Images plain and mirrored, one after the other; those that decide when to stop come last.

    cells: one array for each grid of the shape.
    """

    shape: Shape
    cells: tuple[Float32[np.ndarray, "n _rows _cols kept"], ...]
    boxes: Float64[np.ndarray, "n 4"]


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    weights: Weights
    added: Float32[np.ndarray, "*shape"]
    scale: Float32[np.ndarray, " 4"]


@dataclass(frozen=True, slots=True, eq=False)
class _Votes:
    """What the windows of one size say of the images that decide when to stop, before they were
    learned from."""

    logits: Float32[np.ndarray, "held w"]
    boxes: Float64[np.ndarray, "held w 4"]
    windows: Float64[np.ndarray, "w 4"]


def _fit_slides(
    taught: _Taught, held: int, seed: int, rule: Merge, progress: Progress
) -> tuple[tuple[tuple[Slide, ...], ...], float]:
    """The sliding networks of every grid and window size, and how wrong they are together, in
    what the mean box is wrong by."""
    slides: list[tuple[Slide, ...]] = []
    votes: list[_Votes] = []
    for cells in taught.cells:
        own: list[Slide] = []
        for side in taught.shape.windows:
            slide, said = _fit_slide(cells, taught.boxes, side, held, seed, progress)
            own.append(slide)
            votes += [] if said is None else [said]
        slides.append(tuple(own))
    wrong = _first_error(votes, taught.boxes, rule) if votes else _PLAIN_ERROR
    return tuple(slides), wrong


def _fit_slide(
    cells: Float32[np.ndarray, "n rows cols kept"],
    boxes: Float64[np.ndarray, "n 4"],
    side: int,
    held: int,
    seed: int,
    progress: Progress,
) -> tuple[Slide, _Votes | None]:
    """The networks that slide a window of one size over one grid."""
    # torch takes seconds to import and belongs to the teach extra.
    from tiefvision.teach import locator_networks as nets

    rows, cols = cells.shape[1:3]
    sliding = windows.sliding(rows, cols, side=side)
    added, scale, edges, kinds = _sliding_answers(boxes, sliding, rows, cols)
    parts = [slice(0, len(boxes) - held), slice(len(boxes) - held, len(boxes))]
    moments = [slide_moments(cells[p], edges[p], kinds[p], kernel=side) for p in parts]

    def run(held: int, epochs: int | None, stage: str) -> tuple[Weights, int]:
        linear, place = slide_start(moments[0] if held else moments[0] + moments[1])
        return nets.train_slide(
            nets.Start(linear, np.zeros(5, np.float32), place),
            cells,
            edges,
            kinds,
            held=held,
            epochs=epochs,
            seed=seed,
            batch=_BATCH_IMAGES,
            on_epoch=partial(_tell, progress, stage),
        )

    epochs, votes = _PLAIN_EPOCHS, None
    if held:
        tried, epochs = run(held, None, "slide, trying")
        answers = nets.answers(tried, cells[-held:])
        own = (answers[:, 1:] * scale[:, None, None] + added).astype(np.float64)
        own = own.reshape(held, 4, -1).transpose(0, 2, 1)  # held w 4
        found = np.array([windows.without(one, sliding) for one in own])
        votes = _Votes(answers[:, 0].reshape(held, -1), found, sliding)
    weights, _ = run(0, epochs, "slide, training")
    return Slide(weights, added, scale), votes


def _first_error(votes: Sequence[_Votes], boxes: Float64[np.ndarray, "n 4"], rule: Merge) -> float:
    """How far first looks at the last images are off, in what the mean box is off."""
    logits = np.concatenate([own.logits for own in votes], axis=1)
    said = np.concatenate([own.boxes for own in votes], axis=1)
    sliding = np.concatenate([own.windows for own in votes])
    true = boxes[-len(logits) :]
    found = np.array([_merged(*one, sliding, rule) for one in zip(logits, said, strict=True)])
    off, plain = (
        np.median(np.abs(guess - true) / windows.sizes(true))
        for guess in (found, np.tile(boxes.mean(axis=0), (len(true), 1)))
    )
    return float(off / max(plain, _LEAST_ERROR))


def _merged(
    logits: Float32[np.ndarray, " w"],
    votes: Float64[np.ndarray, "w 4"],
    sliding: Float64[np.ndarray, "w 4"],
    rule: Merge,
) -> Float64[np.ndarray, " 4"]:
    """What the probable windows say together; the most probable one where none is."""
    voting = np.flatnonzero(logits >= min(_LEAST_LOGIT, float(logits.max())))
    sure = 1 / (1 + np.exp(-logits[voting].astype(np.float64)))
    return merge(votes[voting], sure, sliding[voting], by=rule)


def _sliding_answers(
    boxes: Float64[np.ndarray, "n 4"], sliding: Float64[np.ndarray, "w 4"], rows: int, cols: int
) -> tuple[
    Float32[np.ndarray, "4 rows cols"],
    Float32[np.ndarray, " 4"],
    Float32[np.ndarray, "n 4 rows cols"],
    Int8[np.ndarray, "n rows cols"],
]:
    """The edges' mean at every place, their deviation, every window's normalised edges and kind."""
    count, grid = len(boxes), (rows, cols)
    size = windows.sizes(sliding)
    mean = windows.within(np.tile(boxes.mean(axis=0), (len(sliding), 1)), sliding)
    deviation = np.maximum(boxes.std(axis=0) / size[0], _LEAST_ERROR)
    answers = np.array(
        [
            (windows.within(np.tile(box, (len(sliding), 1)), sliding) - mean) / deviation
            for box in boxes
        ]
    )
    kinds = np.array([windows.kinds(sliding, box[None]) for box in boxes])
    return (
        mean.T.reshape(4, *grid).astype(np.float32),
        deviation.astype(np.float32),
        answers.transpose(0, 2, 1).reshape(count, 4, *grid).astype(np.float32),
        kinds.reshape(count, *grid),
    )


def _fit_look(taught: _Taught, wrong: float, held: int, seed: int, progress: Progress) -> _Fitted:
    """The second look's networks, for first looks that are as wrong as that."""
    # As in _fit_slide.
    from tiefvision.teach import locator_networks as nets

    cells, edges, times = _looks(taught, wrong, np.random.default_rng(seed))
    mean, deviation = edges.mean(axis=0), np.maximum(edges.std(axis=0), _LEAST_ERROR)
    normalised = (edges - mean) / deviation
    held *= times

    def run(
        start: tuple[np.ndarray, np.ndarray], held: int, epochs: int | None, stage: str
    ) -> tuple[Weights, int]:
        return nets.train_look(
            nets.Start(start[0], start[1], None),
            cells,
            edges.astype(np.float32),
            mean,
            deviation,
            held=held,
            epochs=epochs,
            seed=seed,
            batch=_BATCH_WINDOWS,
            on_epoch=partial(_tell, progress, stage),
        )

    penalty, epochs = _PLAIN_PENALTY, _PLAIN_EPOCHS
    if held:
        starts = look_start(cells[:-held], normalised[:-held], penalties=_PENALTIES)
        right = [
            windows.ious(_answers(start, cells[-held:]) * deviation + mean, edges[-held:]).mean()
            for start in starts
        ]
        best = int(np.argmax(right))
        penalty = _PENALTIES[best]
        _, epochs = run(starts[best], held, None, "look, trying")
    (start,) = look_start(cells, normalised, penalties=(penalty,))
    weights, _ = run(start, 0, epochs, "look, training")
    return _Fitted(weights, mean.astype(np.float32), deviation.astype(np.float32))


def _looks(
    taught: _Taught, wrong: float, rng: np.random.Generator
) -> tuple[Float32[np.ndarray, "m side side kept"], Float64[np.ndarray, "m 4"], int]:
    """Windows about every box, the boxes' edges in them, and how many windows each has."""
    boxes, shape = taught.boxes, taught.shape
    times = int(np.clip(_LOOK_WINDOWS // len(boxes), 2, _MOST_DRAWS))
    off = (boxes - boxes.mean(axis=0)) / windows.sizes(boxes) * _ERROR_SHARE * wrong
    spread = np.cov(off.T) + np.eye(4) * _LEAST_ERROR**2
    repeated = np.repeat(boxes, times, axis=0)
    drawn = look_windows(repeated, spread=spread, grown=shape.look_grown, rng=rng)
    cells = np.concatenate(
        [
            look_cells(grids, drawn[i * times : (i + 1) * times], side=shape.look_side)
            for i, grids in enumerate(zip(*taught.cells, strict=True))
        ]
    )
    return cells, windows.within(repeated, drawn), times


def _answers(
    start: tuple[Float32[np.ndarray, "4 kept side side"], Float32[np.ndarray, " 4"]],
    cells: Float32[np.ndarray, "n side side kept"],
) -> Float64[np.ndarray, "n 4"]:
    linear, added = start
    flat = cells.transpose(0, 3, 1, 2).reshape(len(cells), -1)
    return (flat @ linear.reshape(4, -1).T + added).astype(np.float64)


def _tell(
    progress: Progress, stage: str, epoch: int, epochs: int, loss: float, held: float | None
) -> None:
    progress(Step(stage, epoch, epochs, loss, held))
