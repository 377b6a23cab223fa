"""What the catalogue says of an image, from the walk that finds it to the row that is forgotten,
and what it says in one cell space and in another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from tiefvision.maths.boxes import Box
from tiefvision.store import roots
from tiefvision.store.catalogue import Catalogue
from tiefvision.store.database import Database, open_database
from tiefvision.store.encodings import Encodings
from tiefvision.store.records import Acknowledgement, FileSeen, Image, Refusal, Registered, RowKey
from tiefvision.store.tables import boxes, cell_spaces

pytestmark = pytest.mark.usefixtures("either_database")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path)
    rows = [{"id": id_, "definition": {}, "label": "", "state": "x"} for id_ in ("space", "other")]
    with opened.write() as connection:
        connection.execute(sa.insert(cell_spaces), rows)
    yield opened
    opened.close()


@pytest.fixture
def catalogue(database: Database) -> Catalogue:
    return Catalogue(database)


@pytest.fixture
def encodings(database: Database) -> Encodings:
    return Encodings(database, "space")


@pytest.fixture
def others(database: Database) -> Encodings:
    return Encodings(database, "other")


def _root(catalogue: Catalogue, folder: str = "/photos") -> int:
    return roots.containing(catalogue.database, Path(folder))[0]


def _see(catalogue: Catalogue, *names: str, run: int = 1, **more: object) -> Registered:
    files = [FileSeen(name, 10, 20, **more) for name in names]
    return catalogue.register(_root(catalogue), files, run_id=run)


def _done(image: Image, content: str = "c", **more: object) -> Acknowledgement:
    base = Acknowledgement(
        image.id, content, 10, 20, 4, 3, Box(0, 0, 4, 3), "whole", None, image.drawn_revision,
        image.wanted_attributes or image.attributes,
        image.attributes_revision + (image.wanted_attributes is not None),
    )  # fmt: skip
    return replace(base, **more)


def _index(encodings: Encodings, *names: str, content: str | None = None) -> dict[str, Image]:
    """Register and acknowledge files; each with its own name as its content."""
    _see(encodings.catalogue, *names)
    encodings.acknowledge(
        [_done(image, content or image.path) for image in encodings.todo(limit=10_000)]
    )
    return {image.path: image for image in encodings.each()}


def _draw(database: Database, content: str, *, label: str = "", revision: int) -> None:
    row = {"content_id": content, "label": label, "revision": revision, "created_at": 0.0}
    edges = {"left": 0.0, "top": 0.0, "right": 1.0, "bottom": 1.0}
    with database.write() as connection:
        connection.execute(sa.insert(boxes).values(**row, **edges))


def test_a_new_file_is_work_until_it_is_acknowledged(
    catalogue: Catalogue, encodings: Encodings, others: Encodings
) -> None:
    assert _see(catalogue, "a", "b") == Registered(new=2)
    assert [image.path for image in encodings.todo()] == ["a", "b"]
    assert [image.path for image in encodings.todo(limit=1)] == ["a"]
    assert _see(catalogue, "a", "b", run=2) == Registered(new=2)
    a, b = encodings.todo()
    assert a.encoding is None and a.state == "pending"
    assert encodings.acknowledge([_done(a, "x" * 64)]) == 1
    assert encodings.todo() == [encodings.get([b.id])[b.id]]
    done = encodings.get([a.id, 99])
    assert list(done) == [a.id]
    own = done[a.id].found
    assert own is not None and own.key == RowKey(a.id, "x" * 64, 0, 0)
    assert own.box == Box(0, 0, 4, 3)
    assert _see(catalogue, "a", "b", run=3) == Registered(new=1, unchanged=1)
    assert (encodings.count(), encodings.todo_count()) == (1, 1)
    assert others.count() == 0


def test_another_size_or_time_is_a_change_and_the_same_bytes_end_it(
    catalogue: Catalogue, encodings: Encodings
) -> None:
    image = _index(encodings, "a")["a"]
    root = _root(catalogue)
    for file in (FileSeen("a", 11, 20), FileSeen("a", 10, 21)):
        assert catalogue.register(root, [file], run_id=2) == Registered(changed=1)
        assert encodings.todo_count() == 1
        before = catalogue.version()
        catalogue.confirm_unchanged([(image.id, file.file_bytes, file.modified_ns)])
        assert catalogue.register(root, [file], run_id=2) == Registered(unchanged=1)
        assert catalogue.version() == before  # vectors are the same: nothing to read again


def test_attributes_wait_for_their_acknowledgement(
    catalogue: Catalogue, encodings: Encodings
) -> None:
    _see(catalogue, "a", attributes={"price": 1, "label": None})
    image = encodings.todo()[0]
    assert (image.attributes, image.wanted_attributes) == ({}, {"price": 1, "label": None})
    encodings.acknowledge([_done(image)])
    assert _see(catalogue, "a", attributes={"price": 1, "label": None}).unchanged == 1
    assert _see(catalogue, "a", attributes={"price": 2}).changed == 1
    image = encodings.todo()[0]
    assert (image.attributes["price"], image.wanted_attributes) == (1, {"price": 2})
    # A run without a table leaves what waits; one with the old values takes it back.
    assert _see(catalogue, "a").changed == 1
    assert _see(catalogue, "a", attributes={"price": 1, "label": None}).changed == 1
    assert encodings.todo()[0].wanted_attributes is None


def test_a_refused_file_is_left_alone_unless_it_could_not_be_read(
    catalogue: Catalogue, encodings: Encodings
) -> None:
    images_by_path = _index(encodings, "read", "unread")
    for path, content in (("read", "bad"), ("unread", None)):
        refusal = Refusal(images_by_path[path].id, content, 10, 20, "is broken", "mend it")
        encodings.refuse([refusal])
    assert catalogue.count_by_state() == {"refused": 2}
    assert _see(catalogue, "read", "unread") == Registered(refused=1, changed=1)
    assert [image.path for image in encodings.todo()] == ["unread"]
    refused = encodings.get([images_by_path["read"].id]).popitem()[1]
    assert (refused.reason, refused.remedy, refused.found) == ("is broken", "mend it", None)


def test_vanished_are_those_below_the_folder_that_the_run_did_not_see(
    catalogue: Catalogue, encodings: Encodings
) -> None:
    _index(encodings, "a/1", "a/2", "ab/3", "a_b/4", "locked/5", "a/locked/6", "7")
    root = _root(catalogue)
    _see(catalogue, "a/1", run=2)
    assert catalogue.mark_vanished(root, under="a", run_id=2, unopened=["a/locked"]) == 1
    assert [image.path for image in catalogue.vanished()] == ["a/2"]
    assert catalogue.mark_vanished(root, under="", run_id=2, unopened=["locked"]) == 5
    _see(catalogue, "a/2", run=3)
    assert "a/2" not in [image.path for image in catalogue.vanished()]
    assert encodings.todo_count() == 0


def test_deleting_is_a_tombstone_first_and_only_tombstones_are_forgotten(
    catalogue: Catalogue, encodings: Encodings
) -> None:
    found = _index(encodings, "a", "b")
    catalogue.bury([found["a"].id])
    assert catalogue.buried() == [found["a"].id]
    assert encodings.count() == 1
    catalogue.forget([found["a"].id, found["b"].id])
    assert [image.path for image in catalogue.each()] == ["b"]


def test_every_change_of_vectors_gets_a_larger_number(
    catalogue: Catalogue, encodings: Encodings
) -> None:
    assert catalogue.version() == 0
    found = _index(encodings, "a", "b")
    assert found["a"].encoding is not None
    assert catalogue.version() == found["a"].encoding.version == 1
    encodings.refuse([Refusal(found["a"].id, "x", 1, 1, "r", "r")])
    catalogue.bury([found["b"].id])
    assert catalogue.version() == 3


def test_duplicates_name_the_first_by_root_and_path(
    catalogue: Catalogue, encodings: Encodings
) -> None:
    _index(encodings, "z", "m", "b", content="same")
    other = catalogue.register(_root(catalogue, "/other"), [FileSeen("zz", 1, 1)], run_id=1)
    assert other.new == 1
    encodings.acknowledge([_done(encodings.todo()[0], "same")])
    catalogue.name_duplicates()
    by_path = {image.path: image for image in catalogue.each()}
    assert by_path["zz"].duplicate_of is None
    assert {by_path[path].duplicate_of for path in "zmb"} == {by_path["zz"].id}
    assert [twin.path for twin in encodings.twins(["same", "none"])["same"]] == [
        "zz", "b", "m", "z",
    ]  # fmt: skip
    catalogue.bury([by_path["zz"].id])
    catalogue.forget([by_path["zz"].id])
    catalogue.name_duplicates()
    by_path = {image.path: image for image in catalogue.each()}
    assert by_path["b"].duplicate_of is None
    assert by_path["z"].duplicate_of == by_path["b"].id
    assert catalogue.count_by_state() == {"indexed": 1, "duplicate": 2}


def test_lost_cells_become_work(encodings: Encodings) -> None:
    found = _index(encodings, "a", "b", "c")
    encodings.report_lost([found["a"].id])
    assert [image.path for image in encodings.todo()] == ["a"]
    assert encodings.with_content("a", box_revision=0) is None
    assert encodings.with_content("b", box_revision=0) == found["b"].id
    assert encodings.with_content("b", box_revision=1) is None


def test_what_one_cell_space_has_is_work_in_another(
    encodings: Encodings, others: Encodings
) -> None:
    found = _index(encodings, "a", "b")
    assert (encodings.todo_count(), others.todo_count()) == (0, 2)
    assert (encodings.count(), others.count(), others.lacking(encodings)) == (2, 0, 2)
    assert others.with_content("a", box_revision=0) is None
    others.acknowledge([_done(image, image.path) for image in others.todo(limit=1)])
    assert [image.path for image in others.todo()] == ["b"]
    assert (others.lacking(encodings), encodings.lacking(others)) == (1, 0)
    # A changed file is work in both, first in the one that reads it first.
    file = FileSeen("a", 11, 20)
    encodings.catalogue.register(1, [file], run_id=2)
    assert [image.path for image in encodings.todo()] == ["a"]
    encodings.acknowledge([_done(found["a"], "new", file_bytes=11)])
    assert encodings.todo_count() == 0
    stale = others.get([found["a"].id])[found["a"].id]
    assert stale.found is None and stale.encoding is not None and stale.encoding.content_id == "a"
    assert [image.path for image in others.todo()] == ["a", "b"]
    assert [key for page in others.keys() for key, _ in page] == []


def test_newer_attributes_are_work_in_the_other_space_too(
    encodings: Encodings, others: Encodings
) -> None:
    for space in (encodings, others):
        _index(space, "a")
    _see(encodings.catalogue, "a", attributes={"price": 1})
    encodings.acknowledge([_done(encodings.todo()[0], "a")])
    assert (encodings.todo_count(), others.todo_count()) == (0, 1)
    others.acknowledge([_done(others.todo()[0], "a")])
    assert others.todo_count() == 0


def test_a_refused_file_is_found_in_no_space(encodings: Encodings, others: Encodings) -> None:
    for space in (encodings, others):
        image = _index(space, "a")["a"]
    others.refuse([Refusal(image.id, "bad", 10, 20, "is broken", "mend it")])
    assert (encodings.count(), others.count()) == (0, 0)
    assert (encodings.todo_count(), others.todo_count()) == (0, 0)


def test_a_box_makes_work_in_the_spaces_of_its_label_and_of_all(database: Database) -> None:
    every, bags = Encodings(database, "space"), Encodings(database, "other", label="bag")
    for space in (every, bags):
        _index(space, "a", "b")
    _draw(database, "a", label="shoe", revision=7)
    assert [image.path for image in every.todo()] == ["a"]
    assert bags.todo() == []
    _draw(database, "b", label="bag", revision=8)
    assert [(image.path, image.drawn_revision) for image in every.todo()] == [("a", 7), ("b", 8)]
    assert [(image.path, image.drawn_revision) for image in bags.todo()] == [("b", 8)]
    for space in (every, bags):
        space.acknowledge([_done(image, image.path) for image in space.todo()])
        assert space.todo_count() == 0
    with database.write() as connection:
        connection.execute(sa.delete(boxes))
    assert [image.path for image in every.todo()] == ["a", "b"], "a removed box counts too"


@pytest.mark.slow
def test_paging_gives_every_image_once(catalogue: Catalogue, encodings: Encodings) -> None:
    names = [f"{number:05}" for number in range(2_500)]
    _index(encodings, *names)
    assert [image.path for image in catalogue.each()] == names
    pages = list(encodings.keys())
    assert [key.content_id for page in pages for key, _ in page] == names
    assert encodings.smallest_content_ids(3) == [
        ("00000", 1), ("00001", 2), ("00002", 3),
    ]  # fmt: skip
    assert len(encodings.get(range(1, 2_501))) == 2_500


def test_the_id_of_a_forgotten_image_is_not_given_again(
    catalogue: Catalogue, encodings: Encodings
) -> None:
    last = _index(encodings, "a", "b")["b"]
    catalogue.bury([last.id])
    catalogue.forget([last.id])
    assert _index(encodings, "a", "c")["c"].id > last.id
