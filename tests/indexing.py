"""Indexing small folders with the tiny encoder, as many tests do."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tiefvision.tasks.indexing.index import IndexReport, index


class Indexing:
    """Runs `index` into one catalogue."""

    def __init__(self, catalogue: Path, encoder: str) -> None:
        self.catalogue = catalogue
        self.encoder = encoder

    def __call__(
        self,
        *folders: Path,
        attributes: Path | None = None,
        prune: bool = False,
        prune_emptied: bool = False,
    ) -> IndexReport:
        return index(
            list(folders),
            catalogue=self.catalogue,
            attributes_file=attributes,
            prune=prune,
            prune_emptied=prune_emptied,
            encoder=self.encoder,
            workers_wanted=2,
        )


def picture(seed: int, *, width: int = 120, height: int = 96) -> np.ndarray:
    """uint8 (height, width, 3): coloured rectangles, different for every seed."""
    rng = np.random.default_rng(seed)
    rgb = np.empty((height, width, 3), np.uint8)
    rgb[:] = rng.integers(0, 256, 3)
    for _ in range(8):
        left, right = np.sort(rng.integers(0, width + 1, 2))
        top, bottom = np.sort(rng.integers(0, height + 1, 2))
        rgb[top:bottom, left:right] = rng.integers(0, 256, 3)
    return rgb
