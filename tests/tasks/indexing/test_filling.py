"""Another encoder, another box: what is encoded anew, and what queries find meanwhile."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from catalogue_rows import rows
from indexing import Indexing
from tiefvision import settings
from tiefvision.maths.boxes import Box
from tiefvision.store import registry
from tiefvision.store.boxes import Boxes
from tiefvision.store.encodings import Encodings
from tiefvision.tasks.indexing import update
from tiefvision.tasks.indexing.index import index
from tiefvision.tasks.opened import Opened, opened
from tiefvision.tasks.searching.search import Searcher
from tiefvision.vision import pixels
from tiefvision.vision.embedder import Embedder

Draw = Callable[..., list[Path]]


@pytest.fixture
def folder(tmp_path: Path, draw: Draw) -> Path:
    """Ten photographs, named 000.png to 009.png."""
    draw(tmp_path / "photos", range(10))
    return tmp_path / "photos"


def _want_two_rows(shop: Indexing) -> None:
    file = shop.catalogue / settings.FILE_NAME
    file.write_text(file.read_text().replace("rows = 3", "rows = 2"))


def _stopped_after(count: int, shop: Indexing, folder: Path) -> None:
    """Index, and stop once so many images were encoded."""
    stop, real, seen = threading.Event(), Embedder.embed, []
    with pytest.MonkeyPatch.context() as patch:

        def embed(self: Embedder, source: bytes, *, box: Box | None) -> object:
            seen.append(self.rows)
            if len(seen) >= count:
                stop.set()
            return real(self, source, box=box)

        patch.setattr(Embedder, "embed", embed)
        index([folder], catalogue=shop.catalogue, encoder=shop.encoder, stop=stop, workers_wanted=1)


def _closest(shop: Opened, file: Path) -> tuple[str, float, str]:
    result = Searcher(shop).search(file, k=1)
    return Path(result.hits[0].path).name, result.hits[0].similarity, result.space


def test_the_old_cells_answer_until_the_new_ones_are_whole(
    shop: Indexing, folder: Path, draw: Draw
) -> None:
    shop(folder)
    with opened(shop.catalogue) as catalogue:
        before = _closest(catalogue, folder / "003.png")
    _want_two_rows(shop)
    draw(folder, [10])
    _stopped_after(5, shop, folder)
    with opened(shop.catalogue) as catalogue:
        active = registry.active_cell_space(catalogue.database)
        filling = registry.filling_cell_space(catalogue.database)
        assert active is not None and filling is not None and (active.rows, filling.rows) == (3, 2)
        assert 0 < catalogue.encodings(filling).count() < 11
        assert _closest(catalogue, folder / "003.png") == before
        assert _closest(catalogue, folder / "010.png")[0] == "010.png", "the new one is found"
        assert catalogue.searchable() == 11
        done = catalogue.encodings(filling).count()
    report = shop(folder)
    assert report.reencoded == 11 - done, "what was encoded before the stop is not encoded again"
    with opened(shop.catalogue) as catalogue:
        name, similarity, space = _closest(catalogue, folder / "003.png")
        assert (name, similarity) == ("003.png", pytest.approx(1, abs=1e-3))
        assert space != before[2]
        assert registry.filling_cell_space(catalogue.database) is None


def test_what_changes_while_a_space_is_filled_changes_in_both(
    shop: Indexing, folder: Path, draw: Draw
) -> None:
    shop(folder)
    _want_two_rows(shop)
    _stopped_after(9, shop, folder)
    draw(folder, [50])[0].replace(folder / "000.png")
    (folder / "001.png").unlink()
    report = shop(folder, prune=True)
    assert (report.updated, report.pruned, report.notes) == (1, 1, ())
    found = {Path(row.path).name: row for row in rows(shop.catalogue)}
    assert len(found) == 9
    assert found["000.png"].content_id == pixels.content_id((folder / "000.png").read_bytes())


def test_a_photograph_that_is_gone_holds_the_switch_up_until_it_is_pruned(
    shop: Indexing, folder: Path, tmp_path: Path
) -> None:
    shop(folder)
    _want_two_rows(shop)
    shutil.move(folder / "004.png", tmp_path / "004.png")
    report = shop(folder)
    assert (report.vanished, report.reencoded, report.total) == (1, 9, 10)
    assert "1 are still to do" in report.notes[0]
    with opened(shop.catalogue) as catalogue:
        assert _closest(catalogue, tmp_path / "004.png")[0] == "004.png", "it is not lost"
    assert shop(folder, prune=True).notes == ()
    with opened(shop.catalogue) as catalogue:
        active = registry.active_cell_space(catalogue.database)
        assert active is not None and active.rows == 2


def test_giving_up_a_space_that_is_being_filled_encodes_nothing(
    shop: Indexing, folder: Path
) -> None:
    shop(folder)
    file = shop.catalogue / settings.FILE_NAME
    before = file.read_text()
    _want_two_rows(shop)
    _stopped_after(4, shop, folder)
    file.write_text(before)
    report = shop(folder)
    assert (report.reencoded, report.unchanged) == (0, 10)
    with opened(shop.catalogue) as catalogue:
        assert registry.filling_cell_space(catalogue.database) is None
    assert len(list((shop.catalogue / "cells").iterdir())) == 1


def test_going_back_to_the_former_space_before_another_run_encodes_nothing(
    shop: Indexing, folder: Path
) -> None:
    shop(folder)
    file = shop.catalogue / settings.FILE_NAME
    before, kept = file.read_text(), rows(shop.catalogue)
    _want_two_rows(shop)
    assert shop(folder).reencoded == 10
    file.write_text(before)
    assert shop(folder).reencoded == 0
    assert rows(shop.catalogue) == kept


def _draw_box(shop: Opened, file: Path, box: Box, *, label: str = "dress") -> None:
    content_id = pixels.content_id(file.read_bytes())
    Boxes(shop.database).replace({content_id: [(label, box)]}, now=time.time())


def test_a_drawn_box_is_encoded_for_all_files_of_its_content(shop: Indexing, folder: Path) -> None:
    shutil.copy(folder / "002.png", folder / "twin.png")
    shop(folder)
    before = {Path(row.path).name: row for row in rows(shop.catalogue)}
    box = Box(10, 12, 70, 80)
    with opened(shop.catalogue) as catalogue:
        _draw_box(catalogue, folder / "002.png", box)
        assert catalogue.todo_count() == 2
        assert update.bring_up_to_date(catalogue).encoded == 2
        assert catalogue.todo_count() == 0
        hit = Searcher(catalogue).search(folder / "002.png", box=box, k=1).hits[0]
        assert (hit.similarity, hit.box_source) == (pytest.approx(1, abs=1e-3), "human")
        assert hit.box == [10, 12, 70, 80] and len(hit.also) == 1
    after = {Path(row.path).name: row for row in rows(shop.catalogue)}
    assert after["002.png"].cells == after["twin.png"].cells != before["002.png"].cells
    others = set(after) - {"002.png", "twin.png"}
    assert all(after[name].cells == before[name].cells for name in others)


def test_a_space_that_takes_over_without_an_index_run_is_filtered_by_attributes_too(
    shop: Indexing, folder: Path, tmp_path: Path
) -> None:
    table = tmp_path / "prices.csv"
    table.write_text("path,price\n" + "".join(f"00{i}.png,{i}\n" for i in range(10)))
    index([folder], catalogue=shop.catalogue, encoder=shop.encoder, attributes_file=table)
    _want_two_rows(shop)
    assert update.update(shop.catalogue).encoded == 10
    with opened(shop.catalogue) as catalogue:
        active = registry.active_cell_space(catalogue.database)
        assert active is not None and active.rows == 2
        found = Searcher(catalogue).search(folder / "003.png", k=9, where="price < 3")
    assert {Path(hit.path).name for hit in found.hits} == {"000.png", "001.png", "002.png"}


def test_a_label_shows_only_images_in_which_it_was_found(shop: Indexing, folder: Path) -> None:
    shop(folder)
    with opened(shop.catalogue) as catalogue:
        _draw_box(catalogue, folder / "002.png", Box(10, 12, 70, 80))
        update.bring_up_to_date(catalogue)
        space = registry.active_cell_space(catalogue.database)
        assert space is not None
        product, dress = (Encodings(catalogue.database, space.id, label=x) for x in ("", "dress"))
        assert (product.count(shown=True), dress.count(), dress.count(shown=True)) == (10, 10, 1)
        (((key, _),),) = dress.keys(shown=True)
        shown = [image for image in dress.each() if dress.shows(image)]
        assert [(image.path, image.id) for image in shown] == [("002.png", key.image_id)]


def test_a_new_file_with_a_drawn_content_is_encoded_by_the_box(
    shop: Indexing, folder: Path
) -> None:
    shop(folder)
    box = Box(10, 12, 70, 80)
    with opened(shop.catalogue) as catalogue:
        _draw_box(catalogue, folder / "002.png", box)
    shutil.copy(folder / "002.png", folder / "new.png")
    report = shop(folder)
    # Whichever of the two is read first is encoded, the other shares its cells.
    assert (report.indexed + report.duplicates, report.updated) == (1, 1)
    boxes = {Path(row.path).name: row.box for row in rows(shop.catalogue)}
    assert boxes["new.png"] == boxes["002.png"] == (10, 12, 70, 80)


def test_a_box_on_a_photograph_that_is_gone_is_kept_and_the_old_cells_stay(
    shop: Indexing, folder: Path
) -> None:
    shop(folder)
    with opened(shop.catalogue) as catalogue:
        _draw_box(catalogue, folder / "002.png", Box(10, 12, 70, 80))
        content = (folder / "002.png").read_bytes()
        (folder / "002.png").unlink()
        assert update.bring_up_to_date(catalogue).encoded == 0
        assert catalogue.searchable() == 10
        assert catalogue.todo_count() == 1
        (folder / "002.png").write_bytes(content)
        assert update.bring_up_to_date(catalogue).encoded == 1


def test_removed_boxes_give_the_whole_image_again(shop: Indexing, folder: Path) -> None:
    shop(folder)
    before = rows(shop.catalogue)
    with opened(shop.catalogue) as catalogue:
        _draw_box(catalogue, folder / "002.png", Box(10, 12, 70, 80))
        update.bring_up_to_date(catalogue)
        Boxes(catalogue.database).remove(labels=["dress"])
        assert update.bring_up_to_date(catalogue).encoded == 1
    assert rows(shop.catalogue) == before
