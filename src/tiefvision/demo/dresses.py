"""Designs of dresses and skirts."""

from __future__ import annotations

import numpy as np

from tiefvision.demo.bodices import (
    Body,
    Sleeve,
    across,
    armhole_seams,
    back_of_neck,
    belt,
    body_outline,
    buttons,
    hem_edge,
    neck_edge,
    sleeve_parts,
    strapless_outline,
    straps,
)
from tiefvision.demo.collars import shirt_collar
from tiefvision.demo.curves import joined, mirrored, points, ribbon, smooth
from tiefvision.demo.dice import Dice
from tiefvision.demo.palettes import CREAM, ESPRESSO, GOLD, TAN
from tiefvision.demo.parts import Flow, Garment, Part, Seam, Stud, folded

_LENGTHS = {"mini": 0.84, "knee": 1.0, "midi": 1.17, "maxi": 1.38}


def dress(dice: Dice) -> Garment:
    """A dress: length, flare, waist, neckline, sleeves and trimmings from the dice."""
    sleeves = dice.pick(("none", "strap", "cap", "short", "short", "puff", "long"))
    body = _dress_body(dice, straps_only=sleeves == "strap")
    waist = float(body.side[2, 1])
    closure = dice.pick(("none", "none", "buttons")) if sleeves != "strap" else "none"
    front: list[Seam] = [hem_edge(body)]
    studs: tuple[Stud, ...] = ()
    if closure == "buttons":
        front.append(Seam(points((0.0, body.neck_depth), (0.0, body.hem + 0.03)), 0.005, -0.26))
        top = body.neck_depth + 0.04
        count = round((body.hem - top) / 0.095)
        studs = buttons(x=0.0, start=top, stop=body.hem - 0.09, count=count, radius=0.0105,
                        colour=dice.pick((CREAM, ESPRESSO, GOLD)))  # fmt: skip
    front.append(Seam(across(body, waist), 0.008, -0.26))
    tiers = dice.pick((0, 0, 0, 1, 2)) if body.hem > 0.95 else 0
    for tier in range(tiers):
        y = waist + (body.hem - waist) * (tier + 1) / (tiers + 1)
        front.append(Seam(across(body, y, sag=0.02), 0.012, -0.26))
    parts: list[Part] = []
    if sleeves == "strap":
        top = body.armpit[1] - dice.between(0.075, 0.1)
        parts += straps(body, top=top, width=dice.between(0.012, 0.03))
        outline = strapless_outline(body, top=top)
    else:
        parts.append(back_of_neck(body))
        parts += _dress_sleeves(body, sleeves, dice)
        outline = body_outline(body, sleeveless=sleeves == "none")
        front.append(neck_edge(body))
        front += armhole_seams(body) if sleeves != "none" else ()
    front += _darts(body, waist)
    parts.append(Part(outline, flow=body.flow(), folds=body.folds, seams=tuple(front), studs=studs))
    trimming = dice.pick(("none", "none", "belt", "tie"))
    if trimming != "none" and closure == "none":
        cloth, buckle = ("leather", GOLD) if trimming == "belt" else ("plain", None)
        parts += belt(body, waist - 0.012, width=dice.between(0.026, 0.044), cloth=cloth,
                      buckle=buckle)  # fmt: skip
    if closure == "buttons" and dice.chance(0.6) and body.neckline == "v":
        parts += shirt_collar(body.neck_half, body.neck_depth * 0.62)
    return Garment(tuple(parts), 1.0, CREAM, dice.pick((TAN, ESPRESSO)), False, f"{sleeves} dress")


def _dress_body(dice: Dice, *, straps_only: bool) -> Body:
    """The measures of a dress."""
    neckline = dice.pick(("round", "v", "square", "boat", "scoop", "heart"))
    neck_half, depth = {
        "round": (0.085, 0.085), "v": (0.088, 0.19), "square": (0.098, 0.125),
        "boat": (0.132, 0.045), "scoop": (0.108, 0.15), "heart": (0.105, 0.145),
    }[neckline]  # fmt: skip
    hem = _LENGTHS[dice.pick(("mini", "knee", "knee", "midi", "midi", "maxi"))]
    hem += dice.between(-0.04, 0.04)
    waist_y = dice.pick((0.40, 0.42, 0.43, 0.33))
    waist = dice.between(0.128, 0.158)
    flare = dice.pick((0.20, 0.29, 0.36, 0.43, 0.52)) + dice.between(-0.02, 0.03)
    flare = min(flare, 0.14 + 0.50 * (hem - waist_y))
    hip = max(0.178, waist + (flare - waist) * 0.36)
    if flare < 0.25:
        hip = dice.between(0.185, 0.205)
    armpit = (0.172 if straps_only else 0.178, 0.205)
    side = points(
        armpit, (0.168 - 0.1 * (0.42 - waist_y), armpit[1] + (waist_y - armpit[1]) * 0.45),
        (waist, waist_y), (hip, waist_y + 0.19), (flare, hem),
    )  # fmt: skip
    depth_of_folds = 0.35 + 1.3 * max(0.0, flare - 0.22)
    folds = folded(dice, count=3 + 17 * flare, depth=depth_of_folds, start=waist_y - 0.01,
                   end=waist_y + 0.55 * (hem - waist_y))  # fmt: skip
    return Body(neckline, neck_half, depth, 0.188, armpit, side, folds, 0.006 + 0.03 * flare,
                0.010 + 0.13 * flare)  # fmt: skip


def _dress_sleeves(body: Body, sleeves: str, dice: Dice) -> tuple[Part, ...]:
    match sleeves:
        case "cap":
            cut = Sleeve(dice.between(0.07, 0.1), 46, 0.075, 0.0)
        case "short":
            cut = Sleeve(dice.between(0.17, 0.23), dice.between(28, 38), 0.080, 0.004)
        case "puff":
            cut = Sleeve(dice.between(0.18, 0.24), 30, 0.062, 0.05, band=0.025)
        case "long":
            cut = Sleeve(dice.between(0.48, 0.56), dice.between(15, 24), 0.046, 0.012, band=0.035)
        case _:
            return ()
    return sleeve_parts(body, cut, dice)


def _darts(body: Body, waist: float) -> tuple[Seam, ...]:
    """Two short darts above the waist."""
    half = float(body.side[2, 0])
    dart = points((half * 0.5, waist), (half * 0.56, waist - 0.09))
    return Seam(dart, 0.004, -0.2), Seam(mirrored(dart), 0.004, -0.2)


def skirt(dice: Dice) -> Garment:
    """A skirt: pencil, A-line, circle, pleated, tiered or wrapped."""
    style = dice.pick(("pencil", "line", "line", "circle", "pleated", "tiered", "wrap"))
    waist = dice.between(0.130, 0.152)
    length = dice.between(0.38, 0.46) if dice.chance(0.35) else dice.between(0.55, 0.86)
    if style == "pencil":
        length = dice.between(0.54, 0.68)
    flare = {
        "pencil": 0.185, "line": 0.28, "circle": 0.40, "pleated": 0.31, "tiered": 0.36,
        "wrap": 0.27,
    }[style] + dice.between(-0.015, 0.04)  # fmt: skip
    flare = min(flare, waist + length * 0.52)
    hip = 0.195 if style == "pencil" else max(0.185, waist + (flare - waist) * 0.42)
    side = smooth(points((waist, 0.03), (hip, 0.03 + min(0.2, length * 0.36)), (flare, length)))
    flow = Flow(side[:, 1], side[:, 0], spread=1.0 if style == "pleated" else 0.6)
    count = 18.0 if style == "pleated" else 3 + 16 * flare
    depth = {"pencil": 0.22, "pleated": 0.95}.get(style, 0.4 + 1.2 * (flare - 0.2))
    folds = folded(dice, count=count, depth=depth, start=0.0,
                   end=0.2 if style == "pleated" else length * 0.7)  # fmt: skip
    share = np.linspace(1, -1, 70)
    sag = 0.014 + 0.16 * (flare - 0.18)
    wave = (0.004 + 0.03 * (flare - 0.15)) * folds.field(share, np.full_like(share, length))
    hem = np.stack(
        [share * flare, length + sag * (1 - share**2) + wave * (1 - np.abs(share) ** 6)], axis=1
    )
    top = points((-waist, 0.03), (0, 0.038), (waist, 0.03))
    outline = joined(smooth(top), side[1:], hem[1:-1], mirrored(side)[:-1])
    seams = [Seam(hem - np.array([0, 0.018]), 0.004, -0.2)]
    seams += _skirt_seams(style, flow, length=length, waist=waist)
    studs: tuple[Stud, ...] = ()
    if style in ("line", "pencil") and dice.chance(0.55):
        seams.append(Seam(points((0.0, 0.04), (0.0, length + 0.04)), 0.005, -0.26))
        studs = buttons(x=0.014, start=0.09, stop=length - 0.07, count=round(length / 0.095),
                        radius=0.0125, colour=dice.pick((GOLD, CREAM, ESPRESSO)))  # fmt: skip
    band_height = dice.between(0.035, 0.055)
    parts = [
        Part(ellipse_top(waist), cloth="lining", shade=0.6, round_=0.0),
        Part(outline, flow=flow, folds=folds, seams=tuple(seams), studs=studs),
        _waistband(waist, band_height),
    ]
    if style != "wrap" and dice.chance(0.3):
        parts += _skirt_belt(waist, band_height)
    elif style == "wrap":
        parts += _wrap_tie(waist)
    leather = dice.pick((TAN, ESPRESSO))
    return Garment(tuple(parts), 0.82, CREAM, leather, False, f"{style} skirt")


def ellipse_top(waist: float) -> np.ndarray:
    """The inside of the waistband's back."""
    back = smooth(points((-waist, 0.0), (0, -0.010), (waist, 0.0)))
    return joined(back, points((waist, 0.03), (-waist, 0.03)))


def _waistband(waist: float, height: float) -> Part:
    upper = smooth(points((-waist, 0.0), (0, 0.014), (waist, 0.0)))
    lower = smooth(points((waist * 1.03, height), (0, height + 0.014), (-waist * 1.03, height)))
    edge = Seam(lower - np.array([0, 0.006]), 0.003, -0.16)
    return Part(joined(upper, lower), cloth="plain", lift=0.35, round_=0.8, shade=0.97,
                seams=(edge,))  # fmt: skip


def _skirt_seams(style: str, flow: Flow, *, length: float, waist: float) -> list[Seam]:
    """Pleat edges, tiers, a wrapped edge or pockets, by style."""
    heights = np.linspace(0.05, length, 24)
    halves = flow.half(heights)
    if style == "pleated":
        return [
            Seam(np.stack([share * halves, heights], axis=1), 0.004, -0.16)
            for share in np.linspace(-0.89, 0.89, 16)
        ]
    if style == "tiered":
        made: list[Seam] = []
        for y in (length * 0.38, length * 0.70):
            half = float(np.interp(y, heights, halves))
            share = np.linspace(-1, 1, 24)
            line = np.stack([share * half, y + 0.02 * (1 - share**2)], axis=1)
            made.append(Seam(line, 0.012, -0.3))
        return made
    if style == "wrap":
        edge = smooth(points((waist * 0.55, 0.04), (waist * 0.75, length * 0.4),
                             (-waist * 0.1, length + 0.03)))  # fmt: skip
        return [Seam(edge, 0.014, -0.2), Seam(edge + np.array([0.006, 0]), 0.004, -0.3)]
    pocket = smooth(points((waist * 0.62, 0.055), (waist * 0.80, 0.105), (waist * 1.2, 0.13)))
    return [Seam(pocket, 0.005, -0.24), Seam(mirrored(pocket), 0.005, -0.24)]


def _skirt_belt(waist: float, height: float) -> list[Part]:
    y = height * 0.5
    line = smooth(points((-waist * 1.02, y), (0, y + 0.014), (waist * 1.02, y)))
    width = height * 0.62
    half = width * 0.8
    frame = points((-half, -0.6), (half, -0.6), (half, 0.6), (-half, 0.6), (-half, -0.6))
    frame = frame * np.array([1, width * 1.15]) + np.array([0, y + 0.013])
    loops = [
        Part(
            points((x - 0.006, y - width * 0.75), (x + 0.006, y - width * 0.75),
                   (x + 0.006, y + width * 0.95), (x - 0.006, y + width * 0.95)),
            cloth="plain", lift=0.3,
        )
        for x in (-waist * 0.6, waist * 0.6)
    ]  # fmt: skip
    return [
        Part(ribbon(line, width), cloth="leather", lift=0.35, round_=0.6),
        *loops,
        Part(ribbon(frame, width * 0.2), cloth="metal", lift=0.3, round_=0.3),
    ]


def _wrap_tie(waist: float) -> list[Part]:
    x = waist * 0.55
    made: list[Part] = []
    for lean, drop in ((0.03, 0.17), (-0.012, 0.14)):
        tail = smooth(points((x, 0.035), (x + lean * 0.6, drop * 0.6), (x + lean, drop + 0.03)))
        made.append(Part(ribbon(tail, (0.016, 0.028)), cloth="plain", lift=0.4, round_=0.3))
    knot = points((x - 0.016, 0.018), (x + 0.016, 0.022), (x + 0.014, 0.052), (x - 0.014, 0.050))
    made.append(Part(smooth(np.concatenate([knot, knot[:1]])), cloth="plain", lift=0.4, round_=0.9))
    return made
