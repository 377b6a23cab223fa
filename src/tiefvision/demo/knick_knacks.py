"""Small things that stand in a room: books, pots, leaves, and the shadows under furniture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL.ImageDraw import ImageDraw

from tiefvision.demo.dice import Dice
from tiefvision.demo.palettes import Decor, Rgb, mixed, scaled

At = tuple[float, float]
Piece = Callable[[ImageDraw, Dice, Decor, At, float], None]

WHITE: Rgb = (244, 241, 234)


def floor_shadow(draw: ImageDraw, decor: Decor, at: At, half: float, unit: float) -> None:
    """A dark ellipse on the floor under a piece."""
    x, y = at
    tone = scaled(decor.floors[0], 0.62)
    draw.ellipse((x - half, y - unit * 0.018, x + half, y + unit * 0.018), fill=tone)


def row_of_things(
    draw: ImageDraw, dice: Dice, decor: Decor, span: tuple[float, float], y: float, unit: float
) -> None:
    """Books upright, with a pot or a ball between them, on a level at y."""
    x, stop = span
    while x < stop - unit * 0.03:
        choice = dice.between(0, 1)
        tone = dice.pick(decor.things)
        if choice < 0.72:
            wide, high = unit * dice.between(0.014, 0.03), unit * dice.between(0.07, 0.115)
            draw.rectangle((x, y - high, x + wide, y), fill=scaled(tone, dice.between(0.8, 1.05)))
            band = y - high * 0.8
            draw.rectangle((x, band, x + wide, band + unit * 0.006), fill=mixed(tone, WHITE, 0.6))
            x += wide + 2
        elif choice < 0.86:
            r = unit * dice.between(0.018, 0.03)
            draw.ellipse((x, y - 2 * r, x + 2 * r, y), fill=tone)
            x += 2 * r + unit * 0.015
        else:
            pot(draw, dice, decor, (x + unit * 0.03, y), unit * 0.055)
            x += unit * 0.075


def pot(draw: ImageDraw, dice: Dice, decor: Decor, at: At, size: float) -> None:
    """A pot with leaves, `size` high without them; at = middle of its base."""
    x, y = at
    clay = dice.pick(decor.things)
    lean = dice.between(0.55, 0.95)
    for _ in range(dice.whole(6, 10)):
        angle = dice.between(-1.25, 1.25)
        reach = size * dice.between(0.9, 1.9)
        tip = (x + reach * np.sin(angle) * lean, y - size * 0.85 - reach * np.cos(angle))
        leaf(
            draw, (x, y - size * 0.85), tip, size * dice.between(0.12, 0.3), dice.pick(decor.leaves)
        )
    half = size * 0.42
    draw.rounded_rectangle((x - half, y - size, x + half, y), radius=size * 0.22, fill=clay)
    draw.rectangle((x - half, y - size, x - half * 0.4, y - size * 0.2), fill=scaled(clay, 1.08))


def leaf(draw: ImageDraw, base: At, tip: At, width: float, tone: Rgb) -> None:
    """A pointed leaf from its base to its tip."""
    along = np.array([tip[0] - base[0], tip[1] - base[1]])
    normal = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6) * width
    share = np.linspace(0, 1, 7)[:, None]
    middle = np.array(base) + along * share
    bulge = normal * np.sin(np.pi * share**0.8)
    outline = np.concatenate([middle + bulge, (middle - bulge)[::-1]])
    draw.polygon(outline.ravel().tolist(), fill=tone)
    draw.line((*base, *tip), fill=scaled(tone, 0.84), width=max(2, round(width * 0.14)))
