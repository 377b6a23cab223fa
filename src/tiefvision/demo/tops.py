"""Designs of tops and coats."""

from __future__ import annotations

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
    hem_line,
    neck_edge,
    sleeve_parts,
    strapless_outline,
    straps,
)
from tiefvision.demo.collars import (
    lapels,
    ribbed_neck,
    roll_neck,
    round_collar,
    shirt_collar,
    stand_inside,
)
from tiefvision.demo.curves import joined, mirrored, points, ribbon
from tiefvision.demo.dice import Dice
from tiefvision.demo.palettes import CREAM, ESPRESSO, GOLD, INK, TAN
from tiefvision.demo.parts import Garment, Part, Seam, Stud, folded


def top(dice: Dice) -> Garment:
    """A top: tee, shirt, blouse, jumper or camisole."""
    style = dice.pick(("tee", "tee", "shirt", "blouse", "jumper", "camisole"))
    maker = {"tee": _tee, "shirt": _shirt, "blouse": _blouse, "jumper": _jumper}.get(
        style, _camisole
    )
    return Garment(tuple(maker(dice)), 0.74, CREAM, TAN, False, style)


def _top_body(dice: Dice, *, neckline: str, neck_half: float, depth: float, ease: float) -> Body:
    """The measures of a top; ease widens it."""
    length = dice.pick((0.46, 0.56, 0.60, 0.66)) + dice.between(-0.02, 0.02)
    flare = dice.between(0.185, 0.235) + ease
    waist = min(dice.between(0.165, 0.205) + ease, flare + 0.005)
    armpit = (0.188 + ease * 0.7, 0.21 + ease * 0.5)
    waist_y = min(0.42, length * 0.72)
    side = points(armpit, (waist, waist_y), (flare, length))
    folds = folded(dice, count=dice.between(4, 8), depth=0.42 + 2 * ease, start=0.12, end=length)
    return Body(neckline, neck_half, depth, 0.195 + ease * 0.6, armpit, side, folds, 0.006, 0.012)


def _tee(dice: Dice) -> list[Part]:
    neckline = dice.pick(("round", "round", "v", "boat", "scoop"))
    neck_half, depth = {
        "round": (0.086, 0.085), "v": (0.085, 0.16), "boat": (0.13, 0.045), "scoop": (0.105, 0.13),
    }[neckline]  # fmt: skip
    body = _top_body(dice, neckline=neckline, neck_half=neck_half, depth=depth, ease=0.01)
    kind = dice.pick(("short", "short", "cap", "none", "long"))
    cut = {
        "short": Sleeve(dice.between(0.17, 0.22), 34, 0.082, 0.002),
        "cap": Sleeve(0.09, 48, 0.078, 0.0),
        "long": Sleeve(0.52, dice.between(14, 24), 0.045, 0.0),
    }.get(kind)
    seams = [hem_edge(body), *_creases(body)]
    parts = [back_of_neck(body)]
    if cut is not None:
        parts += sleeve_parts(body, cut, dice)
        seams += armhole_seams(body)
    if neckline != "round":
        seams.append(neck_edge(body))
    parts.append(_front(body, seams, sleeveless=cut is None))
    if neckline == "round":
        parts.append(ribbed_neck(neck_half, depth, height=0.024))
    if dice.chance(0.25):
        parts.append(_chest_pocket(0.085, 0.19))
    return parts


def _shirt(dice: Dice) -> list[Part]:
    depth = dice.between(0.10, 0.17)
    body = _top_body(dice, neckline="v", neck_half=0.078, depth=depth, ease=0.012)
    cut = (
        Sleeve(0.55, dice.between(14, 22), 0.046, 0.004, band=0.05)
        if dice.chance(0.65)
        else Sleeve(0.21, 33, 0.085, 0.004, band=0.028)
    )
    hem = body.hem + 0.012
    placket = [
        Seam(points((-0.016, depth - 0.03), (-0.016, hem)), 0.004, -0.22),
        Seam(points((0.016, depth - 0.05), (0.016, hem)), 0.004, -0.16),
    ]
    studs = buttons(x=0.0, start=depth + 0.025, stop=hem - 0.05, count=round((hem - depth) / 0.08),
                    radius=0.0088, colour=dice.pick((CREAM, CREAM, ESPRESSO)))  # fmt: skip
    seams = [hem_edge(body), *armhole_seams(body), *placket, *_creases(body)]
    parts = [back_of_neck(body), *sleeve_parts(body, cut, dice)]
    parts.append(_front(body, seams, studs=studs))
    if dice.chance(0.6):
        parts.append(_chest_pocket(0.09, 0.185))
    return [*parts, *shirt_collar(0.078, depth)]


def _blouse(dice: Dice) -> list[Part]:
    neckline = dice.pick(("round", "v", "square"))
    neck_half, depth = {"round": (0.08, 0.07), "v": (0.085, 0.15), "square": (0.1, 0.11)}[neckline]
    body = _top_body(dice, neckline=neckline, neck_half=neck_half, depth=depth, ease=0.02)
    cut = dice.pick(
        (Sleeve(0.24, 30, 0.064, 0.055, band=0.024), Sleeve(0.5, 20, 0.046, 0.04, band=0.045))
    )
    seams = [hem_edge(body), neck_edge(body), *armhole_seams(body), *_creases(body)]
    parts = [back_of_neck(body), *sleeve_parts(body, cut, dice)]
    parts.append(_front(body, seams))
    if neckline == "round":
        parts += round_collar(neck_half, depth)
    elif dice.chance(0.5):
        parts += belt(body, body.hem - 0.11, width=0.024, cloth="plain", buckle=None)
    return parts


def _jumper(dice: Dice) -> list[Part]:
    rolled = dice.chance(0.4)
    depth = 0.055 if rolled else 0.075
    body = _top_body(dice, neckline="round", neck_half=0.088, depth=depth, ease=0.028)
    cut = Sleeve(dice.between(0.5, 0.55), dice.between(15, 24), 0.052, 0.014, band=0.05)
    seams = [*armhole_seams(body), *_creases(body)]
    parts = [back_of_neck(body), *sleeve_parts(body, cut, dice)]
    parts += [_front(body, seams), _ribbed_hem(body, 0.05)]
    neck = roll_neck(0.088, height=0.07) if rolled else ribbed_neck(0.088, depth, height=0.03)
    return [*parts, neck]


def _camisole(dice: Dice) -> list[Part]:
    neckline = dice.pick(("v", "heart", "square", "round"))
    body = _top_body(dice, neckline=neckline, neck_half=0.1, depth=0.1, ease=0.0)
    upper = body.armpit[1] - dice.between(0.08, 0.1)
    parts = list(straps(body, top=upper, width=dice.between(0.012, 0.03)))
    outline = strapless_outline(body, top=upper)
    seams = (hem_edge(body), *_creases(body))
    return [*parts, Part(outline, flow=body.flow(), folds=body.folds, seams=seams)]


def _front(
    body: Body, seams: list[Seam], *, studs: tuple[Stud, ...] = (), sleeveless: bool = False
) -> Part:
    outline = body_outline(body, sleeveless=sleeveless)
    return Part(outline, flow=body.flow(), folds=body.folds, seams=tuple(seams), studs=studs)


def _creases(body: Body) -> list[Seam]:
    """Soft creases that run from the armpits towards the middle."""
    x, y = body.armpit
    made: list[Seam] = []
    for reach, drop, tone in ((0.55, 0.045, -0.10), (0.42, 0.085, -0.07)):
        path = points((x * 0.96, y + 0.012), (x * (1 - reach * 0.4), y + drop * 0.8),
                      (x * (1 - reach), y + drop))  # fmt: skip
        made += [Seam(path, 0.012, tone), Seam(mirrored(path), 0.012, tone)]
    return made


def _chest_pocket(x: float, y: float) -> Part:
    half, height = 0.038, 0.085
    outline = points((x - half, y), (x + half, y), (x + half, y + height * 0.82), (x, y + height),
                     (x - half, y + height * 0.82))  # fmt: skip
    line = Seam(points((x - half, y + 0.016), (x + half, y + 0.016)), 0.004, -0.2)
    return Part(outline, lift=0.28, round_=0.2, seams=(line,))


def _ribbed_hem(body: Body, height: float) -> Part:
    lower = hem_line(body)
    upper = across(body, body.hem - height, sag=body.sag)
    ribs = [
        Seam(points(tuple(lower[at]), (lower[at, 0], body.hem - height + 0.01)), 0.0035, -0.12)
        for at in range(2, len(lower) - 1, 3)
    ]  # fmt: skip
    return Part(joined(upper, lower), cloth="plain", lift=0.2, round_=0.7, seams=tuple(ribs))


def coat(dice: Dice) -> Garment:
    """A coat: trench, single- or double-breasted, or with a round neck."""
    style = dice.pick(("single", "double", "trench", "round", "single"))
    length = dice.pick((0.74, 0.88, 1.0, 1.12)) + dice.between(-0.03, 0.03)
    flare = dice.between(0.235, 0.33) if style != "single" else dice.between(0.225, 0.27)
    waist = dice.between(0.175, 0.215)
    flare = min(flare, waist + 0.16 * (length - 0.35))
    armpit = (0.212, 0.235)
    side = points(armpit, (waist, 0.45), (waist + (flare - waist) * 0.42, 0.62), (flare, length))
    folds = folded(dice, count=3 + 10 * flare, depth=0.4, start=0.4, end=length)
    neck_half = 0.085
    overlap = {"double": 0.078, "trench": 0.072, "single": 0.022, "round": 0.0}[style]
    depth = 0.07 if style == "round" else 0.10
    body = Body(
        "round", neck_half, depth, 0.212, armpit, side, folds, 0.008, 0.012 + 0.09 * (flare - 0.18)
    )
    cut = Sleeve(dice.between(0.60, 0.66), dice.between(10, 17), 0.062, 0.004,
                 band=0.045 if style == "trench" else 0.0)  # fmt: skip
    break_y = dice.between(0.26, 0.40)
    studs = _coat_buttons(style, dice, overlap=overlap, break_y=break_y, length=length)
    edge = -overlap
    opening = Seam(points((edge, break_y if style != "round" else depth), (edge, length + 0.02)),
                   0.007, -0.4)  # fmt: skip
    stitches = Seam(points((edge + 0.010, break_y), (edge + 0.010, length)), 0.003, -0.16)
    seams = (opening, stitches, hem_edge(body), *armhole_seams(body))
    inside = back_of_neck(body) if style == "round" else stand_inside(neck_half, depth=0.04)
    parts = [inside, *sleeve_parts(body, cut, dice)]
    parts.append(_front(body, list(seams), studs=studs))
    parts += _coat_pockets(body, dice)
    if style == "round":
        parts += round_collar(neck_half, depth) if dice.chance(0.5) else ()
    else:
        parts += _open_neck(neck_half, overlap=overlap, break_y=break_y, dice=dice)
    if style == "trench" or dice.chance(0.3):
        cloth = dice.pick(("plain", "leather"))
        parts += belt(body, 0.455, width=0.042, cloth=cloth,
                      buckle=GOLD if cloth == "leather" or dice.chance(0.5) else None)  # fmt: skip
    return Garment(tuple(parts), 0.95, CREAM, ESPRESSO, False, f"{style} coat")


def _open_neck(neck_half: float, *, overlap: float, break_y: float, dice: Dice) -> list[Part]:
    """The inner V with a lining, and lapels over it."""
    gap = points((-neck_half, -0.005), (neck_half, -0.005), (-overlap * 0.4, break_y))
    inside = Part(gap, cloth="lining", shade=0.55, round_=0.0)
    width = dice.between(0.055, 0.085)
    return [
        inside,
        *lapels(neck_half * 0.94, break_x=-overlap * 0.5, break_y=break_y, width=width),
    ]


def _coat_buttons(
    style: str, dice: Dice, *, overlap: float, break_y: float, length: float
) -> tuple[Stud, ...]:
    colour = dice.pick((ESPRESSO, INK, GOLD, CREAM))
    stop = min(0.72, length - 0.14)
    if style in ("double", "trench"):
        rows = 3 if stop - break_y < 0.34 else 4
        x = overlap * 0.8
        left = buttons(x=-x, start=break_y + 0.03, stop=stop, count=rows, radius=0.0155,
                       colour=colour)  # fmt: skip
        right = buttons(x=x, start=break_y + 0.03, stop=stop, count=rows, radius=0.0155,
                        colour=colour)  # fmt: skip
        return left + right
    count = 3 if style == "single" else 5
    start = break_y + 0.03 if style == "single" else 0.12
    return buttons(x=0.0, start=start, stop=stop, count=count, radius=0.0155, colour=colour)


def _coat_pockets(body: Body, dice: Dice) -> list[Part]:
    """Flap pockets, or welts that lean."""
    y, x, half = 0.60, 0.118, 0.052
    if dice.chance(0.5):
        flap = points(
            (x - half, y), (x + half, y - 0.004), (x + half, y + 0.04), (x - half, y + 0.045)
        )
        right = Part(flap, lift=0.45, round_=0.3)
        left = Part(mirrored(flap), lift=0.45, round_=0.3)
        return [right, left]
    welt = ribbon(points((x - 0.016, y - 0.03), (x + 0.022, y + 0.095)), 0.024)
    return [Part(welt, lift=0.4, round_=0.3), Part(mirrored(welt), lift=0.4, round_=0.3)]
