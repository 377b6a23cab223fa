"""The benchmarks' modules, importable by their plain names as they are for their scripts."""

from __future__ import annotations

import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

# Last, so that no module of the same name is hidden.
sys.path.append(str(BENCHMARKS))
