"""`tiefvision boxes` as people type it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import boxed_catalogue
from boxed_catalogue import ROOT, Row
from tiefvision.cli.boxes import boxes


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return boxed_catalogue.make(tmp_path / "shop", [Row("a/1.jpg"), Row("a/2.jpg")])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "boxes.csv"
    path.write_text(
        "path,label,left,top,right,bottom\n1.jpg,dress,1,2,30,40\n1.jpg,bag,-9,5,6,6\n"
        "missing.jpg,bag,1,2,3,4\n"
    )
    return path


def typed(*words: object) -> Result:
    return CliRunner().invoke(boxes, [str(word) for word in words])


def test_every_command_prints_one_json_document(shop: Path, file: Path, tmp_path: Path) -> None:
    for words, expected in (
        (["import", file], {"imported": 2, "clipped": 1, "unmatched_count": 1}),
        (["list"], {"boxes": 2, "listed": []}),
        (["export", tmp_path / "out.json"], {"boxes": 2, "images": 1, "format": "coco"}),
        (["remove", "--label", "bag"], {"removed": 1, "images": 1}),
    ):
        result = typed(*words, "-c", shop, "--json")
        assert (result.exit_code, result.stderr) == (0, "")
        document = json.loads(result.stdout)
        assert {key: document[key] for key in expected} == expected


def test_import_tells_what_was_left_out(shop: Path, file: Path) -> None:
    shown = typed("import", file, "-c", shop).stdout
    assert "2 boxes imported, 0 were there already, 0 replaced" in shown
    assert "labels: bag 1, dress 1" in shown
    assert "note: 1 of 2 boxes were cut at the edge" in shown
    assert "1 photographs with 1 boxes were not found" in shown
    assert "missing.jpg" in shown
    file.write_text(file.read_text() + "1.jpg,bag,5,5,5,5\n")
    bad = typed("import", file, "-c", shop)
    assert (bad.exit_code, bad.stdout) == (2, "")
    assert "line 5: " in bad.stderr
    assert "next: mend them in the file, or leave them out with --skip-bad" in bad.stderr
    skipped = typed("import", file, "-c", shop, "--skip-bad").stdout
    assert "1 boxes left out, because they cannot be right\n  line 5: " in skipped


def test_options_reach_the_verb(shop: Path, file: Path, tmp_path: Path) -> None:
    words = ["import", file, "-c", shop, "--label", "dress", "--as", "gown", "--format", "csv"]
    assert "labels: gown 1\n" in typed(*words).stdout
    typed("import", file, "-c", shop, "--label", "bag", "--as", "gown", "--add")
    listed = typed("list", f"{ROOT}/a/1.jpg", "-c", shop).stdout
    assert "1, 2, 30, 40" in listed
    assert "0, 5, 6, 6" in listed
    assert "2 boxes" in listed
    exported = typed("export", tmp_path / "voc", "-c", shop, "--format", "voc", "--label", "gown")
    assert "(voc): 2 boxes on 1 photographs" in exported.stdout
    assert typed("remove", "1.jpg", "-c", shop).stdout == "2 boxes of 1 photographs removed\n"
    assert "next: tiefvision boxes import FILE" in typed("list", "-c", shop).stdout
    assert typed("remove", "-c", shop).exit_code == 2
    assert typed("remove", "--all", "-c", shop).exit_code == 0
