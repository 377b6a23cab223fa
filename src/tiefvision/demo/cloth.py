"""From a designed garment to pixels: cloth with its print, folds, light, seams and studs.

Outlines are drawn supersampled; print and light are calculated at the image's own pixels, the
slow parts of the light on every fourth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float32, Float64
from PIL import Image, ImageDraw, ImageFilter

from tiefvision.demo.curves import Points
from tiefvision.demo.palettes import Dye, Rgb, scaled, vector
from tiefvision.demo.parts import Garment, Part, Seam, Stud
from tiefvision.demo.patterns import Print, dyed

# Pixels drawn per image pixel and side where outlines are drawn.
_SUPERSAMPLE = 3
# Light and folds are calculated on every n-th pixel and interpolated.
_COARSE = 4
# Cover below which a pixel is left as it was, so that every touched pixel shows the product.
_FAINTEST = 0.125
# Side of the noise that textures are cut from, more than the longest product in pixels.
_NOISE_SIDE = 1024
# How much a fold of full depth darkens or lightens, and moves the print (design units).
_FOLD_LIGHT = 0.34
_FOLD_SHIFT = 0.010

Plane = Float32[np.ndarray, "rows cols"]
Point = Float64[np.ndarray, " 2"]
Coarse = Float32[np.ndarray, "coarse_rows coarse_cols"]
Colour = Float32[np.ndarray, "3 rows cols"]


@dataclass(frozen=True, slots=True)
class Placement:
    """Design units to image pixels: x' = scale * R(angle) * (+-x, y) + shift.

    angle: radians, clockwise as seen. mirror: whether left and right change sides.
    """

    scale: float
    angle: float
    mirror: bool
    shift: tuple[float, float]

    def matrix(self) -> Float64[np.ndarray, "2 2"]:
        """The linear part."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        side = -1.0 if self.mirror else 1.0
        return self.scale * np.array([[cos * side, -sin], [sin * side, cos]])

    def pixels(self, design: Points) -> Points:
        """Design points as image pixels."""
        return design @ self.matrix().T + np.array(self.shift)


@dataclass(frozen=True, slots=True)
class Light:
    """side: where the light comes from, -1 left to 1 right. contrast: of folds, about 1."""

    side: float
    contrast: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """A garment as pixels: colour multiplied by cover, and cover, with the window's corner.

    colour is sRGB 0 to 255 times cover; cover is 0, or at least an eighth, to 1.
    """

    colour: Colour
    cover: Plane
    left: int
    top: int


@dataclass(frozen=True, slots=True)
class Cloth:
    """What a garment is sewn of, and how it is seen."""

    design: Print
    dye: Dye
    garment: Garment
    placement: Placement
    light: Light
    texture: int


class _Canvas:
    """The window of the image that the garment lies in; parts are painted one over the other."""

    def __init__(self, cloth: Cloth) -> None:
        extent = cloth.placement.pixels(cloth.garment.extent())
        low = np.floor(extent.min(axis=0)).astype(int) - 1
        high = np.ceil(extent.max(axis=0)).astype(int) + 2
        # A multiple of the coarse step, so that coarse cells fit.
        size = -(-(high - low) // _COARSE) * _COARSE
        self.left, self.top = int(low[0]), int(low[1])
        self.cloth = cloth
        self.colour = np.zeros((3, size[1], size[0]), np.float32)
        self.cover = np.zeros((size[1], size[0]), np.float32)

    def paint(self, part: Part) -> None:
        """One part over what is there."""
        outline = self.cloth.placement.pixels(part.outline) - (self.left, self.top)
        window = self._window(outline)
        if window is None:
            return
        left, top, right, bottom = window
        mask = _filled(outline - (left, top), right - left, bottom - top)
        rows, cols = slice(top, bottom), slice(left, right)
        if part.lift > 0:
            self._shadow(mask, left, top, part.lift)
        colour = _lit(self.cloth, part, mask, left + self.left, top + self.top)
        for seam in part.seams:
            self._stitch(seam, colour, left, top)
        for stud in part.studs:
            self._stud(stud, colour, left, top)
        rest = 1 - mask
        held = self.colour[:, rows, cols]
        held *= rest
        colour *= mask
        held += colour
        self.cover[rows, cols] = self.cover[rows, cols] * rest + mask

    def _window(self, outline: Points) -> tuple[int, int, int, int] | None:
        """Whole coarse cells about an outline, cut to the canvas; None for nothing to draw."""
        low = np.floor(outline.min(axis=0)).astype(int) // _COARSE * _COARSE
        high = -(-(np.ceil(outline.max(axis=0)).astype(int) + 1) // _COARSE) * _COARSE
        left, top = max(int(low[0]), 0), max(int(low[1]), 0)
        right = min(int(high[0]), self.cover.shape[1])
        bottom = min(int(high[1]), self.cover.shape[0])
        return (left, top, right, bottom) if right > left and bottom > top else None

    def _shadow(self, mask: Plane, left: int, top: int, lift: float) -> None:
        """The soft shadow that a part throws on what it lies on."""
        blur = max(1.0, 0.012 * lift * self.cloth.placement.scale)
        margin = int(3 * blur) + 1
        drop, aside = blur * 0.9, -self.cloth.light.side * blur * 0.6
        x0, y0 = max(left - margin, 0), max(top - margin, 0)
        x1 = min(left + mask.shape[1] + margin, self.cover.shape[1])
        y1 = min(top + mask.shape[0] + margin, self.cover.shape[0])
        sheet = Image.new("L", (x1 - x0, y1 - y0))
        at = (left - x0 + round(aside), top - y0 + round(drop))
        sheet.paste(Image.fromarray((mask * 255).astype(np.uint8)), at)
        soft = np.asarray(sheet.filter(ImageFilter.BoxBlur(blur)), np.float32)
        depth = np.float32(-0.55 * min(1.0, lift + 0.3) / 255)
        self.colour[:, y0:y1, x0:x1] *= 1 + depth * soft

    def _stitch(self, seam: Seam, colour: Colour, left: int, top: int) -> None:
        """A line drawn on a part's colour."""
        path = self.cloth.placement.pixels(seam.path) - (self.left + left, self.top + top)
        width = max(seam.width * self.cloth.placement.scale, 0.8)
        x0, y0 = (max(int(v), 0) for v in np.floor(path.min(axis=0) - width - 1))
        x1, y1 = (int(v) for v in np.ceil(path.max(axis=0) + width + 1))
        x1, y1 = min(x1, colour.shape[2]), min(y1, colour.shape[1])
        if x1 <= x0 or y1 <= y0:
            return
        sheet = Image.new("L", ((x1 - x0) * 2, (y1 - y0) * 2))
        draw = ImageDraw.Draw(sheet)
        dots = [(float(x), float(y)) for x, y in (path - (x0, y0)) * 2]
        if seam.dash > 0:
            for a, b in _dashes(path - (x0, y0), seam.dash * self.cloth.placement.scale):
                draw.line(
                    [*(a * 2).tolist(), *(b * 2).tolist()], fill=255, width=max(1, round(width * 2))
                )
        else:
            draw.line(dots, fill=255, width=max(1, round(width * 2)), joint="curve")
        soft = sheet.reduce(2)
        if width > 3:
            soft = soft.filter(ImageFilter.BoxBlur(width / 3))
        line = np.asarray(soft, np.float32) * np.float32(seam.tone / 255)
        patch = colour[:, y0:y1, x0:x1]
        if seam.tone < 0:
            patch *= 1 + line
        else:
            patch += (250 - patch) * line

    def _stud(self, stud: Stud, colour: Colour, left: int, top: int) -> None:
        """A button or rivet: a shadow under it, a disc, a rim, a glint, holes where large."""
        centre = self.cloth.placement.pixels(np.array([[stud.x, stud.y]]))[0]
        cx, cy = centre - (self.left + left, self.top + top)
        radius = max(stud.radius * self.cloth.placement.scale, 1.2)
        reach = int(radius * 1.8) + 2
        x0, x1 = max(int(cx) - reach, 0), min(int(cx) + reach + 1, colour.shape[2])
        y0, y1 = max(int(cy) - reach, 0), min(int(cy) + reach + 1, colour.shape[1])
        if x1 <= x0 or y1 <= y0:
            return
        x = np.arange(x0, x1, dtype=np.float32)[None, :] + np.float32(0.5 - cx)
        y = np.arange(y0, y1, dtype=np.float32)[:, None] + np.float32(0.5 - cy)
        far = np.hypot(x, y)
        patch = colour[:, y0:y1, x0:x1]
        shade = np.clip((radius * 1.45 - np.hypot(x, y - radius * 0.3)) / (radius * 0.6), 0, 1)
        patch *= 1 - 0.35 * shade
        disc = np.clip(radius - far + 0.5, 0, 1)
        side = np.float32(self.cloth.light.side)
        glint = 1 + 0.22 * np.clip((x * side - y) / radius, -1, 1)
        glint -= 0.22 * np.clip((far - radius * 0.72) / (radius * 0.2), 0, 1)
        if stud.holes and radius > 3.2:
            hole = np.hypot(np.abs(x) - radius * 0.26, np.abs(y) - radius * 0.26)
            glint *= 1 - 0.55 * np.clip(radius * 0.16 - hole + 0.5, 0, 1)
        patch += (vector(stud.colour) * glint - patch) * disc


def drawn(cloth: Cloth) -> Drawn:
    """A garment's pixels at its place, in a window as small as need be."""
    canvas = _Canvas(cloth)
    for part in cloth.garment.parts:
        canvas.paint(part)
    faint = canvas.cover < _FAINTEST
    canvas.cover[faint] = 0
    canvas.colour *= ~faint
    np.minimum(canvas.colour, 255 * canvas.cover, out=canvas.colour)
    return Drawn(canvas.colour, canvas.cover, canvas.left, canvas.top)


def _filled(outline: Points, width: int, height: int) -> Plane:
    """How much of each pixel an outline covers, 0 to 1."""
    sheet = Image.new("L", (width * _SUPERSAMPLE, height * _SUPERSAMPLE))
    # Pillow fills every pixel that an edge touches: up to one supersampled pixel too many.
    dots = (outline * _SUPERSAMPLE).ravel().tolist()
    ImageDraw.Draw(sheet).polygon(dots, fill=255)
    return np.asarray(sheet.reduce(_SUPERSAMPLE), np.float32) * np.float32(1 / 255)


def _dashes(path: Points, length: float) -> list[tuple[Point, Point]]:
    """Dashes and gaps of one length along a path, as (start, end) of each dash."""
    step = np.linalg.norm(np.diff(path, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(step)])
    at = np.arange(0.0, along[-1], max(length, 1.5))
    spots = np.stack([np.interp(at, along, path[:, 0]), np.interp(at, along, path[:, 1])], axis=1)
    return [(spots[i], spots[i + 1]) for i in range(0, len(spots) - 1, 2)]


def _lit(cloth: Cloth, part: Part, mask: Plane, left: int, top: int) -> Colour:
    """A part's colour with print, folds, light and texture; (left, top) is its window's corner."""
    rows, cols = mask.shape
    u, y, fold = _coarse_fields(cloth, part, left, top, rows, cols)
    shade = _relief(cloth.light, part, mask, fold)
    texture = _noise(_grain_of(part.cloth))
    off = (cloth.texture * 37) % (_NOISE_SIDE - rows), (cloth.texture * 61) % (_NOISE_SIDE - cols)
    fine = texture[off[0] : off[0] + rows, off[1] : off[1] + cols]
    light = _enlarged(shade, rows, cols) + fine * np.float32(_ROUGH.get(part.cloth, 0.03))
    if part.cloth != "main" or cloth.design.pattern == "plain":
        return light * vector(_flat_colour(cloth, part))
    period = cloth.design.period
    pixel = 1 / (cloth.placement.scale * period)
    u_fine, v_fine = _enlarged(u / period, rows, cols), _enlarged(y / period, rows, cols)
    colour = dyed(cloth.design, u_fine, v_fine, pixel=pixel, dye=cloth.dye)
    colour *= light
    return colour


def _coarse_fields(
    cloth: Cloth, part: Part, left: int, top: int, rows: int, cols: int
) -> tuple[Coarse, Coarse, Coarse]:
    """Cloth coordinates u (across), v (down) and the height of folds, on the coarse grid."""
    inverse = np.linalg.inv(cloth.placement.matrix())
    middle = (_COARSE - 1) / 2 + 0.5
    px = np.arange(cols // _COARSE) * _COARSE + middle + left - cloth.placement.shift[0]
    py = np.arange(rows // _COARSE) * _COARSE + middle + top - cloth.placement.shift[1]
    x = inverse[0, 0] * px[None, :] + inverse[0, 1] * py[:, None]
    y = inverse[1, 0] * px[None, :] + inverse[1, 1] * py[:, None]
    if part.flow is not None:
        half = np.maximum(part.flow.half(y), 0.02)
        share = x / half
        typical = float(part.flow.halves.mean())
        u = x * (1 - part.flow.spread) + share * typical * part.flow.spread
        v = y - 0.05 * np.clip(half - 0.16, 0, 1) * (1 - np.clip(share, -1.2, 1.2) ** 2)
    else:
        reach = max(float(np.abs(part.outline[:, 0]).max()), 0.05)
        share, u, v = x / reach, x, y
    fold = np.zeros_like(x)
    if part.folds is not None:
        fold = part.folds.field(share, y) * part.folds.depth
        u, v = u + _FOLD_SHIFT * fold, v + 0.6 * _FOLD_SHIFT * fold
    if part.turn:
        cos, sin = np.cos(part.turn), np.sin(part.turn)
        u, v = u * cos + v * sin, v * cos - u * sin
    return u.astype(np.float32), v.astype(np.float32), fold.astype(np.float32)


def _relief(light: Light, part: Part, mask: Plane, fold: Coarse) -> Coarse:
    """Light on the coarse grid: folds seen from the side, edges that turn away, a soft fall-off."""
    small = Image.fromarray((mask * 255).astype(np.uint8)).reduce(_COARSE)
    thick = max(1.0, 0.045 * max(small.size))
    soft = np.asarray(small.filter(ImageFilter.BoxBlur(thick)), np.float32) * np.float32(1 / 255)
    bulge = np.clip(soft * 2 - 1, 0, 1)
    edge = np.float32(0.20 * part.round_)
    slope = np.gradient(soft, axis=1) * np.float32(thick) if soft.shape[1] > 1 else soft * 0
    side = np.float32(-light.side * 0.45 * part.round_)
    shade = 1 - edge * (1 - bulge) ** 2 + side * slope
    shade = shade + np.float32(_FOLD_LIGHT * light.contrast) * (fold - 0.45 * fold * fold)
    down = np.linspace(0.025, -0.035, shade.shape[0], dtype=np.float32)[:, None]
    return np.clip((shade + down) * np.float32(part.shade), 0.25, 1.35).astype(np.float32)


def _enlarged(coarse: Coarse, rows: int, cols: int) -> Plane:
    """A coarse field on every pixel, by linear interpolation."""
    return np.asarray(Image.fromarray(coarse).resize((cols, rows), Image.Resampling.BILINEAR))


def _flat_colour(cloth: Cloth, part: Part) -> Rgb:
    match part.cloth:
        case "lining":
            return scaled(cloth.dye.ground, 0.9)
        case "trim":
            return cloth.garment.trim
        case "leather":
            return cloth.garment.leather
        case "metal":
            return (206, 172, 104)
        case _:
            return cloth.dye.ground


_ROUGH = {"main": 0.023, "plain": 0.023, "leather": 0.035, "metal": 0.02, "lining": 0.03}


def _grain_of(cloth: str) -> str:
    return "leather" if cloth == "leather" else "weave"


@cache
def _noise(grain: str) -> Plane:
    """A sheet of texture with mean 0 and deviation 1: threads of a weave, or grained leather."""
    stream = np.random.Generator(np.random.PCG64(len(grain)))
    sheet = stream.random((_NOISE_SIDE, _NOISE_SIDE), dtype=np.float32) - np.float32(0.5)
    across = (sheet + np.roll(sheet, 1, 1) + np.roll(sheet, 2, 1)) / 3
    down = (sheet + np.roll(sheet, 1, 0) + np.roll(sheet, 2, 0)) / 3
    if grain == "leather":
        across = (across + np.roll(across, 1, 0)) / 2
    woven = across + np.roll(down, 5, 1)
    return (woven / woven.std()).astype(np.float32)
