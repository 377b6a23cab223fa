"""What dresses, tops and coats share: necklines, bodies, hems, sleeves, collars, belts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tiefvision.demo.curves import (
    Points,
    ellipse_arc,
    joined,
    mirrored,
    points,
    ribbon,
    smooth,
)
from tiefvision.demo.dice import Dice
from tiefvision.demo.palettes import Rgb
from tiefvision.demo.parts import Flow, Folds, Part, Seam, Stud, folded

# Height of the back of the neck and of the shoulder's tip under it.
_BACK_DIP = 0.022
SHOULDER_DROP = 0.045


@dataclass(frozen=True, slots=True)
class Body:
    """Measures of a body's cloth. side: knots of its right edge from the armpit to the hem."""

    neckline: str
    neck_half: float
    neck_depth: float
    shoulder: float
    armpit: tuple[float, float]
    side: Points
    folds: Folds
    wave: float = 0.010
    sag: float = 0.02

    @property
    def hem(self) -> float:
        """The height of the hem at its ends."""
        return float(self.side[-1, 1])

    def right_side(self) -> Points:
        """The right edge from the armpit to the hem."""
        return smooth(self.side)

    def flow(self) -> Flow:
        """Half widths by height, from the shoulders to the hem."""
        edge = self.right_side()
        order = np.argsort(edge[:, 1], kind="stable")
        return Flow(edge[order, 1], edge[order, 0])


def front_neck(body: Body) -> Points:
    """The right half of the neckline, from the middle of the front to the shoulder."""
    half, depth = body.neck_half, body.neck_depth
    match body.neckline:
        case "v":
            return smooth(points((0, depth), (half * 0.45, depth * 0.60), (half, 0)))
        case "square":
            return points((0, depth), (half * 0.9, depth * 0.985), (half * 0.97, 0.012), (half, 0))
        case "heart":
            return smooth(
                points(
                    (0, depth), (half * 0.4, depth * 0.72), (half * 0.86, depth * 0.78), (half, 0)
                )
            )
        case _:
            return ellipse_arc(centre=(0, 0), radii=(half, depth), start=90, stop=0)


def back_of_neck(body: Body) -> Part:
    """The inside of the back that shows through the neckline, with a label in it."""
    front = front_neck(body)
    half = body.neck_half
    back = ellipse_arc(centre=(0, 0), radii=(half, _BACK_DIP), start=180, stop=0)
    outline = joined(back, front[::-1], mirrored(front[::-1]))
    edge = Seam(back + np.array([0, 0.012]), 0.006, -0.2)
    tag = Seam(points((-0.012, _BACK_DIP + 0.012), (0.012, _BACK_DIP + 0.012)), 0.016, 0.5)
    seams = (edge, tag) if body.neck_depth > 0.08 else (edge,)
    return Part(outline, cloth="lining", shade=0.66, round_=0.0, seams=seams)


def hem_line(body: Body) -> Points:
    """The hem from right to left: it sags in the middle and waves with the folds."""
    across = np.linspace(1, -1, 60)
    last = body.side[-1]
    wave = body.wave * body.folds.field(across, np.full_like(across, last[1]))
    rest = 1 - np.abs(across) ** 6
    y = last[1] + body.sag * (1 - across**2) + wave * rest
    return np.stack([across * last[0], y], axis=1)


def body_outline(body: Body, *, sleeveless: bool) -> Points:
    """The front's outline, closed."""
    neck = front_neck(body)
    tip = (body.shoulder, SHOULDER_DROP * body.shoulder / 0.2)
    pit = body.armpit
    bite = 0.030 if sleeveless else 0.010
    hole = smooth(
        points(tip, (min(tip[0], pit[0]) - bite * 0.55, tip[1] * 0.45 + pit[1] * 0.55), pit)
    )
    right = joined(neck, hole, body.right_side()[1:])
    return joined(right, hem_line(body)[1:-1], mirrored(right))


def strapless_outline(body: Body, *, top: float) -> Points:
    """The outline of a front that ends above the bust; straps are other parts."""
    pit = body.armpit
    dip = {"v": 0.06, "heart": 0.035, "square": 0.0}.get(body.neckline, 0.02)
    upper = smooth(points((0, top + dip), (pit[0] * 0.35, top + dip * 0.1), (pit[0] * 0.66, top)))
    if body.neckline == "square":
        upper = points((0, top + 0.01), (pit[0] * 0.66, top))
    side = smooth(points((pit[0] * 0.66, top), (pit[0] * 0.86, top + (pit[1] - top) * 0.55), pit))
    right = joined(upper, side[1:], body.right_side()[1:])
    return joined(right, hem_line(body)[1:-1], mirrored(right))


def straps(body: Body, *, top: float, width: float) -> tuple[Part, ...]:
    """The inside of the back and two straps over the shoulders."""
    pit = body.armpit
    back = smooth(points((-pit[0] * 0.9, top + 0.06), (0, top + 0.035), (pit[0] * 0.9, top + 0.06)))
    low = points((pit[0] * 0.8, pit[1]), (0, pit[1] + 0.03), (-pit[0] * 0.8, pit[1]))
    inside = Part(joined(back, low), cloth="lining", shade=0.62, round_=0.0)
    right = smooth(
        points((pit[0] * 0.60, top + 0.02), (pit[0] * 0.58, top * 0.5), (pit[0] * 0.47, 0.0))
    )
    behind = smooth(
        points((pit[0] * 0.47, 0.0), (pit[0] * 0.50, 0.05), (pit[0] * 0.42, top + 0.06))
    )
    made: list[Part] = []
    for path, shade in ((behind, 0.68), (right, 1.0)):
        for side in (path, mirrored(path)):
            made.append(Part(ribbon(side, width), cloth="plain", shade=shade, round_=0.3))
    return (made[0], made[1], inside, made[2], made[3])


@dataclass(frozen=True, slots=True)
class Sleeve:
    """Measures of a sleeve. angle: degrees off the vertical. puff: bulge of the upper arm."""

    length: float
    angle: float
    cuff: float
    puff: float
    band: float = 0.0
    band_cloth: str = "plain"


def sleeve_parts(body: Body, sleeve: Sleeve, dice: Dice) -> tuple[Part, ...]:
    """Both sleeves, with their cuffs; to be painted before the front."""
    angle = np.radians(sleeve.angle)
    along = np.array([np.sin(angle), np.cos(angle)])
    out = np.array([np.cos(angle), -np.sin(angle)])
    tip = np.array([body.shoulder, SHOULDER_DROP * body.shoulder / 0.2])
    slope = tip - np.array([body.neck_half, 0.0])
    start = tip - slope * 0.3 + np.array([0.0, 0.004])
    over = tip + np.array([0.010, 0.001])
    pit = np.array([body.armpit[0] - 0.012, body.armpit[1] + 0.012])
    end = tip + along * sleeve.length + out * (sleeve.cuff - float((tip - pit) @ out)) * 0.35
    upper = end + out * sleeve.cuff * 0.9
    lower = end - out * sleeve.cuff * 1.1
    bulge = out * (0.012 + sleeve.puff)
    high = tip + along * sleeve.length * 0.34 + bulge + (upper - tip - along * sleeve.length) * 0.4
    near = upper - along * sleeve.length * 0.2 + out * sleeve.puff * 0.8
    outer = smooth(np.stack([start, over, high, near, upper]))
    under = (
        lower - along * float((lower - pit) @ along) * 0.4 + out * 0.004 - out * sleeve.puff * 0.4
    )
    inner = smooth(np.stack([lower, under, pit]))
    mouth = smooth(np.stack([upper, (upper + lower) / 2 + along * 0.010, lower]))
    outline = joined(outer, mouth[1:-1], inner)
    crease = Seam(
        smooth(np.stack([pit + along * 0.03, (pit + lower) / 2 + out * 0.03, lower + out * 0.03])),
        0.012, -0.10,
    )  # fmt: skip
    elbow = (tip + pit) / 2 + along * sleeve.length * 0.5
    fold = Seam(
        smooth(np.stack([elbow - out * 0.045, elbow + along * 0.014, elbow + out * 0.03])),
        0.010, -0.12,
    )  # fmt: skip
    seams = (crease, fold) if sleeve.length > 0.3 else (crease,)
    folds = folded(dice, count=4, depth=0.35 + 4 * sleeve.puff, start=0.0, end=0.3)
    made = [Part(outline, turn=-float(angle), seams=seams, folds=folds, round_=1.0)]
    if sleeve.band > 0:
        band = np.stack([
            upper + out * 0.004, lower - out * 0.004,
            lower - out * 0.004 - along * sleeve.band, upper + out * 0.004 - along * sleeve.band,
        ])  # fmt: skip
        made.append(Part(band, cloth=sleeve.band_cloth, turn=-float(angle), lift=0.25, round_=0.7))
    return tuple(made) + tuple(flipped(part) for part in made)


def flipped(part: Part) -> Part:
    """The same part on the other side of the middle."""
    turned = np.array([-1.0, 1.0])
    return Part(
        part.outline * turned,
        part.cloth,
        -part.turn,
        part.flow,
        part.folds,
        part.shade,
        part.lift,
        part.round_,
        tuple(Seam(seam.path * turned, seam.width, seam.tone, seam.dash) for seam in part.seams),
        tuple(Stud(-stud.x, stud.y, stud.radius, stud.colour, stud.holes) for stud in part.studs),
    )


def armhole_seams(body: Body) -> tuple[Seam, ...]:
    """The seams where sleeves are sewn on."""
    tip = (body.shoulder, SHOULDER_DROP * body.shoulder / 0.2)
    pit = body.armpit
    path = smooth(
        points(tip, (min(tip[0], pit[0]) - 0.012, tip[1] * 0.45 + pit[1] * 0.55), pit)
    ) - np.array([0.004, 0.0])
    return Seam(path, 0.006, -0.28), Seam(mirrored(path), 0.006, -0.28)


def neck_edge(body: Body) -> Seam:
    """Topstitching along the neckline."""
    right = front_neck(body)
    whole = joined(mirrored(right), right[1:])
    return Seam(whole + np.array([0, 0.014]), 0.004, -0.2)


def hem_edge(body: Body, *, above: float = 0.018) -> Seam:
    """Topstitching above the hem."""
    return Seam(hem_line(body) - np.array([0, above]), 0.004, -0.2)


def across(body: Body, y: float, *, sag: float = 0.012, reach: float = 1.0) -> Points:
    """A line from side to side at a height, sagging as cloth round a body does."""
    half = float(body.flow().half(np.array([y]))[0]) * reach
    share = np.linspace(-1, 1, 24)
    return np.stack([share * half, y + sag * (1 - share**2)], axis=1)


def belt(body: Body, y: float, *, width: float, cloth: str, buckle: Rgb | None) -> tuple[Part, ...]:
    """A belt round the body at a height, with a buckle or a tied bow."""
    line = across(body, y, reach=1.015)
    band = Part(ribbon(line, width), cloth=cloth, lift=0.5, round_=0.5)
    if buckle is None:
        return band, *_bow(y + 0.012, width)
    x, half = 0.0, width * 0.72
    frame = points((x - half, 0), (x + half, 0), (x + half, 1), (x - half, 1), (x - half, 0))
    frame = frame * np.array([1, 1.5 * width]) + np.array([0, y + 0.012 - 0.75 * width])
    pin = points((x - half, y + 0.012), (x + half * 0.9, y + 0.012))
    return (
        band,
        Part(ribbon(frame, width * 0.24), cloth="metal", lift=0.4, round_=0.4),
        Part(ribbon(pin, width * 0.16), cloth="metal", round_=0.2),
    )


def _bow(y: float, width: float) -> tuple[Part, ...]:
    """A knot, two loops and two ends that hang down."""
    made: list[Part] = []
    for side, drop in ((1.0, 0.16), (-1.0, 0.13)):
        tail = smooth(points((0, y), (side * 0.022, y + drop * 0.5), (side * 0.034, y + drop)))
        made.append(Part(ribbon(tail, (width * 0.5, width * 0.8)), "plain", lift=0.4, round_=0.3))
        loop = smooth(
            points(
                (0, y), (side * 0.035, y - 0.026), (side * 0.066, y - 0.004),
                (side * 0.036, y + 0.020), (0, y),
            )
        )  # fmt: skip
        made.append(Part(loop, "plain", lift=0.4, round_=0.8))
    knot = ellipse_arc(centre=(0, y), radii=(0.014, 0.018), start=0, stop=350)
    return (*made, Part(knot, "plain", lift=0.4, round_=0.9))


def buttons(
    *, x: float, start: float, stop: float, count: int, radius: float, colour: Rgb
) -> tuple[Stud, ...]:
    """Buttons one under the other."""
    return tuple(
        Stud(x, float(y), radius, colour, holes=True) for y in np.linspace(start, stop, count)
    )
