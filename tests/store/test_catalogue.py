"""What the catalogue says of an image, from the walk that finds it to the row that is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tiefvision.maths.boxes import Box
from tiefvision.store import roots
from tiefvision.store.catalogue import Catalogue
from tiefvision.store.database import open_database
from tiefvision.store.records import Acknowledgement, FileSeen, Image, Refusal, Registered, RowKey
from tiefvision.store.tables import images

_SPACE = "space"


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    database = open_database(tmp_path)
    yield Catalogue(database)
    database.close()


def _root(catalogue: Catalogue, folder: str = "/photos") -> int:
    return roots.containing(catalogue.database, Path(folder))[0]


def _see(catalogue: Catalogue, *names: str, run: int = 1, **more: object) -> Registered:
    files = [FileSeen(name, 10, 20, **more) for name in names]
    return catalogue.register(_root(catalogue), files, run_id=run)


def _done(image: Image, content: str = "c", **more: object) -> Acknowledgement:
    base = Acknowledgement(
        image.id, content, 10, 20, 4, 3, Box(0, 0, 4, 3), "whole", 0,
        image.wanted_attributes or image.attributes, 0,
    )  # fmt: skip
    return replace(base, **more)


def _index(catalogue: Catalogue, *names: str, content: str | None = None) -> dict[str, Image]:
    """Register and acknowledge files; each with its own name as its content."""
    _see(catalogue, *names)
    todo = catalogue.todo(limit=10_000)
    done = [_done(image, content or image.path) for image in todo]
    catalogue.acknowledge(done, cell_space_id=_SPACE)
    return {image.path: image for image in catalogue.each()}


def test_a_new_file_is_work_until_it_is_acknowledged(catalogue: Catalogue) -> None:
    assert _see(catalogue, "a", "b") == Registered(new=2)
    assert [image.path for image in catalogue.todo()] == ["a", "b"]
    assert [image.path for image in catalogue.todo(limit=1)] == ["a"]
    assert _see(catalogue, "a", "b", run=2) == Registered(new=2)
    a, b = catalogue.todo()
    assert a.box is None and a.state == "pending"
    assert catalogue.acknowledge([_done(a, "x" * 64)], cell_space_id=_SPACE) == 1
    assert catalogue.todo() == [catalogue.get([b.id])[b.id]]
    done = catalogue.get([a.id, 99])
    assert list(done) == [a.id]
    assert done[a.id].key == RowKey(a.id, "x" * 64, 0, 0)
    assert done[a.id].box == Box(0, 0, 4, 3)
    assert _see(catalogue, "a", "b", run=3) == Registered(new=1, unchanged=1)
    assert (catalogue.indexed_count(), catalogue.todo_count()) == (1, 1)
    assert catalogue.indexed_count(cell_space_id="other") == 0


def test_another_size_or_time_is_a_change_and_the_same_bytes_end_it(catalogue: Catalogue) -> None:
    image = _index(catalogue, "a")["a"]
    root = _root(catalogue)
    for file in (FileSeen("a", 11, 20), FileSeen("a", 10, 21)):
        assert catalogue.register(root, [file], run_id=2) == Registered(changed=1)
        assert catalogue.todo_count() == 1
        before = catalogue.version()
        catalogue.confirm_unchanged([(image.id, file.file_bytes, file.modified_ns)])
        assert catalogue.register(root, [file], run_id=2) == Registered(unchanged=1)
        assert catalogue.version() == before  # vectors are the same: nothing to read again


def test_attributes_wait_for_their_acknowledgement(catalogue: Catalogue) -> None:
    _see(catalogue, "a", attributes={"price": 1, "label": None})
    image = catalogue.todo()[0]
    assert (image.attributes, image.wanted_attributes) == ({}, {"price": 1, "label": None})
    catalogue.acknowledge([_done(image)], cell_space_id=_SPACE)
    assert _see(catalogue, "a", attributes={"price": 1, "label": None}).unchanged == 1
    assert _see(catalogue, "a", attributes={"price": 2}).changed == 1
    image = catalogue.todo()[0]
    assert (image.attributes["price"], image.wanted_attributes) == (1, {"price": 2})
    # A run without a table leaves what waits; one with the old values takes it back.
    assert _see(catalogue, "a").changed == 1
    assert _see(catalogue, "a", attributes={"price": 1, "label": None}).changed == 1
    assert catalogue.todo()[0].wanted_attributes is None


def test_a_refused_file_is_left_alone_unless_it_could_not_be_read(catalogue: Catalogue) -> None:
    images_by_path = _index(catalogue, "read", "unread")
    for path, content in (("read", "bad"), ("unread", None)):
        refusal = Refusal(images_by_path[path].id, content, 10, 20, "is broken", "mend it")
        catalogue.refuse([refusal])
    assert catalogue.count_by_state() == {"refused": 2}
    assert _see(catalogue, "read", "unread") == Registered(refused=1, changed=1)
    assert [image.path for image in catalogue.todo()] == ["unread"]
    refused = catalogue.get([images_by_path["read"].id]).popitem()[1]
    assert (refused.reason, refused.remedy, refused.cell_space_id) == ("is broken", "mend it", None)


def test_vanished_are_those_below_the_folder_that_the_run_did_not_see(
    catalogue: Catalogue,
) -> None:
    _index(catalogue, "a/1", "a/2", "ab/3", "a_b/4", "locked/5", "a/locked/6", "7")
    root = _root(catalogue)
    _see(catalogue, "a/1", run=2)
    assert catalogue.mark_vanished(root, under="a", run_id=2, unopened=["a/locked"]) == 1
    assert [image.path for image in catalogue.vanished()] == ["a/2"]
    assert catalogue.mark_vanished(root, under="", run_id=2, unopened=["locked"]) == 5
    _see(catalogue, "a/2", run=3)
    assert "a/2" not in [image.path for image in catalogue.vanished()]
    assert catalogue.todo_count() == 0


def test_deleting_is_a_tombstone_first_and_only_tombstones_are_forgotten(
    catalogue: Catalogue,
) -> None:
    found = _index(catalogue, "a", "b")
    catalogue.bury([found["a"].id])
    assert catalogue.buried() == [found["a"].id]
    assert catalogue.indexed_count() == 1
    catalogue.forget([found["a"].id, found["b"].id])
    assert [image.path for image in catalogue.each()] == ["b"]


def test_every_change_of_vectors_gets_a_larger_number(catalogue: Catalogue) -> None:
    assert catalogue.version() == 0
    found = _index(catalogue, "a", "b")
    assert catalogue.version() == found["a"].version == 1
    catalogue.refuse([Refusal(found["a"].id, "x", 1, 1, "r", "r")])
    catalogue.bury([found["b"].id])
    assert catalogue.version() == 3


def test_duplicates_name_the_first_by_root_and_path(catalogue: Catalogue) -> None:
    _index(catalogue, "z", "m", "b", content="same")
    other = catalogue.register(_root(catalogue, "/other"), [FileSeen("zz", 1, 1)], run_id=1)
    assert other.new == 1
    catalogue.acknowledge([_done(catalogue.todo()[0], "same")], cell_space_id=_SPACE)
    catalogue.name_duplicates()
    by_path = {image.path: image for image in catalogue.each()}
    assert by_path["zz"].duplicate_of is None
    assert {by_path[path].duplicate_of for path in "zmb"} == {by_path["zz"].id}
    assert [twin.path for twin in catalogue.twins(["same", "none"])["same"]] == [
        "zz", "b", "m", "z",
    ]  # fmt: skip
    catalogue.bury([by_path["zz"].id])
    catalogue.forget([by_path["zz"].id])
    catalogue.name_duplicates()
    by_path = {image.path: image for image in catalogue.each()}
    assert by_path["b"].duplicate_of is None
    assert by_path["z"].duplicate_of == by_path["b"].id
    assert catalogue.count_by_state() == {"indexed": 1, "duplicate": 2}


def test_lost_and_foreign_cells_become_work(catalogue: Catalogue) -> None:
    found = _index(catalogue, "a", "b", "c")
    catalogue.report_lost([found["a"].id])
    assert [image.path for image in catalogue.todo()] == ["a"]
    assert catalogue.with_content("a", cell_space_id=_SPACE) is None
    assert catalogue.with_content("b", cell_space_id=_SPACE) == found["b"].id
    assert catalogue.request_other_spaces("other") == 3
    assert catalogue.todo_count() == 3


@pytest.mark.slow
def test_paging_gives_every_image_once(catalogue: Catalogue) -> None:
    names = [f"{number:05}" for number in range(2_500)]
    _index(catalogue, *names)
    assert [image.path for image in catalogue.each()] == names
    pages = list(catalogue.keys_where(images.c.state == "indexed"))
    assert [key.content_id for page in pages for key, _ in page] == names
    assert catalogue.smallest_content_ids(3, cell_space_id=_SPACE) == [
        ("00000", 1), ("00001", 2), ("00002", 3),
    ]  # fmt: skip
    assert len(catalogue.get(range(1, 2_501))) == 2_500


def test_the_id_of_a_forgotten_image_is_not_given_again(catalogue: Catalogue) -> None:
    last = _index(catalogue, "a", "b")["b"]
    catalogue.bury([last.id])
    catalogue.forget([last.id])
    assert _index(catalogue, "a", "c")["c"].id > last.id
