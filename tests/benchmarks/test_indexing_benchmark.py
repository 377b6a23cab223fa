"""benchmarks/indexing.py prints real figures, and ours is well ahead of the naive loop."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the naive loop runs torch (extra teach)")

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "indexing.py"
# Far below what an idle machine shows, since tests share theirs with other work.
LEAST_RATIO = 2.0


@pytest.mark.slow
@pytest.mark.photos
def test_indexing_is_well_ahead_of_the_naive_loop(photos: Path, tmp_path: Path) -> None:
    words = ["--images", "200", "--rounds", "1", "--encoder", "efficientnet-lite0"]
    printed = _run([*words, "--work", str(tmp_path)], photos)
    rates = {
        name.strip(): float(rate)
        for name, rate in re.findall(r"^\| ([^|]+) \| ([\d.]+) \| [\d.]+ \|", printed, re.M)
    }
    naive = [rate for name, rate in rates.items() if name.startswith("naive loop, 1 thread")]
    assert len(rates) == 6, printed
    assert rates["tiefvision index"] >= LEAST_RATIO * naive[0], printed
    assert re.search(r"share of the floor: \d+% of its rate, \d+% of our CPU time", printed)


@pytest.mark.slow
@pytest.mark.photos
def test_the_naive_loop_runs_our_very_networks(photos: Path) -> None:
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        import contenders
    finally:
        sys.path.remove(str(SCRIPT.parent))
    import numpy as np
    import pictures
    import torch

    from tiefvision.vision.encoders import loading

    order = contenders.Order("naive", "", "efficientnet-lite0")
    ((network, side),) = contenders.networks(order)
    square = contenders._read(pictures.photographs(photos)[0], side)
    (ours,) = loading.load("efficientnet-lite0").encode(square.numpy())
    with torch.inference_mode():
        theirs = network(square)[0].permute(1, 2, 0).numpy()
    assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(ours).max()


def _run(words: list[str], photos: Path) -> str:
    environment = {**os.environ, "TIEFVISION_PHOTOS": str(photos)}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
