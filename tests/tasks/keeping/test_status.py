"""`tiefvision status`."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

import small_shop
from tiefvision.errors import NotFound
from tiefvision.store import leases
from tiefvision.store.database import open_database
from tiefvision.tasks.keeping.status import status


@pytest.fixture
def shop(tmp_path: Path) -> small_shop.SmallShop:
    return small_shop.built(tmp_path)


def test_every_image_is_counted_once_by_its_state(shop: small_shop.SmallShop) -> None:
    first, *_, last = shop.files
    shutil.copy(first, shop.photos / "copy.jpg")
    (shop.photos / "broken.jpg").write_bytes(b"no image at all")
    last.unlink()
    shop.index()
    found = status(shop.catalogue)
    assert (found.indexed, found.duplicates, found.refused) == (7, 1, 1)
    assert (found.vanished, found.pending, found.todo) == (1, 0, 0)
    # A vanished photograph can be found until it is pruned.
    assert found.searchable == 9


def test_work_left_by_an_interrupted_run_is_counted(shop: small_shop.SmallShop) -> None:
    for number, file in enumerate(shop.files[:3]):
        (shop.photos / f"new-{number}.jpg").write_bytes(file.read_bytes() + b"\0\xff\xd9")
    stop = threading.Event()
    stop.set()
    shop.index(stop=stop)
    found = status(shop.catalogue)
    assert (found.pending, found.todo, found.searchable) == (3, 3, 8)


def test_spaces_columns_and_folders_are_named(shop: small_shop.SmallShop) -> None:
    found = status(shop.catalogue)
    assert found.cell_space is not None and found.search_space is not None
    assert found.cell_space.encoder == small_shop.ENCODER
    assert (found.cell_space.rows, found.cell_space.cols) == (3, 3)
    assert found.search_space.cell_space_id == found.cell_space.id
    assert found.search_space.dimensions is None
    assert found.columns["price"] == "number" and found.columns["kind"] == "text"
    assert [(root.path, root.images) for root in found.roots] == [(str(shop.photos), 8)]
    assert found.last_run is not None and found.last_run.finished_at is not None


def test_disk_use_is_the_sum_of_all_files(shop: small_shop.SmallShop) -> None:
    parts = status(shop.catalogue).disk_bytes
    settings_bytes = (shop.catalogue / "tiefvision.toml").stat().st_size
    files = [file for file in shop.catalogue.rglob("*") if file.is_file()]
    names = {"database", "vectors", "search spaces", "models"}
    assert set(parts) == names
    # The write-ahead log can change while it is looked at, by pages of 4 KiB.
    held = sum(file.stat().st_size for file in files) - settings_bytes
    assert sum(parts.values()) == pytest.approx(held, abs=100_000)
    models = sum(f.stat().st_size for f in (shop.catalogue / "models").rglob("*") if f.is_file())
    assert parts["models"] == models


def test_process_at_work_is_named(shop: small_shop.SmallShop) -> None:
    assert status(shop.catalogue).indexing_by is None
    database = open_database(shop.catalogue)
    with leases.hold(database, "index"):
        held = status(shop.catalogue).indexing_by
    database.close()
    assert held is not None and len(held.split(":")) == 3


def test_empty_catalogue_has_a_status(tmp_path: Path) -> None:
    open_database(tmp_path).close()
    found = status(tmp_path)
    assert (found.searchable, found.cell_space, found.search_space) == (0, None, None)
    assert found.last_run is None and found.roots == []


def test_no_catalogue_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="tiefvision index"):
        status(tmp_path / "none")
