"""The command line of rankers: search, switch, undo."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import made_up_rankers
from indexing import Indexing
from tiefvision.cli import app
from tiefvision.tasks.opened import opened

Draw = Callable[..., list[Path]]


@pytest.fixture
def filled(shop: Indexing, tmp_path: Path, draw: Draw) -> Indexing:
    """Twelve photographs, named 000.png to 011.png."""
    draw(tmp_path / "photos", range(12))
    shop(tmp_path / "photos")
    return shop


def _typed(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def _answer(*words: object) -> dict[str, object]:
    result = _typed(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _add(shop: Indexing, kept: int, name: str) -> str:
    with opened(shop.catalogue) as catalogue:
        head = made_up_rankers.dropping(12, kept, kept + 1)
        return made_up_rankers.add(catalogue, head, name=name)


def test_rankers_are_switched_searched_with_mixed_and_undone(
    filled: Indexing, tmp_path: Path
) -> None:
    place = ("-c", filled.catalogue)
    query = tmp_path / "photos" / "003.png"
    for kept, name in ((0, "colour"), (4, "shape")):
        model_id = _add(filled, kept, name)
        done = _answer("models", "activate", model_id[:12], *place)
        assert (done["kind"], done["name"], done["model_id"]) == ("ranker", name, model_id)
    assert _answer("search", query, *place)["ranker"] == "none"
    assert _answer("search", query, *place, "--ranker", "colour")["ranker"] == "colour"
    mixed = _typed("search", query, *place, "--ranker", "colour=2,shape=2")
    assert "ranked by colour=0.5,shape=0.5" in mixed.output
    shown = _typed("status", *place).output
    assert "rankers" in shown and "colour (" in shown
    assert "rankers in use: colour, shape" in _typed("doctor", *place).output
    undone = _typed("models", "undo", "--ranker", "colour", *place)
    assert undone.exit_code == 0 and "no ranker is active for colour" in undone.output
    wrong = _typed("search", query, *place, "--ranker", "shap")
    assert wrong.exit_code != 0
    assert "no ranker called shap" in wrong.stderr and "did you mean shape?" in wrong.stderr


def test_a_label_and_a_ranker_are_not_undone_at_once(filled: Indexing) -> None:
    words = ("models", "undo", "--label", "bag", "--ranker", "colour", "-c", filled.catalogue)
    result = _typed(*words)
    assert result.exit_code != 0 and "expected one of them" in result.stderr
