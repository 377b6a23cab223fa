"""CSV files of boxes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiefvision.errors import InvalidInput
from tiefvision.maths.boxes import Box
from tiefvision.store.box_formats import csv
from tiefvision.store.box_formats.annotations import (
    BoxedPhotograph,
    Drawn,
    Entry,
    Flaw,
    LabelledBox,
)

HEADER = "path,label,left,top,right,bottom\n"


def read(folder: Path, text: str, encoding: str = "utf-8") -> list[Entry]:
    (folder / "boxes.csv").write_text(text, encoding=encoding)
    return list(csv.read(folder / "boxes.csv"))


def test_a_line_is_a_half_open_box(tmp_path: Path) -> None:
    assert read(tmp_path, HEADER + '"a, b.jpg",dress,1,2.5,30,40\n') == [
        Drawn("a, b.jpg", "dress", (1, 2.5, 30, 40), "line 2")
    ]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("xmin,ymin,xmax,ymax,filename,class\n1,2,3,4,é.jpg,dress", "utf-8-sig"),
        ("Image;Width;Label;x1;y1;x2;y2\n\né.jpg;800;dress;1;2;3;4", "cp1252"),
    ],
)
def test_columns_have_their_usual_names_in_any_order(
    text: str, encoding: str, tmp_path: Path
) -> None:
    (found,) = read(tmp_path, text, encoding)
    assert isinstance(found, Drawn)
    assert (found.path, found.label, found.edges) == ("é.jpg", "dress", (1, 2, 3, 4))


def test_bad_line_is_a_flaw_with_its_number(tmp_path: Path) -> None:
    text = (
        HEADER + '"two\nlines.jpg",a,1,2,3,4\n\nb.jpg,a,1,2,3\nc.jpg,a,1,,3,4\nd.jpg,a,nan,2,3,4\n'
    )
    found = read(tmp_path, text)
    assert [type(entry) for entry in found] == [Drawn, Flaw, Flaw, Drawn]
    assert found[1] == Flaw("line 5", "5 cells are too few: b.jpg,a,1,2,3")
    assert isinstance(found[2], Flaw)
    assert found[2].place == "line 6"
    assert "1, , 3, 4 are not four numbers" in found[2].message


def test_missing_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no column label, bottom; .*must be path,label,left"):
        read(tmp_path, "path,left,top,right\n1.jpg,1,2,3")
    with pytest.raises(InvalidInput, match="empty"):
        read(tmp_path, "")


def test_written_lines(tmp_path: Path) -> None:
    boxes = [LabelledBox("dress", Box(1, 2.5, 30, 40)), LabelledBox('a "b", c', Box(0, 0, 1, 1))]
    csv.write(tmp_path / "out.csv", [BoxedPhotograph("é, 1.jpg", 90, 90, boxes)], ["dress"])
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == (
        'path,label,left,top,right,bottom\n"é, 1.jpg",dress,1,2.5,30,40\n'
        '"é, 1.jpg","a ""b"", c",0,0,1,1\n'
    )
