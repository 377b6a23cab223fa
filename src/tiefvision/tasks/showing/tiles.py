"""Tiles of contact sheets: a photograph with its boxes, and two lines of text below it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tiefvision.errors import TiefVisionError
from tiefvision.maths import boxes
from tiefvision.maths.boxes import Box
from tiefvision.vision import pixels
from tiefvision.vision.pixels import Limits

# All lengths are pixels of the sheet.
TILE_WIDTH, TILE_HEIGHT = 240, 300
GAP = 24
_HEADING_SIZE, CAPTION_SIZE = 18, 15
_CAPTION_TOP = 14
_LINE = 23
_CORNER = 8
_SMOOTH = 4
_BOX_LINE = 3

PAPER = (255, 255, 255)
_TILE = (244, 243, 241)
INK = (32, 33, 36)
_QUIET = (118, 117, 114)
_ACCENT = (209, 73, 30)
_TRUE = (24, 128, 96)
_ELLIPSIS = "\u2026"

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class SheetTile:
    """One picture of a sheet. source: its file, or an upload's bytes.

    heading, caption: the two lines under it. box: drawn when it is not the whole image; truth:
    where the product really is, drawn in another colour.
    """

    source: Path | bytes
    heading: str
    caption: str
    box: Box | None = None
    truth: Box | None = None


# A tile with the text below it.
FULL_HEIGHT = TILE_HEIGHT + _CAPTION_TOP + 2 * _LINE


def draw_tile(sheet: Image.Image, tile: SheetTile, *, left: int, top: int, limits: Limits) -> None:
    """Draw a tile and its two lines; a photograph that cannot be read is a quiet tile."""
    pen = ImageDraw.Draw(sheet)
    try:
        picture = pixels.read(tile.source, side=TILE_WIDTH, limits=limits)
    except TiefVisionError:
        _draw_missing(sheet, tile, left=left, top=top)
    else:
        _paste(sheet, picture, tile, left=left, top=top)
    below = top + TILE_HEIGHT + _CAPTION_TOP
    for text, size, ink in (
        (tile.heading, _HEADING_SIZE, INK),
        (tile.caption, CAPTION_SIZE, _QUIET),
    ):
        font = font_of(size)
        pen.text((left + 1, below), _fitted(text, font, TILE_WIDTH), ink, font=font)
        below += _LINE


def _paste(
    sheet: Image.Image, picture: pixels.Pixels, shown: SheetTile, *, left: int, top: int
) -> None:
    """A picture in the middle of its tile, whole, and its boxes where it has them."""
    rows, cols = picture.rgb.shape[:2]
    scale = min(TILE_WIDTH / cols, TILE_HEIGHT / rows)
    width, height = max(1, round(cols * scale)), max(1, round(rows * scale))
    x, y = (TILE_WIDTH - width) // 2, (TILE_HEIGHT - height) // 2
    tile = Image.new("RGB", (TILE_WIDTH, TILE_HEIGHT), _TILE)
    tile.paste(Image.fromarray(pixels.resize(picture.rgb, width=width, height=height)), (x, y))
    original = boxes.whole(picture.original_width, picture.original_height)
    # From the original's pixels to the tile's.
    across, down = width / original.width, height / original.height
    for box, ink in ((shown.truth, _TRUE), (shown.box, _ACCENT)):
        if box is None or box == original:
            continue
        drawn = Box(
            x + box.left * across,
            y + box.top * down,
            x + box.right * across,
            y + box.bottom * down,
        )
        _draw_box(ImageDraw.Draw(tile), drawn, ink)
    sheet.paste(tile, (left, top), _rounded())


def _draw_box(pen: ImageDraw.ImageDraw, box: Box, ink: tuple[int, int, int]) -> None:
    """A line of colour along the box, with white on both its sides to stand out anywhere."""
    edges = (box.left, box.top, box.right - 1, box.bottom - 1)
    grown = (edges[0] - 1, edges[1] - 1, edges[2] + 1, edges[3] + 1)
    pen.rectangle(grown, outline=PAPER, width=_BOX_LINE + 2)
    pen.rectangle(edges, outline=ink, width=_BOX_LINE)


@cache
def _rounded() -> Image.Image:
    """The mask of a tile: round corners, drawn four times as large for smooth edges."""
    size = (TILE_WIDTH * _SMOOTH, TILE_HEIGHT * _SMOOTH)
    mask = Image.new("L", size, 0)
    pen = ImageDraw.Draw(mask)
    pen.rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), _CORNER * _SMOOTH, 255)
    return mask.resize((TILE_WIDTH, TILE_HEIGHT), Image.Resampling.BOX)


def _draw_missing(sheet: Image.Image, tile: SheetTile, *, left: int, top: int) -> None:
    """In place of a photograph that cannot be read: its file name, in the middle of the tile."""
    name = "upload" if isinstance(tile.source, bytes) else tile.source.name
    font = font_of(CAPTION_SIZE)
    blank = Image.new("RGB", (TILE_WIDTH, TILE_HEIGHT), _TILE)
    pen = ImageDraw.Draw(blank)
    x, y = TILE_WIDTH / 2, TILE_HEIGHT / 2
    pen.text((x, y - _LINE / 2), "cannot be read", _QUIET, font=font, anchor="mm")
    shown = _fitted(name, font, TILE_WIDTH - 2 * GAP)
    pen.text((x, y + _LINE / 2), shown, _QUIET, font=font, anchor="mm")
    sheet.paste(blank, (left, top), _rounded())


def _fitted(text: str, font: Font, width: float) -> str:
    """The text, cut with an ellipsis where it is wider than so many pixels."""
    text = one_line(text)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + _ELLIPSIS) > width:
        text = text[:-1]
    return text.rstrip(" ,") + _ELLIPSIS


def one_line(text: str) -> str:
    """Text in one line, with a question mark for what no font can draw."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def font_of(size: int) -> Font:
    """The sheets' letters in a size."""
    return ImageFont.load_default(size)
