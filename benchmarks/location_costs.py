"""What looking for the product costs: CPU milliseconds an image, beside indexing without it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

import street
from tiefvision.settings import DEFAULT_ENCODER
from tiefvision.teach.export_locator import LocatorNetworks, write_folder
from tiefvision.vision import encoders, pixels
from tiefvision.vision.embedder import Embedder
from tiefvision.vision.locator import LOCATOR_ENCODER, Heads, whole_grid

# What other grids buy: coarser, finer, deeper or cheaper networks, or two of them.
GRIDS = (
    LOCATOR_ENCODER,
    "efficientnet-lite0@stage7",
    "efficientnet-lite0@stage5",
    "mobilenetv2@stage5+mobilenetv2@stage7",
    "efficientnet-lite1@stage5+efficientnet-lite1@stage7",
    "efficientnet-lite0@stage5+efficientnet-lite0@stage7+mobilenetv2@stage5+mobilenetv2@stage7",
)
TIMED = 40
INDEXING = "indexing without a locator"

_Result = TypeVar("_Result")


def costs(photos: Sequence[street.Photo], networks: LocatorNetworks) -> dict[str, float]:
    """CPU milliseconds, the median over some photographs, taken turn by turn on one thread."""
    embedder = Embedder(encoders.load(DEFAULT_ENCODER), rows=3, cols=3)
    grids = {spec: encoders.load(spec) for spec in GRIDS}
    spent: dict[str, list[float]] = {}

    def timed(name: str, work: Callable[[], _Result]) -> _Result:
        began = time.process_time()
        result = work()
        spent.setdefault(name, []).append((time.process_time() - began) * 1e3)
        return result

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "model"
        write_folder(folder, networks, encoder=grids[LOCATOR_ENCODER], label="")
        heads = Heads(folder)
        for photo in photos[:TIMED]:
            content = photo.file.read_bytes()
            image = pixels.read(content, side=embedder.encoder.side)
            timed(INDEXING, lambda: embedder.embed(content))  # noqa: B023
            for spec, encoder in grids.items():
                grid = timed(spec, lambda: whole_grid(encoder, image))  # noqa: B023
                if spec == LOCATOR_ENCODER:
                    timed("windows and looks", lambda: heads.find(grid))  # noqa: B023
    return {name: float(np.median(times)) for name, times in spent.items()}
