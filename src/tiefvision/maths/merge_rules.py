"""The rules by which windows are merged, by name; the command line lists them without numpy."""

from __future__ import annotations

from typing import Literal

Merge = Literal["average", "own-side", "probability", "median", "greedy"]
