"""`tiefvision triplets ask` and `answer` as people type them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from tiefvision.cli.triplets import triplets
from tiefvision.tasks.teaching.ask_triplets import COUNT

if TYPE_CHECKING:
    from indexing import Indexing


@pytest.fixture
def catalogue(tmp_path: Path, shop: Indexing, draw: Callable[..., list[Path]]) -> Path:
    draw(tmp_path / "photos", range(30))
    shop(tmp_path / "photos")
    return shop.catalogue


def typed(*words: object) -> Result:
    return CliRunner().invoke(triplets, [str(word) for word in words])


def answer_all(sheet: Path, answer: str) -> None:
    """Write one answer into every line of a sheet, as a person does."""
    head, *lines = sheet.read_text().splitlines()
    lines = [line.replace(",,", f",{answer},", 1) for line in lines]
    sheet.write_text("\n".join([head, *lines]))


def test_questions_are_shown_with_their_reasons(catalogue: Path) -> None:
    shown = typed("ask", "-n", 3, "--seed", 1, "-c", catalogue).stdout
    assert shown.count(".png") == 9
    assert shown.count("nothing was said about this photograph yet") == 3
    assert "3 questions: is the anchor more like 1 or like 2?" in shown
    assert "next: tiefvision triplets ask --out FILE.csv" in shown


def test_a_sheet_is_asked_answered_and_asked_again(catalogue: Path, tmp_path: Path) -> None:
    sheet, picture = tmp_path / "questions.csv", tmp_path / "questions.png"
    words = ["ask", "-n", 10, "--name", "shape", "-c", catalogue, "--out", sheet]
    shown = typed(*words, "--sheet", picture).stdout
    assert "contact sheet: " in shown and picture.is_file()
    assert "write 1 or 2 into its column answer" in shown and "photographs yet" not in shown
    assert "10 questions:" in shown and f"next: tiefvision triplets answer {sheet}" in shown
    exists = typed(*words)
    assert exists.exit_code == 5 and "may hold answers" in exists.stderr
    answer_all(sheet, "2")
    taken = typed("answer", sheet, "-c", catalogue).stdout
    assert "10 triplets from answers, 0 were there already, 0 questions skipped" in taken
    assert "shape: 10" in taken

    sheet.unlink()
    assert "10 questions, 2 of them answered before:" in typed(*words).stdout
    answer_all(sheet, "x")
    bad = typed("answer", sheet, "-c", catalogue)
    assert (bad.exit_code, bad.stdout) == (2, "")
    assert "line 2: the answer is 'x' (write 1 or 2, or nothing to skip" in bad.stderr
    assert "10 lines left out" in typed("answer", sheet, "-c", catalogue, "--skip-bad").stdout
    sheet.write_text(sheet.read_text().replace(",x,", ",1,"))
    taken = typed("answer", sheet, "-c", catalogue).stdout
    assert "8 triplets from answers" in taken
    assert "of 2 questions were answered alike" in taken
    asked = typed("ask", "--name", "shape", "-c", catalogue).stdout
    assert "of 2 questions were answered alike" in asked


def test_both_print_one_json_document(catalogue: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "questions.csv"
    words = ["ask", "-n", 2, "--seed", 0, "--out", sheet, "-c", catalogue, "--json"]
    document = json.loads(typed(*words).stdout)
    assert (document["name"], document["out"], document["sheet"]) == ("default", str(sheet), None)
    first = document["questions"][0]
    assert set(first) == {"anchor", "first", "second", "gap", "reason", "repeat"}
    assert set(first["anchor"]) == {"path", "id", "content_id"}
    answer_all(sheet, "1")
    answered = json.loads(typed("answer", sheet, "-c", catalogue, "--json").stdout)
    assert (answered["added"], answered["names"], answered["repeats"]) == (2, {"default": 2}, 0)


def test_the_default_is_the_verbs() -> None:
    assert str(COUNT) in typed("ask", "--help").output
