"""The demo's catalogue: which products there are, how each is photographed, and the photographs.

Image i follows from (VERSION, seed, i) alone, so a catalogue of 300 is the start of one of 10,000.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image, ImageDraw, ImageFilter

from tiefvision.demo.backgrounds import BACKGROUNDS, Backdrop, backdrop
from tiefvision.demo.bags import bag
from tiefvision.demo.cloth import Cloth, Drawn, Light, Placement, drawn
from tiefvision.demo.dice import Dice
from tiefvision.demo.dresses import dress, skirt
from tiefvision.demo.palettes import COLOURS
from tiefvision.demo.parts import Garment
from tiefvision.demo.patterns import PATTERNS, designed
from tiefvision.demo.tops import coat, top
from tiefvision.errors import InvalidInput
from tiefvision.maths.boxes import Box

# Part of every key: a change of the drawing that moves boxes or attributes needs a new one.
VERSION = 1
# The year in which TiefVision was first published.
DEFAULT_SEED = 2016

KINDS: dict[str, Callable[[Dice], Garment]] = {
    "dress": dress,
    "skirt": skirt,
    "top": top,
    "coat": coat,
    "bag": bag,
}

# Seven photographs in a row show two products: three of the first and four of the second.
_PHOTOS_OF_TWO = 7
_PHOTOS_OF_FIRST = 3
# Three products in a row share two combinations: one product of the first, two of the second.
_PRODUCTS_OF_TWO_COMBINATIONS = 3

_SIZES = ((480, 640), (480, 640), (480, 640), (512, 640), (560, 560), (640, 480))
# The longer of width and height that a product takes up, as a share of the image's.
_SPANS = {"plain": (0.62, 0.86), "studio": (0.52, 0.76), "cluttered": (0.35, 0.80)}
# Most that a product leans, in degrees.
_LEANS = {"plain": 5.0, "studio": 2.0, "cluttered": 9.0}
# Least distance of a product from the image's edge, as a share of its side.
_MARGIN = 0.025
# Lamps and windows: from how dark to how bright, and how far from white a photograph may be.
_EXPOSURES = {"plain": (0.93, 1.05), "studio": (0.93, 1.05), "cluttered": (0.80, 1.08)}
_WARMTHS = {"plain": (-0.03, 0.04), "studio": (-0.03, 0.04), "cluttered": (-0.06, 0.08)}
# Small products are more frequent than large ones before clutter: the span's share is raised to it.
_SMALLNESS = {"plain": 1.0, "studio": 1.0, "cluttered": 1.4}
_PRICES = {"dress": 69.0, "skirt": 45.0, "top": 29.0, "coat": 149.0, "bag": 89.0}
# Deviation of a camera's noise, in levels of 255.
_GRAIN = 0.9
_GRAIN_SIDE = 1024


@dataclass(frozen=True, slots=True)
class Product:
    """What is sold: kind, pattern, colour, and a number that its design follows from."""

    number: int
    kind: str
    pattern: str
    colour: str

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.number:05d}"


@dataclass(frozen=True, slots=True)
class Shot:
    """How a product is photographed: the image's size in pixels, background, place and light."""

    width: int
    height: int
    background: str
    span: float
    across: float
    down: float
    lean: float
    mirror: bool
    light: float
    contrast: float
    exposure: float
    warmth: float


@dataclass(frozen=True, slots=True)
class Scene:
    """A photograph of a product, its exact box, and its attributes.

    box: tight about every pixel that shows the product; shadows are not the product.
    pixels: sRGB.
    """

    name: str
    kind: str
    pattern: str
    colour: str
    background: str
    box: Box
    price: float
    product: str
    pixels: UInt8[np.ndarray, "rows cols 3"]


def catalogue(
    count: int = 300, *, seed: int = DEFAULT_SEED, background: str | None = None
) -> Iterator[Scene]:
    """The first `count` photographs of a seed's catalogue, drawn one by one as they are asked for.

    background: "plain", "studio" or "cluttered" for all; None for each product on each in turn.
    Raises InvalidInput.
    """
    if count < 0:
        raise InvalidInput(f"a demo catalogue of {count} images was asked for; expected 0 or more")
    return (render(index, seed=seed, background=background) for index in range(count))


def render(
    index: int,
    *,
    seed: int = DEFAULT_SEED,
    background: str | None = None,
    product_shown: bool = True,
) -> Scene:
    """Photograph `index` of a seed's catalogue.

    product_shown: False leaves the product out and keeps all else, its shadow included, so that
    the difference of the two images is exactly the product. Raises InvalidInput.
    """
    _check(index, background)
    product = product_at(index, seed=seed)
    shot = shot_at(index, seed=seed, background=background)
    dice = Dice(VERSION, seed, "product", product.number)
    garment = KINDS[product.kind](dice.split("design"))
    design = designed(product.pattern, dice.split("print"), scale=garment.cloth_scale)
    dye = COLOURS[product.colour]
    scenery = Dice(VERSION, seed, "photograph", index, shot.background)
    behind = backdrop(
        shot.background, scenery.split("scenery"), width=shot.width, height=shot.height,
        product=dye.ground, side=shot.light,
    )  # fmt: skip
    cloth = Cloth(
        design, dye, garment, placed(garment, shot, floor=behind.floor),
        Light(shot.light, shot.contrast), scenery.whole(0, 1 << 16),
    )  # fmt: skip
    made = drawn(cloth)
    pixels = _photographed(behind, made, shot, garment, scenery, product_shown=product_shown)
    return Scene(
        f"{index:05d}-{product.kind}-{product.pattern}-{product.colour}",
        product.kind, product.pattern, product.colour, shot.background, _box(made),
        price_of(product, seed=seed), product.name, pixels,
    )  # fmt: skip


def product_at(index: int, *, seed: int) -> Product:
    """The product that photograph `index` shows."""
    pair, place = divmod(index, _PHOTOS_OF_TWO)
    number = 2 * pair + (place >= _PHOTOS_OF_FIRST)
    trio, third = divmod(number, _PRODUCTS_OF_TWO_COMBINATIONS)
    order = _combinations(seed)
    kind, pattern, colour = order[(2 * trio + (third > 0)) % len(order)]
    return Product(number, kind, pattern, colour)


@cache
def _combinations(seed: int) -> tuple[tuple[str, str, str], ...]:
    """Every kind, pattern and colour; any 25 in a row hold each kind with each pattern once."""
    dice = Dice(VERSION, seed, "combinations")
    order: list[tuple[str, str, str]] = []
    colours = dice.shuffled(tuple(COLOURS))
    kinds, patterns = dice.shuffled(tuple(KINDS)), dice.shuffled(PATTERNS)
    for turn in range(len(colours)):
        for step in range(len(patterns)):
            for place, kind in enumerate(kinds):
                which = (place + step) % len(patterns)
                colour = colours[(turn + 5 * place + 7 * which) % len(colours)]
                order.append((kind, patterns[which], colour))
    return tuple(order)


def shot_at(index: int, *, seed: int, background: str | None = None) -> Shot:
    """How photograph `index` is taken."""
    chosen = background or BACKGROUNDS[(index + index // _PHOTOS_OF_TWO) % len(BACKGROUNDS)]
    dice = Dice(VERSION, seed, "shot", index, chosen)
    width, height = dice.pick(_SIZES)
    low, high = _SPANS[chosen]
    lean = _LEANS[chosen]
    span = low + (high - low) * dice.between(0, 1) ** _SMALLNESS[chosen]
    return Shot(
        width, height, chosen, span, dice.between(0, 1), dice.between(0, 1),
        math.radians(dice.between(-lean, lean)), dice.chance(0.5),
        dice.pick((-1.0, 1.0)) * dice.between(0.5, 1.0), dice.between(0.8, 1.2),
        dice.between(*_EXPOSURES[chosen]), dice.between(*_WARMTHS[chosen]),
    )  # fmt: skip


def price_of(product: Product, *, seed: int) -> float:
    """A price in a shop's style: a whole number less five cents."""
    factor = Dice(VERSION, seed, "price", product.number).between(0.6, 1.7)
    return round(_PRICES[product.kind] * factor) - 0.05


def placed(garment: Garment, shot: Shot, *, floor: float | None) -> Placement:
    """Where a garment lies: scaled to the shot's span, wholly inside the image.

    floor: the y in pixels on which a bag stands; None to place it freely.
    """
    extent = Placement(1.0, shot.lean, shot.mirror, (0.0, 0.0)).pixels(garment.extent())
    low, high = extent.min(axis=0), extent.max(axis=0)
    size = high - low
    scale = shot.span * min(shot.width / float(size[0]), shot.height / float(size[1]))
    width, height = (float(side) * scale for side in size)
    loose = shot.background == "cluttered"
    x = _between(shot.width, width, shot.across if loose else 0.5 + 0.35 * (shot.across - 0.5))
    y = _between(shot.height, height, shot.down if loose else 0.5 + 0.3 * (shot.down - 0.5))
    if floor is not None:
        # A bag stands; what is worn hangs with its hem a little above the floor.
        base = floor + 0.04 * shot.height
        y = base - height if garment.stands else min(y, base - height - 0.01 * shot.height)
        y = max(y, _MARGIN * shot.height)
    return Placement(
        scale, shot.lean, shot.mirror, (x - float(low[0]) * scale, y - float(low[1]) * scale)
    )


def _between(side: int, length: float, share: float) -> float:
    """Where a stretch of that length starts in a side, `share` of the way from first to last."""
    margin = _MARGIN * side
    return margin + share * max(side - 2 * margin - length, 0.0)


def _box(made: Drawn) -> Box:
    """The box about every pixel that shows the product."""
    seen = made.cover > 0
    rows, cols = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return Box(
        float(made.left + cols[0]), float(made.top + rows[0]),
        float(made.left + cols[-1] + 1), float(made.top + rows[-1] + 1),
    )  # fmt: skip


def _photographed(
    behind: Backdrop, made: Drawn, shot: Shot, garment: Garment, dice: Dice, *, product_shown: bool
) -> UInt8[np.ndarray, "rows cols 3"]:
    """Background, shadow, product, the colour of the light, a camera's noise."""
    pixels = behind.pixels * _shadowed(behind, made, shot, garment, dice)
    if product_shown:
        rows = slice(made.top, made.top + made.cover.shape[0])
        cols = slice(made.left, made.left + made.cover.shape[1])
        # The window may reach past the image by its margin; the product never does.
        inside = pixels[:, rows, cols]
        high, wide = inside.shape[1:]
        inside *= 1 - made.cover[:high, :wide]
        inside += made.colour[:, :high, :wide]
    tint = np.array([1 + shot.warmth, 1.0, 1 - shot.warmth], np.float32) * np.float32(shot.exposure)
    pixels *= tint[:, None, None]
    y, x = dice.whole(0, _GRAIN_SIDE - shot.height), dice.whole(0, _GRAIN_SIDE - shot.width)
    pixels += _grain()[y : y + shot.height, x : x + shot.width]
    np.clip(pixels, 0, 255, out=pixels)
    return np.ascontiguousarray(np.moveaxis(pixels.astype(np.uint8), 0, 2))


def _shadowed(
    behind: Backdrop, made: Drawn, shot: Shot, garment: Garment, dice: Dice
) -> Float32[np.ndarray, "rows cols"]:
    """How much light a product leaves on what is behind it, 0 to 1, by a soft shadow."""
    step = 4
    size = (-(-shot.width // step), -(-shot.height // step))
    sheet = Image.new("L", size)
    shape = Image.fromarray((made.cover * 255).astype(np.uint8)).reduce(step)
    aside = -shot.light * (0.018 if shot.background == "plain" else 0.030) * shot.width
    drop = 0.014 * shot.height
    at = (round((made.left + aside) / step), round((made.top + drop) / step))
    depth = {"plain": 0.34, "studio": 0.20, "cluttered": 0.42}[shot.background]
    sheet.paste(shape.point(lambda level: level * depth), at)
    blur = max(1.0, dice.between(0.010, 0.022) * shot.height / step)
    sheet = sheet.filter(ImageFilter.GaussianBlur(blur))
    shade = np.asarray(sheet, np.float32)
    if behind.floor is not None:
        shade = shade + _floor_shadow(behind.floor, made, shot, garment, size, step)
    light = Image.fromarray(1 - np.clip(shade, 0, 200) * np.float32(1 / 255))
    return np.asarray(light.resize((shot.width, shot.height), Image.Resampling.BILINEAR))


def _floor_shadow(
    floor: float, made: Drawn, shot: Shot, garment: Garment, size: tuple[int, int], step: int
) -> Float32[np.ndarray, "rows cols"]:
    """The pool of shadow under a product: close and dark under a bag, wide and pale under cloth."""
    box = _box(made)
    middle = (box.left + box.right) / 2 - shot.light * 0.05 * box.width
    half = box.width * (0.52 if garment.stands else 0.44)
    level = box.bottom - 0.004 * shot.height if garment.stands else floor + 0.10 * shot.height
    flat = max(0.10 * half, 3.0)
    sheet = Image.new("L", size)
    edges = (middle - half, level - flat, middle + half, level + flat)
    ImageDraw.Draw(sheet).ellipse(
        [edge / step for edge in edges], fill=110 if garment.stands else 70
    )
    blur = (0.010 if garment.stands else 0.018) * shot.height / step
    return np.asarray(sheet.filter(ImageFilter.GaussianBlur(blur)), np.float32)


@cache
def _grain() -> Float32[np.ndarray, "rows cols"]:
    """A camera's noise, with the half that makes a cut to whole levels a rounding."""
    stream = np.random.Generator(np.random.PCG64(VERSION))
    # Four uniform numbers make a bell that is close enough to a normal one.
    sheet = stream.random((4, _GRAIN_SIDE, _GRAIN_SIDE), dtype=np.float32).sum(axis=0) - 2
    return (sheet * np.float32(_GRAIN / math.sqrt(4 / 12)) + np.float32(0.5)).astype(np.float32)


def _check(index: int, background: str | None) -> None:
    if index < 0:
        raise InvalidInput(f"demo image {index} was asked for; expected a number from 0")
    if background is not None and background not in BACKGROUNDS:
        raise InvalidInput(
            f"background {background!r} is not known; expected one of {', '.join(BACKGROUNDS)}"
        )
