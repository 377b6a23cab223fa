"""What a locator says about a photograph, and what the house asks of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from tiefvision.maths.boxes import Box
from tiefvision.vision.pixels import Pixels


@dataclass(frozen=True, slots=True)
class Location:
    """Where the product is. box: in pixels of the upright original. confidence: in [0, 1].
    votes: how many windows spoke for it."""

    box: Box
    confidence: float
    votes: int


@runtime_checkable
class Locator(Protocol):
    """Finds the product in a photograph. Safe to share between threads."""

    @property
    def fingerprint(self) -> str:
        """Names what decides its boxes; part of the cell space's identity."""
        ...

    @property
    def source(self) -> Literal["model", "guess"]:
        """How its boxes are recorded."""
        ...

    def locate(self, image: Pixels) -> Location | None:
        """Where the product is; None where it finds none."""
        ...
