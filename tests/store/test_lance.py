"""The vector engine's rows of one cell space: written, superseded, widened, all at once."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tiefvision.errors import SpaceMismatch, StoreError
from tiefvision.store.filters import ColumnType, parse
from tiefvision.store.lance import LanceStore
from tiefvision.store.records import RowKey
from tiefvision.store.vectors import VectorRows

_LENGTH = 6
_TEXT, _INTEGER, _NUMBER = ColumnType.TEXT, ColumnType.INTEGER, ColumnType.NUMBER


@pytest.fixture
def store(tmp_path: Path) -> LanceStore:
    return _open(tmp_path / "cells.lance")


def _open(folder: Path, *, space: str = "space", length: int = _LENGTH) -> LanceStore:
    return LanceStore(folder, cell_space_id=space, cell_length=length)


def _key(id_: int, content: str = "a", box: int = 0, attributes: int = 0) -> RowKey:
    return RowKey(id_, content, box, attributes)


def _rows(*keys: RowKey, attributes: dict[str, object] | None = None) -> VectorRows:
    cells = [np.random.default_rng(key.image_id).normal(size=_LENGTH) for key in keys]
    return VectorRows(keys, np.array(cells, np.float16), [attributes or {} for _ in keys])


def _keys(store: LanceStore) -> list[RowKey]:
    found = [key for _, keys in store.each_key() for key in keys]
    return sorted(found, key=lambda key: (key.image_id, key.attributes_revision, key.content_id))


def test_rows_come_back_as_they_were_written(store: LanceStore) -> None:
    rows = _rows(_key(1), _key(2, "b", 3, 4), _key(3))
    store.append(rows)
    found = store.fetch([3, 2])
    assert set(found.keys) == {_key(3), _key(2, "b", 3, 4)}
    for key, cells in zip(found.keys, found.cells, strict=True):
        np.testing.assert_array_equal(cells, rows.cells[key.image_id - 1])
    assert store.fetch([99]).cells.shape == (0, _LENGTH)
    assert sum(len(batch.keys) for batch in store.each_cells()) == 3


def test_a_new_store_holds_nothing(store: LanceStore) -> None:
    assert _keys(store) == []
    assert store.search_space_ids() == []
    store.remove_images([1])
    store.remove_rows([])
    store.optimize(search_space_ids=[], columns=[])


def test_superseded_rows_are_removed_and_other_images_stay(store: LanceStore) -> None:
    old = [_key(1), _key(1, "b"), _key(1, "a", 1), _key(2)]
    new = _key(1, "a", 0, 1)
    store.append(_rows(*old, new))
    store.remove_superseded([new])
    assert _keys(store) == [new, _key(2)]
    store.remove_images([1])
    assert _keys(store) == [_key(2)]


def test_threads_share_one_store_while_another_writes(tmp_path: Path) -> None:
    shared, writer = _open(tmp_path / "cells.lance"), _open(tmp_path / "cells.lance")
    writer.append(_rows(*(_key(id_) for id_ in range(50))))

    def read(turn: int) -> int:
        if turn % 10 == 0:
            writer.append(_rows(_key(100 + turn)))
        return len(shared.fetch(list(range(50))).keys)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read, range(100))) == {50}
    assert len(_keys(shared)) == 60


def test_one_of_two_equal_rows_can_be_removed(store: LanceStore) -> None:
    store.append(_rows(_key(1), _key(2)))
    store.append(_rows(_key(1)))
    doubled = [
        int(row) for ids, keys in store.each_key() for row, key in zip(ids, keys, strict=True)
        if key == _key(1)
    ]  # fmt: skip
    assert len(doubled) == 2
    store.remove_rows(doubled[1:])
    assert _keys(store) == [_key(1), _key(2)]


def test_vectors_of_another_space_are_refused(store: LanceStore, tmp_path: Path) -> None:
    store.append(_rows(_key(1)))
    wrong = VectorRows([_key(1)], np.zeros((1, _LENGTH + 1), np.float16), [{}])
    with pytest.raises(SpaceMismatch):
        store.append(wrong)
    with pytest.raises(SpaceMismatch, match="not of other"):
        _keys(_open(tmp_path / "cells.lance", space="other"))
    with pytest.raises(SpaceMismatch):
        _keys(_open(tmp_path / "cells.lance", length=_LENGTH + 1))


def test_a_store_whose_making_was_cut_off_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "cells.lance" / "_versions").mkdir(parents=True)
    (tmp_path / "cells.lance" / "_transactions").mkdir()
    store = _open(tmp_path / "cells.lance")
    store.append(_rows(_key(1)))
    assert _keys(_open(tmp_path / "cells.lance")) == [_key(1)]


def test_a_damaged_store_is_refused(store: LanceStore, tmp_path: Path) -> None:
    store.append(_rows(_key(1)))
    for file in (tmp_path / "cells.lance" / "_versions").glob("*.manifest"):
        file.write_bytes(b"damaged")
    with pytest.raises(StoreError, match="cannot be read") as caught:
        _keys(_open(tmp_path / "cells.lance"))
    assert "index again" in caught.value.remedy


def test_search_spaces_are_derived_from_every_row_and_dropped(store: LanceStore) -> None:
    rows = _rows(*(_key(id_) for id_ in range(20)))
    store.append(rows)
    store.add_search_space("s1", dimensions=2, project=lambda cells: cells[:, :2].astype("f4") * 2)
    more = VectorRows(
        [_key(20)], np.ones((1, _LENGTH), np.float16), [{}],
        {"s1": np.full((1, 2), 9, np.float32)},
    )  # fmt: skip
    store.append(more)
    assert store.search_space_ids() == ["s1"]
    query = np.array([1, -1], np.float32)
    found = store.nearest(query, search_space_id="s1", limit=5, where=None)
    compact = np.vstack([rows.cells[:, :2].astype(np.float32) * 2, [[9, 9]]])
    best = np.argsort(-(compact @ query))[:5]
    assert [key.image_id for key in found.keys] == best.tolist()
    np.testing.assert_allclose(found.compact_similarities, (compact @ query)[best], atol=0.02)
    store.drop_search_space("s1")
    store.drop_search_space("s1")
    assert store.search_space_ids() == []


def test_compact_vectors_that_are_at_hand_are_copied_by_image(store: LanceStore) -> None:
    store.append(_rows(*(_key(id_) for id_ in range(20))))

    def compact(image_ids: np.ndarray) -> np.ndarray:
        return np.stack([image_ids, -image_ids], axis=1).astype(np.float16)

    store.copy_search_space("s1", dimensions=2, compact=compact)
    assert store.search_space_ids() == ["s1"]
    for sign, first in ((1, 19), (-1, 0)):
        query = np.array([sign, 0], np.float32)
        found = store.nearest(query, search_space_id="s1", limit=1, where=None)
        assert [key.image_id for key in found.keys] == [first]


def test_an_empty_store_takes_a_search_space_and_then_rows(store: LanceStore) -> None:
    store.add_search_space("s1", dimensions=2, project=lambda cells: cells[:, :2].astype("f4"))
    store.append(_rows(_key(1)))  # without its compact vector: not found, and no error
    one = {"s1": np.ones((1, 2), np.float32)}
    store.append(VectorRows([_key(2)], np.ones((1, _LENGTH), np.float16), [{}], one))
    found = store.nearest(np.ones(2, np.float32), search_space_id="s1", limit=5, where=None)
    assert [key.image_id for key in found.keys] == [2]


def _matching(store: LanceStore, text: str, columns: dict[str, ColumnType]) -> list[int]:
    return store.matching(parse(text, columns)).image_ids.tolist()


def test_columns_are_declared_filtered_by_and_widened(store: LanceStore) -> None:
    columns = {"price": _INTEGER, "full name": _TEXT}
    store.declare_columns(columns)
    store.append(_rows(_key(2), attributes={"price": 80, "full name": "Dress"}))
    store.append(_rows(_key(1), attributes={"price": 90}))
    assert _matching(store, "price > 70", columns) == [1, 2]
    assert _matching(store, "price > 85", columns) == [1]
    columns = {"price": _NUMBER, "full name": _TEXT, "new": _INTEGER}
    store.declare_columns(columns)
    store.append(_rows(_key(3), attributes={"price": 80.5, "new": 1}))
    assert _matching(store, "price <= 80.5", columns) == [2, 3]
    assert _matching(store, "new = 1", columns) == [3]
    store.declare_columns({**columns, "price": _INTEGER})  # a catalogue that was not told
    assert _matching(store, "price <= 80.5", columns) == [2, 3]


def test_a_column_that_the_catalogue_never_named_takes_its_new_type(store: LanceStore) -> None:
    store.declare_columns({"size": _INTEGER})
    store.append(_rows(_key(1)))
    store.declare_columns({"size": _TEXT})
    store.append(_rows(_key(2), attributes={"size": "XL"}))
    assert _matching(store, "size = 'XL'", {"size": _TEXT}) == [2]


@pytest.mark.parametrize("step", ["add_columns", "alter_columns", "drop_columns"])
def test_a_widening_that_was_cut_off_is_finished_by_the_next(
    store: LanceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    store.declare_columns({"price": _INTEGER})
    store.append(_rows(_key(1), attributes={"price": 80}))
    dataset = type(store._dataset())
    with monkeypatch.context() as patch:

        def cut(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(dataset, step, cut)
        with pytest.raises(KeyboardInterrupt):
            store.declare_columns({"price": _NUMBER})
    again = _open(tmp_path / "cells.lance")
    again.declare_columns({"price": _NUMBER})
    again.append(_rows(_key(2), attributes={"price": 80.5}))
    assert _matching(again, "price >= 80", {"price": _NUMBER}) == [1, 2]
    assert [name for name in again._dataset().schema.names if name.startswith("_")] == []


_WRITER = """
import sys, numpy as np
from tiefvision.store.lance import LanceStore
from tiefvision.store.records import RowKey
from tiefvision.store.vectors import VectorRows
store = LanceStore(__import__("pathlib").Path(sys.argv[1]), cell_space_id="space", cell_length=6)
base = int(sys.argv[2])
for i in range(base, base + 15):
    keys = [RowKey(i, "a", 0, 0), RowKey(i, "b", 0, 0)]
    store.append(VectorRows(keys, np.zeros((2, 6), "f2"), [{}, {}]))
    store.remove_superseded([RowKey(i, "b", 0, 0)])
"""


def test_two_processes_that_write_at_once_lose_nothing(store: LanceStore, tmp_path: Path) -> None:
    store.append(_rows(_key(1)))
    folder = str(tmp_path / "cells.lance")
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, folder, str(base)]) for base in (100, 200)
    ]
    for _ in range(5):
        store.append(_rows(_key(1)))
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    found = _keys(store)
    assert found.count(_key(1)) == 6
    assert [key.content_id for key in found[6:]] == ["b"] * 30


def test_many_small_writes_are_merged(store: LanceStore) -> None:
    for id_ in range(40):
        store.append(_rows(_key(id_)))
    assert len(store._dataset().get_fragments()) == 40
    store.optimize(search_space_ids=[], columns=[])
    assert len(store._dataset().get_fragments()) == 1
    assert [key.image_id for key in _keys(store)] == list(range(40))
