"""The demo's catalogue as files."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tiefvision.demo.folder import write
from tiefvision.demo.scene import catalogue
from tiefvision.errors import InvalidInput
from tiefvision.maths.boxes import Box


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_csv_files_give_back_what_was_written(tmp_path: Path) -> None:
    written = write(tmp_path, count=7)
    attributes, boxes = _rows(tmp_path / "attributes.csv"), _rows(tmp_path / "boxes.csv")
    assert len(attributes) == len(boxes) == 7
    for photograph, row, box in zip(written, attributes, boxes, strict=True):
        assert row == {
            "path": photograph.path,
            "kind": photograph.kind,
            "pattern": photograph.pattern,
            "colour": photograph.colour,
            "background": photograph.background,
            "product": photograph.product,
            "price": f"{photograph.price:.2f}",
        }
        edges = [float(box[edge]) for edge in ("left", "top", "right", "bottom")]
        assert Box(*edges) == photograph.box
        assert (box["path"], box["label"]) == (photograph.path, photograph.kind)


def test_photographs_are_the_scenes_and_no_larger_than_eighty_kilobytes(tmp_path: Path) -> None:
    written = write(tmp_path, count=5)
    for photograph, scene in zip(written, catalogue(5), strict=True):
        path = tmp_path / photograph.path
        assert path.stat().st_size <= 80_000
        with Image.open(path) as image:
            pixels = np.asarray(image, np.float32)
        assert pixels.shape == scene.pixels.shape
        assert np.abs(pixels - scene.pixels).mean() < 3


def test_writing_again_writes_the_same_bytes_and_leaves_no_part_behind(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, count=3)
    one = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    two = {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    assert one == two
    assert len(one) == 5


def test_progress_counts_to_the_last_photograph(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write(tmp_path, count=3, progress=lambda done, count: seen.append((done, count)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_stop_in_the_middle_leaves_whole_files_only(tmp_path: Path) -> None:
    def stop(done: int, count: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, count=5, progress=stop)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 2
    for name in names:
        with Image.open(tmp_path / name) as image:
            image.load()


def test_a_folder_that_is_a_file_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "taken"
    path.write_text("a file")
    with pytest.raises(InvalidInput, match="taken") as caught:
        write(path, count=1)
    assert "folder" in caught.value.remedy
