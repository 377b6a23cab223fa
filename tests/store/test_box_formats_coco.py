"""COCO files of boxes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tiefvision.errors import InvalidInput
from tiefvision.maths.boxes import Box
from tiefvision.store.box_formats import coco
from tiefvision.store.box_formats.annotations import (
    BoxedPhotograph,
    Drawn,
    Entry,
    Flaw,
    Ignored,
    LabelledBox,
)

IMAGES = [{"id": 7, "file_name": "a/1.jpg", "width": 800, "height": 1200}]
CATEGORIES = [{"id": 3, "name": "dress", "supercategory": "clothes"}]
ONE = {"id": 12, "image_id": 7, "category_id": 3, "bbox": [10, 20.5, 30, 40]}


def read(folder: Path, **parts: Any) -> list[Entry]:
    document = {"images": IMAGES, "categories": CATEGORIES, "annotations": [ONE], **parts}
    file = folder / "boxes.json"
    file.write_text(json.dumps({key: part for key, part in document.items() if part is not None}))
    return list(coco.read(file))


def annotation(**parts: Any) -> list[dict[str, Any]]:
    return [{**ONE, **parts}]


def test_a_bbox_is_left_top_width_height(tmp_path: Path) -> None:
    assert read(tmp_path) == [
        Drawn("a/1.jpg", "dress", (10, 20.5, 40, 60.5), "annotation 12", (800, 1200))
    ]


def test_sizes_and_ids_may_be_missing(tmp_path: Path) -> None:
    images = [{"id": "x", "file_name": "1.jpg", "height": 0, "width": 0}]
    entries = read(
        tmp_path,
        images=images,
        annotations=[{"image_id": "x", "category_id": 3, "bbox": [1, 2, 3, 4]}],
    )
    assert entries == [Drawn("1.jpg", "dress", (1, 2, 4, 6), "annotation 1 of the list")]


def test_outlines_and_crowds_are_passed_over_and_counted(tmp_path: Path) -> None:
    outline = annotation(segmentation=[[1, 2, 3, 4, 5, 6]])
    crowd = annotation(iscrowd=1, segmentation={"counts": [1, 2], "size": [3, 4]})
    entries = read(tmp_path, annotations=outline + crowd + annotation(segmentation=[]))
    assert [type(entry) for entry in entries] == [Ignored, Drawn, Ignored, Drawn]
    assert entries[0] == Ignored("outlines (segmentation) beside a box")
    assert entries[2] == Ignored("regions of a crowd")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"image_id": 8}, "image_id 8 is none of the file's images"),
        ({"image_id": [7]}, r"image_id \[7\] is none"),
        ({"category_id": 4}, "category_id 4 is none of its categories"),
        ({"category_id": None}, "category_id None is none"),
        ({"bbox": [1, 2, 3]}, "is not .left, top, width, height."),
        ({"bbox": [1, 2, 3, "4"]}, "is not"),
        ({"bbox": [1, 2, 3, True]}, "is not"),
        ({"bbox": [1, 2, 3, 10**400]}, "is not"),
        ({"bbox": None}, "bbox None is not"),
    ],
)
def test_bad_annotation_is_a_flaw_with_its_id(
    parts: dict[str, object], message: str, tmp_path: Path
) -> None:
    (flaw,) = read(tmp_path, annotations=annotation(**parts))
    assert isinstance(flaw, Flaw)
    assert flaw.place == "annotation 12"
    assert re.search(message, flaw.message)


def test_annotation_without_a_bbox_is_a_flaw(tmp_path: Path) -> None:
    (flaw, other) = read(tmp_path, annotations=[{"id": 1, "image_id": 7, "category_id": 3}, 5])
    assert isinstance(flaw, Flaw)
    assert flaw.place == "annotation 1 of the list"
    assert "no bbox" in flaw.message
    assert isinstance(other, Flaw)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"categories": None}, "has no categories; a COCO file is"),
        ({"categories": []}, "has no categories"),
        ({"images": None}, "has no images"),
        ({"annotations": None}, "has no list of annotations"),
        ({"images": [{"id": 1}]}, "entry 1 of images has no id and file_name"),
        ({"categories": [{"name": "dress"}]}, "entry 1 of categories has no id and name"),
        ({"categories": ["dress"]}, "entry 1 of categories"),
        ({"categories": CATEGORIES * 2}, "two categories have the id 3"),
    ],
)
def test_file_that_is_no_coco_file_says_what_is_missing(
    parts: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match=message):
        read(tmp_path, **parts)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "\x00\x01", '{"a": ' * 100_000])
def test_file_that_is_no_json_is_said(text: str, tmp_path: Path) -> None:
    file = tmp_path / "boxes.json"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=r"boxes\.json"):
        list(coco.read(file))
    file.write_bytes(b"\xff\xfe{")
    with pytest.raises(InvalidInput, match="no JSON"):
        list(coco.read(file))


def test_written_file_is_what_other_programs_expect(tmp_path: Path) -> None:
    boxed = [
        BoxedPhotograph("a/1.jpg", 800, 1200, [LabelledBox("dress", Box(10, 20.5, 40, 60.5))]),
        BoxedPhotograph("é.jpg", 5, 6, [LabelledBox("bag", Box(0, 0, 5, 6), 0.25)]),
    ]
    coco.write(tmp_path / "out.json", boxed, ["bag", "dress"])
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8")) == {
        "images": [
            {"id": 1, "file_name": "a/1.jpg", "width": 800, "height": 1200},
            {"id": 2, "file_name": "é.jpg", "width": 5, "height": 6},
        ],
        "annotations": [
            {
                "id": 1,
                "image_id": 1,
                "category_id": 2,
                "bbox": [10, 20.5, 30, 40],
                "area": 1200,
                "iscrowd": 0,
            },
            {
                "id": 2,
                "image_id": 2,
                "category_id": 1,
                "bbox": [0, 0, 5, 6],
                "area": 30,
                "iscrowd": 0,
                "score": 0.25,
            },
        ],
        "categories": [{"id": 1, "name": "bag"}, {"id": 2, "name": "dress"}],
    }
