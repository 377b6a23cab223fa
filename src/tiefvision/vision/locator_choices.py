"""What may be chosen of a locator: how it looks at an image, and how windows become one box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from tiefvision.errors import InvalidInput
from tiefvision.maths.merge_rules import Merge

# Chosen on street photographs: of single windows 3 and 7 place worse. benchmarks/location.py
# compares rules, windows and pyramids.
DEFAULT_MERGE: Merge = "median"
DEFAULT_WINDOWS = (5,)
# Of 14 cells along a side. Training takes four times as long for twice the side.
WINDOWS = (3, 5, 7, 9)
# Photographs are decoded at up to twice the side that the encoder reads.
LARGEST_SIZE = 2.0


@dataclass(frozen=True, slots=True)
class LocatorChoices:
    """How a locator looks; all of it is kept in its model folder.

    merge: the rule by which the windows' boxes become one. windows: sides of the sliding windows,
    in cells. pyramid: the image is encoded at these sizes too, in times of the encoder's side.
    Raises InvalidInput for what cannot be had.
    """

    merge: Merge = DEFAULT_MERGE
    windows: tuple[int, ...] = DEFAULT_WINDOWS
    pyramid: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.merge not in get_args(Merge):
            raise InvalidInput(
                f"merge is {self.merge!r}; one of {', '.join(get_args(Merge))} expected"
            )
        unknown = [side for side in self.windows if side not in WINDOWS]
        if unknown or not self.windows or len(set(self.windows)) < len(self.windows):
            raise InvalidInput(
                f"windows of {_listed(self.windows)} cells were asked for; different ones of "
                f"{_listed(WINDOWS)} expected",
                remedy="--windows 3,5,7",
            )
        wrong = [size for size in self.pyramid if not 1 < size <= LARGEST_SIZE]
        if wrong or len(set(self.pyramid)) < len(self.pyramid):
            raise InvalidInput(
                f"a pyramid of {_listed(self.pyramid)} times the size was asked for; different "
                f"numbers above 1 and up to {LARGEST_SIZE:g} expected",
                remedy="--pyramid 2",
            )

    @property
    def sizes(self) -> tuple[float, ...]:
        """All sizes at which the image is encoded, the plain one first."""
        return (1.0, *self.pyramid)


def _listed(numbers: tuple[float, ...]) -> str:
    return ", ".join(f"{number:g}" for number in numbers) or "no"
