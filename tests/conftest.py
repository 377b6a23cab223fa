"""Fixtures that many tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of real photographs (clothing, street, grocery); skips loudly without it."""
    folder = os.environ.get("TIEFVISION_PHOTOS", "")
    if not folder:
        pytest.skip("set TIEFVISION_PHOTOS to the folder that holds clothing, street and grocery")
    path = Path(folder)
    assert (path / "clothing" / "labels.csv").is_file(), f"no clothing/labels.csv under {path}"
    return path
