"""Drawn garments on cluttered backgrounds, whose boxes are exact: where they are, what is alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float16

from evaluation import Scores, Task, score
from tiefvision.demo import scene
from tiefvision.demo.scene import Scene
from tiefvision.maths.centring import PartLayout, centre
from tiefvision.maths.similarity import flat_vector
from tiefvision.vision.pixels import Pixels

NAME = "drawn, cluttered"


def cluttered(count: int) -> list[Scene]:
    """The first scenes of the demo catalogue, on backgrounds full of other things."""
    return list(scene.catalogue(count, background="cluttered"))


def pixels_of(drawn: Scene) -> Pixels:
    """A scene as a photograph that was decoded in full."""
    height, width = drawn.pixels.shape[:2]
    return Pixels(drawn.pixels, original_width=width, original_height=height)


def task(scenes: Sequence[Scene]) -> Task:
    """Another photograph of the same kind, pattern and colour; queries that have one."""
    names = [f"{one.kind} {one.pattern} {one.colour}" for one in scenes]
    labels = np.unique(names, return_inverse=True)[1]
    everything = np.arange(len(scenes))
    allowed = everything[:, None] != everything[None, :]
    relevant = allowed & (labels[:, None] == labels[None, :])
    kept = relevant.any(axis=1)
    queries = everything[kept]
    return Task(NAME, queries, everything, allowed[kept], relevant[kept], queries)


def scores(
    asked: Task,
    cells: Float16[np.ndarray, "n rows cols channels"],
    layout: tuple[PartLayout, ...],
) -> Scores:
    """How well cells answer, less their own mean cell."""
    mean = cells.mean(axis=(0, 1, 2), dtype=np.float64).astype(np.float32)
    vectors = flat_vector(centre(cells, mean=mean, parts=layout))
    return score(asked, vectors[asked.queries] @ vectors[asked.gallery].T)
