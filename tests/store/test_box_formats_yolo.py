"""Folders of YOLO labels."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tiefvision.errors import InvalidInput
from tiefvision.maths.boxes import Box
from tiefvision.store.box_formats import yolo
from tiefvision.store.box_formats.annotations import BoxedPhotograph, Drawn, Flaw, LabelledBox


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_line_is_class_centre_and_size_in_fractions(tmp_path: Path) -> None:
    folder = write(
        tmp_path, {"classes.txt": "bag\ndress\n", "a/1.txt": "1 0.5 0.25 0.5 0.125\n\n0 .5 .5 1 1"}
    )
    assert list(yolo.read(folder)) == [
        Drawn("a/1.txt", "dress", (0.25, 0.1875, 0.75, 0.3125), "a/1.txt, line 1", relative=True),
        Drawn("a/1.txt", "bag", (0, 0, 1, 1), "a/1.txt, line 3", relative=True),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("data.yaml", "train: images\nnames: [bag, dress]\n"),
        ("data.yaml", "names:\n- bag\n- dress\n"),
        ("data.yml", "nc: 2\nnames:\n  1: dress\n  0: 'bag'\n"),
        ("obj.names", "bag\ndress"),
        ("../data.yaml", "names: {0: bag, 1: dress}"),
    ],
)
def test_names_are_found_in_the_usual_files(name: str, text: str, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    write(folder, {name: text, "labels/1.txt": "0 .5 .5 1 1\n1 .5 .5 1 1"})
    labels = [entry.label for entry in yolo.read(folder) if isinstance(entry, Drawn)]
    assert labels == ["bag", "dress"]


def test_texts_beside_the_labels_are_no_labels(tmp_path: Path) -> None:
    texts = {"classes.txt": "bag", "train.txt": "images/1.jpg", "1.txt": "0 .5 .5 1 1"}
    write(tmp_path / "flat", texts)
    write(tmp_path / "deep", {**texts, "readme.txt": "hello", "labels/x/2.txt": "0 .5 .5 1 1"})
    assert [e.path for e in yolo.read(tmp_path / "flat") if isinstance(e, Drawn)] == ["1.txt"]
    found = list(yolo.read(tmp_path / "deep"))
    assert [e.path for e in found if isinstance(e, Drawn)] == ["labels/x/2.txt"]
    assert len(found) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 .5 .5 1", "CLASS X Y WIDTH HEIGHT"),
        ("0 .5 .5 1 1 .9", "CLASS X Y WIDTH HEIGHT"),
        ("bag .5 .5 1 1", "CLASS X Y WIDTH HEIGHT"),
        ("0 .5 .5 1 wide", "CLASS X Y WIDTH HEIGHT"),
        ("1 .5 .5 1 1", "class 1 has no name in .*classes.txt"),
        ("-1 .5 .5 1 1", "class -1 has no name"),
    ],
)
def test_bad_line_is_a_flaw(line: str, message: str, tmp_path: Path) -> None:
    write(tmp_path, {"classes.txt": "bag", "1.txt": f"0 .5 .5 1 1\n{line}"})
    flaw = list(yolo.read(tmp_path))[1]
    assert isinstance(flaw, Flaw)
    assert flaw.place == "1.txt, line 2"
    assert re.search(message, flaw.message)


def test_binary_file_is_a_flaw(tmp_path: Path) -> None:
    write(tmp_path, {"classes.txt": "bag"})
    (tmp_path / "1.txt").write_bytes(b"\xff\xfe\x00")
    assert list(yolo.read(tmp_path)) == [Flaw("1.txt", "it is no text file")]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "have no names: .* none of data.yaml"),
        ({"data.yaml": "nc: 2"}, "has no names"),
        ({"data.yaml": "names: [a"}, "cannot be read"),
        ({"data.yaml": "names: !!python/object/apply:os.getcwd []"}, "cannot be read"),
    ],
)
def test_classes_without_names_are_an_error(
    files: dict[str, str], message: str, tmp_path: Path
) -> None:
    folder = write(tmp_path / "set", {**files, "1.txt": "0 .5 .5 1 1"})
    with pytest.raises(InvalidInput, match=message):
        list(yolo.read(folder))


def test_written_folder_is_laid_out_as_training_expects(tmp_path: Path) -> None:
    boxes = [LabelledBox("no", Box(200, 300, 600, 600))]
    paths = ["1.jpg", "a/2.jpg", "images/3.jpg", "train/images/x/4.jpg"]
    boxed = [BoxedPhotograph(path, 800, 1200, boxes) for path in paths]
    yolo.write(tmp_path / "out", boxed, ["bag", "no"])
    names = sorted(f.relative_to(tmp_path / "out").as_posix() for f in tmp_path.rglob("*.*"))
    assert names == [
        "classes.txt",
        "data.yaml",
        "labels/1.txt",
        "labels/3.txt",
        "labels/a/2.txt",
        "train/labels/x/4.txt",
    ]
    assert (tmp_path / "out/labels/1.txt").read_text() == "1 0.5 0.375 0.5 0.25\n"
    assert (tmp_path / "out/classes.txt").read_text() == "bag\nno\n"
    document = yaml.safe_load((tmp_path / "out/data.yaml").read_text())
    assert document == {"train": "images", "val": "images", "names": {0: "bag", 1: "no"}}


@pytest.mark.parametrize(
    ("photograph", "text"),
    [
        ("a/1.jpg", "labels/a/1.txt"),
        ("images/a/1.b.jpg", "labels/a/1.b.txt"),
        ("/set/train/images/1.png", "/set/train/labels/1.txt"),
        ("labels/1.jpg", "labels/labels/1.txt"),
        ("images/labels/1.jpg", "labels/labels/1.txt"),
        ("1", "1.txt"),
    ],
)
def test_photograph_and_text_have_one_key(photograph: str, text: str) -> None:
    assert yolo.photograph_key(photograph) == yolo.text_key(text)
