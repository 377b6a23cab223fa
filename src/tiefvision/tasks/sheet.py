"""Contact sheets: the image to search, then the closest to the fifth closest, left to right."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tiefvision.errors import InvalidInput, NotFound, TiefVisionError
from tiefvision.maths import boxes
from tiefvision.maths.boxes import Box
from tiefvision.tasks.search import Hit, SearchResult
from tiefvision.vision import pixels
from tiefvision.vision.pixels import Limits

# File name ending -> Pillow's name of the format.
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_JPEG_QUALITY = 92

# All lengths are pixels of the sheet.
_TILE_WIDTH, _TILE_HEIGHT = 240, 300
_GAP = 24
_QUERY_GAP = 60
_MARGIN = 56
_ROW_GAP = 44
_TITLE_SIZE, _HEADING_SIZE, _CAPTION_SIZE = 28, 18, 15
_TITLE_SPACE = 36
_CAPTION_TOP = 14
_LINE = 23
_CORNER = 8
_SMOOTH = 4
_BOX_LINE = 3
_HITS_IN_LINE = 5

_PAPER = (255, 255, 255)
_TILE = (244, 243, 241)
_INK = (32, 33, 36)
_QUIET = (118, 117, 114)
_RULE = (226, 224, 220)
_ACCENT = (209, 73, 30)
_ELLIPSIS = "\u2026"

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class SheetTile:
    """One picture of a sheet. source: its file, or an upload's bytes.

    heading, caption: the two lines under it. box: drawn when it is not the whole image.
    """

    source: Path | bytes
    heading: str
    caption: str
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A query and its hits, best first; more than five go on in another line."""

    query: SheetTile
    hits: Sequence[SheetTile]


def result_row(source: Path | bytes, result: SearchResult) -> SheetRow:
    """The row of a search: what was searched for, with its box, and the hits."""
    name = "an upload" if isinstance(source, bytes) else source.name
    query = SheetTile(source, "to search", name, Box(*result.query_box))
    return SheetRow(query, [_hit_tile(hit, rank) for rank, hit in enumerate(result.hits, start=1)])


def _hit_tile(hit: Hit, rank: int) -> SheetTile:
    """Rank and similarity; below them as many of the hit's texts as fit, or its file name."""
    font = _font(_CAPTION_SIZE)
    caption = ""
    for value in hit.attributes.values():
        if isinstance(value, str) and value:
            longer = f"{caption}, {value}" if caption else value
            if caption and font.getlength(_shown(longer)) > _TILE_WIDTH:
                break
            caption = longer
    caption = caption or Path(hit.path).name
    return SheetTile(Path(hit.path), f"{rank}   {hit.similarity:.3f}", caption)


def contact_sheet(
    rows: Sequence[SheetRow], *, title: str = "", limits: Limits = pixels.DEFAULT_LIMITS
) -> Image.Image:
    """An RGB picture of queries, one below the other, each followed by its hits.

    A photograph that cannot be read is a quiet tile with its file name.
    Raises InvalidInput without rows.
    """
    if not rows:
        raise InvalidInput("a contact sheet needs at least one query")
    lines = [max(1, -(-len(row.hits) // _HITS_IN_LINE)) for row in rows]
    across = max(1, *(min(_HITS_IN_LINE, len(row.hits)) for row in rows))
    top = _MARGIN + (_TITLE_SIZE + _TITLE_SPACE if title else 0)
    width = 2 * _MARGIN + _TILE_WIDTH + _QUERY_GAP + across * (_TILE_WIDTH + _GAP) - _GAP
    height = top + sum(map(_row_height, lines)) + _ROW_GAP * (len(rows) - 1) + _MARGIN
    sheet = Image.new("RGB", (width, height), _PAPER)
    pen = ImageDraw.Draw(sheet)
    if title:
        pen.text((_MARGIN, _MARGIN - 4), _shown(title), _INK, font=_font(_TITLE_SIZE))
    for row, count in zip(rows, lines, strict=True):
        _draw_row(sheet, row, top=top, limits=limits)
        middle = _MARGIN + _TILE_WIDTH + _QUERY_GAP // 2
        pen.line((middle, top, middle, top + _row_height(count)), _RULE, width=1)
        top += _row_height(count) + _ROW_GAP
    return sheet


def write_sheet(
    file: str | Path,
    rows: Sequence[SheetRow],
    *,
    title: str = "",
    limits: Limits = pixels.DEFAULT_LIMITS,
) -> Path:
    """Write a contact sheet as PNG, JPEG or WebP, by the name's ending; the file written.

    Raises InvalidInput or NotFound where the file cannot be written.
    """
    target = check_file(file)
    picture = io.BytesIO()
    format_ = FORMATS[target.suffix.lower()]
    contact_sheet(rows, title=title, limits=limits).save(picture, format_, quality=_JPEG_QUALITY)
    try:
        target.write_bytes(picture.getvalue())
    except OSError as error:
        raise InvalidInput(
            f"the contact sheet cannot be written to {target}: {error.strerror or error}",
            remedy="name a file in a folder that you may write to",
        ) from error
    return target


def check_file(file: str | Path) -> Path:
    """The file of a sheet to come; what can be wrong with its name is said before any work."""
    target = Path(file).expanduser()
    if target.suffix.lower() not in FORMATS:
        raise InvalidInput(
            f"{target} ends in {target.suffix or 'nothing'}; a contact sheet is written as one of "
            f"{', '.join(FORMATS)}",
            remedy=f"for example --sheet {target.with_suffix('.png')}",
        )
    if not target.absolute().parent.is_dir():
        raise NotFound(
            f"there is no folder {target.parent} to write the contact sheet into",
            remedy=f"make it first: mkdir -p {target.parent}",
        )
    return target


def _row_height(lines: int) -> int:
    tile = _TILE_HEIGHT + _CAPTION_TOP + 2 * _LINE
    return lines * tile + (lines - 1) * _GAP


def _draw_row(sheet: Image.Image, row: SheetRow, *, top: int, limits: Limits) -> None:
    _draw_tile(sheet, row.query, left=_MARGIN, top=top, limits=limits)
    for place, hit in enumerate(row.hits):
        line, column = divmod(place, _HITS_IN_LINE)
        left = _MARGIN + _TILE_WIDTH + _QUERY_GAP + column * (_TILE_WIDTH + _GAP)
        below = line * (_row_height(1) + _GAP)
        _draw_tile(sheet, hit, left=left, top=top + below, limits=limits)


def _draw_tile(sheet: Image.Image, tile: SheetTile, *, left: int, top: int, limits: Limits) -> None:
    pen = ImageDraw.Draw(sheet)
    try:
        picture = pixels.read(tile.source, side=_TILE_WIDTH, limits=limits)
    except TiefVisionError:
        _draw_missing(sheet, tile, left=left, top=top)
    else:
        _paste(sheet, picture, tile.box, left=left, top=top)
    below = top + _TILE_HEIGHT + _CAPTION_TOP
    for text, size, ink in (
        (tile.heading, _HEADING_SIZE, _INK),
        (tile.caption, _CAPTION_SIZE, _QUIET),
    ):
        font = _font(size)
        pen.text((left + 1, below), _fitted(text, font, _TILE_WIDTH), ink, font=font)
        below += _LINE


def _paste(
    sheet: Image.Image, picture: pixels.Pixels, box: Box | None, *, left: int, top: int
) -> None:
    """A picture in the middle of its tile, whole, and its box where it has one."""
    rows, cols = picture.rgb.shape[:2]
    scale = min(_TILE_WIDTH / cols, _TILE_HEIGHT / rows)
    width, height = max(1, round(cols * scale)), max(1, round(rows * scale))
    x, y = (_TILE_WIDTH - width) // 2, (_TILE_HEIGHT - height) // 2
    tile = Image.new("RGB", (_TILE_WIDTH, _TILE_HEIGHT), _TILE)
    tile.paste(Image.fromarray(pixels.resize(picture.rgb, width=width, height=height)), (x, y))
    original = boxes.whole(picture.original_width, picture.original_height)
    if box is not None and box != original:
        # From the original's pixels to the tile's.
        across, down = width / original.width, height / original.height
        _draw_box(
            ImageDraw.Draw(tile),
            Box(
                x + box.left * across,
                y + box.top * down,
                x + box.right * across,
                y + box.bottom * down,
            ),
        )
    sheet.paste(tile, (left, top), _rounded())


def _draw_box(pen: ImageDraw.ImageDraw, box: Box) -> None:
    """A line of colour along the box, with white on both its sides to stand out anywhere."""
    edges = (box.left, box.top, box.right - 1, box.bottom - 1)
    grown = (edges[0] - 1, edges[1] - 1, edges[2] + 1, edges[3] + 1)
    pen.rectangle(grown, outline=_PAPER, width=_BOX_LINE + 2)
    pen.rectangle(edges, outline=_ACCENT, width=_BOX_LINE)


@cache
def _rounded() -> Image.Image:
    """The mask of a tile: round corners, drawn four times as large for smooth edges."""
    size = (_TILE_WIDTH * _SMOOTH, _TILE_HEIGHT * _SMOOTH)
    mask = Image.new("L", size, 0)
    pen = ImageDraw.Draw(mask)
    pen.rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), _CORNER * _SMOOTH, 255)
    return mask.resize((_TILE_WIDTH, _TILE_HEIGHT), Image.Resampling.BOX)


def _draw_missing(sheet: Image.Image, tile: SheetTile, *, left: int, top: int) -> None:
    """In place of a photograph that cannot be read: its file name, in the middle of the tile."""
    name = "upload" if isinstance(tile.source, bytes) else tile.source.name
    font = _font(_CAPTION_SIZE)
    blank = Image.new("RGB", (_TILE_WIDTH, _TILE_HEIGHT), _TILE)
    pen = ImageDraw.Draw(blank)
    x, y = _TILE_WIDTH / 2, _TILE_HEIGHT / 2
    pen.text((x, y - _LINE / 2), "cannot be read", _QUIET, font=font, anchor="mm")
    shown = _fitted(name, font, _TILE_WIDTH - 2 * _GAP)
    pen.text((x, y + _LINE / 2), shown, _QUIET, font=font, anchor="mm")
    sheet.paste(blank, (left, top), _rounded())


def _fitted(text: str, font: Font, width: float) -> str:
    """The text, cut with an ellipsis where it is wider than so many pixels."""
    text = _shown(text)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + _ELLIPSIS) > width:
        text = text[:-1]
    return text.rstrip(" ,") + _ELLIPSIS


def _shown(text: str) -> str:
    """Text in one line, with a question mark for what no font can draw."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _font(size: int) -> Font:
    return ImageFont.load_default(size)
