"""What stands on a room's floor: cases, chests, chairs, tables, plants, lamps, a sofa."""

from __future__ import annotations

import numpy as np
from PIL.ImageDraw import ImageDraw

from tiefvision.demo.dice import Dice
from tiefvision.demo.knick_knacks import At, Piece, floor_shadow, leaf, pot, row_of_things
from tiefvision.demo.palettes import Decor, Rgb, scaled


def bookcase(draw: ImageDraw, dice: Dice, decor: Decor, at: At, unit: float) -> None:
    """A tall case of shelves with books and pots."""
    x, y = at
    half, high = unit * dice.between(0.14, 0.22), unit * dice.between(0.5, 0.85)
    wood = dice.pick(decor.woods)
    e = unit * 0.018
    floor_shadow(draw, decor, at, half * 1.08, unit)
    draw.rectangle((x - half, y - high, x + half, y), fill=wood)
    draw.rectangle((x - half + e, y - high + e, x + half - e, y - e), fill=scaled(wood, 0.6))
    levels = dice.whole(3, 5)
    for level in range(levels):
        base = y - high + (high - e) * (level + 1) / levels
        row_of_things(draw, dice, decor, (x - half + e * 1.5, x + half - e * 1.5), base, unit)
        draw.rectangle((x - half, base, x + half, base + e), fill=wood)


def cabinet(draw: ImageDraw, dice: Dice, decor: Decor, at: At, unit: float) -> None:
    """A chest of drawers on legs with something on top."""
    x, y = at
    half, high = unit * dice.between(0.16, 0.27), unit * dice.between(0.24, 0.36)
    wood = dice.pick((*decor.woods, dice.pick(decor.things)))
    leg = unit * 0.05
    floor_shadow(draw, decor, at, half, unit)
    for side in (-0.86, 0.86):
        lx = x + half * side
        draw.rectangle((lx - unit * 0.01, y - leg, lx + unit * 0.01, y), fill=scaled(wood, 0.6))
    draw.rectangle((x - half, y - high, x + half, y - leg), fill=wood)
    draw.rectangle(
        (x - half * 1.03, y - high - unit * 0.014, x + half * 1.03, y - high),
        fill=scaled(wood, 1.1),
    )
    rows, cols = dice.whole(2, 3), dice.whole(1, 2)
    for row in range(rows):
        for col in range(cols):
            x0 = x - half + 2 * half * col / cols + unit * 0.012
            x1 = x - half + 2 * half * (col + 1) / cols - unit * 0.012
            y0 = y - high + (high - leg) * row / rows + unit * 0.012
            y1 = y - high + (high - leg) * (row + 1) / rows - unit * 0.006
            draw.rectangle((x0, y0, x1, y1), outline=scaled(wood, 0.72), width=5)
            r = unit * 0.008
            cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
            draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=scaled(wood, 0.45))
    top = y - high - unit * 0.014
    row_of_things(
        draw, dice, decor, (x - half * 0.8, x + half * dice.between(-0.2, 0.8)), top, unit
    )


def tall_plant(draw: ImageDraw, dice: Dice, decor: Decor, at: At, unit: float) -> None:
    """A large plant in a pot."""
    x, y = at
    size = unit * dice.between(0.14, 0.2)
    floor_shadow(draw, decor, at, size * 0.5, unit)
    tone = dice.pick(decor.leaves)
    for _ in range(dice.whole(9, 15)):
        angle = dice.between(-1.2, 1.2)
        reach = size * dice.between(1.2, 2.9)
        tip = (x + reach * np.sin(angle), y - size - reach * np.cos(angle) * 0.9)
        leaf(
            draw,
            (x, y - size * 0.9),
            tip,
            size * dice.between(0.12, 0.26),
            scaled(tone, dice.between(0.8, 1.15)),
        )
    pot(draw, dice, decor, at, size)


def cactus(draw: ImageDraw, dice: Dice, decor: Decor, at: At, unit: float) -> None:
    """A cactus with arms."""
    x, y = at
    size = unit * dice.between(0.1, 0.14)
    floor_shadow(draw, decor, at, size * 0.5, unit)
    tone = dice.pick(decor.leaves)
    r, high = size * 0.28, size * dice.between(1.6, 2.6)
    base = y - size * 0.8
    draw.rounded_rectangle((x - r, base - high, x + r, base + r), radius=r, fill=tone)
    for side in (-1, 1):
        ay = base - high * dice.between(0.3, 0.6)
        ax = x + side * r * 2.4
        draw.line((x, ay, ax, ay), fill=tone, width=round(r * 1.1))
        draw.rounded_rectangle(
            (ax - r * 0.6, ay - high * 0.32, ax + r * 0.6, ay + r * 0.55),
            radius=r * 0.55,
            fill=tone,
        )
    for line in (-0.4, 0.0, 0.4):
        draw.line(
            (x + r * line, base - high + r, x + r * line, base), fill=scaled(tone, 0.86), width=3
        )
    clay = dice.pick(decor.things)
    draw.rectangle((x - size * 0.42, y - size * 0.8, x + size * 0.42, y), fill=clay)
    draw.rectangle(
        (x - size * 0.48, y - size * 0.85, x + size * 0.48, y - size * 0.66),
        fill=scaled(clay, 1.08),
    )


def chair(draw: ImageDraw, dice: Dice, decor: Decor, at: At, unit: float) -> None:
    """A wooden chair seen from the front."""
    x, y = at
    half, seat, back = unit * 0.095, unit * 0.2, unit * dice.between(0.36, 0.44)
    wood = dice.pick(decor.woods)
    bar = max(4, round(unit * 0.016))
    floor_shadow(draw, decor, at, half * 1.2, unit)
    for side in (-1, 1):
        draw.line((x + side * half * 0.9, y - back, x + side * half, y), fill=wood, width=bar)
        draw.line(
            (x + side * half * 0.7, y - seat, x + side * half * 0.75, y - unit * 0.02),
            fill=scaled(wood, 0.75),
            width=bar,
        )
    rungs = dice.whole(2, 4)
    for rung in range(rungs):
        level = y - back + (back - seat) * rung / rungs
        draw.rectangle(
            (x - half * 0.9, level, x + half * 0.9, level + unit * 0.02), fill=scaled(wood, 0.92)
        )
    draw.rectangle(
        (x - half * 1.08, y - seat, x + half * 1.08, y - seat + unit * 0.034),
        fill=dice.pick((wood, dice.pick(decor.things))),
    )


def stool_table(draw: ImageDraw, dice: Dice, decor: Decor, at: At, unit: float) -> None:
    """A small round table on three legs with a pot or books."""
    x, y = at
    half, high = unit * dice.between(0.1, 0.16), unit * dice.between(0.2, 0.3)
    wood = dice.pick(decor.woods)
    floor_shadow(draw, decor, at, half, unit)
    for side in (-0.8, 0.0, 0.8):
        draw.line(
            (x + half * side * 0.6, y - high, x + half * side, y),
            fill=scaled(wood, 0.75),
            width=max(4, round(unit * 0.014)),
        )
    if dice.chance(0.6):
        pot(draw, dice, decor, (x, y - high), unit * dice.between(0.06, 0.1))
    else:
        row_of_things(draw, dice, decor, (x - half * 0.7, x + half * 0.6), y - high, unit)
    draw.ellipse((x - half, y - high - unit * 0.016, x + half, y - high + unit * 0.02), fill=wood)


def crates(draw: ImageDraw, dice: Dice, decor: Decor, at: At, unit: float) -> None:
    """Cardboard boxes stacked and taped."""
    x, y = at
    tone: Rgb = (188, 152, 110)
    floor_shadow(draw, decor, at, unit * 0.13, unit)
    for level in range(dice.whole(1, 3)):
        half = unit * dice.between(0.08, 0.14) * (1 - level * 0.12)
        high = unit * dice.between(0.1, 0.15)
        cx = x + unit * dice.between(-0.02, 0.02)
        shade = scaled(tone, dice.between(0.85, 1.05))
        draw.rectangle((cx - half, y - high, cx + half, y), fill=shade)
        draw.rectangle((cx - half, y - high, cx + half, y - high * 0.82), fill=scaled(shade, 1.08))
        draw.rectangle(
            (cx - half * 0.14, y - high, cx + half * 0.14, y - high * 0.5), fill=scaled(shade, 1.18)
        )
        y -= high


def ladder(draw: ImageDraw, dice: Dice, decor: Decor, at: At, unit: float) -> None:
    """A ladder that leans on the wall."""
    x, y = at
    high, half, lean = unit * dice.between(0.6, 0.9), unit * 0.07, unit * dice.between(-0.12, 0.12)
    wood = dice.pick(decor.woods)
    bar = max(4, round(unit * 0.015))
    for side in (-1, 1):
        draw.line(
            (x + side * half, y, x + side * half * 0.8 + lean, y - high), fill=wood, width=bar
        )
    for share in np.linspace(0.1, 0.92, 7):
        s = float(share)
        cx, w = x + lean * s, half * (1 - 0.2 * s)
        draw.line((cx - w, y - high * s, cx + w, y - high * s), fill=scaled(wood, 0.85), width=bar)


def arc_lamp(draw: ImageDraw, dice: Dice, decor: Decor, at: At, unit: float) -> None:
    """A standing lamp with a globe on a bent pole."""
    x, y = at
    high, reach = unit * dice.between(0.6, 0.85), unit * dice.pick((-0.16, 0.16))
    tone: Rgb = (72, 70, 70)
    bar = max(4, round(unit * 0.01))
    draw.ellipse((x - unit * 0.06, y - unit * 0.016, x + unit * 0.06, y + unit * 0.016), fill=tone)
    draw.line((x, y, x, y - high), fill=tone, width=bar)
    box = (
        min(x, x + reach),
        y - high - abs(reach) / 2,
        max(x, x + reach),
        y - high + abs(reach) / 2,
    )
    draw.arc(box, 180, 360, fill=tone, width=bar)
    r = unit * 0.055
    draw.ellipse(
        (x + reach - r, y - high - r * 0.1, x + reach + r, y - high + r * 1.9), fill=(250, 238, 208)
    )


def sofa(draw: ImageDraw, dice: Dice, decor: Decor, at: At, unit: float) -> None:
    """A sofa with cushions."""
    x, y = at
    half, seat, back = unit * dice.between(0.26, 0.4), unit * 0.15, unit * 0.31
    tone = dice.pick(decor.things)
    floor_shadow(draw, decor, at, half * 1.05, unit)
    r = unit * 0.04
    draw.rounded_rectangle(
        (x - half, y - back, x + half, y - unit * 0.05), radius=r, fill=scaled(tone, 0.9)
    )
    for side in (-1, 1):
        cx = x + side * half * 0.44
        draw.rounded_rectangle(
            (cx - half * 0.42, y - seat - unit * 0.035, cx + half * 0.42, y - unit * 0.07),
            radius=r * 0.6,
            fill=tone,
        )
        ax = x + side * half
        draw.rounded_rectangle(
            (ax - unit * 0.05, y - seat - unit * 0.06, ax + unit * 0.05, y - unit * 0.03),
            radius=r,
            fill=scaled(tone, 1.06),
        )
        draw.rectangle(
            (x + side * half * 0.85 - 8, y - unit * 0.05, x + side * half * 0.85 + 8, y),
            fill=(90, 70, 54),
        )
    for share in (-0.6, 0.55):
        c = unit * 0.075
        cx, cy = x + half * share, y - seat - unit * 0.07
        cushion = dice.pick(decor.things)
        draw.polygon([(cx - c, cy), (cx, cy - c), (cx + c, cy), (cx, cy + c)], fill=cushion)


ON_FLOOR: tuple[Piece, ...] = (
    bookcase, cabinet, cabinet, tall_plant, tall_plant, cactus, chair, stool_table, crates, ladder,
    arc_lamp, sofa,
)  # fmt: skip
