"""Boxes that people drew: sets of each content and label, changed all or not at all."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

import boxed_catalogue
from boxed_catalogue import Row, content_id
from tiefvision.maths.boxes import Box
from tiefvision.store import boxes as boxes_module
from tiefvision.store.boxes import BoxChanges, Boxes, HumanBox, LabelCount, shown
from tiefvision.store.counter import next_version
from tiefvision.store.database import Database, open_database
from tiefvision.store.tables import cell_spaces, encodings, images

BAG, DRESS = Box(300, 400, 360, 480), Box(100, 200, 400, 900)
ONE, TWO = content_id("one"), content_id("two")

pytestmark = pytest.mark.usefixtures("either_database")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def boxes(database: Database) -> Boxes:
    return Boxes(database)


def test_boxes_of_one_import_share_one_new_revision(database: Database, boxes: Boxes) -> None:
    with database.write() as connection:
        before = next_version(connection)
    done = boxes.replace({ONE: [("dress", DRESS), ("bag", BAG)], TWO: [("bag", BAG)]}, now=5.0)
    revision = before + 1
    assert done == BoxChanges(added=3, contents=2, revision=revision)
    assert boxes.of([ONE, TWO, content_id("three")]) == {
        ONE: [HumanBox("dress", DRESS, revision, 5.0), HumanBox("bag", BAG, revision, 5.0)],
        TWO: [HumanBox("bag", BAG, revision, 5.0)],
    }
    with database.write() as connection:
        assert next_version(connection) == revision + 1


@pytest.mark.parametrize("add", [False, True])
def test_the_same_import_again_changes_nothing(database: Database, boxes: Boxes, add: bool) -> None:
    wanted = {ONE: [("dress", DRESS), ("bag", BAG)]}
    first = boxes.replace(wanted, now=5.0)
    before = boxes.of([ONE])
    assert boxes.replace(wanted, now=9.0, add=add) == BoxChanges(unchanged=2)
    assert boxes.of([ONE]) == before
    with database.write() as connection:
        assert next_version(connection) == (first.revision or 0) + 1


def test_an_import_replaces_the_labels_that_it_names_and_no_others(boxes: Boxes) -> None:
    boxes.replace({ONE: [("dress", DRESS), ("bag", BAG)], TWO: [("dress", DRESS)]}, now=1.0)
    moved = Box(90, 200, 400, 900)
    done = boxes.replace({ONE: [("dress", moved)]}, now=2.0)
    assert done == BoxChanges(added=1, removed=1, contents=1, revision=2)
    assert {(each.label, each.box, each.revision) for each in boxes.of([ONE])[ONE]} == {
        ("bag", BAG, 1),
        ("dress", moved, 2),
    }
    assert boxes.of([TWO])[TWO] == [HumanBox("dress", DRESS, 1, 1.0)]


def test_added_boxes_join_those_that_are_there(boxes: Boxes) -> None:
    other = Box(10, 10, 50, 60)
    boxes.replace({ONE: [("bag", BAG)]}, now=1.0)
    done = boxes.replace({ONE: [("bag", other), ("bag", BAG)]}, now=2.0, add=True)
    assert done == BoxChanges(added=1, unchanged=1, contents=1, revision=2)
    # What was there keeps the time at which it was drawn.
    assert {each.box: each.created_at for each in boxes.of([ONE])[ONE]} == {BAG: 1.0, other: 2.0}


def test_the_same_box_twice_is_one(boxes: Boxes) -> None:
    assert boxes.replace({ONE: [("bag", BAG), ("bag", BAG)]}, now=1.0).added == 1
    assert boxes.count() == 1


def test_edges_are_kept_to_a_millionth_of_a_pixel(boxes: Boxes) -> None:
    third = Box(1 / 3, 2 / 3, 100 + 1 / 3, 200.1234564)
    boxes.replace({ONE: [("bag", third)]}, now=1.0)
    (drawn,) = boxes.of([ONE])[ONE]
    assert drawn.box.as_list() == [0.333333, 0.666667, 100.333333, 200.123456]
    assert boxes.replace({ONE: [("bag", third)]}, now=2.0).revision is None


def test_every_change_of_what_is_shown_changes_its_revision(boxes: Boxes) -> None:
    """Also one that takes away another box than the newest."""
    wide = Box(0, 0, 500, 1000)
    boxes.replace({ONE: [("bag", wide)]}, now=1.0)
    boxes.replace({ONE: [("bag", BAG)]}, now=2.0, add=True)
    assert boxes.shown(ONE) == (wide, 2)
    boxes.replace({ONE: [("bag", BAG)]}, now=3.0)
    assert boxes.shown(ONE) == boxes.shown(ONE, label="bag") == (BAG, 3)
    boxes.replace({TWO: [("bag", BAG)], ONE: [("dress", DRESS), ("hat", wide)]}, now=4.0)
    assert boxes.shown(ONE) == (wide, 4)
    boxes.remove(labels=["hat"])
    assert boxes.shown(ONE) == (DRESS, 5)
    assert boxes.shown(TWO) == (BAG, 4)


def test_a_label_shows_its_largest_box_and_the_product_what_encloses_all(boxes: Boxes) -> None:
    small, large, dress = Box(0, 50, 10, 60), Box(300, 400, 360, 480), Box(100, 200, 320, 900)
    boxes.replace({ONE: [("bag", small), ("bag", large)]}, now=1.0)
    boxes.replace({ONE: [("dress", dress)]}, now=2.0)
    assert boxes.shown(ONE, label="bag") == (large, 1)
    assert boxes.shown(ONE, label="dress") == (dress, 2)
    assert boxes.shown(ONE) == (Box(0, 50, 360, 900), 2)
    assert boxes.shown(ONE, label="shoe") is None
    assert boxes.shown(TWO) is None
    assert shown([]) is None


def test_removing_counts_what_went(boxes: Boxes) -> None:
    boxes.replace({ONE: [("dress", DRESS), ("bag", BAG)], TWO: [("bag", BAG)]}, now=1.0)
    assert boxes.remove(content_ids=[ONE], labels=["shoe"]) == BoxChanges()
    assert boxes.remove(content_ids=[ONE], labels=["bag"]) == BoxChanges(
        removed=1, contents=1, revision=2
    )
    assert boxes.labels() == [LabelCount("bag", 1, 1), LabelCount("dress", 1, 1)]
    assert boxes.remove() == BoxChanges(removed=2, contents=2, revision=3)
    assert boxes.count() == 0


def test_labels_are_counted_by_boxes_and_contents(boxes: Boxes) -> None:
    boxes.replace({ONE: [("bag", BAG), ("bag", DRESS)], TWO: [("bag", BAG)]}, now=1.0)
    assert boxes.labels() == [LabelCount("bag", 3, 2)]


# --- all or nothing ------------------------------------------------------------------------------

# More contents than are written at once.
MANY = {content_id(str(number)): [("bag", BAG)] for number in range(2_500)}


def test_an_exception_in_the_middle_changes_nothing(
    boxes: Boxes, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes.replace({ONE: [("bag", DRESS)]}, now=1.0)
    rewrite, calls = boxes_module._rewrite, []

    def fail_at_last(connection: object, pairs: object, **options: object) -> None:
        rewrite(connection, pairs, **options)  # type: ignore[arg-type]
        calls.append(1)
        if len(calls) == 3:
            raise OSError("no space left on device")

    monkeypatch.setattr(boxes_module, "_rewrite", fail_at_last)
    with pytest.raises(OSError, match="no space"):
        boxes.replace({ONE: [("bag", BAG)], **MANY}, now=2.0)
    assert len(calls) == 3
    assert boxes.count() == 1
    assert boxes.shown(ONE) == (DRESS, 1)
    with database.write() as connection:
        assert next_version(connection) == 2


def test_a_process_killed_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    program = f"""
import os
from pathlib import Path
from tiefvision.maths.boxes import Box
from tiefvision.store import boxes, database
rewrite, calls = boxes._rewrite, []
def die_at_second(*args, **options):
    rewrite(*args, **options)
    calls.append(1)
    if len(calls) == 2:
        os._exit(9)
boxes._rewrite = die_at_second
opened = database.open_database(Path({str(tmp_path)!r}))
wanted = {{f"{{number:064x}}": [("bag", Box(0, 0, 9, 9))] for number in range(2_500)}}
boxes.Boxes(opened).replace(wanted, now=1.0)
"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == 9
    opened = open_database(tmp_path)
    assert Boxes(opened).count() == 0
    assert Boxes(opened).replace(MANY, now=1.0).revision == 1
    opened.close()


# --- photographs with their boxes ----------------------------------------------------------------


def test_each_photograph_comes_with_its_boxes_and_twins_share_them(tmp_path: Path) -> None:
    rows = [
        Row("b.jpg", content="one"),
        Row("a.jpg", content="one"),
        Row("c.jpg", width=600, height=500, content="two"),
        Row("d.jpg", content="three"),
        Row("e.jpg", state="pending"),
    ]
    database = open_database(boxed_catalogue.make(tmp_path / "shop", rows))
    boxes = Boxes(database)
    boxes.replace({TWO: [("bag", BAG)], ONE: [("dress", DRESS), ("bag", BAG)]}, now=1.0)
    boxes.replace({content_id("gone"): [("bag", BAG), ("bag", DRESS)]}, now=1.0)
    found = [
        (each.path, each.width, each.height, [(box.label, box.box) for box in each.boxes])
        for each in boxes.each()
    ]
    of_one = [("dress", DRESS), ("bag", BAG)]
    assert found == [
        ("a.jpg", 800, 1200, of_one),
        ("b.jpg", 800, 1200, of_one),
        ("c.jpg", 600, 500, [("bag", BAG)]),
    ]
    assert [each.path for each in boxes.each(labels=["dress"])] == ["a.jpg", "b.jpg"]
    assert boxes.orphans() == 2
    database.close()


def test_a_path_below_two_roots_is_given_in_full(tmp_path: Path) -> None:
    rows = [Row("1.jpg", root="/x"), Row("1.jpg", root="/y"), Row("2.jpg", root="/y")]
    database = open_database(boxed_catalogue.make(tmp_path / "shop", rows))
    boxes = Boxes(database)
    boxes.replace({row.content_id: [("bag", BAG)] for row in rows}, now=1.0)
    assert [each.path for each in boxes.each()] == ["/x/1.jpg", "/y/1.jpg", "2.jpg"]
    database.close()


def test_a_locators_boxes_are_given_only_where_nobody_drew_one(tmp_path: Path) -> None:
    rows = [Row("drawn.jpg", content="one"), Row("found.jpg"), Row("whole.jpg"), Row("old.jpg")]
    database = open_database(boxed_catalogue.make(tmp_path / "shop", rows))
    sources = {"drawn.jpg": "model", "found.jpg": "model", "whole.jpg": "whole", "old.jpg": "guess"}
    with database.write() as connection:
        for id_, state, label in (
            ("product", "active", ""),
            ("bags", "active", "bag"),
            ("before", "retired", ""),
        ):
            connection.execute(
                sa.insert(cell_spaces).values(id=id_, definition={}, state=state, label=label)
            )
            for row in connection.execute(sa.select(images)).all():
                connection.execute(
                    sa.insert(encodings).values(
                        cell_space_id=id_,
                        image_id=row.id,
                        # The photograph has changed since it was encoded.
                        content_id="other" if row.path == "old.jpg" else row.content_id,
                        box_left=1,
                        box_top=2,
                        box_right=30 if id_ == "product" else 40,
                        box_bottom=4,
                        box_source=sources[row.path],
                        box_confidence=0.5,
                        box_revision=0,
                        attributes_revision=0,
                        version=1,
                    )
                )
    boxes = Boxes(database)
    boxes.replace({ONE: [("bag", BAG)]}, now=1.0)
    found = {
        each.path: [(box.label, box.box, box.confidence) for box in each.boxes]
        for each in boxes.each(include_model=True)
    }
    assert found == {
        "drawn.jpg": [("bag", BAG, None)],
        "found.jpg": [("product", Box(1, 2, 30, 4), 0.5)],
    }
    assert [each.path for each in boxes.each()] == ["drawn.jpg"]
    by_label = boxes.each(labels=["bag"], include_model=True)
    assert [each.path for each in by_label] == ["drawn.jpg"]
    database.close()
