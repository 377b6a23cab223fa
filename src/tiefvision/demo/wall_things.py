"""What hangs on a room's wall: pictures, shelves, clocks, windows, mirrors, lamps."""

from __future__ import annotations

import numpy as np
from PIL.ImageDraw import ImageDraw

from tiefvision.demo.dice import Dice
from tiefvision.demo.knick_knacks import WHITE, At, Piece, row_of_things
from tiefvision.demo.palettes import Decor, Rgb, mixed, scaled

_GLASS: Rgb = (214, 226, 232)


def picture_frame(draw: ImageDraw, dice: Dice, decor: Decor, at: At, unit: float) -> None:
    """A frame with a mount and an abstract picture."""
    x, y = at
    w, h = unit * dice.between(0.09, 0.17), unit * dice.between(0.10, 0.19)
    wood = dice.pick((*decor.woods, (54, 52, 52), WHITE))
    edge = unit * 0.012
    draw.rectangle(
        (x - w + 8, y - h + 10, x + w + 10, y + h + 14), fill=scaled(decor.walls[0], 0.72)
    )
    draw.rectangle((x - w, y - h, x + w, y + h), fill=wood)
    draw.rectangle((x - w + edge, y - h + edge, x + w - edge, y + h - edge), fill=WHITE)
    m = edge * 2.6
    left, top, right, bottom = x - w + m, y - h + m, x + w - m, y + h - m
    if right - left < 8 or bottom - top < 8:
        return
    tones = dice.shuffled(decor.things)
    draw.rectangle((left, top, right, bottom), fill=tones[0])
    style = dice.pick(("hills", "sun", "blocks", "lines"))
    rise = (bottom - top) * dice.between(0.4, 0.7)
    if style == "blocks":
        split = left + (right - left) * dice.between(0.3, 0.7)
        draw.rectangle((left, top + rise * 0.6, split, bottom), fill=tones[1])
        draw.rectangle((split, top, right, top + rise * 0.5), fill=tones[2])
    elif style == "lines":
        for share in np.arange(0.08, 1.0, 0.16):
            level = top + (bottom - top) * float(share)
            draw.line((left, level, right, level), fill=tones[1], width=max(3, round(unit * 0.006)))
    else:
        r = (right - left) * 0.22
        cx, cy = left + (right - left) * dice.between(0.35, 0.65), top + rise * 0.5
        draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=tones[3])
        draw.polygon(
            [(left, top + rise), (left + (right - left) * 0.4, top + rise * 0.7),
             (right, top + rise * 1.1), (right, bottom), (left, bottom)],
            fill=tones[1],
        )  # fmt: skip


def wall_shelf(draw: ImageDraw, dice: Dice, decor: Decor, at: At, unit: float) -> None:
    """A board with books, a vase and a small plant."""
    x, y = at
    half = unit * dice.between(0.16, 0.28)
    wood = dice.pick(decor.woods)
    row_of_things(draw, dice, decor, (x - half * 0.92, x + half * 0.92), y, unit)
    draw.rectangle((x - half, y, x + half, y + unit * 0.02), fill=wood)
    draw.rectangle((x - half, y + unit * 0.02, x + half, y + unit * 0.028), fill=scaled(wood, 0.7))
    for side in (-0.7, 0.7):
        bx = x + half * side
        draw.polygon(
            [(bx, y + unit * 0.02), (bx + unit * 0.012, y + unit * 0.02), (bx, y + unit * 0.075)],
            fill=scaled(wood, 0.62),
        )


def clock(draw: ImageDraw, dice: Dice, decor: Decor, at: At, unit: float) -> None:
    """A round clock."""
    x, y = at
    r = unit * dice.between(0.06, 0.1)
    draw.ellipse((x - r, y - r, x + r, y + r), fill=dice.pick((*decor.woods, (58, 56, 56))))
    f = r * 0.86
    draw.ellipse((x - f, y - f, x + f, y + f), fill=WHITE)
    for hour in range(12):
        a = hour * np.pi / 6
        draw.line(
            (x + f * 0.82 * np.sin(a), y - f * 0.82 * np.cos(a),
             x + f * 0.94 * np.sin(a), y - f * 0.94 * np.cos(a)),
            fill=(80, 78, 76), width=max(2, round(r * 0.05)),
        )  # fmt: skip
    for length, width in ((0.5, 0.09), (0.74, 0.06)):
        a = dice.between(0, 6.28)
        tip = (x + f * length * np.sin(a), y - f * length * np.cos(a))
        draw.line((x, y, *tip), fill=(60, 58, 58), width=max(2, round(r * width)))


def window(draw: ImageDraw, dice: Dice, decor: Decor, at: At, unit: float) -> None:
    """A window with panes, and a bit of sky and trees."""
    x, y = at
    w, h = unit * dice.between(0.13, 0.2), unit * dice.between(0.18, 0.28)
    draw.rectangle((x - w, y - h, x + w, y + h), fill=WHITE)
    e = unit * 0.018
    draw.rectangle((x - w + e, y - h + e, x + w - e, y + h - e), fill=_GLASS)
    for _ in range(3):
        r = unit * dice.between(0.04, 0.07)
        cx = x + (w - e - r) * dice.between(-1, 1)
        top = y + h - e - r * dice.between(1.2, 2.4)
        draw.rectangle(
            (cx - r, top + r, cx + r, y + h - e), fill=mixed(dice.pick(decor.leaves), _GLASS, 0.45)
        )
        draw.ellipse(
            (cx - r, top, cx + r, top + 2 * r), fill=mixed(dice.pick(decor.leaves), _GLASS, 0.45)
        )
    draw.rectangle((x - e * 0.4, y - h, x + e * 0.4, y + h), fill=WHITE)
    draw.rectangle((x - w, y - e * 0.4, x + w, y + e * 0.4), fill=WHITE)
    draw.rectangle((x - w - e, y + h, x + w + e, y + h + e), fill=scaled(WHITE, 0.9))


def mirror(draw: ImageDraw, dice: Dice, decor: Decor, at: At, unit: float) -> None:
    """A round mirror with two glints."""
    x, y = at
    r = unit * dice.between(0.09, 0.14)
    draw.ellipse((x - r, y - r, x + r, y + r), fill=dice.pick(decor.woods))
    f = r * 0.9
    glass = mixed(_GLASS, dice.pick(decor.walls), 0.4)
    draw.ellipse((x - f, y - f, x + f, y + f), fill=glass)
    for shift in (-0.2, 0.15):
        draw.line(
            (x + f * (shift - 0.3), y + f * 0.4, x + f * (shift + 0.35), y - f * 0.5),
            fill=mixed(glass, (255, 255, 255), 0.5), width=max(3, round(f * 0.08)),
        )  # fmt: skip


def globe_lamp(draw: ImageDraw, dice: Dice, decor: Decor, at: At, unit: float) -> None:
    """A globe that hangs from above on a cord."""
    x, y = at
    r = unit * dice.between(0.045, 0.075)
    draw.line((x, 0, x, y - r), fill=(70, 68, 66), width=max(3, round(unit * 0.006)))
    draw.ellipse((x - r, y - r, x + r, y + r), fill=(248, 236, 206))
    draw.rectangle(
        (x - r * 0.3, y - r * 1.15, x + r * 0.3, y - r * 0.9), fill=dice.pick(decor.woods)
    )


ON_WALL: tuple[Piece, ...] = (
    picture_frame, picture_frame, picture_frame, wall_shelf, wall_shelf, clock, window, mirror,
    globe_lamp,
)  # fmt: skip
