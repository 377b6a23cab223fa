"""What all formats of boxes have in common."""

from __future__ import annotations

from pathlib import Path

import pytest

import written_boxes
from tiefvision.errors import InvalidInput, NotFound
from tiefvision.maths.boxes import Box
from tiefvision.store.box_formats import FORMATS, of_file, of_name
from tiefvision.store.box_formats.annotations import (
    BoxedPhotograph,
    Drawn,
    LabelledBox,
    held,
    label_of,
)


@pytest.mark.parametrize("name", FORMATS)
def test_boxes_come_back_exactly(name: str, tmp_path: Path) -> None:
    form = FORMATS[name]
    for seed in range(40):
        boxed = written_boxes.photographs(seed)
        entries = written_boxes.written(form, tmp_path / f"{seed}", boxed)
        found = written_boxes.boxes_by_key(form, entries, boxed)
        assert found == written_boxes.expected(form, boxed), f"seed {seed}"


@pytest.mark.parametrize("name", FORMATS)
def test_rounding_alone_makes_odd_boxes_exact(name: str, tmp_path: Path) -> None:
    """0.1 + (0.7 - 0.1) is not 0.7; as edges are held it is."""
    boxed = [BoxedPhotograph("a.jpg", 7, 3, [LabelledBox("bag", Box(0.1, 0.3, 0.7, 2.9))])]
    entries = written_boxes.written(FORMATS[name], tmp_path / "file", boxed)
    assert written_boxes.boxes_by_key(FORMATS[name], entries, boxed) == {
        FORMATS[name].photograph_key("a.jpg"): [("bag", Box(0.1, 0.3, 0.7, 2.9))]
    }


@pytest.mark.parametrize("name", FORMATS)
def test_paths_come_back_as_they_are(name: str, tmp_path: Path) -> None:
    form = FORMATS[name]
    boxed = written_boxes.photographs(1)
    entries = written_boxes.written(form, tmp_path / "file", boxed)
    paths = {entry.path for entry in entries if isinstance(entry, Drawn)}
    if name == "yolo":  # a text file has its photograph's name without the suffix
        assert {form.name_key(path) for path in paths} == {
            form.photograph_key(p) for p in written_boxes.PATHS
        }
    else:
        assert paths == set(written_boxes.PATHS)


@pytest.mark.parametrize("name", ["voc", "yolo"])
def test_two_photographs_of_one_file_are_refused(name: str, tmp_path: Path) -> None:
    boxes = [LabelledBox("bag", Box(0, 0, 5, 5))]
    boxed = [BoxedPhotograph(path, 9, 9, boxes) for path in ("a/1.jpg", "a/1.png")]
    with pytest.raises(InvalidInput, match=r"both be written to .*--format coco"):
        FORMATS[name].write(tmp_path / "one", boxed, ["bag"])
    with pytest.raises(InvalidInput, match="two folders of the catalogue"):
        boxed = [BoxedPhotograph("/x/images/1.jpg", 9, 9, boxes)]
        FORMATS[name].write(tmp_path / "two", boxed, ["bag"])
    assert list((tmp_path / "two").rglob("*1.*")) == []


def test_the_format_is_told_from_the_file(tmp_path: Path) -> None:
    for form, path in [("coco", "a.json"), ("csv", "a.CSV"), ("csv", "a.tsv"), ("voc", "a.xml")]:
        (tmp_path / path).write_text("")
        assert of_file(tmp_path / path).name == of_name(tmp_path / path).name == form
    for form, path in [("voc", "v/deep/1.xml"), ("yolo", "y/labels/1.txt")]:
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text("")
        assert of_file(tmp_path / path.split("/")[0]).name == form
    (tmp_path / "v" / "notes.txt").write_text("")
    with pytest.raises(InvalidInput, match=r"both XML and text.*--format coco\|voc\|yolo\|csv"):
        of_file(tmp_path / "v")
    assert of_file(tmp_path / "v", "voc").name == "voc"


def test_a_format_that_cannot_be_told_or_does_not_fit_is_said(tmp_path: Path) -> None:
    (tmp_path / "boxes.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match="no XML and no text"):
        of_file(tmp_path / "empty")
    with pytest.raises(InvalidInput, match="cannot be told from its name"):
        of_name(tmp_path / "boxes")
    with pytest.raises(InvalidInput, match="no format 'pascal'"):
        of_file(tmp_path / "boxes.json", "pascal")
    with pytest.raises(InvalidInput, match=r"is a folder; expected a \.json"):
        of_file(tmp_path / "empty", "coco")
    with pytest.raises(InvalidInput, match="is no folder"):
        of_file(tmp_path / "boxes.json", "yolo")
    with pytest.raises(NotFound, match=r"boxs\.json; did you mean .*boxes\.json"):
        of_file(tmp_path / "boxs.json", "coco")


def test_edges_are_held_to_a_millionth_and_never_as_minus_zero() -> None:
    assert held((1 / 3, -1e-9, 2.0000004, 3)) == (0.333333, 0.0, 2.0, 3.0)
    assert str(held((-1e-9, 0, 1, 1))[0]) == "0.0"


def test_labels_have_one_form() -> None:
    assert label_of("  robe\u00a0d'e\u0301te\u0301\n") == "robe d'été"
    assert label_of(" \t") == ""
