"""The memory of a run does not grow with the catalogue."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).with_name("growing.py")
_FLAT = 0.15


def _peak_kilobytes(folder: Path, rows: int) -> int:
    folder.mkdir()
    words = [sys.executable, str(_SCRIPT), str(folder), str(rows)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, timeout=280)
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and needs glibc's malloc")
def test_making_four_times_the_rows_searchable_takes_no_more_memory(tmp_path: Path) -> None:
    few = _peak_kilobytes(tmp_path / "few", 1_000)
    many = _peak_kilobytes(tmp_path / "many", 4_000)
    assert many < (1 + _FLAT) * few, f"{few} kB for 1,000 rows, {many} kB for 4,000"
