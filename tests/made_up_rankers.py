"""Rankers that nobody trained, for tests of what is done with rankers."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from tiefvision.store import models
from tiefvision.tasks.opened import Opened
from tiefvision.vision import artefacts, ranker
from tiefvision.vision.ranker import Ranker


def identity(inputs: int) -> Ranker:
    """As it is before the first step of training."""
    return Ranker(np.full(inputs, 0.05, np.float32))


def dropping(inputs: int, *kept: int) -> Ranker:
    """Looks at some of the channels only."""
    return Ranker(np.full(inputs, 0.05, np.float32), np.eye(inputs, dtype=np.float32)[list(kept)])


def turned(inputs: int, outputs: int, *, seed: int = 0) -> Ranker:
    """Lowers the channels as PCA does: orthonormal rows, but random ones."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(inputs, inputs)))[0][:outputs]
    mean = rng.uniform(0, 0.2, inputs).astype(np.float32)
    return Ranker(mean, np.ascontiguousarray(basis, np.float32))


def residual(inputs: int, hidden: int = 4) -> Ranker:
    """Adds to each cell what a small network makes of it."""
    rng = np.random.default_rng(hidden)
    down, bias, up = rng.normal(size=(hidden, inputs)), rng.normal(size=hidden), None
    up = rng.normal(size=(inputs, hidden))
    arrays = [own.astype(np.float32) for own in (down, bias, up)]
    return Ranker(np.full(inputs, 0.05, np.float32), None, *arrays)


def add(shop: Opened, head: Ranker, *, name: str = "default", encoder: str | None = None) -> str:
    """Put a ranker into a catalogue as training does, not active; the id of its model."""
    description: dict[str, artefacts.Json] = {"name": name}
    if encoder is not None:
        description["encoder"] = encoder
    with tempfile.TemporaryDirectory() as place:
        written = ranker.write(head, Path(place) / "model", description=description)
        model = artefacts.copy(written, shop.home.models(ranker.KIND))
    models.add(shop.database, model_id=model.fingerprint, kind="ranker", name=name, report={})
    return model.fingerprint
