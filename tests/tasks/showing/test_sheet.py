"""Contact sheets."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tiefvision.errors import InvalidInput, NotFound
from tiefvision.maths.boxes import Box
from tiefvision.tasks.searching.search import Hit, SearchResult
from tiefvision.tasks.showing.sheet import (
    SheetRow,
    check_file,
    contact_sheet,
    gallery,
    result_row,
    write_sheet,
)
from tiefvision.tasks.showing.tiles import SheetTile

RED, GREEN, BLUE = (200, 30, 30), (30, 160, 40), (30, 60, 200)
ACCENT = (209, 73, 30)
# The left edges of the query's tile and of the first hits': margin 56, tile 240, gaps 60 and 24.
LEFTS = (56, 356, 620)
TOP, MIDDLE = 56, (120, 150)


def picture(folder: Path, name: str, colour: tuple[int, int, int], size: tuple[int, int]) -> Path:
    file = folder / name
    Image.new("RGB", size, colour).save(file)
    return file


def tile(source: Path, box: Box | None = None) -> SheetTile:
    return SheetTile(source, "heading", "caption", box)


def colour_at(sheet: Image.Image, place: int, x: int, y: int) -> tuple[int, ...]:
    pixel = sheet.getpixel((LEFTS[place] + x, TOP + y))
    assert isinstance(pixel, tuple)
    return tuple(pixel)


def is_near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(a - b) <= 3 for a, b in zip(one, other, strict=True))


def test_query_comes_first_and_hits_follow_from_left_to_right(tmp_path: Path) -> None:
    files = [picture(tmp_path, f"{i}.png", c, (300, 400)) for i, c in enumerate((RED, GREEN, BLUE))]
    sheet = contact_sheet([SheetRow(tile(files[0]), [tile(files[1]), tile(files[2])])])
    for place, colour in enumerate((RED, GREEN, BLUE)):
        assert is_near(colour_at(sheet, place, *MIDDLE), colour)


def test_picture_is_letterboxed_and_never_cut(tmp_path: Path) -> None:
    wide = picture(tmp_path, "wide.png", RED, (800, 400))
    sheet = contact_sheet([SheetRow(tile(wide), [])])
    # 240 wide makes it 120 high: from 90 to 210 of the tile's 300.
    assert is_near(colour_at(sheet, 0, 2, 95), RED) and is_near(colour_at(sheet, 0, 237, 205), RED)
    assert not is_near(colour_at(sheet, 0, 120, 85), RED)
    assert not is_near(colour_at(sheet, 0, 120, 215), RED)


def test_turned_photograph_stands_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to view
    file = tmp_path / "turned.jpg"
    Image.new("RGB", (800, 400), RED).save(file, exif=exif)
    sheet = contact_sheet([SheetRow(tile(file), [])])
    # 400 x 800 upright: 300 high makes it 150 wide, from 45 to 195 of the tile's 240.
    assert is_near(colour_at(sheet, 0, 120, 3), RED) and is_near(colour_at(sheet, 0, 120, 296), RED)
    assert not is_near(colour_at(sheet, 0, 40, 150), RED)


def test_box_is_drawn_where_it_is_and_only_when_it_is_a_part(tmp_path: Path) -> None:
    file = picture(tmp_path, "a.png", GREEN, (480, 600))
    part = contact_sheet([SheetRow(tile(file, Box(96, 120, 384, 480)), [])])
    # The picture fills the tile at half its size: the box is at 48, 60, 192, 240 there.
    assert colour_at(part, 0, 49, 150) == ACCENT and colour_at(part, 0, 190, 150) == ACCENT
    assert colour_at(part, 0, 120, 61) == ACCENT and colour_at(part, 0, 120, 238) == ACCENT
    assert is_near(colour_at(part, 0, 120, 150), GREEN)
    whole = contact_sheet([SheetRow(tile(file, Box(0, 0, 480, 600)), [])])
    assert ACCENT not in {colour for _, colour in whole.getcolors(1 << 24) or []}


def test_photograph_that_is_gone_is_a_quiet_tile(tmp_path: Path) -> None:
    there = picture(tmp_path, "a.png", GREEN, (300, 400))
    rows = [SheetRow(tile(there), [tile(tmp_path / "gone.jpg"), tile(there)])]
    sheet = contact_sheet(rows)
    assert not is_near(colour_at(sheet, 1, *MIDDLE), GREEN)
    assert is_near(colour_at(sheet, 2, *MIDDLE), GREEN)


def test_several_queries_are_several_rows_and_six_hits_two_lines(tmp_path: Path) -> None:
    file = picture(tmp_path, "a.png", GREEN, (300, 400))
    # A tile with its two lines of text is 300 + 14 + 2 * 23 = 360 high.
    one = contact_sheet([SheetRow(tile(file), [tile(file)] * 5)])
    assert one.height == 2 * 56 + 360
    assert contact_sheet([SheetRow(tile(file), [tile(file)] * 6)]).size == (
        one.width,
        one.height + 360 + 24,
    )
    both = contact_sheet([SheetRow(tile(file), [tile(file)] * 5)] * 2)
    assert both.height == 2 * 56 + 2 * 360 + 44


def test_odd_texts_are_drawn_in_one_line_that_fits(tmp_path: Path) -> None:
    file = picture(tmp_path, "a.png", GREEN, (300, 400))
    odd = SheetTile(file, "two\nlines\udcff", "long " * 60)
    sheet = contact_sheet([SheetRow(odd, [tile(file)])])
    # Nothing is written in the gap between the query's text and the next tile's.
    gap = sheet.crop((LEFTS[0] + 241, TOP + 300, LEFTS[0] + 241 + 20, TOP + 360))
    assert gap.getcolors() == [(20 * 60, (255, 255, 255))]


def test_row_of_a_result_says_similarity_and_texts() -> None:
    hit = Hit(1, "/x/a.jpg", 0.8764, [0, 0, 3, 4], {"label": "Dress", "price": 3.5, "note": None})
    bare = Hit(2, "/x/b.jpg", 0.5, [0, 0, 3, 4], {})
    result = SearchResult([hit, bare], [1, 2, 3, 4], "space", 9, {}, [])
    row = result_row(Path("/q/query.jpg"), result)
    assert (row.query.caption, row.query.box) == ("query.jpg", Box(1, 2, 3, 4))
    assert [(t.heading, t.caption) for t in row.hits] == [
        ("1   0.876", "Dress"),
        ("2   0.500", "b.jpg"),
    ]


@pytest.mark.parametrize("name", ["s.png", "s.jpg", "s.JPEG", "s.webp"])
def test_format_follows_the_name(tmp_path: Path, name: str) -> None:
    file = picture(tmp_path, "a.png", GREEN, (300, 400))
    written = write_sheet(tmp_path / name, [SheetRow(tile(file), [])], title="A title")
    with Image.open(written) as sheet:
        assert sheet.size == (2 * 56 + 240 + 60 + 240, 2 * 56 + 360 + 28 + 36)


def test_unknown_ending_says_which_are_known(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"\.png, \.jpg"):
        check_file(tmp_path / "sheet.tiff")
    with pytest.raises(InvalidInput, match="nothing"):
        check_file(tmp_path / "sheet")


def test_missing_or_unwritable_place_is_said(tmp_path: Path) -> None:
    file = picture(tmp_path, "a.png", GREEN, (300, 400))
    with pytest.raises(NotFound, match="mkdir -p"):
        check_file(tmp_path / "no" / "sheet.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InvalidInput, match="cannot be written"):
        write_sheet(tmp_path / "folder.png", [SheetRow(tile(file), [])])


def test_sheet_without_queries_is_refused() -> None:
    with pytest.raises(InvalidInput):
        contact_sheet([])


def test_gallery_goes_line_by_line_and_draws_both_boxes(tmp_path: Path) -> None:
    file = picture(tmp_path, "a.png", RED, (240, 300))
    shown = SheetTile(file, "h", "c", Box(20, 30, 120, 200), truth=Box(60, 90, 200, 280))
    sheet = gallery([shown] * 3, across=2)
    # Margins 56, tiles of 240 x 300 with two lines of text (60 pixels) below, gaps of 24.
    assert sheet.size == (56 + 240 + 24 + 240 + 56, 56 + 360 + 24 + 360 + 56)
    for left, top in ((56, 56), (56 + 264, 56), (56, 56 + 384)):
        assert is_near(sheet.getpixel((left + 21, top + 100)), ACCENT)  # type: ignore[arg-type]
        assert is_near(sheet.getpixel((left + 199, top + 240)), (24, 128, 96))  # type: ignore[arg-type]
    assert is_near(sheet.getpixel((56 + 264 + 100, 56 + 384 + 100)), (255, 255, 255))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="at least one"):
        gallery([])
