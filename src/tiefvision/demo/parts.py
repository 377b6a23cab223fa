"""What a garment is made of: parts of cloth in paint order, with folds, seams and studs.

Everything here is geometry in design units; pixels come later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from tiefvision.demo.curves import Points
from tiefvision.demo.dice import Dice
from tiefvision.demo.palettes import Rgb


@dataclass(frozen=True, slots=True)
class Flow:
    """How wide a part is at each height, so that prints and folds flare with it.

    heights, halves: rising y and the half width there. spread: how much of the flare the print
    follows, 0 (cut from straight cloth) to 1 (wholly).
    """

    heights: Float64[np.ndarray, n]
    halves: Float64[np.ndarray, n]
    spread: float = 0.6

    def half(self, y: Float64[np.ndarray, "*shape"]) -> Float64[np.ndarray, "*shape"]:
        """The half width at a height."""
        return np.interp(y, self.heights, self.halves)


@dataclass(frozen=True, slots=True)
class Folds:
    """Soft folds that open downward from `start` and are full at `end` (design y).

    count: folds across the whole width. depth: 0 (taut) to 1 (heavy). phases: four angles.
    """

    count: float
    depth: float
    start: float
    end: float
    phases: tuple[float, float, float, float]

    def field(
        self, u: Float64[np.ndarray, "*shape"], y: Float64[np.ndarray, "*shape"]
    ) -> Float64[np.ndarray, "*shape"]:
        """Height of the cloth, about -1 to 1. u: -1 at the left edge to 1 at the right."""
        a, b, c, d = self.phases
        open_ = np.clip((y - self.start) / max(self.end - self.start, 1e-6), 0, 1)
        ramp = open_ * open_ * (3 - 2 * open_)
        bent = u + 0.09 * np.sin(2.3 * u + a) + 0.05 * np.sin(3.0 * y + b)
        wave = 0.62 * np.sin(np.pi * self.count / 2 * bent + c)
        wave = wave + 0.38 * np.sin(np.pi * self.count * 0.83 * bent + d + 2.0 * y)
        return wave * ramp


@dataclass(frozen=True, slots=True)
class Seam:
    """A line on the cloth. tone under 0 darkens (a seam), over 0 lightens (a stitch, an edge)."""

    path: Points
    width: float = 0.006
    tone: float = -0.3
    dash: float = 0.0


@dataclass(frozen=True, slots=True)
class Stud:
    """A button, rivet or clasp; a radius in design units."""

    x: float
    y: float
    radius: float
    colour: Rgb
    holes: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of cloth, leather or metal.

    cloth: "main" (printed), "plain" (the ground colour without the print), "trim", "lining",
    "leather" or "metal". turn: radians the print is turned by. shade: 1 as lit. lift: how far it
    stands off what lies under it, and so how dark a shadow it throws there, 0 to 1. round_: how
    much it bulges, 0 to 1.
    """

    outline: Points
    cloth: str = "main"
    turn: float = 0.0
    flow: Flow | None = None
    folds: Folds | None = None
    shade: float = 1.0
    lift: float = 0.0
    round_: float = 0.6
    seams: tuple[Seam, ...] = ()
    studs: tuple[Stud, ...] = ()


@dataclass(frozen=True, slots=True)
class Garment:
    """A designed product: its parts in paint order.

    cloth_scale: size of a print on it, 1 for a dress. trim, leather: colours beside the dyes.
    stands: whether it stands on a floor (a bag) or hangs above it. style: what was designed, in
    a few words.
    """

    parts: tuple[Part, ...]
    cloth_scale: float
    trim: Rgb
    leather: Rgb
    stands: bool
    style: str

    def extent(self) -> Points:
        """Every outline's points together."""
        return np.concatenate([part.outline for part in self.parts])


def folded(dice: Dice, *, count: float, depth: float, start: float, end: float) -> Folds:
    """Folds with phases drawn from the dice."""
    a, b, c, d = (dice.between(0.0, 6.2831) for _ in range(4))
    return Folds(count, depth, start, end, (a, b, c, d))
