"""`tiefvision index --watch`, on real files and the platform's own notifications."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import small_shop
from small_shop import SmallShop
from tiefvision.errors import NotFound
from tiefvision.store import leases
from tiefvision.tasks.indexing.index import IndexReport
from tiefvision.tasks.indexing.watch import watch
from tiefvision.tasks.opened import opened

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(tmp_path: Path) -> SmallShop:
    return small_shop.built(tmp_path)


def stop_after(seconds: float, stop: threading.Event) -> threading.Timer:
    """Ends a watch that sees nothing."""
    timer = threading.Timer(seconds, stop.set)
    timer.start()
    return timer


def test_new_photograph_is_indexed_and_stop_ends_the_watch(shop: SmallShop) -> None:
    stop = threading.Event()
    timer = stop_after(30, stop)
    totals: list[int] = []
    for report in watch([shop.photos], shop.index, catalogue=shop.catalogue, stop=stop):
        totals.append(report.total)
        if len(totals) == 1:
            new = shop.files[0].read_bytes() + b"\0\xff\xd9"
            (shop.photos / "new.jpg").write_bytes(new)
        elif len(totals) == 2:
            shop.files[0].unlink()
        else:
            assert report.vanished == 1
            stop.set()
    timer.cancel()
    assert totals == [8, 9, 9]


def test_files_that_are_no_photographs_and_the_catalogue_itself_start_no_run(
    shop: SmallShop,
) -> None:
    inside = SmallShop(shop.folder)
    stop = threading.Event()
    reports: list[IndexReport] = []
    for report in watch([shop.folder], inside.index, catalogue=shop.catalogue, stop=stop):
        reports.append(report)
        (shop.photos / "notes.txt").write_text("no photograph")
        (shop.photos / ".hidden.jpg").write_text("hidden")
        (shop.catalogue / "file.jpg").write_text("the catalogue's own")
        stop_after(2, stop)
    assert len(reports) == 1


def test_run_of_another_process_is_waited_for(shop: SmallShop) -> None:
    stop = threading.Event()
    timer = stop_after(30, stop)
    free = threading.Event()

    def hold() -> None:
        with opened(shop.catalogue) as own, leases.hold(own.database, "index"):
            held.set()
            free.wait()

    held = threading.Event()
    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    threading.Timer(1.2, free.set).start()
    for report in watch([shop.photos], shop.index, catalogue=shop.catalogue, stop=stop):
        assert free.is_set() and report.unchanged == 8
        stop.set()
    timer.cancel()
    other.join()


def test_missing_folder_is_said_before_anything_is_watched(tmp_path: Path) -> None:
    def run() -> IndexReport:
        raise AssertionError("nothing to index")

    with pytest.raises(NotFound, match="none"):
        next(watch([tmp_path / "none"], run, catalogue=tmp_path / "c", stop=threading.Event()))
