"""Contact sheets: the image to search, then the closest to the fifth closest, left to right."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from tiefvision.errors import InvalidInput, NotFound
from tiefvision.maths.boxes import Box
from tiefvision.tasks.searching.search import Hit, SearchResult
from tiefvision.tasks.showing.tiles import (
    CAPTION_SIZE,
    FULL_HEIGHT,
    GAP,
    INK,
    PAPER,
    TILE_WIDTH,
    SheetTile,
    draw_tile,
    font_of,
    one_line,
)
from tiefvision.vision import pixels
from tiefvision.vision.pixels import Limits

# File name ending -> Pillow's name of the format.
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_JPEG_QUALITY = 92

# All lengths are pixels of the sheet.
_QUERY_GAP = 60
_MARGIN = 56
_ROW_GAP = 44
_TITLE_SIZE = 28
_TITLE_SPACE = 36
_HITS_IN_LINE = 5

_RULE = (226, 224, 220)


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
    font = font_of(CAPTION_SIZE)
    caption = ""
    for value in hit.attributes.values():
        if isinstance(value, str) and value:
            longer = f"{caption}, {value}" if caption else value
            if caption and font.getlength(one_line(longer)) > TILE_WIDTH:
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
    width = 2 * _MARGIN + TILE_WIDTH + _QUERY_GAP + across * (TILE_WIDTH + GAP) - GAP
    height = top + sum(map(_row_height, lines)) + _ROW_GAP * (len(rows) - 1) + _MARGIN
    sheet = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(sheet)
    if title:
        pen.text((_MARGIN, _MARGIN - 4), one_line(title), INK, font=font_of(_TITLE_SIZE))
    for row, count in zip(rows, lines, strict=True):
        _draw_row(sheet, row, top=top, limits=limits)
        middle = _MARGIN + TILE_WIDTH + _QUERY_GAP // 2
        pen.line((middle, top, middle, top + _row_height(count)), _RULE, width=1)
        top += _row_height(count) + _ROW_GAP
    return sheet


def gallery(
    tiles: Sequence[SheetTile],
    *,
    title: str = "",
    across: int = _HITS_IN_LINE,
    limits: Limits = pixels.DEFAULT_LIMITS,
) -> Image.Image:
    """An RGB picture of tiles, line by line. Raises InvalidInput without tiles."""
    if not tiles:
        raise InvalidInput("a contact sheet needs at least one photograph")
    across = min(across, len(tiles))
    lines = -(-len(tiles) // across)
    top = _MARGIN + (_TITLE_SIZE + _TITLE_SPACE if title else 0)
    width = 2 * _MARGIN + across * (TILE_WIDTH + GAP) - GAP
    sheet = Image.new("RGB", (width, top + _row_height(lines) + _MARGIN), PAPER)
    if title:
        pen = ImageDraw.Draw(sheet)
        pen.text((_MARGIN, _MARGIN - 4), one_line(title), INK, font=font_of(_TITLE_SIZE))
    for place, tile in enumerate(tiles):
        line, column = divmod(place, across)
        left = _MARGIN + column * (TILE_WIDTH + GAP)
        draw_tile(sheet, tile, left=left, top=top + line * (FULL_HEIGHT + GAP), limits=limits)
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
    return save(file, contact_sheet(rows, title=title, limits=limits))


def save(file: str | Path, sheet: Image.Image) -> Path:
    """Write a sheet as PNG, JPEG or WebP, by the name's ending; the file written.

    Raises InvalidInput or NotFound where the file cannot be written.
    """
    target = check_file(file)
    picture = io.BytesIO()
    sheet.save(picture, FORMATS[target.suffix.lower()], quality=_JPEG_QUALITY)
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
    return lines * FULL_HEIGHT + (lines - 1) * GAP


def _draw_row(sheet: Image.Image, row: SheetRow, *, top: int, limits: Limits) -> None:
    draw_tile(sheet, row.query, left=_MARGIN, top=top, limits=limits)
    for place, hit in enumerate(row.hits):
        line, column = divmod(place, _HITS_IN_LINE)
        left = _MARGIN + TILE_WIDTH + _QUERY_GAP + column * (TILE_WIDTH + GAP)
        below = line * (_row_height(1) + GAP)
        draw_tile(sheet, hit, left=left, top=top + below, limits=limits)
