"""What is Milvus's own: a server that is away, busy, too old or killed; cut off fillings."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import milvus_server
from indexing import Indexing
from tiefvision import settings
from tiefvision.errors import NotReady, SpaceMismatch, StoreError
from tiefvision.store import milvus_collections
from tiefvision.store.lance import LanceStore
from tiefvision.store.milvus import MilvusStore
from tiefvision.store.milvus_collections import Collections
from tiefvision.store.records import RowKey
from tiefvision.store.vectors import VectorRows
from tiefvision.tasks.indexing import growth
from tiefvision.tasks.opened import opened
from tiefvision.tasks.searching.search import Searcher

_QUERY = np.array([1, -1], np.float32)


def _store(folder: Path, url: str) -> tuple[MilvusStore, Collections]:
    collections = Collections(url, prefix="shop")
    files = LanceStore(folder / "cells.lance", cell_space_id="space", cell_length=6)
    return MilvusStore(collections, files), collections


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MilvusStore]:
    made, collections = _store(tmp_path, str(tmp_path / "vectors.db"))
    yield made
    collections.close()


def _rows(ids: range) -> VectorRows:
    cells = np.random.default_rng(len(ids)).normal(size=(len(ids), 6)).astype(np.float16)
    compact = {"s1": cells[:, :2].astype(np.float32)}
    return VectorRows([RowKey(id_, "a", 0, 0) for id_ in ids], cells, [{} for _ in ids], compact)


def _first_two(cells: np.ndarray) -> np.ndarray:
    return cells[:, :2].astype(np.float32)


def _ids(store: MilvusStore) -> list[int]:
    found = store.nearest(_QUERY, search_space_id="s1", limit=500, where=None)
    return sorted(key.image_id for key in found.keys)


def test_a_server_that_is_not_there_is_told_without_its_password() -> None:
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        Collections("http://root:hidden@127.0.0.1:1", prefix="shop").names("")
    assert "[store] url" in caught.value.remedy
    assert "hidden" not in str(caught.value)


def test_without_its_client_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(NotReady, match="pymilvus is not installed") as caught:
        Collections(str(tmp_path / "vectors.db"), prefix="shop").names("")
    assert caught.value.remedy == "pip install 'tiefvision[cluster]'"


class _Server:
    """A client of a server that fails with these codes, one after the other, and then answers."""

    def __init__(self, codes: list[int]) -> None:
        self.codes = codes
        self.seconds_left: list[float] = []

    def list_collections(self, *, timeout: float) -> list[str]:
        from pymilvus.exceptions import MilvusException

        self.seconds_left.append(timeout)
        if self.codes:
            raise MilvusException(code=self.codes.pop(0), message="no such luck")
        return ["shop_a"]


def _answering(codes: list[int]) -> tuple[Collections, _Server]:
    collections, server = Collections("http://far:19530", prefix="shop"), _Server(codes)
    collections._client = server  # type: ignore[assignment]
    return collections, server


def test_a_busy_server_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(milvus_collections.time, "sleep", pauses.append)
    collections, server = _answering([503, 902, 1, 401])
    assert collections.names("") == ["shop_a"]
    assert len(server.seconds_left) == 5
    assert all(0.05 * 2**n <= pause <= 0.1 * 2**n for n, pause in enumerate(pauses))


def test_a_server_that_stays_busy_is_told_when_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milvus_collections, "_DEADLINE_S", 0.5)
    collections, server = _answering([503] * 99)
    with pytest.raises(StoreError, match="no such luck") as caught:
        collections.names("")
    assert "type the same again" in caught.value.remedy
    assert 1 < len(server.seconds_left) < 9


def test_what_will_not_pass_is_told_at_once() -> None:
    collections, server = _answering([1100] * 99)
    with pytest.raises(StoreError, match="no such luck"):
        collections.names("")
    assert len(server.seconds_left) == 1


def test_a_server_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import pymilvus

    class Old:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def get_server_version(self, **_: object) -> str:
            return "v2.2.9-lite"

    monkeypatch.setattr(pymilvus, "MilvusClient", Old)
    with pytest.raises(StoreError, match=r"version v2\.2\.9-lite; expected 2\.3 or later"):
        Collections("http://far:19530", prefix="shop").names("")


def test_a_query_of_another_length_is_refused(store: MilvusStore) -> None:
    store.add_search_space("s1", dimensions=2, project=_first_two)
    with pytest.raises(SpaceMismatch, match="whose vectors have 2"):
        store.nearest(np.ones(3, np.float32), search_space_id="s1", limit=1, where=None)


def test_a_filling_that_was_cut_off_is_begun_anew(store: MilvusStore) -> None:
    store.append(_rows(range(200)))
    batches = 0

    def cut(cells: np.ndarray) -> np.ndarray:
        nonlocal batches
        batches += 1
        if batches == 2:
            raise KeyboardInterrupt
        return _first_two(cells) * 9

    with pytest.raises(KeyboardInterrupt):
        store.add_search_space("s1", dimensions=2, project=cut)
    assert store.search_space_ids() == []
    store.add_search_space("s1", dimensions=2, project=_first_two)
    assert store.search_space_ids() == ["s1"]
    assert store._count("s1") == 200


def test_catalogues_of_one_server_do_not_meet(store: MilvusStore, tmp_path: Path) -> None:
    store.append(_rows(range(3)))
    store.add_search_space("s1", dimensions=2, project=_first_two)
    other = Collections(str(tmp_path / "vectors.db"), prefix="shop2")
    assert other.names("") == []
    other.drop("")
    assert _ids(store) == [0, 1, 2]


@pytest.mark.slow
def test_a_wrong_password_is_told_and_what_was_written_survives_a_killed_server(
    tmp_path: Path,
) -> None:
    milvus_server.skip_without()
    server = milvus_server.Server()
    try:
        address = server.url.replace("//", f"//{milvus_server.USER}:hidden@")
        with pytest.raises(StoreError, match="cannot be reached") as caught:
            Collections(address, prefix="shop").names("")
        assert "USER:PASSWORD" in caught.value.remedy
        assert "hidden" not in str(caught.value)
        store, collections = _store(tmp_path, server.account_url)
        store.add_search_space("s1", dimensions=2, project=_first_two)
        for start in range(0, 100, 20):
            store.append(_rows(range(start, start + 20)))
        server.kill()
        server.start()
        # The connection from before goes on, as that of a server process would.
        assert _ids(store) == list(range(100))
        store.append(_rows(range(90, 110)))
        assert _ids(store) == list(range(110))
        collections.close()
    finally:
        server.stop()


def test_a_catalogue_with_its_vectors_in_milvus_answers_as_one_in_a_folder(
    shop: Indexing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, draw: object
) -> None:
    monkeypatch.setattr(growth, "RUNGS", (10, 20))
    monkeypatch.setattr(growth, "PROJECT_FROM", 20)
    monkeypatch.setattr(growth, "DIMENSIONS", 8)
    photos = tmp_path / "photos"
    draw(photos, range(30))  # type: ignore[operator]
    answers: list[object] = []
    for url in ("", "vectors.db"):
        shop.catalogue.mkdir(exist_ok=True)
        own = settings.Settings(
            search=settings.SearchSettings(scan_up_to=0),
            store=settings.StoreSettings(url=url),
        )
        settings.write(shop.catalogue, own)
        shop(photos)
        (photos / "029.png").unlink()
        shop(photos, prune=True)
        draw(photos, [29])  # type: ignore[operator]
        shop(photos)
        with opened(shop.catalogue) as catalogue:
            collections = catalogue.collections()
            assert (collections is None) == (url == "")
            assert collections is None or len(collections.names("")) == 1
            searcher = Searcher(catalogue)
            found = [searcher.search(photos / f"{n:03}.png", k=9).hits for n in (3, 17, 29)]
            answers.append([[(hit.path, hit.similarity) for hit in hits] for hits in found])
            if collections is not None:
                collections.close()
        shutil.rmtree(shop.catalogue)
    assert answers[0] == answers[1]
