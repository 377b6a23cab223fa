"""Printed patterns: where on the cloth which dye lies, anti-aliased without supersampling.

Coordinates are in periods of the pattern, so 1.0 is one stripe with its gap. `pixel` is the size
of an image pixel in the same unit: edges are drawn that soft.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32

from tiefvision.demo.dice import Dice
from tiefvision.demo.palettes import Dye, vector

Plane = Float32[np.ndarray, "rows cols"]
Colour = Float32[np.ndarray, "3 rows cols"]

PATTERNS = ("plain", "stripes", "squares", "flowers", "dots")

# Random numbers per cell of a print are looked up in tables of this length (a power of two).
_TABLE = 1024
_PETALS = 5


@dataclass(frozen=True, slots=True)
class Print:
    """A pattern as designed: which, in what variant, how large, how turned.

    period: design units of one repeat. turn: radians. table: random numbers of the cells.
    """

    pattern: str
    variant: str
    period: float
    turn: float
    bar: float
    table: Float32[np.ndarray, 1024]


_VARIANTS: dict[str, tuple[str, ...]] = {
    "plain": ("plain",),
    "stripes": ("across", "across", "down", "down", "slant", "double"),
    "squares": ("gingham", "gingham", "tartan", "window", "chess"),
    "flowers": ("meadow", "bloom", "daisy"),
    "dots": ("polka", "polka", "coin", "confetti"),
}
_PERIODS: dict[str, tuple[float, float]] = {
    "plain": (0.1, 0.1),
    "stripes": (0.055, 0.095),
    "squares": (0.07, 0.115),
    "flowers": (0.095, 0.14),
    "dots": (0.055, 0.1),
}


def designed(pattern: str, dice: Dice, *, scale: float) -> Print:
    """A print of that pattern. `scale` is 1.0 for a dress, less for a bag's smaller cloth."""
    variant = dice.pick(_VARIANTS[pattern])
    low, high = _PERIODS[pattern]
    period = dice.between(low, high) * scale
    turn = {"down": np.pi / 2, "slant": dice.pick((-0.8, 0.8))}.get(variant, 0.0)
    if pattern == "flowers":
        turn = dice.pick((-1.0, 1.0)) * dice.between(0.3, 0.55)
    bar = dice.between(0.32, 0.46) if variant != "double" else dice.between(0.26, 0.32)
    stream = np.random.Generator(np.random.PCG64(dice.whole(0, 2**31 - 1)))
    table = stream.random(_TABLE, dtype=np.float32)
    return Print(pattern, variant, period, float(turn), bar, table)


def dyed(design: Print, u: Plane, v: Plane, *, pixel: float, dye: Dye) -> Colour:
    """The colour of the cloth at (u, v), sRGB 0 to 255.

    u, v: across and down the cloth, in periods. pixel: size of an image pixel in periods.
    """
    return _PAINTERS[design.pattern](design, u, v, max(pixel, 1e-4), dye)


def _plain(design: Print, u: Plane, v: Plane, pixel: float, dye: Dye) -> Colour:
    return np.broadcast_to(vector(dye.ground), (3, *u.shape)).copy()


def _stripes(design: Print, u: Plane, v: Plane, pixel: float, dye: Dye) -> Colour:
    along = v * np.float32(np.cos(design.turn)) + u * np.float32(np.sin(design.turn))
    cloth = _bars(along, design.bar, pixel)
    if design.variant != "double":
        return _layered(dye.ground, (cloth * np.float32(0.96), dye.ink))
    thin = _bars(along + np.float32(0.5), 0.12, pixel)
    return _layered(dye.ground, (cloth, dye.ink), (thin, dye.accent))


def _squares(design: Print, u: Plane, v: Plane, pixel: float, dye: Dye) -> Colour:
    if design.variant == "window":
        across, down = _bars(u, 0.1, pixel), _bars(v, 0.1, pixel)
        return _layered(dye.ground, (np.maximum(across, down), dye.ink))
    share = {"chess": 0.5, "gingham": 0.44}.get(design.variant, 0.36)
    across, down = _bars(u, share, pixel), _bars(v, share, pixel)
    if design.variant == "chess":
        chess = across + down - 2 * across * down
        return _layered(dye.ground, (chess * np.float32(0.9), dye.ink))
    gingham = (across + down) * np.float32(0.45)
    if design.variant == "gingham":
        return _layered(dye.ground, (gingham, dye.ink))
    half = np.float32(0.5)
    lines = np.maximum(_bars(u + half, 0.09, pixel), _bars(v + half, 0.09, pixel))
    thin = np.maximum(_bars(u, 0.07, pixel), _bars(v, 0.07, pixel))
    return _layered(
        dye.ground,
        (gingham * np.float32(0.7), dye.accent),
        (lines * np.float32(0.85), dye.ink),
        (thin * np.float32(0.6), dye.ink),
    )


def _dots(design: Print, u: Plane, v: Plane, pixel: float, dye: Dye) -> Colour:
    row, col, x, y = _staggered(u, v)
    if design.variant == "confetti":
        chance = _drawn(design.table, row, col)
        x = x + (_drawn(design.table, col, row) - np.float32(0.5)) * np.float32(0.3)
        radius = np.float32(0.13) + chance * np.float32(0.16)
        dot = _inside(radius - np.hypot(x, y), pixel)
        second = (chance > 0.6).astype(np.float32)
        return _layered(dye.ground, (dot * (1 - second), dye.ink), (dot * second, dye.accent))
    radius = np.float32(0.36 if design.variant == "coin" else 0.25)
    return _layered(dye.ground, (_inside(radius - np.hypot(x, y), pixel), dye.ink))


def _flowers(design: Print, u: Plane, v: Plane, pixel: float, dye: Dye) -> Colour:
    """Two layers: large flowers with petals and a heart, sprigs of small ones in the gaps."""
    daisy = design.variant == "daisy"
    cos, sin = np.float32(np.cos(design.turn)), np.float32(np.sin(design.turn))
    u, v = u * cos + v * sin, v * cos - u * sin
    row, col, x, y = _staggered(u, v)
    chance, other = _drawn(design.table, row, col), _drawn(design.table, col + 7, row + 3)
    x = x + (other - np.float32(0.5)) * np.float32(0.22)
    y = y + (chance - np.float32(0.5)) * np.float32(0.18)
    far = np.hypot(x, y)
    petals = np.float32((_PETALS + 3 if daisy else _PETALS) / 2)
    wave = np.abs(np.cos(petals * np.arctan2(y, x) + chance * np.float32(6.3)))
    radius = np.float32(0.40) * (np.float32(0.66) + other * np.float32(0.36))
    shape = radius * (np.float32(0.45 if daisy else 0.6) + wave * np.float32(0.45))
    bloom = _inside(shape - far, pixel)
    shade = np.clip(1 - far / radius, 0, 1) * bloom * np.float32(0.55)
    heart = _inside(radius * np.float32(0.25) - far, pixel)
    half = np.float32(0.5)
    row, col, x, y = _staggered(u + half, v + np.float32(0.03))
    chance = _drawn(design.table, row + 31, col)
    lean = np.abs(x) - np.float32(0.05)
    leaf = _inside(np.float32(0.13) - np.hypot(lean * np.float32(0.9), y * 2 - lean), pixel)
    bud = _inside(np.float32(0.055) - np.hypot(x, y + np.float32(0.08)), pixel)
    sparse = (chance > (0.75 if design.variant == "bloom" else 0.25)).astype(np.float32)
    return _layered(
        dye.ground,
        (leaf * sparse * np.float32(0.7), dye.accent),
        (bud * sparse, dye.ink),
        (bloom, dye.ink),
        (shade, dye.accent),
        (heart, (226, 176, 80) if daisy else dye.accent),
    )


def _bars(along: Plane, share: float, pixel: float) -> Plane:
    """1 on bars that cover `share` of each period, 0 between, one pixel of slope."""
    off = np.abs(along - np.floor(along) - np.float32(0.5))
    return _inside(np.float32(share / 2) - off, pixel)


def _inside(depth: Plane, pixel: float) -> Plane:
    """Coverage of a pixel whose middle lies `depth` inside an edge."""
    return np.clip(depth * np.float32(1 / pixel) + np.float32(0.5), 0, 1)


def _staggered(
    u: Plane, v: Plane
) -> tuple[Int32[np.ndarray, "rows cols"], Int32[np.ndarray, "rows cols"], Plane, Plane]:
    """Row and column of a brick-like lattice, and where in that cell a point lies, -.5 to .5."""
    row = np.floor(v)
    shifted = u + (row * np.float32(0.5))
    col = np.floor(shifted)
    half = np.float32(0.5)
    return row.astype(np.int32), col.astype(np.int32), shifted - col - half, v - row - half


def _drawn(
    table: Float32[np.ndarray, 1024],
    row: Int32[np.ndarray, "rows cols"],
    col: Int32[np.ndarray, "rows cols"],
) -> Plane:
    """A random number for each cell, the same wherever the cell is seen."""
    return table[(row * 73 + col * 179 + (row ^ col) * 31) & (_TABLE - 1)]


def _layered(ground: tuple[int, int, int], *layers: tuple[Plane, tuple[int, int, int]]) -> Colour:
    """Inks printed over the ground one after the other, each where its layer is not 0."""
    first = layers[0][0]
    cloth = np.broadcast_to(vector(ground), (3, *first.shape)).copy()
    for cover, ink in layers:
        cloth += (vector(ink) - cloth) * cover
    return cloth


_PAINTERS: dict[str, Callable[[Print, Plane, Plane, float, Dye], Colour]] = {
    "plain": _plain,
    "stripes": _stripes,
    "squares": _squares,
    "flowers": _flowers,
    "dots": _dots,
}
