"""`tiefvision boxes`: into a catalogue, out of it, and what is said of bad files."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import boxed_catalogue
from boxed_catalogue import ROOT, Row, change_number
from tiefvision.errors import Conflict, InvalidInput, NotFound, NotReady
from tiefvision.maths.boxes import Box
from tiefvision.store.boxes import Boxes, LabelCount
from tiefvision.store.database import open_database
from tiefvision.tasks.locating.boxes import (
    BoxRemovalReport,
    export_boxes,
    import_boxes,
    list_boxes,
    remove_boxes,
)

HEADER = "path,label,left,top,right,bottom\n"


@contextmanager
def boxes_of(catalogue: Path) -> Iterator[Boxes]:
    database = open_database(catalogue)
    yield Boxes(database)
    database.close()


def content(catalogue: Path) -> set[tuple[str, int, int, str, Box]]:
    """Everything that is drawn, by photograph."""
    with boxes_of(catalogue) as boxes:
        return {
            (each.path, each.width, each.height, box.label, box.box)
            for each in boxes.each()
            for box in each.boxes
        }


def count(catalogue: Path) -> int:
    with boxes_of(catalogue) as boxes:
        return boxes.count()


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """Three photographs of 800 x 1200."""
    return boxed_catalogue.make(tmp_path / "shop", [Row(f"a/{n}.jpg") for n in (1, 2, 3)])


def csv_file(folder: Path, *lines: str) -> Path:
    file = folder / "boxes.csv"
    file.write_text(HEADER + "\n".join(lines), encoding="utf-8")
    return file


def coco_file(folder: Path, annotations: list[dict[str, Any]], **parts: Any) -> Path:
    document = {
        "images": [{"id": 1, "file_name": "a/1.jpg"}],
        "categories": [{"id": 1, "name": "dress"}],
        "annotations": annotations,
        **parts,
    }
    file = folder / "boxes.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


# --- importing -----------------------------------------------------------------------------------


def test_import_says_what_it_did(catalogue: Path, tmp_path: Path) -> None:
    file = csv_file(tmp_path, "a/1.jpg,dress,1,2,30,40", "a/1.jpg,bag,5,5,6,6", "2.jpg,bag,1,2,3,4")
    report = import_boxes(file, catalogue=catalogue)
    assert (report.imported, report.unchanged, report.replaced, report.images) == (3, 0, 0, 2)
    assert (report.format, report.labels) == ("csv", {"bag": 2, "dress": 1})
    assert (report.unmatched_count, report.problem_count, report.clipped) == (0, 0, 0)
    again = import_boxes(file, catalogue=catalogue)
    assert (again.imported, again.unchanged, again.replaced, again.images) == (0, 3, 0, 0)
    assert change_number(catalogue) == 1
    csv_file(tmp_path, "a/1.jpg,dress,1,2,30,41")
    moved = import_boxes(file, catalogue=catalogue)
    assert (moved.imported, moved.unchanged, moved.replaced, moved.images) == (1, 0, 1, 1)
    added = import_boxes(csv_file(tmp_path, "1.jpg,bag,7,7,9,9"), catalogue=catalogue, add=True)
    assert (added.imported, added.replaced) == (1, 0)
    assert content(catalogue) == {
        ("a/1.jpg", 800, 1200, "bag", Box(5, 5, 6, 6)),
        ("a/1.jpg", 800, 1200, "bag", Box(7, 7, 9, 9)),
        ("a/1.jpg", 800, 1200, "dress", Box(1, 2, 30, 41)),
        ("a/2.jpg", 800, 1200, "bag", Box(1, 2, 3, 4)),
    }


def test_labels_are_chosen_and_renamed(catalogue: Path, tmp_path: Path) -> None:
    file = csv_file(tmp_path, "1.jpg,dress,1,2,30,40", "1.jpg,coat,5,5,6,6", "1.jpg,bag,7,7,9,9")
    report = import_boxes(
        file, catalogue=catalogue, labels=["dress", " coat"], as_label="  garment "
    )
    assert report.labels == {"garment": 2}
    with pytest.raises(InvalidInput, match="no box labelled 'dres'; its labels are bag, coat, dr"):
        import_boxes(file, catalogue=catalogue, labels=["dres"])
    with pytest.raises(InvalidInput, match="'a\\\\x07b' is no label"):
        import_boxes(file, catalogue=catalogue, as_label="a\x07b")
    assert count(catalogue) == 2


def test_twins_share_boxes(tmp_path: Path) -> None:
    rows = [Row("1.jpg", content="same"), Row("copy/of.jpg", content="same")]
    shop = boxed_catalogue.make(tmp_path / "shop", rows)
    both = csv_file(tmp_path, "1.jpg,dress,1,2,3,4", "copy/of.jpg,dress,1,2,3,4")
    assert import_boxes(both, catalogue=shop).imported == 1
    exported = export_boxes(tmp_path / "out.csv", catalogue=shop)
    assert (exported.boxes, exported.images) == (2, 2)
    assert import_boxes(tmp_path / "out.csv", catalogue=shop).unchanged == 1


def test_box_that_reaches_out_is_cut_and_counted(catalogue: Path, tmp_path: Path) -> None:
    file = csv_file(
        tmp_path, "1.jpg,a,-5,10,20,30", "2.jpg,a,0,1100,801,1200.5", "3.jpg,a,0,0,800,1200"
    )
    report = import_boxes(file, catalogue=catalogue)
    # One pixel further is how formats differ: it is cut without a word.
    assert report.clipped == 1
    assert {(path, box) for path, _, _, _, box in content(catalogue)} == {
        ("a/1.jpg", Box(0, 10, 20, 30)),
        ("a/2.jpg", Box(0, 1100, 800, 1200)),
        ("a/3.jpg", Box(0, 0, 800, 1200)),
    }


BAD = {
    "outside the photograph": "800,10,900,20",
    "above the photograph": "10,-20,20,0",
    "no width": "10,10,10,20",
    "no height once rounded": "10,10,20,10.0000001",
    "right before left": "30,10,20,20",
    "not a number": "nan,10,20,30",
    "endless": "10,10,inf,20",
    "a word": "10,10,20,wide",
}


@pytest.mark.parametrize("edges", BAD.values(), ids=BAD.keys())
def test_one_bad_box_ends_an_import_and_nothing_is_changed(
    edges: str, catalogue: Path, tmp_path: Path
) -> None:
    import_boxes(csv_file(tmp_path, "2.jpg,dress,1,2,3,4"), catalogue=catalogue)
    before, number = content(catalogue), change_number(catalogue)
    file = csv_file(tmp_path, "1.jpg,dress,1,2,3,4", f"2.jpg,dress,{edges}")
    with pytest.raises(
        InvalidInput, match=r"nothing was imported: 1 box(.|\n)*line 3: .*"
    ) as error:
        import_boxes(file, catalogue=catalogue)
    assert "--skip-bad" in error.value.remedy
    assert (content(catalogue), change_number(catalogue)) == (before, number)
    report = import_boxes(file, catalogue=catalogue, skip_bad=True)
    assert (report.imported, report.problem_count, len(report.problems)) == (1, 1, 1)
    assert content(catalogue) == before | {("a/1.jpg", 800, 1200, "dress", Box(1, 2, 3, 4))}


def test_negative_size_unknown_image_and_odd_numbers_of_coco_are_told(
    catalogue: Path, tmp_path: Path
) -> None:
    one = {"image_id": 1, "category_id": 1}
    annotations = [
        {**one, "id": 1, "bbox": [10, 10, -5, 20]},
        {**one, "id": 2, "bbox": [10, 10, float("nan"), 20]},
        {**one, "id": 3, "bbox": [10, 10, float("inf"), 20]},
        {**one, "id": 4, "bbox": [10, 10, 5, 20], "image_id": 2},
        {**one, "id": 5, "bbox": [10, 10, 5, 20], "category_id": 9},
        {**one, "id": 6, "bbox": [10, 10, 5, 20]},
        {**one, "id": 7, "bbox": [10, 10, 5, 20], "iscrowd": 1},
    ]
    file = coco_file(tmp_path, annotations)
    with pytest.raises(InvalidInput, match="5 boxes") as error:
        import_boxes(file, catalogue=catalogue)
    for id_ in range(1, 6):
        assert f"annotation {id_}:" in error.value.message
    assert "annotation 6" not in error.value.message
    assert count(catalogue) == 0
    report = import_boxes(file, catalogue=catalogue, skip_bad=True)
    assert (report.imported, report.problem_count) == (1, 5)
    assert report.ignored == {"regions of a crowd": 1}


def test_coco_file_without_categories_changes_nothing(catalogue: Path, tmp_path: Path) -> None:
    file = coco_file(tmp_path, [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2]}])
    document = json.loads(file.read_text())
    del document["categories"]
    file.write_text(json.dumps(document))
    with pytest.raises(InvalidInput, match="has no categories; a COCO file is"):
        import_boxes(file, catalogue=catalogue)
    assert count(catalogue) == 0


def test_many_problems_are_counted_and_the_first_are_told(catalogue: Path, tmp_path: Path) -> None:
    file = csv_file(tmp_path, *("1.jpg,dress,9,9,1,1" for _ in range(1_234)))
    with pytest.raises(InvalidInput, match="1,234 boxes") as error:
        import_boxes(file, catalogue=catalogue)
    assert error.value.message.count("\n") == 21
    assert error.value.message.endswith("and 1,214 more")


def test_photograph_of_another_size_is_told_once(catalogue: Path, tmp_path: Path) -> None:
    images = [
        {"id": 1, "file_name": "a/1.jpg", "width": 1200, "height": 800},
        {"id": 2, "file_name": "a/2.jpg", "width": 80, "height": 120},
        {"id": 3, "file_name": "a/3.jpg", "width": 800, "height": 1200},
    ]
    annotations = [
        {"image_id": image_id, "category_id": 1, "bbox": [1, 1, 2 + more, 2]}
        for image_id in (1, 2, 3)
        for more in (0, 1)
    ]
    file = coco_file(tmp_path, annotations, images=images)
    with pytest.raises(InvalidInput) as error:
        import_boxes(file, catalogue=catalogue)
    assert error.value.message.splitlines()[1:] == [
        "annotation 1 of the list: a/1.jpg has 1200 x 800 px in the file, and 800 x 1200 in the "
        "catalogue: the boxes were drawn on the photograph as it lies, not upright",
        "annotation 3 of the list: a/2.jpg has 80 x 120 px in the file, and 800 x 1200 in the "
        "catalogue",
    ]
    assert import_boxes(file, catalogue=catalogue, skip_bad=True).imported == 2


def test_unmatched_photographs_are_told_and_the_others_imported(tmp_path: Path) -> None:
    rows = [Row("x/1.jpg"), Row("y/1.jpg"), Row("2.jpg"), Row("3.jpg", state="pending")]
    shop = boxed_catalogue.make(tmp_path / "shop", rows)
    names = ["2.jpg", "z/1.jpg", "3.jpg", "2.jpeg", "2.jpeg"]
    file = csv_file(tmp_path, *(f"{name},dress,1,{n},30,40" for n, name in enumerate(names)))
    report = import_boxes(file, catalogue=shop)
    assert (report.imported, report.unmatched_count, report.unmatched_boxes) == (1, 3, 4)
    by_path = {each.path: each for each in report.unmatched}
    assert "several photographs fit: " in by_path["z/1.jpg"].reason
    assert f"{ROOT}/x/1.jpg" in by_path["z/1.jpg"].reason
    assert by_path["z/1.jpg"].near is None
    assert "index it first" in by_path["3.jpg"].reason
    assert by_path["2.jpeg"].boxes == 2
    assert (by_path["2.jpeg"].near, by_path["2.jpeg"].reason) == (
        "2.jpg",
        "no photograph of the catalogue has this name",
    )


def test_of_many_unmatched_the_first_twenty_are_told(catalogue: Path, tmp_path: Path) -> None:
    lines = [f"missing-{n}.png,dress,1,2,30,40" for n in range(50)]
    report = import_boxes(csv_file(tmp_path, "1.jpg,dress,1,2,3,4", *lines), catalogue=catalogue)
    assert (len(report.unmatched), report.unmatched_count) == (20, 50)


def test_file_of_other_photographs_is_an_error_with_examples(
    catalogue: Path, tmp_path: Path
) -> None:
    file = csv_file(tmp_path, "b/dress.png,dress,1,2,30,40")
    with pytest.raises(InvalidInput) as error:
        import_boxes(file, catalogue=catalogue)
    assert "none of the 1 photographs" in error.value.message
    assert "b/dress.png: no photograph" in error.value.message
    assert f"{ROOT}/a/1.jpg" in error.value.message
    empty = boxed_catalogue.make(tmp_path / "empty", [])
    with pytest.raises(NotReady, match="index them"):
        import_boxes(file, catalogue=empty)


def test_file_without_boxes_is_an_error(catalogue: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="holds no boxes"):
        import_boxes(csv_file(tmp_path), catalogue=catalogue)
    with pytest.raises(NotFound, match="no file or folder"):
        import_boxes(tmp_path / "none.csv", catalogue=catalogue)
    with pytest.raises(NotFound, match="no catalogue"):
        import_boxes(csv_file(tmp_path), catalogue=tmp_path / "none")


def test_yolo_boxes_get_their_pixels_from_the_catalogue(catalogue: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    (folder / "labels" / "a").mkdir(parents=True)
    (folder / "data.yaml").write_text("names: [dress]")
    (folder / "labels" / "a" / "1.txt").write_text("0 0.5 0.5 0.25 0.5\n")
    assert import_boxes(folder, catalogue=catalogue).format == "yolo"
    assert content(catalogue) == {("a/1.jpg", 800, 1200, "dress", Box(300, 300, 500, 900))}
    (folder / "labels" / "a" / "1.txt").write_text("0 500 500 100 100\n")  # pixels, by mistake
    with pytest.raises(InvalidInput, match=r"labels/a/1\.txt, line 1: .*outside the image"):
        import_boxes(folder, catalogue=catalogue)


# --- exporting -----------------------------------------------------------------------------------


def street(folder: Path, photos: Path) -> Path:
    document = json.loads((photos / "street" / "boxes.coco.json").read_text())
    rows = [Row(i["file_name"], i["width"], i["height"]) for i in document["images"]]
    return boxed_catalogue.make(folder, rows)


@pytest.mark.slow
def test_street_boxes_come_back_exactly_in_every_format(photos: Path, tmp_path: Path) -> None:
    source = photos / "street" / "boxes.coco.json"
    document = json.loads(source.read_text())
    shop = street(tmp_path / "shop", photos)
    report = import_boxes(source, catalogue=shop)
    names = {each["id"]: each["name"] for each in document["categories"]}
    assert (report.imported, report.images, report.clipped) == (3_625, 498, 0)
    assert report.labels == Counter(names[a["category_id"]] for a in document["annotations"])
    files = {each["id"]: each["file_name"] for each in document["images"]}
    expected = {
        (files[a["image_id"]], names[a["category_id"]], tuple(a["bbox"]))
        for a in document["annotations"]
    }
    assert expected == {
        (path, label, (box.left, box.top, box.width, box.height))
        for path, _, _, label, box in content(shop)
    }
    for form, name in (("coco", "b.json"), ("csv", "b.csv"), ("voc", "voc"), ("yolo", "yolo")):
        exported = export_boxes(tmp_path / name, catalogue=shop, format=form)
        assert (exported.boxes, exported.images, exported.orphans) == (3_625, 498, 0)
        assert exported.labels == report.labels
        same = import_boxes(tmp_path / name, catalogue=shop)
        assert (same.imported, same.unchanged, same.replaced) == (0, 3_625, 0), form
        other = street(tmp_path / f"shop-{form}", photos)
        assert import_boxes(tmp_path / name, catalogue=other).format == form
        assert content(other) == content(shop)
    assert change_number(shop) == 1
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []


def test_same_paths_below_two_roots_come_back(tmp_path: Path) -> None:
    rows = [Row("1.jpg", root="/x"), Row("1.jpg", root="/y"), Row("x/1.jpg", root="/")]
    shop = boxed_catalogue.make(tmp_path / "shop", rows[:2])
    with boxes_of(shop) as boxes:
        wanted = {row.content_id: [("bag", Box(n, 0, 9, 9))] for n, row in enumerate(rows[:2])}
        boxes.replace(wanted, now=1.0)
    for name in ("out.csv", "out.json"):
        export_boxes(tmp_path / name, catalogue=shop)
        assert import_boxes(tmp_path / name, catalogue=shop).unchanged == 2
    with pytest.raises(InvalidInput, match="two folders"):
        export_boxes(tmp_path / "out", catalogue=shop, format="yolo")
    assert not (tmp_path / "out").exists()


def test_export_of_some_labels(catalogue: Path, tmp_path: Path) -> None:
    file = csv_file(tmp_path, "1.jpg,dress,1,2,30,40", "2.jpg,bag,5,5,6,6")
    import_boxes(file, catalogue=catalogue)
    exported = export_boxes(tmp_path / "out.csv", catalogue=catalogue, labels=["bag"])
    assert (exported.boxes, exported.labels) == (1, {"bag": 1})
    assert (tmp_path / "out.csv").read_text() == HEADER + "a/2.jpg,bag,5,5,6,6\n"
    with pytest.raises(InvalidInput, match=r"no box labelled 'bags'.*did you mean bag"):
        export_boxes(tmp_path / "out.csv", catalogue=catalogue, labels=["bags"])


def test_export_never_leaves_half_a_file(
    catalogue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = csv_file(tmp_path, "1.jpg,dress,1,2,30,40")
    import_boxes(file, catalogue=catalogue)
    target = tmp_path / "out" / "boxes.json"
    target.parent.mkdir()
    target.write_text("as it was")

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", fail)
    with pytest.raises(OSError, match="no space"):
        export_boxes(target, catalogue=catalogue)
    assert [each.name for each in target.parent.iterdir()] == ["boxes.json"]
    assert target.read_text() == "as it was"


def test_export_says_what_is_wrong_with_its_target(catalogue: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no boxes to write"):
        export_boxes(tmp_path / "out.json", catalogue=catalogue)
    assert not (tmp_path / "out.json").exists()
    import_boxes(csv_file(tmp_path, "1.jpg,dress,1,2,30,40"), catalogue=catalogue)
    with pytest.raises(InvalidInput, match="--format coco"):
        export_boxes(tmp_path / "out", catalogue=catalogue)
    with pytest.raises(NotFound, match="mkdir -p"):
        export_boxes(tmp_path / "none" / "out.json", catalogue=catalogue)
    with pytest.raises(Conflict, match="new or empty folder"):
        export_boxes(tmp_path, catalogue=catalogue, format="voc")
    with pytest.raises(Conflict, match="is a folder"):
        export_boxes(tmp_path, catalogue=catalogue, format="csv")
    (tmp_path / "empty").mkdir()
    assert export_boxes(tmp_path / "empty", catalogue=catalogue, format="voc").boxes == 1


def test_boxes_of_lost_photographs_are_kept_and_counted(catalogue: Path, tmp_path: Path) -> None:
    import_boxes(csv_file(tmp_path, "1.jpg,dress,1,2,30,40"), catalogue=catalogue)
    with boxes_of(catalogue) as boxes:
        boxes.replace({boxed_catalogue.content_id("gone"): [("bag", Box(0, 0, 1, 1))]}, now=1.0)
    exported = export_boxes(tmp_path / "out.csv", catalogue=catalogue)
    assert (exported.boxes, exported.orphans) == (1, 1)
    assert list_boxes(catalogue=catalogue).orphans == 1


# --- listing and removing ------------------------------------------------------------------------


def test_list_counts_labels_and_shows_single_photographs(catalogue: Path, tmp_path: Path) -> None:
    assert list_boxes(catalogue=catalogue).labels == []
    before = time.time()
    file = csv_file(tmp_path, "1.jpg,dress,1,2,30,40", "1.jpg,bag,5,5,6,6", "2.jpg,bag,5,5,6,6")
    import_boxes(file, catalogue=catalogue)
    found = list_boxes([f"{ROOT}/a/1.jpg"], catalogue=catalogue)
    assert (found.boxes, found.labels) == (3, [LabelCount("bag", 2, 2), LabelCount("dress", 1, 1)])
    assert [(each.path, each.label, each.box) for each in found.listed] == [
        (f"{ROOT}/a/1.jpg", "dress", [1, 2, 30, 40]),
        (f"{ROOT}/a/1.jpg", "bag", [5, 5, 6, 6]),
    ]
    assert all(before <= each.drawn_at <= time.time() for each in found.listed)
    with pytest.raises(NotFound, match=r"a/1\.jpeg: no photograph.*did you mean a/1\.jpg"):
        list_boxes(["a/1.jpeg"], catalogue=catalogue)


def test_remove_takes_photographs_labels_or_all(catalogue: Path, tmp_path: Path) -> None:
    lines = [f"{n}.jpg,{label},1,2,3,4" for n in (1, 2, 3) for label in ("bag", "dress", "hat")]
    import_boxes(csv_file(tmp_path, *lines), catalogue=catalogue)
    for options in ({}, {"images": ["1.jpg"], "everything": True}):
        with pytest.raises(InvalidInput, match="--all"):
            remove_boxes(catalogue=catalogue, **options)
    with pytest.raises(InvalidInput, match="no box labelled 'hut'"):
        remove_boxes(catalogue=catalogue, labels=["hut"])
    assert count(catalogue) == 9
    one = remove_boxes(["1.jpg"], catalogue=catalogue, labels=["bag"])
    assert one == BoxRemovalReport(removed=1, images=1)
    assert remove_boxes(["1.jpg"], catalogue=catalogue) == BoxRemovalReport(2, 1)
    assert remove_boxes(catalogue=catalogue, labels=["hat", "bag"]) == BoxRemovalReport(4, 2)
    assert remove_boxes(catalogue=catalogue, everything=True) == BoxRemovalReport(2, 2)
    assert remove_boxes(catalogue=catalogue, everything=True) == BoxRemovalReport(0, 0)


# --- size ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_time_grows_with_the_boxes_and_no_faster(tmp_path: Path) -> None:
    """All names are unmatched but one, have one file name, and every other box is bad."""
    rows = [Row(f"{n}/1.jpg") for n in range(1_000)]
    shop = boxed_catalogue.make(tmp_path / "shop", rows)

    def seconds(boxes: int) -> float:
        images = [{"id": n, "file_name": f"{n}/1.jpg"} for n in range(boxes)]
        annotations = [
            {"id": n, "image_id": n, "category_id": 1, "bbox": [1, 1, n % 2, 5]}
            for n in range(boxes)
        ]
        file = coco_file(tmp_path, annotations, images=images)
        start = time.process_time()
        report = import_boxes(file, catalogue=shop, skip_bad=True)
        taken = time.process_time() - start
        assert report.problem_count == 500
        assert report.unmatched_count == boxes - 1_000
        return taken

    seconds(2_000)
    assert seconds(20_000) < 10 * 2 * seconds(2_000)
