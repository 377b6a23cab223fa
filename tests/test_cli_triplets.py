"""`tiefvision triplets` as people type it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

import boxed_catalogue
from boxed_catalogue import Row
from tiefvision.cli.triplets import _DEFAULT_NAME, triplets
from tiefvision.store.judgements import DEFAULT_NAME
from tiefvision.tasks.teaching.derive_triplets import COUNT

if TYPE_CHECKING:
    from indexing import Indexing


@pytest.fixture
def shop_folder(tmp_path: Path) -> Path:
    return boxed_catalogue.make(tmp_path / "shop", [Row(f"{number}.jpg") for number in range(1, 6)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "triplets.csv"
    path.write_text(
        "reference,positive,negative,mirrored\n1.jpg,2.jpg,3.jpg,\n1.jpg,1.jpg,4.jpg,yes\n"
    )
    return path


def typed(*words: object) -> Result:
    return CliRunner().invoke(triplets, [str(word) for word in words])


def test_every_command_prints_one_json_document(
    shop_folder: Path, file: Path, tmp_path: Path
) -> None:
    for words, expected in (
        (["import", file], {"imported": 2, "kind": "triplets", "names": {"default": 2}}),
        (["list"], {"listed": [], "repeated": 0}),
        (["export", tmp_path / "out.jsonl"], {"written": 2, "format": "jsonl"}),
        (["remove", 1], {"name": "default", "triplets": 1}),
        (["remove", "--all"], {"triplets": 1}),
    ):
        result = typed(*words, "-c", shop_folder, "--json")
        assert (result.exit_code, result.stderr) == (0, "")
        document = json.loads(result.stdout)
        assert {key: document[key] for key in expected} == expected


def test_bad_lines_are_shown_with_what_to_do(shop_folder: Path, file: Path) -> None:
    file.write_text(
        file.read_text() + "5.jpg,5.jpg,1.jpg,\n1.jpg,3.jpg,2.jpg,\nX.jpg,1.jpg,2.jpg,\n"
    )
    bad = typed("import", file, "-c", shop_folder)
    assert (bad.exit_code, bad.stdout) == (2, "")
    assert "line 4: one photograph stands twice in it" in bad.stderr
    assert "line 5: contradicts line 2 (remove one of the two)" in bad.stderr
    assert "line 6: X.jpg: no photograph of the catalogue has this name (did you mean" in bad.stderr
    assert "next: mend them in the file, or leave them out with --skip-bad" in bad.stderr
    assert "no triplets yet" in typed("list", "-c", shop_folder).stdout
    shown = typed("import", file, "-c", shop_folder, "--skip-bad").stdout
    assert "2 triplets imported, 0 were there already" in shown
    assert "3 lines left out" in shown and "contradicts line 2" in shown


def test_options_reach_the_verbs(shop_folder: Path, file: Path, tmp_path: Path) -> None:
    typed("import", file, "-c", shop_folder, "--name", "shape")
    counted = typed("list", "-c", shop_folder).stdout
    assert "shape" in counted and "2 (2 imported)" in counted
    listed = typed("list", "--name", "shape", "-n", 1, "-c", shop_folder).stdout
    assert "1.jpg (mirrored)" in listed and "4.jpg" in listed and "3.jpg" not in listed
    out = tmp_path / "out.txt"
    words = ["export", out, "--format", "csv", "--name", "shape", "-c", shop_folder]
    assert "(csv): 2 triplets" in typed(*words).stdout
    assert "1.jpg,1.jpg,4.jpg,true,imported,shape" in out.read_text()
    pairs = typed("export", out, "--what", "pairs", "--format", "csv", "-c", shop_folder)
    assert pairs.exit_code == 3 and "there are no pairs to write" in pairs.stderr
    assert typed("remove", "-c", shop_folder, "--name", "shape").exit_code == 2
    removed = typed("remove", "--source", "imported", "--name", "shape", "-c", shop_folder)
    assert removed.stdout == "2 triplets, 0 pairs and 0 groups of shape removed\n"


def test_derive_makes_triplets_from_attributes(
    tmp_path: Path, shop: Indexing, draw: Callable[..., list[Path]]
) -> None:
    draw(tmp_path / "photos", range(30))
    rows = [f"{number:03}.png,{'hat' if number % 2 else 'bag'}" for number in range(30)]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["path,label", *rows]))
    shop(tmp_path / "photos", attributes=table)
    words = ["derive", "--by", "label", "--hard", "--mirror", "--count", 20, "-c", shop.catalogue]
    shown = typed(*words).stdout
    assert "20 triplets by label: 30 photographs, 2 values" in shown
    assert "are ordered wrongly now" in shown and "20 triplets by mirror images" in shown
    again = json.loads(typed(*words, "--json").stdout)
    assert (again["derived"], again["mirrored"], again["unchanged"]) == (0, 0, 40)
    unknown = typed("derive", "--by", "lable", "-c", shop.catalogue)
    assert unknown.exit_code == 2 and "next: did you mean label?" in unknown.stderr


def test_defaults_are_the_verbs() -> None:
    assert _DEFAULT_NAME == DEFAULT_NAME
    shown = typed("derive", "--help").output
    assert str(COUNT) in shown
