"""What is said about where a product is, and what the house asks of whatever says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from tiefvision.maths.boxes import Box
from tiefvision.vision.pixels import Pixels


@dataclass(frozen=True, slots=True)
class Location:
    """Where a product is.

    box: in pixels of the upright original, inside the image. confidence: in [0, 1], comparable
    between locations that were found in one way. votes: how many windows spoke for the box; 0
    where no windows are asked.
    """

    box: Box
    confidence: float
    votes: int


@runtime_checkable
class Finder(Protocol):
    """Finds the product in a photograph. Safe to call from several threads at once."""

    @property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of all that decides its boxes; part of a cell space's identity."""
        ...

    @property
    def source(self) -> Literal["model", "guess"]:
        """How its boxes are recorded."""
        ...

    def locate(self, image: Pixels) -> Location | None:
        """Where the product is; None where it finds none."""
        ...
