"""Folders of Pascal VOC files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiefvision.errors import InvalidInput
from tiefvision.maths.boxes import Box
from tiefvision.store.box_formats import voc
from tiefvision.store.box_formats.annotations import (
    BoxedPhotograph,
    Drawn,
    Entry,
    Flaw,
    LabelledBox,
)

FILE = """<annotation>
  <folder>VOC2007</folder>
  <filename> 000001.jpg </filename>
  <size><width>353</width><height>500</height><depth>3</depth></size>
  <object>
    <name>dog</name>
    <part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>
    <bndbox><xmin>48</xmin><ymin>240</ymin><xmax>195</xmax><ymax>371</ymax></bndbox>
  </object>
  <object>
    <name>person</name>
    <bndbox><xmax>352.5</xmax><xmin>8.25</xmin><ymax>498</ymax><ymin>12</ymin></bndbox>
  </object>
</annotation>"""


def read(folder: Path, text: str | bytes) -> list[Entry]:
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "deep").mkdir(exist_ok=True)
    (folder / "deep" / "1.xml").write_bytes(data)
    return list(voc.read(folder))


def test_pixels_count_from_one_and_the_last_is_inside(tmp_path: Path) -> None:
    path, size = "VOC2007/000001.jpg", (353, 500)
    assert read(tmp_path, FILE) == [
        Drawn(path, "dog", (47, 239, 195, 371), "deep/1.xml, object 1", size),
        Drawn(path, "person", (7.25, 11, 352.5, 498), "deep/1.xml, object 2", size),
    ]
    assert next(voc.read(tmp_path / "deep" / "1.xml")) == Drawn(
        path, "dog", (47, 239, 195, 371), "1.xml, object 1", size
    )


def test_the_first_and_the_last_pixel_make_the_whole_photograph(tmp_path: Path) -> None:
    boxed = [BoxedPhotograph("a/1.jpg", 353, 500, [LabelledBox("dog", Box(0, 0, 353, 500))])]
    voc.write(tmp_path / "out", boxed, ["dog"])
    text = (tmp_path / "out" / "a" / "1.xml").read_text(encoding="utf-8")
    for line in (
        "<folder>a</folder>",
        "<filename>1.jpg</filename>",
        "<width>353</width>",
        "<name>dog</name>",
        "<xmin>1</xmin>",
        "<ymin>1</ymin>",
        "<xmax>353</xmax>",
        "<ymax>500</ymax>",
    ):
        assert line in text


def test_size_and_folder_may_be_missing(tmp_path: Path) -> None:
    text = FILE.replace("<folder>VOC2007</folder>", "").replace("353", "0")
    found = read(tmp_path, text)[0]
    assert isinstance(found, Drawn)
    assert (found.path, found.size) == ("000001.jpg", None)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("", "deep/1.xml", "no XML file"),
        ("<annotation>", "deep/1.xml", "no XML file"),
        (b"\xff\x00\x01", "deep/1.xml", "no XML file"),
        ("<?xml version='1.0' encoding='nonsense'?><annotation/>", "deep/1.xml", "no XML file"),
        ("<annotation/>", "deep/1.xml", "no <filename>"),
        (FILE.replace("<xmin>48</xmin>", ""), "deep/1.xml, object 1", "not four numbers"),
        (FILE.replace("48", "left"), "deep/1.xml, object 1", "not four numbers"),
    ],
)
def test_bad_file_is_a_flaw(text: str | bytes, place: str, message: str, tmp_path: Path) -> None:
    flaw = read(tmp_path, text)[0]
    assert isinstance(flaw, Flaw)
    assert flaw.place == place
    assert message in flaw.message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_declared_entities_are_refused(encoding: str, tmp_path: Path) -> None:
    """A few lines of them, each ten times the one before, would be gigabytes."""
    text = '<!DOCTYPE a [<!ENTITY b "dog"><!ENTITY c "&b;&b;">]>' + FILE.replace("dog", "&c;")
    (flaw,) = read(tmp_path, text.encode(encoding))
    assert isinstance(flaw, Flaw)
    assert "document type" in flaw.message


def test_name_that_xml_cannot_hold_is_refused(tmp_path: Path) -> None:
    boxed = [BoxedPhotograph("a\x01.jpg", 9, 9, [LabelledBox("dog", Box(0, 0, 5, 5))])]
    with pytest.raises(InvalidInput, match="cannot be written as XML; use --format coco"):
        voc.write(tmp_path / "out", boxed, ["dog"])
