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
# Far below what is measured. By processor time, since the clock's rates depend on what else the
# machine does: beside five other busy processes ours was once only 1.4 times as fast by the clock.
LEAST_RATIO = 2.0


@pytest.mark.slow
@pytest.mark.photos
def test_indexing_is_well_ahead_of_the_naive_loop(photos: Path, tmp_path: Path) -> None:
    words = ["--images", "200", "--torch-images", "64", "--rounds", "1"]
    words += ["--encoder", "efficientnet-lite0", "--work", str(tmp_path)]
    printed = _run(words, photos)
    rates = re.findall(r"^\| ([^|]+) \| ([\d.]+) \| [\d.]+ \|", printed, re.M)
    assert len(rates) == 7 and all(float(rate) > 0 for _, rate in rates), printed
    ratio = re.search(r"^ratio by CPU time alone, as on idle cores: ([\d.]+)", printed, re.M)
    assert ratio is not None and float(ratio[1]) >= LEAST_RATIO, printed
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
    import torch

    import pictures
    from tiefvision.maths.centring import join_parts
    from tiefvision.maths.grids import pool
    from tiefvision.vision.encoders import loading

    order = contenders.Order("naive", "", "efficientnet-lite0")
    ((network, side),) = contenders.networks(order)
    square = contenders._squares(pictures.photographs(photos)[0], {side})[side]
    (ours,) = loading.load("efficientnet-lite0").encode(square.numpy())
    with torch.inference_mode():
        theirs = network(square)[0].permute(1, 2, 0).numpy()
    assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(ours).max()
    stored = join_parts([pool(ours, rows=3, cols=3)]).astype(np.float16)
    with torch.inference_mode():
        cells = contenders._cells([(network, side)], {side: square[None]})[0]
    # Two roundings to float16 of numbers below 1 differ by at most its last bit.
    np.testing.assert_allclose(cells.permute(1, 2, 0).numpy(), stored, atol=2**-11)


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
