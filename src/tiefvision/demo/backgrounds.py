"""What stands behind a product: plain paper, a studio's sweep, or a cluttered room."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from PIL import Image

from tiefvision.demo.dice import Dice
from tiefvision.demo.palettes import DEEP_PAPERS, PAPERS, Rgb, luma, vector
from tiefvision.demo.rooms import room

BACKGROUNDS = ("plain", "studio", "cluttered")

# A light product is photographed before paper darker than this luma, others before any.
_LIGHT_PRODUCT = 165.0
_LIGHTEST_PAPER_FOR_LIGHT = 215.0
# Gradients are calculated at this fraction of the image's side.
_COARSE = 8

Colour = Float32[np.ndarray, "3 rows cols"]


@dataclass(frozen=True, slots=True)
class Backdrop:
    """Pixels behind the product, sRGB 0 to 255; floor: the y where things stand, None without."""

    pixels: Colour
    floor: float | None


def backdrop(
    kind: str, dice: Dice, *, width: int, height: int, product: Rgb, side: float
) -> Backdrop:
    """A background of that kind that a product of that colour stands out from.

    side: where the light comes from, -1 left to 1 right.
    """
    if kind == "cluttered":
        return Backdrop(room(dice, width=width, height=height, product=product), None)
    paper = dice.pick(_papers(product))
    if kind == "plain":
        return Backdrop(_paper(dice, paper, width, height, side), None)
    floor = height * dice.between(0.74, 0.80)
    return Backdrop(_sweep(dice, paper, width, height, side, floor), floor)


def _papers(product: Rgb) -> tuple[Rgb, ...]:
    if luma(product) > _LIGHT_PRODUCT:
        dim = tuple(paper for paper in PAPERS if luma(paper) < _LIGHTEST_PAPER_FOR_LIGHT)
        return dim + DEEP_PAPERS
    return PAPERS


def _field(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y from 0 to 1 on a coarse grid, as a row and a column."""
    x = (np.arange(-(-width // _COARSE), dtype=np.float32) + 0.5) / (width / _COARSE)
    y = (np.arange(-(-height // _COARSE), dtype=np.float32) + 0.5) / (height / _COARSE)
    return x[None, :], y[:, None]


def _painted(light: np.ndarray, paper: Rgb, width: int, height: int) -> Colour:
    """Paper under a coarse field of light."""
    fine = Image.fromarray(light.astype(np.float32)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    return np.asarray(fine) * vector(paper)


def _paper(dice: Dice, paper: Rgb, width: int, height: int, side: float) -> Colour:
    """A sheet lit from one side."""
    x, y = _field(width, height)
    light = 1.0 + 0.05 * side * (x - 0.5) - 0.035 * (y - 0.4)
    far = np.hypot(x - 0.5 - 0.12 * side, y - 0.45)
    light = light - dice.between(0.03, 0.10) * far**2
    return _painted(light, paper, width, height)


def _sweep(dice: Dice, paper: Rgb, width: int, height: int, side: float, floor: float) -> Colour:
    """A wall that bends softly into a floor, with a pool of light on both."""
    x, y = _field(width, height)
    bend = 1 / (1 + np.exp(-(y - (floor / height - 0.07)) * 26))
    far = np.hypot((x - 0.5 - 0.14 * side) * width / height * 1.2, y - 0.40)
    wall = 1.04 - 0.20 * far**1.6
    ground = 0.90 + 0.12 * (y - floor / height) * 2 - 0.10 * np.abs(x - 0.5 - 0.1 * side) ** 1.5
    dip = dice.between(0.03, 0.07) * np.exp(-(((y - floor / height + 0.055) * 16) ** 2))
    light = wall * (1 - bend) + ground * bend - dip
    return _painted(light, paper, width, height)
