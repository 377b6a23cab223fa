"""Cluttered rooms: a wall, a floor, furniture before them; nothing that is worn or carried."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32
from PIL import Image, ImageDraw, ImageFilter

from tiefvision.demo.dice import Dice
from tiefvision.demo.floor_things import ON_FLOOR
from tiefvision.demo.palettes import DECORS, Decor, Rgb, luma, mixed, scaled
from tiefvision.demo.wall_things import ON_WALL

# A wall whose luma is nearer than this to the product's is repainted lighter or darker.
_WALL_CONTRAST = 28.0
# Rooms are drawn this many times too large and reduced, and a little out of focus.
_SUPERSAMPLE = 2

Colour = Float32[np.ndarray, "3 rows cols"]


def room(dice: Dice, *, width: int, height: int, product: Rgb) -> Colour:
    """A room as pixels, sRGB 0 to 255."""
    decor = DECORS[dice.pick(tuple(DECORS))]
    big_w, big_h = width * _SUPERSAMPLE, height * _SUPERSAMPLE
    wall = _contrasting(dice.pick(decor.walls), product)
    picture = Image.new("RGB", (big_w, big_h), wall)
    draw = ImageDraw.Draw(picture)
    ground = round(big_h * dice.between(0.66, 0.86))
    _WALLS[dice.pick(tuple(_WALLS))](draw, dice, wall, big_w, ground)
    _floor(draw, dice, decor, big_w, big_h, ground)
    unit = min(big_w, big_h) * dice.between(0.9, 1.15)
    _wall_things(draw, dice, decor, big_w, ground, unit)
    _floor_things(draw, dice, decor, big_w, big_h, ground, unit)
    picture = picture.reduce(_SUPERSAMPLE)
    picture = picture.filter(ImageFilter.BoxBlur(dice.between(0.5, 1.2)))
    pixels = np.ascontiguousarray(np.moveaxis(np.asarray(picture), 2, 0)).astype(np.float32)
    veil = np.float32(dice.between(0.10, 0.22))
    mean = pixels[:, ::8, ::8].mean(axis=(1, 2), keepdims=True)
    pixels *= 1 - veil
    pixels += mean * veil
    pixels *= _daylight(dice, width, height)
    return pixels


def _contrasting(wall: Rgb, product: Rgb) -> Rgb:
    """The wall's paint, moved away from a product that is as light as it."""
    if abs(luma(wall) - luma(product)) >= _WALL_CONTRAST:
        return wall
    return scaled(wall, 0.76) if luma(product) > 150 else mixed(wall, (250, 246, 240), 0.5)


def _daylight(dice: Dice, width: int, height: int) -> Float32[np.ndarray, "rows cols"]:
    """Light from one side, corners darker, and at times the slanted panes of a window."""
    step = 8
    x = np.linspace(0, 1, -(-width // step), dtype=np.float32)[None, :]
    y = np.linspace(0, 1, -(-height // step), dtype=np.float32)[:, None]
    light = 1.02 + dice.between(-0.12, 0.12) * (x - 0.5)
    light = light - dice.between(0.08, 0.26) * ((x - 0.5) ** 2 + (y - 0.45) ** 2)
    if dice.chance(0.45):
        slant = x + dice.between(-0.6, 0.6) * y - dice.between(0.1, 0.6)
        pane = (np.abs(slant % 0.24 - 0.12) < 0.09) & (np.abs(slant - 0.24) < 0.24)
        light = light + 0.07 * (pane & (y > 0.12) & (y < 0.7))
    fine = Image.fromarray(light.astype(np.float32))
    return np.asarray(fine.resize((width, height), Image.Resampling.BICUBIC))


def _painted_wall(
    draw: ImageDraw.ImageDraw, dice: Dice, wall: Rgb, width: int, ground: int
) -> None:
    """Paint above, a panelled dado below."""
    rail = round(ground * dice.between(0.5, 0.75))
    lower = scaled(wall, dice.pick((0.84, 0.92, 1.08)))
    draw.rectangle((0, rail, width, ground), fill=lower)
    draw.rectangle((0, rail - 10, width, rail + 6), fill=scaled(lower, 1.08))
    step = round(width / dice.whole(5, 9))
    for x in range(step // 5, width, step):
        box = (x, rail + 34, x + step - step // 4, ground - 46)
        if box[3] > box[1]:
            draw.rectangle(box, outline=scaled(lower, 0.86), width=6)


def _bricks(draw: ImageDraw.ImageDraw, dice: Dice, wall: Rgb, width: int, ground: int) -> None:
    high = round(width / dice.whole(20, 28))
    wide = high * 3
    draw.rectangle((0, 0, width, ground), fill=mixed(wall, (226, 218, 208), 0.4))
    for row in range(ground // high + 1):
        for col in range(-1, width // wide + 1):
            x = col * wide + (wide // 2 if row % 2 else 0)
            tone = scaled(wall, dice.between(0.86, 1.06))
            y = row * high
            draw.rectangle((x + 3, y + 3, x + wide - 3, y + high - 3), fill=tone)


def _tiles(draw: ImageDraw.ImageDraw, dice: Dice, wall: Rgb, width: int, ground: int) -> None:
    side = round(width / dice.whole(8, 13))
    other = scaled(wall, dice.pick((0.86, 0.92, 1.1)))
    for row in range(ground // side + 1):
        for col in range(width // side + 1):
            x, y = col * side, row * side
            if y >= ground:
                continue
            tone = other if (row + col) % 2 else scaled(wall, dice.between(0.97, 1.03))
            draw.rectangle((x + 2, y + 2, x + side - 2, y + side - 2), fill=tone)


def _stripes(draw: ImageDraw.ImageDraw, dice: Dice, wall: Rgb, width: int, ground: int) -> None:
    step = round(width / dice.whole(9, 18))
    other = scaled(wall, dice.pick((0.88, 0.93, 1.07)))
    for x in range(0, width, step * 2):
        draw.rectangle((x, 0, x + step, ground), fill=other)


def _leafy(draw: ImageDraw.ImageDraw, dice: Dice, wall: Rgb, width: int, ground: int) -> None:
    """Wallpaper with sprigs on a staggered lattice."""
    step = round(width / dice.whole(6, 9))
    tone = scaled(wall, dice.pick((0.82, 0.87, 1.1)))
    for row in range(ground // step + 1):
        for col in range(width // step + 2):
            x = col * step - (step // 2 if row % 2 else 0)
            y = row * step + step // 2
            if y + step // 2 > ground:
                continue
            draw.line((x, y - step // 3, x, y + step // 3), fill=tone, width=5)
            for lift in (-0.22, 0.0, 0.22):
                at = y + lift * step
                for side in (-1, 1):
                    tip = x + side * step * 0.24
                    box = (min(x, tip), at - step * 0.11, max(x, tip), at + step * 0.02)
                    draw.ellipse(box, fill=tone)


def _boards(draw: ImageDraw.ImageDraw, dice: Dice, wall: Rgb, width: int, ground: int) -> None:
    step = round(width / dice.whole(8, 14))
    for x in range(0, width, step):
        draw.rectangle((x, 0, x + step, ground), fill=scaled(wall, dice.between(0.92, 1.05)))
        draw.line((x, 0, x, ground), fill=scaled(wall, 0.78), width=5)


_WALLS = {
    "painted": _painted_wall,
    "bricks": _bricks,
    "tiles": _tiles,
    "stripes": _stripes,
    "leafy": _leafy,
    "boards": _boards,
}


def _floor(
    draw: ImageDraw.ImageDraw, dice: Dice, decor: Decor, width: int, height: int, ground: int
) -> None:
    """Planks or slabs that run to a vanishing point, a skirting board, often a rug."""
    tone = dice.pick(decor.floors)
    draw.rectangle((0, ground, width, height), fill=tone)
    vanish = (width * dice.between(0.3, 0.7), ground - height * 0.35)
    spread = width / dice.whole(5, 8)
    for place in np.arange(-1.5 * width, 2.5 * width, spread):
        line = (vanish[0] + (place - vanish[0]) * 0.5, ground - height * 0.0, place, height)
        draw.line(line, fill=scaled(tone, 0.84), width=4)
    if dice.chance(0.5):
        for depth in (0.1, 0.28, 0.55):
            y = ground + (height - ground) * depth
            draw.line((0, y, width, y), fill=scaled(tone, 0.86), width=4)
    if dice.chance(0.6):
        _rug(draw, dice, decor, width, height, ground)
    board = round((height - ground) * 0.02) + 16
    draw.rectangle((0, ground - board, width, ground), fill=mixed(tone, (244, 240, 232), 0.6))
    draw.line((0, ground, width, ground), fill=scaled(tone, 0.66), width=5)


def _rug(
    draw: ImageDraw.ImageDraw, dice: Dice, decor: Decor, width: int, height: int, ground: int
) -> None:
    x = width * dice.between(0.25, 0.75)
    y = ground + (height - ground) * dice.between(0.35, 0.7)
    rx, ry = width * dice.between(0.25, 0.42), (height - ground) * dice.between(0.25, 0.42)
    tones = dice.shuffled(decor.things)
    for ring in range(dice.whole(3, 6)):
        share = 1 - ring * 0.16
        box = (x - rx * share, y - ry * share, x + rx * share, y + ry * share)
        draw.ellipse(box, fill=tones[ring % len(tones)])


def _wall_things(
    draw: ImageDraw.ImageDraw, dice: Dice, decor: Decor, width: int, ground: int, unit: float
) -> None:
    """Four to seven things on the wall, spread over it."""
    slots = [(x, y) for x in (0.13, 0.38, 0.64, 0.88) for y in (0.2, 0.55)]
    for x, y in dice.shuffled(slots)[: dice.whole(4, 7)]:
        at = (
            width * (x + dice.between(-0.07, 0.07)),
            ground * (y + dice.between(-0.08, 0.08)),
        )
        dice.pick(ON_WALL)(draw, dice, decor, at, unit * dice.between(0.75, 1.2))


def _floor_things(
    draw: ImageDraw.ImageDraw,
    dice: Dice,
    decor: Decor,
    width: int,
    height: int,
    ground: int,
    unit: float,
) -> None:
    """Three to five pieces of furniture along the wall, then one or two nearer."""
    for x in dice.shuffled((0.08, 0.3, 0.52, 0.74, 0.94))[: dice.whole(3, 5)]:
        at = (width * (x + dice.between(-0.05, 0.05)), ground + unit * dice.between(0.01, 0.05))
        dice.pick(ON_FLOOR)(draw, dice, decor, at, unit * dice.between(0.8, 1.15))
    for _ in range(dice.whole(1, 2)):
        at = (
            width * dice.pick((0.06, 0.2, 0.8, 0.95)),
            min(height * 0.99, ground + (height - ground) * dice.between(0.5, 0.95)),
        )
        dice.pick(ON_FLOOR)(draw, dice, decor, at, unit * dice.between(0.9, 1.3))
