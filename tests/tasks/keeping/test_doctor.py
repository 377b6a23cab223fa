"""`tiefvision doctor`: every kind of damage is found, and nothing is changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import small_shop
from small_shop import SmallShop
from tiefvision.store import leases
from tiefvision.store.spaces import CellSpace
from tiefvision.tasks.keeping.doctor import Diagnosis, doctor
from tiefvision.tasks.opened import Opened, opened


@pytest.fixture
def shop(tmp_path: Path) -> SmallShop:
    return small_shop.built(tmp_path)


def only(diagnosis: Diagnosis) -> str:
    """The message of the one finding."""
    assert not diagnosis.healthy
    assert [finding.message for finding in diagnosis.findings] == [diagnosis.findings[0].message]
    assert diagnosis.findings[0].remedy
    return diagnosis.findings[0].message


def cell_space(own: Opened) -> CellSpace:
    return own.search_space().cell_space


def test_fresh_catalogue_is_healthy(shop: SmallShop) -> None:
    diagnosis = doctor(shop.catalogue)
    assert diagnosis.healthy and diagnosis.findings == ()
    assert (diagnosis.checked, diagnosis.read) == (8, 0)
    assert doctor(shop.catalogue, recheck=True).read == 8


def test_refused_file_is_listed_with_reason_and_remedy_and_is_no_finding(shop: SmallShop) -> None:
    (shop.photos / "broken.jpg").write_bytes(shop.files[0].read_bytes()[:2000])
    shop.index()
    diagnosis = doctor(shop.catalogue)
    assert diagnosis.healthy
    (refused,) = diagnosis.refused
    assert refused.path == str(shop.photos / "broken.jpg") and refused.reason and refused.remedy


def test_changed_photograph_is_found_by_its_time(shop: SmallShop) -> None:
    os.utime(shop.files[2], ns=(0, 0))
    diagnosis = doctor(shop.catalogue)
    assert "changed since" in only(diagnosis) and str(shop.files[2]) in only(diagnosis)
    assert diagnosis.findings[0].remedy.startswith(f"tiefvision index {shop.photos} -c ")


def test_other_bytes_behind_the_same_size_and_time_are_found_by_reading(shop: SmallShop) -> None:
    file = shop.files[1]
    before = file.stat()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert doctor(shop.catalogue).healthy
    assert "other bytes" in only(doctor(shop.catalogue, recheck=True))


@pytest.mark.parametrize("recheck", [False, True])
def test_missing_photograph_is_found(shop: SmallShop, recheck: bool) -> None:
    shop.files[0].unlink()
    assert "no longer where" in only(doctor(shop.catalogue, recheck=recheck))


def test_missing_folder_is_found_with_the_command_that_moves_it(shop: SmallShop) -> None:
    shop.photos.rename(shop.folder / "elsewhere")
    remedies = [finding.remedy for finding in doctor(shop.catalogue).findings]
    assert any(remedy.startswith(f"tiefvision roots move {shop.photos}") for remedy in remedies)


def test_vanished_photograph_is_listed_with_prune(shop: SmallShop) -> None:
    gone = shop.files[0]
    gone.unlink()
    shop.index()
    diagnosis = doctor(shop.catalogue)
    assert list(diagnosis.vanished) == [str(gone)]
    assert "vanished" in only(diagnosis) and diagnosis.findings[0].remedy.endswith("--prune")
    shop.index(prune=True)
    assert doctor(shop.catalogue).healthy


def test_lost_vectors_are_found_and_the_named_command_mends_them(shop: SmallShop) -> None:
    with opened(shop.catalogue) as own:
        own.vectors(cell_space(own)).remove_images([1, 2])
    diagnosis = doctor(shop.catalogue)
    assert only(diagnosis) == "images without vectors: 2"
    shop.index()
    assert doctor(shop.catalogue).healthy


def test_left_over_vectors_are_a_note(shop: SmallShop) -> None:
    with opened(shop.catalogue) as own:
        store = own.vectors(cell_space(own))
        store.append(store.fetch([3]))
    diagnosis = doctor(shop.catalogue)
    assert diagnosis.healthy and diagnosis.notes[0].startswith("left over rows of vectors: 1")


def test_missing_vectors_folder_is_found(shop: SmallShop) -> None:
    shutil.rmtree(shop.catalogue / "cells")
    assert "vectors is missing" in only(doctor(shop.catalogue))
    assert not (shop.catalogue / "cells").exists(), "doctor changes nothing"


def test_missing_encoder_is_found(shop: SmallShop, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(shop.catalogue / "models")
    monkeypatch.setenv("TIEFVISION_CACHE", str(shop.folder / "no-cache"))
    assert small_shop.ENCODER in only(doctor(shop.catalogue))


def test_stale_scan_is_a_note_and_mends_itself(shop: SmallShop) -> None:
    for file in (shop.catalogue / "spaces").rglob("scan.json"):
        file.unlink()
    diagnosis = doctor(shop.catalogue)
    assert diagnosis.healthy and "scan" in diagnosis.notes[0]


def test_vectors_are_not_judged_while_a_run_goes_on(shop: SmallShop) -> None:
    with opened(shop.catalogue) as own:
        own.vectors(cell_space(own)).remove_images([1])
        with leases.hold(own.database, "index"):
            diagnosis = doctor(shop.catalogue)
    assert diagnosis.healthy and "going on" in diagnosis.notes[0]


def test_damaged_database_is_found(shop: SmallShop) -> None:
    file = shop.catalogue / "catalogue.db"
    with opened(shop.catalogue) as own, own.database.write() as connection:
        connection.exec_driver_sql("SELECT 1")
    content = bytearray(file.read_bytes())
    # Pages of 4,096 bytes: the first holds the schema, one of the last the indexes.
    content[-4096:] = b"\x55" * 4096
    file.write_bytes(content)
    for log in shop.catalogue.glob("catalogue.db-*"):
        log.unlink()
    assert "damaged" in only(doctor(shop.catalogue))


def test_empty_catalogue_says_how_to_fill_it(tmp_path: Path) -> None:
    from tiefvision.store.database import open_database

    open_database(tmp_path).close()
    diagnosis = doctor(tmp_path)
    assert "empty" in only(diagnosis) and "tiefvision index" in diagnosis.findings[0].remedy
