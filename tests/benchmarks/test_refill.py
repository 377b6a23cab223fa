"""benchmarks/refill.py prints real figures: switching a ranker on is faster than indexing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "refill.py"

# Of what is promised for 10,000 images, where the fit and a few files do not count.
LEAST_RATIO = 5.0


@pytest.mark.slow
@pytest.mark.photos
def test_a_ranker_is_switched_on_faster_than_the_files_are_indexed(
    photos: Path, tmp_path: Path
) -> None:
    words = ["--images", "400", "--indexed", "40", "--rounds", "1", "--work", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *words],
        # Threads of numpy that wait for each other stand still on a machine shared with others.
        env={**os.environ, "TIEFVISION_PHOTOS": str(photos), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    ratios = re.findall(r"^\| re-filling, .* \| ([\d.]+) \|$", done.stdout, re.M)
    assert len(ratios) == 2, done.stdout
    assert min(float(ratio) for ratio in ratios) > LEAST_RATIO, done.stdout
    assert float(ratios[0]) > float(ratios[1]), "a narrow head is filled faster"
