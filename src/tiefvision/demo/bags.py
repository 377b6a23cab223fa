"""Designs of bags: tote, satchel, bucket, half moon, bowling bag."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tiefvision.demo.curves import (
    Points,
    ellipse_arc,
    joined,
    mirrored,
    points,
    quadrilateral,
    ribbon,
    smooth,
)
from tiefvision.demo.dice import Dice
from tiefvision.demo.palettes import CREAM, ESPRESSO, GOLD, STEEL, TAN, Rgb
from tiefvision.demo.parts import Garment, Part, Seam, Stud, folded


def bag(dice: Dice) -> Garment:
    """A bag: its shape, handles, flap and fittings from the dice."""
    style = dice.pick(("tote", "tote", "satchel", "bucket", "moon", "bowling"))
    metal = dice.pick((GOLD, GOLD, STEEL))
    leather = dice.pick((TAN, TAN, ESPRESSO, (60, 56, 58), (198, 150, 104)))
    makers: dict[str, Callable[[Dice, Rgb], list[Part]]] = {
        "tote": _tote, "satchel": _satchel, "bucket": _bucket, "moon": _moon, "bowling": _bowling,
    }  # fmt: skip
    return Garment(tuple(makers[style](dice, metal)), 0.5, CREAM, leather, True, f"{style} bag")


def _handle(
    *, half: float, base: float, rise: float, width: float, shade: float = 1.0, lean: float = 0.0
) -> Part:
    """A handle: an arch from one side to the other above `base`."""
    across = np.linspace(np.pi, 0, 48)
    path = np.stack(
        [half * np.cos(across) + lean * np.sin(across), base - rise * np.sin(across) ** 0.8], axis=1
    )
    down = np.array([[0.0, 0.03]])
    path = joined(path[:1] + down, path, path[-1:] + down)
    stitch = Seam(path, width * 0.12, -0.22)
    return Part(ribbon(path, width), cloth="leather", shade=shade, lift=0.15, round_=0.9,
                seams=(stitch,))  # fmt: skip


def _tab(x: float, y: float, *, width: float, height: float, metal: Rgb) -> Part:
    """The leather piece that holds a handle, with a rivet."""
    half = width / 2
    lower = ellipse_arc(centre=(x, y + height), radii=(half, half * 0.8), start=0, stop=180)
    outline = joined(points((x - half, y), (x + half, y)), lower)
    return Part(outline, cloth="leather", lift=0.4, round_=0.5,
                studs=(Stud(x, y + height * 0.8, half * 0.42, metal),))  # fmt: skip


def _band(outline: Points, *, y: float, below: bool, lift: float = 0.3) -> Part:
    """The part of a bag's outline above or below a height, in leather."""
    flat = outline.copy()
    right = outline[outline[:, 0] > 0]
    order = np.argsort(right[:, 1], kind="stable")
    half = float(np.interp(y, right[order, 1], right[order, 0]))
    cut = flat[:, 1] < y if below else flat[:, 1] > y
    flat[cut] = np.stack([np.clip(flat[cut, 0], -half, half), np.full(int(cut.sum()), y)], axis=1)
    share = np.linspace(-1, 1, 30)
    stitch = Seam(
        np.stack([share * half, np.full_like(share, y + (0.009 if below else -0.009))], axis=1),
        0.0028, 0.28, dash=0.010,
    )  # fmt: skip
    return Part(flat, cloth="leather", lift=lift, round_=0.7, seams=(stitch,))


def _tote(dice: Dice, metal: Rgb) -> list[Part]:
    half = dice.between(0.15, 0.2)
    height = dice.between(0.25, 0.34)
    narrow = dice.between(0.78, 1.0)
    outline = quadrilateral(top=0.0, bottom=height, top_half=half, bottom_half=half * narrow,
                            corner=0.03, sag=0.006)  # fmt: skip
    folds = folded(dice, count=4, depth=0.4, start=-0.1, end=height)
    grip, rise, width = half * 0.46, dice.between(0.12, 0.22), dice.between(0.014, 0.022)
    mouth = points((-half, 0.002), (-half * 0.92, -0.012), (half * 0.92, -0.012), (half, 0.002))
    hem = Seam(points((-half, 0.022), (half, 0.022)), 0.003, -0.22)
    body = Part(outline, folds=folds, seams=(hem,), round_=0.8)
    parts = [
        _handle(half=grip, base=-0.004, rise=rise * 0.94, width=width, shade=0.78, lean=0.016),
        Part(mouth, cloth="lining", shade=0.55, round_=0.0),
        body,
    ]
    if dice.chance(0.55):
        parts.append(_band(outline, y=height * 0.78, below=True))
    front = _handle(half=grip, base=0.03, rise=rise, width=width)
    parts.append(front)
    for x in (-grip, grip):
        parts.append(_tab(x, 0.03, width=width * 1.5, height=0.045, metal=metal))
    return parts


def _satchel(dice: Dice, metal: Rgb) -> list[Part]:
    half, height = dice.between(0.15, 0.19), dice.between(0.20, 0.25)
    outline = quadrilateral(top=0.0, bottom=height, top_half=half * 0.94, bottom_half=half,
                            corner=0.04, sag=0.004)  # fmt: skip
    depth = height * dice.between(0.5, 0.68)
    pointed = dice.chance(0.4)
    inner = half * 0.97 - 0.05
    lower = (
        smooth(points((half * 0.97, depth * 0.62), (half * 0.5, depth * 0.92), (0, depth * 1.12),
                      (-half * 0.5, depth * 0.92), (-half * 0.97, depth * 0.62)))
        if pointed
        else joined(
            ellipse_arc(centre=(inner, depth - 0.05), radii=(0.05, 0.05), start=0, stop=90),
            ellipse_arc(centre=(-inner, depth - 0.05), radii=(0.05, 0.05), start=90, stop=180),
        )
    )  # fmt: skip
    flap = joined(smooth(points((-half * 0.95, -0.006), (0, -0.016), (half * 0.95, -0.006))), lower)
    edge = Seam(lower * np.array([0.955, 1.0]) - np.array([0, 0.010]), 0.0028, 0.26, dash=0.010)
    low = depth * (1.12 if pointed else 1.0)
    clasp = points(
        (-0.018, low - 0.03), (0.018, low - 0.03), (0.018, low + 0.012), (-0.018, low + 0.012)
    )
    parts: list[Part] = []
    if dice.chance(0.7):
        sling = dice.between(0.2, 0.34)
        parts.append(_handle(half=half * 0.92, base=0.01, rise=sling, width=0.013, shade=0.92))
    else:
        parts.append(_handle(half=half * 0.4, base=-0.004, rise=0.075, width=0.022))
    parts += [
        Part(outline, round_=0.9),
        Part(flap, lift=0.6, round_=0.5, shade=1.03, seams=(edge,)),
        Part(clasp, cloth="metal", lift=0.5, round_=0.6),
        Part(ellipse_arc(centre=(0, low - 0.009), radii=(0.007, 0.007), start=0, stop=350),
             cloth="leather", round_=0.3),
    ]  # fmt: skip
    for x in (-half * 0.92, half * 0.92):
        parts.append(_tab(x, -0.002, width=0.022, height=0.05, metal=metal))
    return parts


def _bucket(dice: Dice, metal: Rgb) -> list[Part]:
    half, height = dice.between(0.12, 0.145), dice.between(0.25, 0.29)
    outline = quadrilateral(top=0.0, bottom=height, top_half=half, bottom_half=half * 0.84,
                            corner=0.05, sag=0.012)  # fmt: skip
    mouth = ellipse_arc(centre=(0, 0.004), radii=(half, 0.022), start=0, stop=355)
    folds = folded(dice, count=9, depth=0.8, start=height * 0.5, end=-0.05)
    cord_y = 0.052
    share = np.linspace(-1, 1, 30)
    cord = np.stack([share * half * 0.98, cord_y + 0.012 * (1 - share**2)], axis=1)
    rings = tuple(
        Stud(float(x) * half, cord_y + 0.012 * (1 - float(x) ** 2), 0.0075, metal)
        for x in np.linspace(-0.8, 0.8, 6)
    )
    sling = dice.between(0.17, 0.26)
    tails = [
        smooth(points((0, cord_y + 0.012), (x, cord_y + 0.06), (x * 1.3, cord_y + 0.115)))
        for x in (-0.016, 0.018)
    ]
    ends = [
        Part(ribbon(tail, (0.007, 0.007, 0.013)), cloth="leather", lift=0.4, round_=0.7)
        for tail in tails
    ]
    return [
        _handle(half=half * 0.93, base=0.0, rise=sling, width=0.018),
        Part(mouth, cloth="lining", shade=0.5, round_=0.0),
        Part(outline, folds=folds, round_=1.0),
        _band(outline, y=height * 0.86, below=True),
        Part(ribbon(cord, 0.008), cloth="leather", lift=0.35, round_=0.7, studs=rings),
        *ends,
    ]


def _moon(dice: Dice, metal: Rgb) -> list[Part]:
    half, height = dice.between(0.17, 0.21), dice.between(0.18, 0.23)
    rim = smooth(
        points((-half, 0.0), (-half * 0.5, 0.034), (0, 0.044), (half * 0.5, 0.034), (half, 0.0))
    )
    belly = smooth(
        points((half, 0.0), (half * 1.0, height * 0.42), (half * 0.62, height * 0.88), (0, height),
               (-half * 0.62, height * 0.88), (-half * 1.0, height * 0.42), (-half, 0.0))
    )  # fmt: skip
    zip_line = Seam(rim + np.array([0, 0.015]), 0.006, -0.35)
    zip_teeth = Seam(rim + np.array([0, 0.015]), 0.003, 0.5, dash=0.006)
    piping = Seam(belly * 0.965 + np.array([0, 0.004]), 0.004, -0.2)
    folds = folded(dice, count=6, depth=0.4, start=0.0, end=height)
    body = Part(joined(rim, belly[1:-1]), folds=folds, round_=1.0,
                seams=(zip_line, zip_teeth, piping))  # fmt: skip
    pull = Part(
        ribbon(points((half * 0.62, 0.045), (half * 0.66, 0.09)), (0.008, 0.014)),
        cloth="leather",
        lift=0.4,
        studs=(Stud(half * 0.62, 0.044, 0.006, metal),),
    )
    parts = [
        _handle(half=half * 0.93, base=0.0, rise=dice.between(0.14, 0.24), width=0.024),
        body,
        pull,
    ]
    for x in (-half * 0.93, half * 0.93):
        parts.append(_tab(x, -0.012, width=0.03, height=0.03, metal=metal))
    return parts


def _bowling(dice: Dice, metal: Rgb) -> list[Part]:
    half, height = dice.between(0.17, 0.2), dice.between(0.20, 0.24)
    lid = ellipse_arc(centre=(0, 0.075), radii=(half * 0.9, 0.075), start=180, stop=360)
    right = smooth(
        points((half * 0.9, 0.075), (half, height * 0.62), (half * 0.94, height - 0.012))
    )
    base = points((half * 0.88, height), (-half * 0.88, height))
    outline = joined(lid, right[1:], base, mirrored(right)[:-1])
    arch = ellipse_arc(centre=(0, 0.085), radii=(half * 0.86, 0.066), start=185, stop=355)
    grip, rise = half * 0.5, dice.between(0.085, 0.13)
    seams = (Seam(arch, 0.006, -0.35), Seam(arch, 0.003, 0.5, dash=0.006))
    parts = [
        _handle(half=grip, base=0.03, rise=rise * 0.9, width=0.018, shade=0.76, lean=0.014),
        Part(outline, round_=1.0, seams=seams),
        _band(outline, y=height * 0.80, below=True),
        _handle(half=grip, base=0.09, rise=rise + 0.05, width=0.018),
    ]
    for x in (-grip, grip):
        parts.append(_tab(x, 0.09, width=0.026, height=0.042, metal=metal))
    return parts
