"""Prints: which dye lies where."""

from __future__ import annotations

import numpy as np
import pytest

from tiefvision.demo.dice import Dice
from tiefvision.demo.palettes import COLOURS
from tiefvision.demo.patterns import PATTERNS, Print, designed, dyed

DYE = COLOURS["navy"]


def _cloth(design: Print, *, side: int = 240, periods: float = 6.0) -> np.ndarray:
    at = (np.arange(side, dtype=np.float32) + 0.5) * np.float32(periods / side)
    u = np.broadcast_to(at[None, :], (side, side)).copy()
    v = np.broadcast_to(at[:, None], (side, side)).copy()
    return dyed(design, u, v, pixel=periods / side, dye=DYE)


def _stripes(turn: float) -> Print:
    return Print("stripes", "across", 0.1, turn, 0.4, np.zeros(1024, np.float32))


def test_plain_cloth_is_the_ground_everywhere() -> None:
    cloth = _cloth(designed("plain", Dice("p"), scale=1.0))
    assert (cloth == np.array(DYE.ground, np.float32)[:, None, None]).all()


def test_stripes_cover_their_share_of_the_cloth_and_run_across() -> None:
    cloth = _cloth(_stripes(0.0))
    assert np.ptp(cloth, axis=2).max() == 0
    ground, ink = DYE.ground[0], DYE.ink[0]
    share = (cloth[0].mean() - ground) / (ink - ground)
    # 0.96: the ink lets a little of the ground through.
    assert share == pytest.approx(0.4 * 0.96, abs=1e-4)


def test_stripes_turned_by_a_quarter_run_down() -> None:
    cloth = _cloth(_stripes(np.pi / 2))
    assert np.ptp(cloth, axis=1).max() < 0.01
    assert np.ptp(cloth, axis=2).max() > 100


def test_polka_dots_cover_the_area_of_their_circles() -> None:
    design = Print("dots", "polka", 0.1, 0.0, 0.4, np.zeros(1024, np.float32))
    cloth = _cloth(design)
    ground, ink = DYE.ground[0], DYE.ink[0]
    share = (cloth[0].mean() - ground) / (ink - ground)
    assert share == pytest.approx(np.pi * 0.25**2, abs=0.003)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_variant_keeps_the_named_ground_on_much_of_the_cloth(pattern: str) -> None:
    ground = np.array(DYE.ground, np.float32)[:, None, None]
    for number in range(12):
        cloth = _cloth(designed(pattern, Dice("variant", number), scale=1.0))
        on_ground = (np.abs(cloth - ground).max(axis=0) < 8).mean()
        assert on_ground > 0.2, number
