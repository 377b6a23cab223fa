"""From a designed garment to pixels."""

from __future__ import annotations

import numpy as np
import pytest

from tiefvision.demo.cloth import Cloth, Drawn, Light, Placement, drawn
from tiefvision.demo.curves import points
from tiefvision.demo.dice import Dice
from tiefvision.demo.palettes import COLOURS
from tiefvision.demo.parts import Garment, Part
from tiefvision.demo.patterns import designed
from tiefvision.demo.scene import KINDS


def _sewn(garment: Garment, placement: Placement, *, pattern: str = "plain") -> Drawn:
    design = designed(pattern, Dice("print"), scale=1.0)
    return drawn(Cloth(design, COLOURS["teal"], garment, placement, Light(0.7, 1.0), 3))


def _square(side: float) -> Garment:
    outline = points((0, 0), (side, 0), (side, side), (0, side))
    part = Part(outline, round_=0.0)
    return Garment((part,), 1.0, (0, 0, 0), (0, 0, 0), False, "square")


def test_a_square_covers_the_pixels_that_it_touches() -> None:
    # From 8.1 to 27.9 across and 12.1 to 31.9 down.
    made = _sewn(_square(1.0), Placement(19.8, 0.0, False, (8.1, 12.1)))
    rows, cols = np.nonzero(made.cover)
    assert (cols.min() + made.left, rows.min() + made.top) == (8, 12)
    assert (cols.max() + made.left + 1, rows.max() + made.top + 1) == (28, 32)
    # Supersampled edges cover at most a third of a pixel too much on each side.
    assert 19.8**2 <= made.cover.sum() <= (19.8 + 2 / 3) ** 2


def test_cover_is_nothing_or_enough_to_be_seen() -> None:
    for kind, make in KINDS.items():
        garment = make(Dice("cover", kind))
        made = _sewn(garment, Placement(300.0, 0.1, True, (200.0, 150.0)), pattern="dots")
        touched = made.cover[made.cover > 0]
        assert touched.min() >= 0.125 and touched.max() <= 1.0 + 1e-5
        assert (made.colour[:, made.cover == 0] == 0).all()


def test_mirroring_the_placement_mirrors_the_cover() -> None:
    garment = KINDS["coat"](Dice("mirror"))
    straight = _sewn(garment, Placement(200.0, 0.0, False, (200.0, 50.0)))
    mirror = _sewn(garment, Placement(200.0, 0.0, True, (200.0, 50.0)))
    assert straight.cover.sum() == pytest.approx(mirror.cover.sum(), rel=0.005)


def test_placement_turns_clockwise_and_moves() -> None:
    quarter = Placement(2.0, np.pi / 2, False, (10.0, 20.0))
    np.testing.assert_allclose(quarter.pixels(points((1, 0), (0, 1))), [[10, 22], [8, 20]])
