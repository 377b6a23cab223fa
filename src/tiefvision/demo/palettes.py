"""Named colours: of cloth, of trims, of walls and of furniture. All are sRGB, 0 to 255."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

Rgb = tuple[int, int, int]

# Rec. 709 luma weights, good enough to tell a light colour from a dark one.
_LUMA = (0.2126, 0.7152, 0.0722)

CREAM: Rgb = (246, 238, 222)
INK: Rgb = (44, 46, 56)
TAN: Rgb = (166, 112, 70)
ESPRESSO: Rgb = (82, 56, 44)
GOLD: Rgb = (202, 166, 98)
STEEL: Rgb = (172, 174, 180)


@dataclass(frozen=True, slots=True)
class Dye:
    """A colour of cloth with the two inks that its patterns are printed in."""

    ground: Rgb
    ink: Rgb
    accent: Rgb


COLOURS: dict[str, Dye] = {
    "terracotta": Dye((196, 98, 68), (250, 230, 206), (112, 44, 36)),
    "navy": Dye((40, 54, 92), (238, 234, 224), (204, 96, 84)),
    "sage": Dye((146, 166, 134), (246, 240, 224), (72, 98, 78)),
    "mustard": Dye((216, 164, 56), (252, 240, 208), (120, 70, 40)),
    "ivory": Dye((240, 231, 212), (72, 84, 110), (196, 110, 92)),
    "charcoal": Dye((70, 72, 79), (222, 218, 210), (206, 152, 84)),
    "rose": Dye((216, 140, 150), (252, 238, 232), (140, 52, 74)),
    "teal": Dye((26, 120, 124), (226, 240, 228), (240, 178, 106)),
    "burgundy": Dye((122, 34, 54), (242, 216, 204), (214, 142, 92)),
    "sky": Dye((142, 184, 216), (250, 248, 240), (44, 82, 130)),
    "lilac": Dye((180, 160, 208), (250, 244, 250), (94, 66, 134)),
    "forest": Dye((44, 92, 66), (232, 230, 200), (220, 160, 92)),
}

# Seamless paper and painted walls, light to deep.
PAPERS: tuple[Rgb, ...] = (
    (246, 245, 242), (238, 234, 228), (232, 224, 214), (226, 230, 232), (236, 222, 216),
    (222, 228, 218), (214, 208, 200), (200, 208, 214), (216, 200, 184), (186, 184, 182),
)  # fmt: skip
DEEP_PAPERS: tuple[Rgb, ...] = (
    (150, 148, 146), (136, 148, 156), (162, 146, 132), (140, 152, 138), (164, 138, 130),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decor:
    """The colours of one room: walls, floors, woods, and things that stand about."""

    walls: tuple[Rgb, ...]
    floors: tuple[Rgb, ...]
    woods: tuple[Rgb, ...]
    things: tuple[Rgb, ...]
    leaves: tuple[Rgb, ...]


_LEAVES: tuple[Rgb, ...] = ((78, 112, 82), (98, 134, 92), (62, 92, 74), (124, 150, 108))
DECORS: dict[str, Decor] = {
    "nordic": Decor(
        ((224, 222, 216), (206, 212, 212), (214, 206, 194), (190, 200, 196)),
        ((198, 178, 150), (182, 166, 146), (206, 196, 182)),
        ((196, 162, 120), (170, 136, 100), (218, 196, 160)),
        ((160, 178, 184), (214, 184, 160), (92, 108, 116), (228, 218, 200), (178, 142, 124)),
        _LEAVES,
    ),
    "loft": Decor(
        ((170, 118, 96), (158, 132, 116), (148, 146, 142), (182, 160, 142)),
        ((126, 106, 90), (142, 132, 122), (110, 100, 96)),
        ((118, 84, 60), (92, 70, 56), (146, 108, 76)),
        ((74, 78, 84), (176, 128, 80), (196, 184, 166), (104, 118, 116), (142, 74, 62)),
        _LEAVES,
    ),
    "retro": Decor(
        ((204, 178, 132), (150, 168, 156), (206, 164, 140), (168, 152, 128)),
        ((150, 112, 82), (172, 140, 106), (122, 96, 78)),
        ((140, 92, 58), (114, 74, 50), (172, 124, 80)),
        ((192, 132, 70), (84, 116, 112), (170, 86, 66), (222, 206, 168), (116, 96, 122)),
        _LEAVES,
    ),
    "coast": Decor(
        ((186, 206, 214), (218, 224, 222), (154, 180, 190), (226, 216, 198)),
        ((196, 186, 170), (170, 166, 158), (214, 202, 180)),
        ((206, 186, 156), (158, 142, 122), (232, 226, 214)),
        ((96, 134, 152), (226, 196, 152), (240, 236, 226), (204, 142, 118), (128, 160, 156)),
        _LEAVES,
    ),
}


def luma(colour: Rgb) -> float:
    """How light a colour looks, 0 to 255."""
    return sum(weight * value for weight, value in zip(_LUMA, colour, strict=True))


def mixed(a: Rgb, b: Rgb, share: float) -> Rgb:
    """A colour on the way from `a` (share 0) to `b` (share 1)."""
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def scaled(colour: Rgb, factor: float) -> Rgb:
    """A colour made lighter (factor over 1) or darker, clipped to 255."""
    red, green, blue = (min(255, round(value * factor)) for value in colour)
    return red, green, blue


def vector(colour: Rgb) -> Float32[np.ndarray, "3 1 1"]:
    """A colour to calculate with planes of pixels, 0 to 255."""
    return np.array(colour, np.float32)[:, None, None]
