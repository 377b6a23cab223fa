"""What the house asks of every vector engine, of Lance, milvus-lite and a Milvus server."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import milvus_server
from tiefvision.errors import SpaceMismatch
from tiefvision.store.filters import ColumnType, parse
from tiefvision.store.lance import LanceStore
from tiefvision.store.milvus import MilvusStore
from tiefvision.store.milvus_collections import Collections
from tiefvision.store.records import RowKey
from tiefvision.store.vectors import VectorRows, VectorStore

_LENGTH = 6
_COLUMNS = {"price": ColumnType.INTEGER, "name": ColumnType.TEXT}


@pytest.fixture(scope="module")
def server() -> Iterator[milvus_server.Server]:
    """A real Milvus server; skips loudly where its package is not installed."""
    milvus_server.skip_without()
    running = milvus_server.Server()
    yield running
    running.stop()


@pytest.fixture(params=["lance", "milvus-lite", pytest.param("milvus", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorStore]:
    files = LanceStore(tmp_path / "cells.lance", cell_space_id="space", cell_length=_LENGTH)
    if request.param == "lance":
        yield files
        return
    url = str(tmp_path / "vectors.db")
    if request.param == "milvus":
        url = request.getfixturevalue("server").account_url
    collections = Collections(url, prefix=f"test{secrets.token_hex(6)}")
    yield MilvusStore(collections, files)
    collections.drop("")
    collections.close()


def _key(id_: int, content: str = "a", box: int = 0, attributes: int = 0) -> RowKey:
    return RowKey(id_, content, box, attributes)


def _rows(*keys: RowKey, attributes: dict[str, object] | None = None) -> VectorRows:
    """Rows whose first two cells are their compact vectors in the search space s1."""
    cells = [np.random.default_rng(key.image_id).normal(size=_LENGTH) for key in keys]
    matrix = np.array(cells, np.float16)
    compact = {"s1": matrix[:, :2].astype(np.float32)}
    return VectorRows(keys, matrix, [attributes or {} for _ in keys], compact)


def _add_space(store: VectorStore) -> None:
    store.add_search_space("s1", dimensions=2, project=lambda cells: cells[:, :2].astype("f4"))


def _keys(store: VectorStore) -> list[RowKey]:
    found = [key for _, keys in store.each_key() for key in keys]
    return sorted(found, key=lambda key: (key.image_id, key.content_id, key.attributes_revision))


def _nearest(store: VectorStore, limit: int = 50, where: str = "") -> list[RowKey]:
    condition = parse(where, _COLUMNS) if where else None
    query = np.array([1, -1], np.float32)
    found = store.nearest(query, search_space_id="s1", limit=limit, where=condition)
    assert np.all(np.diff(found.compact_similarities) <= 0), "best first"
    return list(found.keys)


def test_rows_come_back_as_they_were_written(store: VectorStore) -> None:
    rows = _rows(_key(1), _key(2, "b", 3, 4), _key(3))
    store.append(rows)
    found = store.fetch([3, 2])
    assert set(found.keys) == {_key(3), _key(2, "b", 3, 4)}
    for key, cells in zip(found.keys, found.cells, strict=True):
        np.testing.assert_array_equal(cells, rows.cells[key.image_id - 1])
    assert store.fetch([99]).cells.shape == (0, _LENGTH)
    assert sum(len(batch.keys) for batch in store.each_cells()) == 3


def test_a_new_store_holds_nothing(store: VectorStore) -> None:
    assert _keys(store) == []
    assert store.search_space_ids() == []
    store.remove_images([1])
    store.remove_rows([])
    store.optimize(search_space_ids=[], columns=[])


def test_the_nearest_are_those_of_an_exact_comparison(store: VectorStore) -> None:
    rows = _rows(*(_key(id_) for id_ in range(60)))
    store.append(rows)
    _add_space(store)
    more = VectorRows(
        [_key(60)], np.ones((1, _LENGTH), np.float16), [{}], {"s1": np.array([[9, -9]], "f4")}
    )
    store.append(more)
    assert store.search_space_ids() == ["s1"]
    compact = np.vstack([rows.cells[:, :2].astype(np.float32), [[9, -9]]])
    similarities = compact @ [1, -1]
    best = np.argsort(-similarities)[:5]
    query = np.array([1, -1], np.float32)
    found = store.nearest(query, search_space_id="s1", limit=5, where=None)
    assert [key.image_id for key in found.keys] == best.tolist()
    np.testing.assert_allclose(found.compact_similarities, similarities[best], atol=0.02)
    store.drop_search_space("s1")
    store.drop_search_space("s1")
    assert store.search_space_ids() == []


def test_superseded_and_removed_rows_are_found_no_more(store: VectorStore) -> None:
    _add_space(store)
    old = [_key(1), _key(1, "b"), _key(1, "a", 1), _key(2)]
    new = _key(1, "a", 0, 1)
    store.append(_rows(*old, new))
    assert len(_nearest(store)) == 5
    store.remove_superseded([new])
    assert _keys(store) == [new, _key(2)]
    assert set(_nearest(store)) == {new, _key(2)}
    store.remove_images([1])
    assert _keys(store) == _nearest(store) == [_key(2)]


def test_one_of_two_equal_rows_can_be_removed(store: VectorStore) -> None:
    _add_space(store)
    store.append(_rows(_key(1), _key(2), _key(3)))
    store.append(_rows(_key(1)))
    row_ids = {
        key: [int(row) for ids, keys in store.each_key() for row, own in zip(ids, keys, strict=True)
              if own == key]
        for key in (_key(1), _key(3))
    }  # fmt: skip
    assert len(row_ids[_key(1)]) == 2
    store.remove_rows([row_ids[_key(1)][1], *row_ids[_key(3)]])
    assert _keys(store) == [_key(1), _key(2)]
    assert set(_nearest(store)) == {_key(1), _key(2)}


def test_vectors_of_another_length_are_refused(store: VectorStore) -> None:
    _add_space(store)
    store.append(_rows(_key(1)))
    wrong = VectorRows([_key(1)], np.zeros((1, _LENGTH + 1), np.float16), [{}])
    with pytest.raises(SpaceMismatch):
        store.append(wrong)
    assert _nearest(store) == [_key(1)]


def test_compact_vectors_that_are_at_hand_are_copied_by_image(store: VectorStore) -> None:
    store.append(_rows(*(_key(id_) for id_ in range(20))))

    def compact(image_ids: np.ndarray) -> np.ndarray:
        return np.stack([image_ids, -image_ids], axis=1).astype(np.float16)

    store.copy_search_space("s1", dimensions=2, compact=compact)
    assert store.search_space_ids() == ["s1"]
    for sign, first in ((1, 19), (-1, 0)):
        query = np.array([sign, 0], np.float32)
        found = store.nearest(query, search_space_id="s1", limit=1, where=None)
        assert [key.image_id for key in found.keys] == [first]


def test_rows_without_a_compact_vector_are_not_found_and_no_error(store: VectorStore) -> None:
    _add_space(store)
    store.append(VectorRows([_key(1)], np.ones((1, _LENGTH), np.float16), [{}]))
    store.append(_rows(_key(2)))
    assert _nearest(store) == [_key(2)]
    assert _keys(store) == [_key(1), _key(2)]


@pytest.mark.parametrize("overfetch", [False, True])
def test_filters_give_the_nearest_of_those_that_match(
    store: VectorStore, overfetch: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tiefvision.store import milvus

    monkeypatch.setattr(milvus, "_MANY_IMAGES", 0 if overfetch else 20_000)
    store.declare_columns(_COLUMNS)
    _add_space(store)
    for id_ in range(60):
        values: dict[str, object] = {"price": id_, "name": "Dress" if id_ % 2 else None}
        store.append(_rows(_key(id_), attributes=values))
    # An older row of an image that matched before does not.
    store.append(_rows(_key(7, attributes=1), attributes={"price": 99, "name": "Dress"}))
    everything = _nearest(store, 70)
    assert len(everything) == 61

    def expected(*ids: int) -> list[RowKey]:
        return [key for key in everything if key.image_id in ids and key.attributes_revision == 0]

    assert _nearest(store, where="price < 3") == expected(0, 1, 2)
    assert _nearest(store, where="price IN (5, 7)") == expected(5, 7)
    assert _nearest(store, 4, "price >= 20 AND price < 99") == expected(*range(20, 60))[:4]
    assert _nearest(store, where="name IS NULL AND price < 6") == expected(0, 2, 4)
    assert _nearest(store, where="name ILIKE 'dr%' AND price < 6") == expected(1, 3, 5)
    assert _nearest(store, where="name != 'Dress'") == []
