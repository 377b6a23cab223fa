"""benchmarks/serving.py prints real figures, and a small crowd is answered."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "serving.py"
MOST_PAINT_MS = 1_000
MOST_SCRIPT_KB = 120
# A busy machine paints later; what is asked of a quiet one stands in docs/benchmarks.md.
PATIENCE = 3


@pytest.mark.slow
@pytest.mark.photos
def test_a_crowd_beside_two_jobs_is_answered_and_pages_are_painted_soon(
    photos: Path, tmp_path: Path
) -> None:
    words = ["--rows", "400", "--photographs", "300", "--queries", "10", "--clients", "8"]
    words += ["--seconds", "8", "--new", "60", "--work", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *words],
        env={**os.environ, "TIEFVISION_PHOTOS": str(photos), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    statuses = re.search(r"statuses: (.*)", done.stdout)
    assert statuses, done.stdout
    assert set(re.findall(r"(\d+): ", statuses[1])) <= {"200", "429"}, done.stdout
    for kind in ("upload", "by id", "thumbnail"):
        row = re.search(rf"^\| {kind} \| (\d+) \|", done.stdout, re.M)
        assert row and int(row[1]) > 0, done.stdout
    going = "(?:waiting|running|done)"
    assert re.search(rf"meanwhile: index {going}, train-ranker {going}$", done.stdout, re.M), (
        done.stdout
    )
    paint = re.search(r"paint (\d+) ms .*; (\d+) kB of JavaScript", done.stdout)
    assert paint, done.stdout
    assert int(paint[1]) <= MOST_PAINT_MS * PATIENCE, done.stdout
    assert int(paint[2]) <= MOST_SCRIPT_KB, done.stdout
