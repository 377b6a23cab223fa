"""Killed at random moments, an index run loses nothing that it acknowledged."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from catalogue_rows import acknowledged_contents, answering_cell_space, rows
from tiefvision.demo import folder as demo

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="kills processes the POSIX way"),
]

_SERVER = Path(__file__).with_name("index_server.py")
_IMAGES = 60
_KILLS = 20
# Each encoding is slowed down to this, so that a run is long beside its start and end.
_PAUSE_S = 0.05


def _start(job: dict[str, object], cache: Path) -> subprocess.Popen[str]:
    """A run of `index` in a process of its own, just before it begins."""
    process = subprocess.Popen(
        [sys.executable, str(_SERVER), json.dumps(job)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TIEFVISION_CACHE": str(cache)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _finish(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    process.stdout.close()
    return process.wait(timeout=120)


@pytest.mark.timeout(600)
def test_killed_at_twenty_random_moments_it_ends_as_undisturbed(
    tmp_path: Path, tiny_encoder: str, tiny_cache: Path
) -> None:
    photos, log = tmp_path / "photos", tmp_path / "encoded"
    demo.write(photos, count=_IMAGES)
    job: dict[str, object] = {
        "folders": [str(photos)],
        "encoder": tiny_encoder,
        "attributes": str(photos / demo.ATTRIBUTES_FILE),
        "log": str(log),
        "pause_s": _PAUSE_S,
    }
    began = time.monotonic()
    process = _start({**job, "catalogue": str(tmp_path / "undisturbed")}, tiny_cache)
    assert _finish(process) == 0
    whole_run_s = time.monotonic() - began
    expected = rows(tmp_path / "undisturbed")
    space_id = answering_cell_space(tmp_path / "undisturbed")
    assert len(expected) == len(log.read_text().split()) == _IMAGES

    rng = random.Random(2016)
    kills = rounds = 0
    while kills < _KILLS:
        # A catalogue takes several kills until a run comes through; then the next one begins.
        rounds += 1
        assert rounds < 10, "runs end before they are killed"
        catalogue = tmp_path / f"killed-{rounds}"
        log.unlink()
        killed = True
        while killed:
            done = acknowledged_contents(catalogue, cell_space_id=space_id)
            before = log.read_text().split() if log.exists() else []
            process = _start({**job, "catalogue": str(catalogue)}, tiny_cache)
            try:
                process.wait(timeout=rng.uniform(0, whole_run_s / 3))
            except subprocess.TimeoutExpired:
                if kills < _KILLS:
                    os.kill(process.pid, signal.SIGKILL)
            status = _finish(process)
            assert status in (0, -signal.SIGKILL)
            killed = status != 0
            kills += killed
            again = (log.read_text().split() if log.exists() else [])[len(before) :]
            assert done.isdisjoint(again), "an acknowledged image was encoded again"
        assert rows(catalogue) == expected, f"after {kills} kills"
    assert kills == _KILLS
