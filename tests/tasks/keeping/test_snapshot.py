"""`tiefvision catalogue snapshot`."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

import small_shop
from small_shop import SmallShop
from tiefvision.errors import Conflict, InvalidInput
from tiefvision.store import leases
from tiefvision.tasks.keeping import snapshot as task
from tiefvision.tasks.keeping.doctor import doctor
from tiefvision.tasks.keeping.snapshot import snapshot
from tiefvision.tasks.keeping.status import status
from tiefvision.tasks.opened import opened
from tiefvision.tasks.searching.query import search


@pytest.fixture
def shop(tmp_path: Path) -> SmallShop:
    return small_shop.built(tmp_path)


def test_snapshot_answers_like_its_catalogue(
    shop: SmallShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIEFVISION_CACHE", str(tmp_path / "another machine's cache"))
    report = snapshot(tmp_path / "copy", catalogue=shop.catalogue)
    assert report.images == 8
    files = [file for file in (tmp_path / "copy").rglob("*") if file.is_file()]
    assert report.copied_bytes == sum(file.stat().st_size for file in files)
    for where in (None, "price < 80"):
        own = search(shop.files[0], catalogue=shop.catalogue, where=where)
        assert search(shop.files[0], catalogue=tmp_path / "copy", where=where).hits == own.hits
    assert doctor(tmp_path / "copy").healthy


def test_snapshot_is_indexed_on_without_the_original(shop: SmallShop, tmp_path: Path) -> None:
    snapshot(tmp_path / "copy", catalogue=shop.catalogue)
    (shop.photos / "new.jpg").write_bytes(shop.files[0].read_bytes() + b"\0\xff\xd9")
    from tiefvision.tasks.indexing.index import index

    report = index([shop.photos], catalogue=tmp_path / "copy")
    assert (report.indexed, report.unchanged) == (1, 8)
    assert status(shop.catalogue).searchable == 8


def test_no_lease_is_copied(shop: SmallShop, tmp_path: Path) -> None:
    snapshot(tmp_path / "copy", catalogue=shop.catalogue)
    assert status(tmp_path / "copy").indexing_by is None


def test_snapshot_waits_for_an_index_run_and_holds_all_of_it(
    shop: SmallShop, tmp_path: Path
) -> None:
    begun, ended = threading.Event(), threading.Event()

    def run() -> None:
        with opened(shop.catalogue) as own, leases.hold(own.database, "index"):
            begun.set()
            time.sleep(0.5)
            ended.set()

    thread = threading.Thread(target=run)
    thread.start()
    begun.wait()
    snapshot(tmp_path / "copy", catalogue=shop.catalogue, wait_s=20)
    assert ended.is_set()
    thread.join()
    assert doctor(tmp_path / "copy").healthy


def test_run_that_does_not_end_is_a_conflict_and_leaves_nothing(
    shop: SmallShop, tmp_path: Path
) -> None:
    with opened(shop.catalogue) as own, leases.hold(own.database, "index"):
        with pytest.raises(Conflict):
            snapshot(tmp_path / "copy", catalogue=shop.catalogue, wait_s=0)
    assert not list(tmp_path.glob("copy*"))


def test_empty_folder_is_taken_and_a_full_one_refused(shop: SmallShop, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    snapshot(tmp_path / "copy", catalogue=shop.catalogue)
    with pytest.raises(InvalidInput, match="not empty"):
        snapshot(tmp_path / "copy", catalogue=shop.catalogue)


def test_folder_inside_the_catalogue_is_refused(shop: SmallShop) -> None:
    with pytest.raises(InvalidInput, match="catalogue itself"):
        snapshot(shop.catalogue / "copy", catalogue=shop.catalogue)


def test_left_over_partial_folder_is_named(shop: SmallShop, tmp_path: Path) -> None:
    (tmp_path / "copy.partial").mkdir()
    with pytest.raises(InvalidInput, match=r"copy\.partial"):
        snapshot(tmp_path / "copy", catalogue=shop.catalogue)


def test_failing_copy_leaves_nothing(
    shop: SmallShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(task, "_copy_database", full)
    with pytest.raises(InvalidInput, match="No space left"):
        snapshot(tmp_path / "copy", catalogue=shop.catalogue)
    assert not list(tmp_path.glob("copy*"))
