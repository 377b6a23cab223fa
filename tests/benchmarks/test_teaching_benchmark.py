"""The teaching benchmark on the clothing photographs, as anybody would run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_SCRIPT = Path(__file__).parents[2] / "benchmarks" / "teaching.py"


@pytest.mark.slow
@pytest.mark.photos
def test_taught_rankers_find_more_at_senders_that_they_never_saw(
    photos: Path, tmp_path: Path
) -> None:
    pytest.importorskip("torch", reason="rankers are trained with the teach extra")
    figures, plot = tmp_path / "figures.json", tmp_path / "curve.svg"
    options = ["--fast", "--json", str(figures), "--plot", str(plot)]
    environment = {**os.environ, "TIEFVISION_PHOTOS": str(photos)}
    done = subprocess.run(
        [sys.executable, str(_SCRIPT), *options],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    found: dict[str, Any] = json.loads(figures.read_text(encoding="utf-8"))
    lines = {line["figure"]: line["found"] for line in found["acceptance"]}
    assert lines["mAP@10, to other senders"]["difference"]["low"] > 0
    assert lines["triplets"]["difference"]["low"] > 0
    asked = [point for point in found["curve"] if point["way"] == "asked"]
    assert [point["answers"] for point in asked] == [66, 100]
    # Labels know the answer of one question in four or so.
    assert all(1 < point["asked"] / point["answers"] < 8 for point in asked)

    assert all(0 < p["accuracy"] < 1 and 0 < p["map_10"] < 1 for p in found["curve"])
    assert plot.read_text(encoding="utf-8").startswith("<svg")
