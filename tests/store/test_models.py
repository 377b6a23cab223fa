"""Trained models: which is active, what an undo brings back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tiefvision.store import models
from tiefvision.store.database import Database, open_database

pytestmark = pytest.mark.usefixtures("either_database")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path)
    for number, (model_id, name) in enumerate([("a", ""), ("b", ""), ("c", "bag")]):
        report = {"iou": 0.8}
        models.add(
            opened, model_id=model_id, kind="locator", name=name, report=report, now=float(number)
        )
    yield opened
    opened.close()


def _activate(database: Database, model_id: str | None, name: str = "") -> None:
    models.activate(database, kind="locator", name=name, model_id=model_id)


def test_models_are_listed_newest_first(database: Database) -> None:
    assert [(model.id, model.active) for model in models.each(database)] == [
        ("c", False), ("b", False), ("a", False),
    ]  # fmt: skip
    assert models.each(database, kind="ranker") == []
    assert models.active(database, kind="locator", name="") is None


def test_the_last_activation_of_a_name_counts(database: Database) -> None:
    for model_id in ("a", "b"):
        _activate(database, model_id)
    _activate(database, "c", "bag")
    assert models.active(database, kind="locator", name="") == "b"
    assert models.active_names(database, kind="locator") == ["", "bag"]
    assert {model.id for model in models.each(database) if model.active} == {"b", "c"}
    _activate(database, None, "bag")
    assert models.active_names(database, kind="locator") == [""]


def test_an_undo_brings_back_what_was_active_before(database: Database) -> None:
    assert models.previous(database, kind="locator", name="") is None
    _activate(database, "a")
    assert models.previous(database, kind="locator", name="") is None
    _activate(database, "b")
    assert models.previous(database, kind="locator", name="") == "a"
    _activate(database, "b")
    assert models.previous(database, kind="locator", name="") == "a", "not itself"


def test_training_the_same_model_again_renews_its_row(database: Database) -> None:
    models.add(database, model_id="a", kind="locator", name="", report={"iou": 0.9}, now=9.0)
    first = models.each(database)[0]
    assert (first.id, first.report, first.created_at) == ("a", {"iou": 0.9}, 9.0)
    assert len(models.each(database)) == 3


def test_a_removed_model_is_forgotten(database: Database) -> None:
    for model_id in ("a", "b"):
        _activate(database, model_id)
    models.remove(database, "a")
    assert [model.id for model in models.each(database)] == ["c", "b"]
    assert models.previous(database, kind="locator", name="") is None
