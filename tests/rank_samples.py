"""Judged images for the rankers' tests that need no photographs."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

import numpy as np
import pytest

from tiefvision.maths.centring import PartLayout
from tiefvision.maths.triplets import derive
from tiefvision.teach import rank_data

ROWS, COLS = 2, 2
PARTS = (PartLayout(8, 0.4), PartLayout(12, 0.6))
CHANNELS = 20
# Channels in which images of one class agree, and those in which one sender's do, much louder.
_OF_CLASS, _OF_SENDER = slice(0, 3), slice(8, 12)


def torch_or_skip() -> ModuleType:
    """torch; where CI is set, its absence fails the tests."""
    if os.environ.get("CI"):
        return importlib.import_module("torch")
    return pytest.importorskip("torch", reason="training needs the teach extra: torch")


def cells_of(
    classes: np.ndarray, senders: np.ndarray, *, seed: int = 0, loud: float = 3.0
) -> np.ndarray:
    """float16 (n, length): a class shows faintly, a sender loudly, the rest is noise."""
    rng = np.random.default_rng(seed)
    of_class = rng.normal(size=(classes.max() + 1, 1, 3))
    of_sender = rng.normal(size=(senders.max() + 1, 1, 4))
    cells = rng.normal(size=(len(classes), ROWS * COLS, CHANNELS)) * 0.5
    cells[..., _OF_CLASS] += of_class[classes]
    cells[..., _OF_SENDER] += loud * of_sender[senders]
    return cells.reshape(len(classes), -1).astype(np.float16)


def judged(
    *,
    images: int = 120,
    classes: int = 6,
    senders: int = 30,
    triplets: int = 300,
    known: bool = True,
    loud: float = 3.0,
) -> rank_data.RankData:
    """Images of some classes by some senders, and triplets derived from the classes.

    known: the classes are part of the data, else only the triplets are.
    """
    rng = np.random.default_rng(1)
    label = rng.integers(0, classes, images)
    sender = rng.integers(0, senders, images)
    return rank_data.RankData(
        cells=cells_of(label, sender, loud=loud),
        rows=ROWS,
        cols=COLS,
        mean=np.zeros(CHANNELS, np.float32),
        parts=PARTS,
        triplets=derive(label, count=triplets, rng=rng, apart=sender),
        groups=tuple(f"sender {number}" for number in sender),
        classes=label if known else None,
        apart=sender if known else None,
    )
