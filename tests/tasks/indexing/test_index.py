"""What `index` makes of new, touched, changed, doubled and vanished photographs."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from catalogue_rows import rows
from indexing import Indexing
from tiefvision import settings
from tiefvision.errors import Conflict, InvalidInput, NotFound
from tiefvision.maths.boxes import Box
from tiefvision.settings import read as read_settings
from tiefvision.store import leases, registry, roots, runs
from tiefvision.store.database import open_database
from tiefvision.store.lance import LanceStore
from tiefvision.tasks.indexing import writer
from tiefvision.tasks.indexing.index import index
from tiefvision.tasks.opened import opened
from tiefvision.tasks.searching.search import Searcher
from tiefvision.vision import pixels
from tiefvision.vision.embedder import Embedder

Draw = Callable[..., list[Path]]


@pytest.fixture
def folder(tmp_path: Path, draw: Draw) -> Path:
    """Ten photographs, named 000.png to 009.png."""
    draw(tmp_path / "photos", range(10))
    return tmp_path / "photos"


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The contents that were encoded, in order; clear it to begin anew."""
    log: list[str] = []
    real = Embedder.embed

    def embed(self: Embedder, source: bytes, *, box: Box | None) -> object:
        log.append(pixels.content_id(source))
        return real(self, source, box=box)

    monkeypatch.setattr(Embedder, "embed", embed)
    return log


def _states(shop: Indexing) -> dict[str, str]:
    return {Path(row.path).name: row.state for row in rows(shop.catalogue)}


def test_new_photographs_are_indexed_each_once(
    shop: Indexing, folder: Path, encoded: list[str]
) -> None:
    report = shop(folder)
    assert (report.indexed, report.total, len(encoded)) == (10, 10, 10)
    for row in rows(shop.catalogue):
        assert row.content_id == pixels.content_id(Path(row.path).read_bytes())
        assert row.box == (0.0, 0.0, 120.0, 96.0)
        assert len(row.cells) == 64


def test_an_unchanged_rerun_encodes_nothing(
    shop: Indexing, folder: Path, encoded: list[str]
) -> None:
    shop(folder)
    before = rows(shop.catalogue)
    encoded.clear()
    report = shop(folder)
    assert (report.indexed, report.updated, report.unchanged) == (0, 0, 10)
    assert encoded == []
    assert rows(shop.catalogue) == before


def test_a_touched_file_is_read_but_not_encoded_and_then_left_alone(
    shop: Indexing, folder: Path, encoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop(folder)
    encoded.clear()
    os.utime(folder / "003.png", (1, 1))
    report = shop(folder)
    assert (report.updated, report.unchanged, encoded) == (0, 10, [])
    monkeypatch.setattr(pixels, "file_bytes", None)  # nothing is read any more
    assert shop(folder).unchanged == 10


def test_a_changed_file_is_updated_and_its_old_vectors_are_gone(
    shop: Indexing, folder: Path, encoded: list[str], draw: Draw
) -> None:
    shop(folder)
    before = {row.path: row for row in rows(shop.catalogue)}
    encoded.clear()
    draw(folder, [100])[0].replace(folder / "003.png")
    report = shop(folder)
    assert (report.indexed, report.updated, report.unchanged) == (0, 1, 9)
    assert len(encoded) == 1
    after = {row.path: row for row in rows(shop.catalogue)}
    changed = {path for path in before if before[path] != after[path]}
    assert changed == {str(folder / "003.png")}


def test_a_file_that_became_unreadable_is_refused_and_indexed_when_mended(
    shop: Indexing, folder: Path, encoded: list[str]
) -> None:
    shop(folder)
    before = rows(shop.catalogue)
    good = (folder / "003.png").read_bytes()
    (folder / "003.png").write_bytes(good[:200])
    report = shop(folder)
    assert (report.refused, report.total) == (1, 9)
    assert report.refusals[0][0] == "003.png" and all(report.refusals[0])
    assert shop(folder).refused == 1
    (folder / "003.png").write_bytes(good)
    assert shop(folder).updated == 1
    assert rows(shop.catalogue) == before


def test_a_link_to_nowhere_is_refused_until_its_target_is_there(
    shop: Indexing, folder: Path, tmp_path: Path
) -> None:
    (folder / "link.png").symlink_to(tmp_path / "later.png")
    assert shop(folder).refused == 1
    shutil.copy(folder / "001.png", tmp_path / "later.png")
    shop(folder)
    assert _states(shop)["link.png"] == "indexed"


def test_vanished_photographs_are_reported_and_removed_only_by_prune(
    shop: Indexing, folder: Path, encoded: list[str]
) -> None:
    shop(folder)
    before = rows(shop.catalogue)
    (folder / "000.png").unlink()
    report = shop(folder)
    assert (report.vanished, report.pruned, report.total) == (1, 0, 10)
    report = shop(folder, prune=True)
    assert (report.vanished, report.pruned, report.total) == (0, 1, 9)
    assert rows(shop.catalogue) == before[1:]


def test_a_vanished_photograph_that_comes_back_is_not_encoded_again(
    shop: Indexing, folder: Path, encoded: list[str], tmp_path: Path
) -> None:
    shop(folder)
    before = rows(shop.catalogue)
    encoded.clear()
    shutil.move(folder / "000.png", tmp_path / "away.png")
    shop(folder)
    shutil.move(tmp_path / "away.png", folder / "000.png")
    assert shop(folder).vanished == 0
    assert encoded == []
    assert rows(shop.catalogue) == before


def test_a_folder_that_cannot_be_opened_does_not_end_the_run(
    shop: Indexing, folder: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(folder / "inner", [50])
    shop(folder)
    real = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("inner"):
            raise PermissionError(path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    report = shop(folder, prune=True)
    assert report.skipped["folders that cannot be opened"] == 1
    assert (report.vanished, report.pruned, report.total) == (0, 0, 11)


def test_exact_duplicates_share_vectors_and_are_encoded_once(
    shop: Indexing, folder: Path, encoded: list[str]
) -> None:
    for name in ("001-again.png", "a.png"):
        shutil.copy(folder / "001.png", folder / name)
    report = shop(folder)
    assert (report.indexed, report.duplicates, len(encoded)) == (10, 2, 10)
    found = {Path(row.path).name: row for row in rows(shop.catalogue)}
    # By name "001-again.png" comes first.
    first = str(folder / "001-again.png")
    assert found["001-again.png"].duplicate_of is None
    assert found["001.png"].duplicate_of == found["a.png"].duplicate_of == first
    assert found["001.png"].cells == found["a.png"].cells == found["001-again.png"].cells


def test_a_duplicate_that_comes_later_is_not_encoded(
    shop: Indexing, folder: Path, encoded: list[str]
) -> None:
    shop(folder)
    encoded.clear()
    shutil.copy(folder / "001.png", folder / "z.png")
    assert shop(folder).duplicates == 1
    assert encoded == []


def test_when_the_original_is_pruned_a_duplicate_takes_its_place(
    shop: Indexing, folder: Path, encoded: list[str]
) -> None:
    for name in ("y.png", "z.png"):
        shutil.copy(folder / "001.png", folder / name)
    shop(folder)
    encoded.clear()
    (folder / "001.png").unlink()
    shop(folder, prune=True)
    found = {Path(row.path).name: row for row in rows(shop.catalogue)}
    assert found["y.png"].duplicate_of is None
    assert found["z.png"].duplicate_of == str(folder / "y.png")
    assert encoded == []


def test_files_that_change_names_all_end_indexed(
    shop: Indexing, folder: Path, encoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "BATCH_IMAGES", 1)  # the order that shares least
    shop(folder)
    cells = {row.content_id: row.cells for row in rows(shop.catalogue)}
    for number in range(9, -1, -1):
        (folder / f"{number:03}.png").rename(folder / f"{number + 1:03}.png")
    report = shop(folder)
    assert (report.vanished, report.refused, report.total) == (1, 0, 11)
    found = [row for row in rows(shop.catalogue) if not row.vanished]
    assert len(found) == 10
    for row in found:
        assert row.content_id == pixels.content_id(Path(row.path).read_bytes())
        assert row.cells == cells[row.content_id]


# --- attributes --------------------------------------------------------------------------------


def test_attributes_are_joined_by_path_below_the_root_or_the_table(
    shop: Indexing, folder: Path, tmp_path: Path
) -> None:
    below_root = tmp_path / "by-root.csv"
    below_root.write_text("path,label,price\n000.png,Dress,80\nphotos/001.png,Coat,120\n")
    report = shop(folder, attributes=below_root)
    assert report.columns == {"label": "text", "price": "integer"}
    assert report.attribute_problems == ()
    found = {Path(row.path).name: dict(row.attributes) for row in rows(shop.catalogue)}
    assert found["000.png"] == {"label": "Dress", "price": 80}
    assert found["001.png"] == {"label": "Coat", "price": 120}
    assert found["002.png"] == {}


def test_rows_that_name_no_photograph_are_told(
    shop: Indexing, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("path,label\n000.png,Dress\nnowhere.png,Coat\n")
    report = shop(folder, attributes=tmp_path / "a.csv")
    assert len(report.attribute_problems) == 1
    assert "nowhere.png" in report.attribute_problems[0]


def test_attributes_are_updated_without_reading_a_photograph(
    shop: Indexing, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "a.csv"
    table.write_text("path,price\n000.png,80\n001.png,90\n")
    shop(folder, attributes=table)
    cells = [row.cells for row in rows(shop.catalogue)]
    monkeypatch.setattr(pixels, "file_bytes", None)
    table.write_text("path,price,colour\n000.png,80,\n001.png,99.5,red\n002.png,1,blue\n")
    report = shop(folder, attributes=table)
    assert report.columns == {"price": "number", "colour": "text"}
    assert report.updated in (2, 3)  # 000.png gains a column without a value
    found = {Path(row.path).name: dict(row.attributes) for row in rows(shop.catalogue)}
    assert found["001.png"] == {"price": 99.5, "colour": "red"}
    assert found["002.png"] == {"price": 1, "colour": "blue"}
    assert [row.cells for row in rows(shop.catalogue)] == cells
    assert shop(folder, attributes=table).updated == 0


# --- roots -------------------------------------------------------------------------------------


def test_indexing_a_folder_above_takes_the_inner_one_in(
    shop: Indexing, tmp_path: Path, draw: Draw, encoded: list[str]
) -> None:
    draw(tmp_path / "photos" / "inner", range(3))
    draw(tmp_path / "photos" / "other", range(3, 5))
    shop(tmp_path / "photos" / "inner")
    encoded.clear()
    report = shop(tmp_path / "photos")
    assert (report.indexed, report.unchanged, len(encoded)) == (2, 3, 2)
    with opened(shop.catalogue) as catalogue:
        assert [root.path for root in roots.each(catalogue.database)] == [str(tmp_path / "photos")]


def test_a_folder_of_which_nothing_is_left_is_pruned_only_on_purpose(
    shop: Indexing, tmp_path: Path, draw: Draw
) -> None:
    draw(tmp_path / "drive", range(3))
    draw(tmp_path / "here", range(3, 6))
    shop(tmp_path / "drive", tmp_path / "here")
    for file in (tmp_path / "drive").iterdir():
        file.rename(tmp_path / file.name)
    (tmp_path / "here" / "003.png").unlink()
    report = shop(tmp_path / "drive", tmp_path / "here", prune=True)
    assert (report.vanished, report.pruned, report.total) == (3, 1, 5)
    assert any("of the 3 photographs" in note and "drive" in note for note in report.notes)

    (tmp_path / "000.png").rename(tmp_path / "drive" / "000.png")
    report = shop(tmp_path / "drive", tmp_path / "here", prune=True)
    assert (report.pruned, report.total, report.notes) == (2, 3, ())

    (tmp_path / "drive" / "000.png").unlink()
    report = shop(tmp_path / "drive", prune_emptied=True)
    assert (report.vanished, report.pruned, report.total, report.notes) == (0, 1, 2, ())


def test_a_folder_below_belongs_to_the_root_above(
    shop: Indexing, tmp_path: Path, draw: Draw
) -> None:
    draw(tmp_path / "photos" / "inner", range(3))
    draw(tmp_path / "photos" / "other", range(3, 5))
    shop(tmp_path / "photos")
    (tmp_path / "photos" / "inner" / "000.png").unlink()
    (tmp_path / "photos" / "other" / "003.png").unlink()
    # Only what lies in the folder that was walked is known to have vanished.
    report = shop(tmp_path / "photos" / "inner", prune=True)
    assert (report.unchanged, report.pruned, report.total) == (2, 1, 4)


def test_two_roots_and_a_single_file_are_indexed_together(
    shop: Indexing, tmp_path: Path, draw: Draw
) -> None:
    draw(tmp_path / "one", range(3))
    draw(tmp_path / "two", range(3, 6))
    single = draw(tmp_path / "three", [6, 7])[0]
    report = shop(tmp_path / "one", tmp_path / "two", single)
    assert report.indexed == 7
    with opened(shop.catalogue) as catalogue:
        assert [root.images for root in roots.each(catalogue.database)] == [3, 1, 3]


def test_a_path_with_two_dots_names_the_folder_it_leads_to(
    shop: Indexing, tmp_path: Path, draw: Draw
) -> None:
    draw(tmp_path / "one", range(2))
    draw(tmp_path / "two", range(2, 4))
    shop(tmp_path / "one")
    shop(tmp_path / "one" / ".." / "two")
    assert shop(tmp_path / "two").unchanged == 2
    assert len(rows(shop.catalogue)) == 4


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_a_root_with_a_name_that_is_no_unicode_is_indexed(
    shop: Indexing, tmp_path: Path, draw: Draw
) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    try:
        draw(folder, range(2))
    except OSError:
        pytest.skip("this file system has Unicode names only")
    assert shop(folder).indexed == 2
    assert shop(folder).unchanged == 2
    draw(folder / "inner", [2])
    assert shop(folder / "inner").indexed == 1
    for row in rows(shop.catalogue):
        assert Path(row.path).is_file()


# --- growth ------------------------------------------------------------------------------------


def test_a_space_is_fitted_at_a_rung_and_the_old_one_is_removed_by_the_next_run(
    shop: Indexing, folder: Path, draw: Draw
) -> None:
    shop(folder)
    with opened(shop.catalogue) as catalogue:
        first = catalogue.search_space()
    assert first.fitted_on == 0
    draw(folder, range(10, 20))
    shop(folder)
    with opened(shop.catalogue) as catalogue:
        fitted = catalogue.search_space()
        assert fitted.fitted_on == 20
        assert registry.retired(catalogue.database) == [first.id]
    shop(folder)
    assert sorted(path.name for path in (shop.catalogue / "spaces").iterdir()) == [fitted.id]


def test_another_number_of_cells_makes_a_new_cell_space_and_the_old_one_is_removed_later(
    shop: Indexing, folder: Path
) -> None:
    shop(folder)
    old = {path.name for path in (shop.catalogue / "cells").iterdir()}
    file = shop.catalogue / settings.FILE_NAME
    file.write_text(file.read_text().replace("rows = 3", "rows = 2"))
    report = shop(folder)
    assert (report.updated, report.unchanged) == (0, 10)
    assert report.reencoded == report.total == 10, "every photograph is encoded anew"
    with opened(shop.catalogue) as catalogue:
        result = Searcher(catalogue).search(next(folder.iterdir()), k=1)
    assert result.hits[0].similarity == pytest.approx(1, abs=1e-3)
    assert old < {path.name for path in (shop.catalogue / "cells").iterdir()}
    shop(folder)
    left = {path.name for path in (shop.catalogue / "cells").iterdir()}
    assert len(left) == 1 and not left & old


def test_the_order_of_work_does_not_change_the_space(
    shop: Indexing, tiny_encoder: str, tmp_path: Path, draw: Draw
) -> None:
    for place, seeds in (("a", range(25)), ("b", reversed(range(25)))):
        for number, seed in enumerate(seeds):
            file = draw(tmp_path / place, [seed])[0]
            file.rename(tmp_path / place / f"{number:03}-{seed}.png")
    spaces = []
    for place in ("a", "b"):
        Indexing(tmp_path / f"shop-{place}", tiny_encoder)(tmp_path / place)
        with opened(tmp_path / f"shop-{place}") as catalogue:
            spaces.append(catalogue.search_space())
    assert spaces[0].id == spaces[1].id
    assert (spaces[0].mean == spaces[1].mean).all()


def test_damaged_arrays_of_a_space_are_made_again(shop: Indexing, folder: Path, draw: Draw) -> None:
    draw(folder, range(10, 20))
    shop(folder)
    with opened(shop.catalogue) as catalogue:
        before = catalogue.search_space()
    (shop.catalogue / "spaces" / before.id / "space.npz").write_bytes(b"damaged")
    shop(folder)
    with opened(shop.catalogue) as catalogue:
        after = catalogue.search_space()
    assert after.id == before.id
    assert (after.mean == before.mean).all()


# --- one run at a time, and runs that end early ---------------------------------------------


def test_a_second_run_at_once_is_a_conflict_and_changes_nothing(
    shop: Indexing, folder: Path
) -> None:
    shop(folder)
    before = read_settings(shop.catalogue)
    database = open_database(shop.catalogue)
    with leases.hold(database, "index"):
        with pytest.raises(Conflict, match=str(os.getpid())):
            Indexing(shop.catalogue, f"2*{shop.encoder}")(folder)
    database.close()
    assert read_settings(shop.catalogue) == before


def test_a_run_that_is_stopped_says_so_and_the_next_one_goes_on(
    shop: Indexing, folder: Path, draw: Draw
) -> None:
    draw(folder, range(10, 40))
    stop = threading.Event()
    real = Embedder.embed
    with pytest.MonkeyPatch.context() as patch:

        def embed(self: Embedder, source: bytes, *, box: Box | None) -> object:
            stop.set()
            return real(self, source, box=box)

        patch.setattr(Embedder, "embed", embed)
        report = index([folder], catalogue=shop.catalogue, encoder=shop.encoder, stop=stop)
    assert report.interrupted and 0 < report.indexed < 40
    with opened(shop.catalogue) as catalogue:
        last = runs.last(catalogue.database)
        assert last is not None and last.finished_at is None
        assert (last.total, last.done) == (40, report.indexed)
        assert catalogue.search_space().fitted_on == 0
    assert shop(folder).indexed == 40 - report.indexed
    assert len(rows(shop.catalogue)) == 40


def test_an_error_that_is_no_fault_of_a_file_ends_the_run_and_its_threads(
    shop: Indexing, folder: Path
) -> None:

    def full(self: LanceStore, rows: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LanceStore, "append", full)
        with pytest.raises(OSError, match="No space"):
            shop(folder)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("worker")]
    assert shop(folder).indexed == 10


def test_what_is_no_folder_or_file_is_refused_before_anything_is_made(
    shop: Indexing, tmp_path: Path
) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        shop(tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="nothing to index"):
        shop()
    assert not shop.catalogue.exists()
