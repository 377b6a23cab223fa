"""Triplets from attributes and mirror images, on catalogues indexed with a tiny encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import boxed_catalogue
from boxed_catalogue import Row
from tiefvision.errors import InvalidInput, NotReady
from tiefvision.store.judgements import Group, Judgements, NewTriplet, Triplet
from tiefvision.store.records import Image
from tiefvision.tasks.opened import opened
from tiefvision.tasks.teaching import derive_triplets as module
from tiefvision.tasks.teaching.derive_triplets import derive_triplets
from tiefvision.teach import splits

if TYPE_CHECKING:
    from indexing import Indexing

Draw = Callable[..., list[Path]]

LABELS = ("dress", "hat", "shoe")
COUNT = 60


@pytest.fixture
def catalogue(tmp_path: Path, shop: Indexing, draw: Draw) -> Path:
    """60 pictures in turns of 3 labels, 2 kinds and 20 senders; number 0 has no label."""
    return filled(tmp_path, shop, draw, columns)


def columns(number: int) -> tuple[str, str, str]:
    label = LABELS[number % 3] if number else ""
    return label, "ab"[number // 3 % 2], f"sender {number // 3}"


def filled(folder: Path, shop: Indexing, draw: Draw, row: Callable[[int], Sequence[str]]) -> Path:
    photos = folder / "photos"
    files = draw(photos, range(COUNT))
    lines = [",".join([file.name, *row(number)]) for number, file in enumerate(files)]
    table = folder / "table.csv"
    table.write_text("\n".join(["path,label,kind,sender", *lines]) + "\n")
    shop(photos, attributes=table)
    return shop.catalogue


def taught(catalogue: Path, name: str = "default") -> list[Triplet]:
    with opened(catalogue) as shop:
        return Judgements(shop.database).triplets(name)


def images_of(catalogue: Path) -> dict[str, Image]:
    with opened(catalogue) as shop:
        return {image.content_id or "": image for image in shop.catalogue.each()}


def of(images: dict[str, Image], triplet: Triplet, column: str) -> list[object]:
    ids = (triplet.anchor, triplet.positive, triplet.negative)
    return [images[id_].attributes.get(column) for id_ in ids]


def sides_of(triplets: Sequence[Triplet], keys: dict[str, str]) -> list[set[int]]:
    ids = sorted(keys)
    folds = dict(zip(ids, splits.folds([keys[id_] for id_ in ids]).tolist(), strict=True))
    return [{folds[id_] for id_ in (t.anchor, t.positive, t.negative)} for t in triplets]


def test_triplets_follow_the_labels_and_stay_on_one_side(catalogue: Path) -> None:
    report = derive_triplets("label", catalogue=catalogue, count=200)
    triplets = taught(catalogue)
    assert (report.derived, report.mirrored, report.unchanged) == (len(triplets), 0, 0)
    assert 100 < len(triplets) <= 200
    assert (report.photographs, report.values, report.wrong) == (59, 3, None)
    images = images_of(catalogue)
    for triplet in triplets:
        anchor, positive, negative = of(images, triplet, "label")
        assert anchor == positive != negative and negative
        assert triplet.source == "derived" and not triplet.mirrored
    assert all(len(side) == 1 for side in sides_of(triplets, {id_: id_ for id_ in images}))
    assert len({side.pop() for side in sides_of(triplets, {id_: id_ for id_ in images})}) == 5


def test_groups_are_written_so_that_whole_batches_can_be_compared(catalogue: Path) -> None:
    report = derive_triplets("label", catalogue=catalogue, apart="sender", count=20, name="n")
    images = images_of(catalogue)
    with opened(catalogue) as shop:
        groups = Judgements(shop.database).groups("n")
    assert report.groups == len(groups) == 59
    assert groups == {
        id_: Group(str(image.attributes["label"]), str(image.attributes["sender"]))
        for id_, image in images.items()
        if image.attributes.get("label")
    }
    again = derive_triplets("kind", catalogue=catalogue, count=20, name="n")
    assert again.groups == 60 and again.notes == []
    smaller = derive_triplets("label", catalogue=catalogue, count=20, name="n")
    assert smaller.notes == ["the earlier groups of n were replaced"]


def test_within_and_apart_are_kept(catalogue: Path) -> None:
    derive_triplets("label", catalogue=catalogue, within="kind", count=200)
    images = images_of(catalogue)
    assert all(len(set(of(images, triplet, "kind"))) == 1 for triplet in taught(catalogue))
    derive_triplets("label", catalogue=catalogue, apart="sender", count=200, name="n")
    triplets = taught(catalogue, "n")
    smallest: dict[object, str] = {}
    for id_ in sorted(id_ for id_ in images if images[id_].attributes.get("label")):
        smallest.setdefault(images[id_].attributes["sender"], id_)
    keys = {
        id_: smallest[image.attributes["sender"]]
        for id_, image in images.items()
        if image.attributes.get("label")
    }
    assert triplets and all(len(side) == 1 for side in sides_of(triplets, keys))
    for triplet in triplets:
        anchor, positive, _ = of(images, triplet, "sender")
        assert anchor != positive


def test_hard_triplets_are_wrong_more_often(catalogue: Path) -> None:
    def wrong(name: str) -> float:
        with opened(catalogue) as shop:
            space = shop.search_space()
            triplets = Judgements(shop.database).triplets(name)
            images = {image.content_id: image.id for image in shop.catalogue.each()}
            rows = shop.vectors(space.cell_space).fetch(list(images.values()))
            vectors = dict(
                zip((key.image_id for key in rows.keys), space.exact(rows.cells), strict=True)
            )
        gaps = [
            vectors[images[t.anchor]] @ (vectors[images[t.positive]] - vectors[images[t.negative]])
            for t in triplets
        ]
        return float(np.mean(np.array(gaps) <= 0))

    derive_triplets("label", catalogue=catalogue, count=100, name="any")
    report = derive_triplets("label", catalogue=catalogue, count=100, name="hard", hard=True)
    assert report.wrong == round(wrong("hard") * report.derived)
    assert wrong("hard") > wrong("any") + 0.2


def test_mirror_images_are_free_triplets(catalogue: Path) -> None:
    report = derive_triplets(catalogue=catalogue, mirror=True, count=40)
    triplets = taught(catalogue)
    assert (report.by, report.derived, report.mirrored) == (None, 0, len(triplets))
    assert report.groups == 0 and 38 <= len(triplets) <= 42
    images = images_of(catalogue)
    sides = sides_of(triplets, {id_: id_ for id_ in images})
    assert all(len(side) == 1 for side in sides)
    with opened(catalogue) as shop:
        space = shop.search_space()
        store = shop.vectors(space.cell_space)
        folds = dict(zip(sorted(images), splits.folds(sorted(images)).tolist(), strict=True))
        for triplet in triplets:
            assert (triplet.mirrored, triplet.source) == (True, "mirrored")
            assert triplet.anchor == triplet.positive
            side = [id_ for id_ in images if folds[id_] == folds[triplet.anchor]]
            rows = store.fetch([images[id_].id for id_ in side])
            contents = [key.content_id for key in rows.keys]
            vectors = space.exact(rows.cells)
            similarities = vectors @ vectors[contents.index(triplet.anchor)]
            ranked = [contents[place] for place in np.argsort(-similarities)]
            assert next(id_ for id_ in ranked if id_ != triplet.anchor) == triplet.negative


def test_both_sorts_can_be_drawn_at_once(catalogue: Path) -> None:
    report = derive_triplets("label", catalogue=catalogue, mirror=True, count=30)
    sources = [triplet.source for triplet in taught(catalogue)]
    assert (sources.count("derived"), sources.count("mirrored")) == (
        report.derived,
        report.mirrored,
    )
    assert report.derived and report.mirrored


def test_the_same_seed_draws_the_same_triplets(catalogue: Path) -> None:
    def drawn(seed: int, name: str) -> list[tuple[str, str, str]]:
        derive_triplets("label", catalogue=catalogue, count=50, seed=seed, name=name)
        return [(t.anchor, t.positive, t.negative) for t in taught(catalogue, name)]

    assert drawn(1, "a") == drawn(1, "b") != drawn(2, "c")
    again = derive_triplets("label", catalogue=catalogue, count=50, seed=1, name="a")
    assert again.derived == 0 and again.unchanged == len(taught(catalogue, "a"))


def test_what_people_said_stays(catalogue: Path) -> None:
    derive_triplets("label", catalogue=catalogue, count=50, name="a")
    opposite = [NewTriplet(t.anchor, t.negative, t.positive) for t in taught(catalogue, "a")]
    with opened(catalogue) as shop:
        Judgements(shop.database).add_triplets("b", opposite[:7], source="people", now=5.0)
    report = derive_triplets("label", catalogue=catalogue, count=50, name="b")
    assert report.contradictory == 7
    assert [t.source for t in taught(catalogue, "b")].count("people") == 7


def test_large_catalogues_are_sampled_and_it_is_said(
    catalogue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_PHOTOGRAPHS", 40)
    report = derive_triplets("label", catalogue=catalogue, count=100)
    assert report.photographs == 40
    assert "the 40 photographs with the smallest content ids" in report.notes[0]
    with_label = sorted(i for i, image in images_of(catalogue).items() if image.attributes["label"])
    used = {id_ for t in taught(catalogue) for id_ in (t.anchor, t.positive, t.negative)}
    assert used <= set(with_label[:40])


def test_columns_that_say_nothing_are_refused(catalogue: Path) -> None:
    with pytest.raises(
        InvalidInput, match="no column 'lable'; the columns are label, kind, se"
    ) as e:
        derive_triplets("lable", catalogue=catalogue)
    assert e.value.remedy == "did you mean label?"
    with pytest.raises(InvalidInput, match="no column 'x'"):
        derive_triplets("label", catalogue=catalogue, apart="x")
    with pytest.raises(
        InvalidInput, match=r"no triplet can be drawn from 60 ph.*of one label"
    ) as e:
        derive_triplets("sender", catalogue=catalogue, within="label", apart="sender")
    assert "leave out --within or --apart" in e.value.remedy
    with pytest.raises(InvalidInput, match="nothing says what is similar"):
        derive_triplets(catalogue=catalogue)
    with pytest.raises(InvalidInput, match="--within and --hard are for triplets by a column"):
        derive_triplets(catalogue=catalogue, mirror=True, hard=True)
    with pytest.raises(InvalidInput, match="count is 0"):
        derive_triplets("label", catalogue=catalogue, count=0)
    assert taught(catalogue) == []


def test_a_column_with_one_value_is_refused(tmp_path: Path, shop: Indexing, draw: Draw) -> None:
    catalogue = filled(tmp_path, shop, draw, lambda number: ("dress", "", ""))
    with pytest.raises(InvalidInput, match="the column label has only the value 'dress'"):
        derive_triplets("label", catalogue=catalogue)
    with pytest.raises(InvalidInput, match="the column kind has no value"):
        derive_triplets("kind", catalogue=catalogue)


def test_without_attributes_or_photographs_the_remedy_is_told(
    tmp_path: Path, shop: Indexing, draw: Draw
) -> None:
    draw(tmp_path / "photos", range(3))
    shop(tmp_path / "photos")
    with pytest.raises(InvalidInput, match="no attributes to derive triplets from") as caught:
        derive_triplets("label", catalogue=shop.catalogue)
    assert "tiefvision index PHOTOS --attributes FILE" in caught.value.remedy
    empty = boxed_catalogue.make(tmp_path / "empty", [Row("1.jpg", state="pending")])
    with pytest.raises(NotReady):
        derive_triplets("label", catalogue=empty)
