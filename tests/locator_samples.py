"""Sample sets and networks for the locator's tests that need no photographs."""

from __future__ import annotations

import numpy as np

from tiefvision.maths import windows
from tiefvision.maths.boxes import Box
from tiefvision.teach.export_locator import LocatorNetworks, Slide, Weights
from tiefvision.teach.samples import SampleSet, Taught, freeze
from tiefvision.vision.locator import Shape
from tiefvision.vision.locator_choices import LocatorChoices

ROWS, COLS, CHANNELS = 12, 12, 12
SIDE = 1000
UNITS = 3


def products(count: int, *, seed: int = 0, enlarged: tuple[int, int] | None = None) -> SampleSet:
    """Images in which a product's cells are brighter in some channels; all else is noise.

    enlarged: rows and columns of a second grid, as an enlarged image would give it.
    """
    rng = np.random.default_rng(seed)
    start = rng.uniform(0.05, 0.5, (count, 2))
    boxes = np.concatenate([start, start + rng.uniform(0.3, 0.45, (count, 2))], axis=1)
    grids = np.stack([_grid(box, rng, ROWS, COLS) for box in boxes])
    finer = [] if enlarged is None else [np.stack([_grid(box, rng, *enlarged) for box in boxes])]
    taught = [
        Taught(f"photo {number}", SIDE, SIDE, Box(*(box * SIDE).tolist()))
        for number, box in enumerate(boxes)
    ]
    return freeze(taught, grids, label="dress", parts=[CHANNELS], finer=finer)


def _grid(box: np.ndarray, rng: np.random.Generator, rows: int, cols: int) -> np.ndarray:
    places = windows.sliding(rows, cols, side=1)
    covered = windows.overlaps(places, box[None]) * rows * cols
    plain = rng.normal(size=(rows, cols, CHANNELS))
    plain[:, :, :3] += 3 * covered.reshape(rows, cols, 1)
    return np.stack([plain, plain[:, ::-1]]).astype(np.float32)


def random_networks(
    *,
    seed: int = 0,
    kept: int = 4,
    logit: float = 0.0,
    choices: LocatorChoices | None = None,
    grids: tuple[tuple[int, int], ...] = ((ROWS, COLS),),
) -> LocatorNetworks:
    """Untrained networks in which nothing is zero. logit: added to the classifier's answer."""
    rng = np.random.default_rng(seed)
    choices = choices or LocatorChoices()

    def normal(*shape: int, scale: float = 0.1) -> np.ndarray:
        return (rng.normal(size=shape) * scale).astype(np.float32)

    def weights(outputs: int, side: int, place: np.ndarray | None, channels: int = kept) -> Weights:
        return Weights(
            linear=normal(outputs, channels, side, side),
            bias=normal(outputs),
            hidden=normal(outputs, UNITS, channels, side, side),
            hidden_bias=normal(outputs, UNITS),
            out=normal(outputs, UNITS),
            place=place,
        )

    def slide(side: int, rows: int, cols: int) -> Slide:
        place = normal(5, rows, cols)
        place[0] += logit
        scale = np.array([0.5, 0.6, 0.7, 0.8], np.float32)
        return Slide(weights(5, side, place), normal(4, rows, cols), scale)

    return LocatorNetworks(
        shape=Shape(grids, choices.windows, 7, 1.5, 3),
        choices=choices,
        offset=normal(CHANNELS),
        projection=normal(CHANNELS, kept, scale=1.0),
        slides=tuple(tuple(slide(side, *grid) for side in choices.windows) for grid in grids),
        look=weights(4, 7, None, kept * len(grids)),
        look_mean=np.array([0.2, 0.2, 0.8, 0.8], np.float32),
        look_scale=np.array([0.1, 0.2, 0.3, 0.4], np.float32),
    )
