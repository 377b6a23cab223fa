"""A catalogue on a PostgreSQL server that is killed under an index run loses nothing that was
acknowledged, and the next runs finish."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from catalogue_rows import acknowledged_contents, answering_cell_space, rows
from postgresql_server import Server, name_database
from tiefvision.demo import folder as demo

pytestmark = pytest.mark.slow

_INDEX = Path(__file__).with_name("index_server.py")
_IMAGES = 60
_KILLS = 3
# Each encoding is slowed down to this, so that work is long beside its start and end.
_PAUSE_S = 0.05


def _start(job: dict[str, object], cache: Path) -> subprocess.Popen[str]:
    """A run of `index` in a process of its own, just before it begins."""
    process = subprocess.Popen(
        [sys.executable, str(_INDEX), json.dumps(job)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TIEFVISION_CACHE": str(cache)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.timeout(300)
def test_an_index_run_over_a_killed_server_ends_as_undisturbed(
    tmp_path: Path, tiny_encoder: str, tiny_cache: Path, postgresql: Server
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
    process = _start({**job, "catalogue": str(tmp_path / "undisturbed")}, tiny_cache)
    process.communicate(timeout=120)
    expected = rows(tmp_path / "undisturbed")
    space_id = answering_cell_space(tmp_path / "undisturbed")

    catalogue = tmp_path / "on-server"
    catalogue.mkdir()
    name_database(catalogue, postgresql.new_database())
    rng = random.Random(2016)
    for kills_left in reversed(range(_KILLS + 1)):
        done = acknowledged_contents(catalogue, cell_space_id=space_id)
        log.unlink(missing_ok=True)
        process = _start({**job, "catalogue": str(catalogue)}, tiny_cache)
        if kills_left:
            # In the middle of the work, between the first batch of 8 and the third.
            _wait_for_lines(log, rng.randint(8, 20))
            postgresql.kill()
        _, errors = process.communicate(timeout=120)
        again = log.read_text().split()
        assert done.isdisjoint(again), "an acknowledged image was encoded again"
        if kills_left:
            assert process.returncode != 0
            assert "StoreError" in errors.splitlines()[-1]
            assert "cannot be reached" in errors
            postgresql.start()
    assert process.returncode == 0, errors
    assert 0 < len(done) < _IMAGES
    assert rows(catalogue) == expected


def _wait_for_lines(file: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    while not file.exists() or len(file.read_text().split()) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)
