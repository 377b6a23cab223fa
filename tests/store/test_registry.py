"""Which spaces a catalogue uses, and what a query meets while they are switched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tiefvision.errors import NotFound, NotReady, StoreError
from tiefvision.maths.centring import PartLayout
from tiefvision.maths.projection import Projection
from tiefvision.store import columns, registry, runs, spaces
from tiefvision.store.database import Database, open_database
from tiefvision.store.filters import ColumnType
from tiefvision.store.home import Home
from tiefvision.store.spaces import CellSpace, NamedRanker, SearchSpace
from tiefvision.vision.ranker import Ranker

_CELLS = CellSpace("e", "f" * 64, "fp32", "p", 2, 2, "max", (PartLayout(3, 1.0),))
_FINER = replace(_CELLS, rows=3, cols=3)

pytestmark = pytest.mark.usefixtures("either_database")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def database(home: Home) -> Iterator[Database]:
    opened = open_database(home.folder)
    yield opened
    opened.close()


def _space(fitted_on: int) -> SearchSpace:
    projection = Projection(np.eye(4, 12, dtype=np.float32)) if fitted_on > 20 else None
    mean = np.full(3, fitted_on / 100, np.float32)
    return SearchSpace(_CELLS, mean, projection, fitted_on, "")


def test_an_empty_catalogue_has_no_spaces(database: Database, home: Home) -> None:
    assert registry.active_cell_space(database) is None
    assert registry.active_search_spaces(database).get("") is None
    with pytest.raises(NotReady, match="empty"):
        registry.active_search_space(database, home)


def test_spaces_come_back_as_they_were_and_one_is_active(database: Database, home: Home) -> None:
    registry.declare_cell_space(database, _CELLS)
    assert registry.active_cell_space(database) == _CELLS
    for fitted_on in (0, 20, 2_000):
        space = _space(fitted_on)
        registry.activate(database, home, space)
        found = registry.active_search_space(database, home)
        assert found.id == space.id == registry.active_search_spaces(database).get("")
        np.testing.assert_array_equal(found.mean, space.mean)
        assert (found.projection is None) == (space.projection is None)
    assert set(registry.retired(database)) == {_space(0).id, _space(20).id}
    registry.activate(database, home, _space(20))  # a retired one may come back
    assert registry.active_search_spaces(database).get("") == _space(20).id
    registry.forget(database, home, _space(0).id)
    assert registry.retired(database) == [_space(2_000).id]
    assert not home.space(_space(0).id).exists()


_HEAD = Ranker(np.full(3, 0.5, np.float32), np.eye(2, 3, dtype=np.float32))


def _ranked(name: str, model_id: str, cells: CellSpace = _CELLS) -> SearchSpace:
    return replace(
        SearchSpace(cells, _HEAD.mean, None, 0, ""), ranker=NamedRanker(name, model_id, _HEAD)
    )


def test_each_ranker_has_a_space_of_its_own_beside_the_base(database: Database, home: Home) -> None:
    registry.declare_cell_space(database, _CELLS)
    colour, shape = _ranked("colour", "a" * 64), _ranked("shape", "b" * 64)
    registry.activate(database, home, _space(0))
    registry.activate(database, home, colour)
    registry.activate(database, home, shape)
    assert registry.active_search_spaces(database) == {
        "": _space(0).id, "colour": colour.id, "shape": shape.id,
    }  # fmt: skip
    again = _ranked("colour", "c" * 64)
    registry.activate(database, home, again)
    registry.activate(database, home, _space(20))
    assert registry.active_search_spaces(database) == {
        "": _space(20).id, "colour": again.id, "shape": shape.id,
    }  # fmt: skip
    assert set(registry.retired(database)) == {_space(0).id, colour.id}
    registry.retire(database, [again.id])
    assert registry.answering(database) == {_space(20).id, shape.id}
    assert registry.active_search_space(database, home).id == _space(20).id


def test_a_ranker_comes_back_with_its_space(database: Database, home: Home) -> None:
    registry.declare_cell_space(database, _CELLS)
    space = _ranked("colour", "a" * 64)
    registry.activate(database, home, space)
    found = registry.search_space(database, home, space.id)
    assert found.ranker is not None
    assert (found.id, found.name, found.ranker.id) == (space.id, "colour", "a" * 64)
    assert (found.exact_length, space.exact_length) == (2 * 2 * 2, 2 * 2 * 2)
    cells = np.random.default_rng(1).normal(size=(4, 12)).astype(np.float16)
    np.testing.assert_array_equal(found.exact(cells), space.exact(cells))
    assert not registry.has_search_space(database, _CELLS.id), "not the base"


def test_a_space_that_is_gone_is_told_with_a_remedy(database: Database, home: Home) -> None:
    with pytest.raises(StoreError, match="just replaced"):
        registry.search_space(database, home, "none")


def test_the_spaces_of_another_cell_space_take_over_all_at_once(
    database: Database, home: Home
) -> None:
    registry.declare_cell_space(database, _CELLS)
    registry.activate(database, home, _space(0), _ranked("colour", "a" * 64))
    registry.declare_cell_space(database, _FINER)
    base = SearchSpace(_FINER, np.zeros(3, np.float32), None, 0, "")
    registry.activate(database, home, base, _ranked("shape", "b" * 64, _FINER))
    assert set(registry.active_search_spaces(database)) == {"", "shape"}
    assert len(registry.retired(database)) == 2


def test_another_cell_space_is_filled_while_the_first_answers(
    database: Database, home: Home
) -> None:
    registry.declare_cell_space(database, _CELLS)
    registry.activate(database, home, _space(0))
    registry.declare_cell_space(database, _FINER)
    assert registry.active_cell_space(database) == _CELLS
    assert registry.filling_cell_space(database) == _FINER
    assert registry.active_search_spaces(database).get("") == _space(0).id
    finer = SearchSpace(_FINER, np.zeros(3, np.float32), None, 0, "")
    registry.activate(database, home, finer)
    assert registry.active_cell_space(database) == _FINER
    assert registry.filling_cell_space(database) is None
    assert registry.active_search_spaces(database).get("") == finer.id
    assert registry.retired_cell_spaces(database) == [_CELLS.id]
    assert registry.retired(database) == [_space(0).id]


def test_wanting_the_answering_space_again_gives_up_the_one_that_was_filled(
    database: Database, home: Home
) -> None:
    registry.declare_cell_space(database, _CELLS)
    registry.activate(database, home, _space(0))
    for wanted in (_FINER, replace(_FINER, rows=4), _CELLS):
        registry.declare_cell_space(database, wanted)
        filling = registry.filling_cell_space(database)
        assert filling == (None if wanted == _CELLS else wanted)
    assert registry.active_cell_space(database) == _CELLS
    assert len(registry.retired_cell_spaces(database)) == 2


def test_each_label_has_its_own_spaces(database: Database, home: Home) -> None:
    bags = replace(_CELLS, label="bag", locator="b")
    for cells in (_CELLS, bags):
        registry.declare_cell_space(database, cells)
        registry.activate(database, home, SearchSpace(cells, np.zeros(3, np.float32), None, 0, ""))
    assert registry.active_cell_space(database) == _CELLS
    assert registry.active_cell_space(database, label="bag") == bags
    assert registry.active_search_space(database, home, label="bag").cell_space == bags
    assert registry.labels(database) == ["", "bag"]
    with pytest.raises(NotFound, match="label bags") as caught:
        registry.active_search_space(database, home, label="bags")
    assert caught.value.remedy == "did you mean bag?"
    registry.withdraw_label(database, "bag")
    assert registry.labels(database) == [""]
    assert registry.active_search_spaces(database, label="bag").get("") is None
    assert registry.active_search_spaces(database).get("") is not None


def test_spaces_made_before_there_were_labels_keep_their_identity() -> None:
    assert _CELLS.id == "2c70d8ada043726f"
    assert replace(_CELLS, label="bag").id != _CELLS.id


def test_spaces_without_a_ranker_keep_their_identity() -> None:
    assert _space(0).id == "4364f1576298d434"
    assert _ranked("colour", "a").id != _ranked("colour", "b").id != _space(0).id


def test_equal_ways_of_working_have_one_identity_and_others_another() -> None:
    renamed = CellSpace("another name", "f" * 64, "fp32", "p", 2, 2, "max", _CELLS.parts)
    assert renamed.id == _CELLS.id
    assert len({_space(0).id, _space(20).id, _space(2_000).id}) == 3
    finer = CellSpace("e", "f" * 64, "fp32", "p", 3, 3, "max", _CELLS.parts)
    assert finer.id != _CELLS.id


def test_damaged_arrays_are_told_with_a_remedy(database: Database, home: Home) -> None:
    registry.declare_cell_space(database, _CELLS)
    registry.activate(database, home, _space(20))
    (home.space(_space(20).id) / "space.npz").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(StoreError, match="cannot be read") as caught:
        registry.active_search_space(database, home)
    assert "tiefvision index" in caught.value.remedy


def test_arrays_are_written_whole_or_not_at_all(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = home.space("s")
    spaces.save(_space(20), folder)
    before = (folder / "space.npz").read_bytes()
    monkeypatch.setattr(np, "savez", lambda file, **_: file.write(b"half") and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        spaces.save(_space(200), folder)
    assert (folder / "space.npz").read_bytes() == before


def test_columns_keep_their_order_and_take_new_types(database: Database) -> None:
    first = {"b": ColumnType.INTEGER, "a": ColumnType.TEXT}
    columns.declare(database, first)
    assert list(columns.read(database).items()) == list(first.items())
    columns.declare(database, {"b": ColumnType.NUMBER, "c": ColumnType.DATE})
    assert list(columns.read(database).items()) == [
        ("b", ColumnType.NUMBER), ("a", ColumnType.TEXT), ("c", ColumnType.DATE),
    ]  # fmt: skip


def test_a_run_is_open_until_it_is_finished(database: Database) -> None:
    assert runs.last(database) is None
    first = runs.begin(database)
    runs.note(database, first, total=9, done=4)
    run = runs.last(database)
    assert run is not None and (run.total, run.done, run.finished_at) == (9, 4, None)
    runs.finish(database, first, skipped={"hidden": 2})
    second = runs.begin(database)
    assert second > first
    last = runs.last(database)
    assert last is not None and last.id == second
