"""Sample sets and networks for the locator's tests that need no photographs."""

from __future__ import annotations

import numpy as np

from tiefvision.maths import windows
from tiefvision.maths.boxes import Box
from tiefvision.teach.export_locator import LocatorNetworks, Weights
from tiefvision.teach.samples import SampleSet, Taught, freeze
from tiefvision.vision.locator import Shape

ROWS, COLS, CHANNELS = 12, 12, 12
SIDE = 1000
UNITS = 3


def products(count: int, *, seed: int = 0) -> SampleSet:
    """Images in which a product's cells are brighter in some channels; all else is noise."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(0.05, 0.5, (count, 2))
    boxes = np.concatenate([start, start + rng.uniform(0.3, 0.45, (count, 2))], axis=1)
    grids = np.stack([_grid(box, rng) for box in boxes])
    taught = [
        Taught(f"photo {number}", SIDE, SIDE, Box(*(box * SIDE).tolist()))
        for number, box in enumerate(boxes)
    ]
    return freeze(taught, grids, label="dress", parts=[CHANNELS])


def _grid(box: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    places = windows.sliding(ROWS, COLS, side=1)
    covered = windows.overlaps(places, box[None]) * ROWS * COLS
    plain = rng.normal(size=(ROWS, COLS, CHANNELS))
    plain[:, :, :3] += 3 * covered.reshape(ROWS, COLS, 1)
    return np.stack([plain, plain[:, ::-1]]).astype(np.float32)


def random_networks(*, seed: int = 0, kept: int = 4, logit: float = 0.0) -> LocatorNetworks:
    """Untrained networks in which nothing is zero. logit: added to the classifier's answer."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int, scale: float = 0.1) -> np.ndarray:
        return (rng.normal(size=shape) * scale).astype(np.float32)

    def weights(outputs: int, side: int, place: np.ndarray | None) -> Weights:
        return Weights(
            linear=normal(outputs, kept, side, side),
            bias=normal(outputs),
            hidden=normal(outputs, UNITS, kept, side, side),
            hidden_bias=normal(outputs, UNITS),
            out=normal(outputs, UNITS),
            place=place,
        )

    place = normal(5, ROWS, COLS)
    place[0] += logit
    return LocatorNetworks(
        shape=Shape(ROWS, COLS, 5, 7, 1.5, 3),
        offset=normal(CHANNELS),
        projection=normal(CHANNELS, kept, scale=1.0),
        slide=weights(5, 5, place),
        slide_place=normal(4, ROWS, COLS),
        slide_scale=np.array([0.5, 0.6, 0.7, 0.8], np.float32),
        look=weights(4, 7, None),
        look_mean=np.array([0.2, 0.2, 0.8, 0.8], np.float32),
        look_scale=np.array([0.1, 0.2, 0.3, 0.4], np.float32),
    )
