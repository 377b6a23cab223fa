"""What a ranker is taught with, gathered from a catalogue."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import judged_shop
from indexing import Indexing
from judged_shop import IMAGES, KINDS
from tiefvision.errors import InvalidInput, NotFound
from tiefvision.maths.similarity import mean_cosine
from tiefvision.store.judgement_clashes import NewPair, NewTriplet
from tiefvision.store.judgements import Group, Judgements
from tiefvision.tasks.opened import opened
from tiefvision.tasks.progress import silent
from tiefvision.tasks.teaching import judged_images
from tiefvision.tasks.teaching.judged_images import JudgedImages, gather
from tiefvision.teach import splits


@pytest.fixture
def catalogue(tmp_path: Path, judged_catalogue: Path) -> Path:
    return Path(shutil.copytree(judged_catalogue, tmp_path / "shop"))


def _gather(catalogue: Path, **options: object) -> JudgedImages:
    with opened(catalogue) as shop:
        return gather(shop, **{"name": "default", "progress": silent, **options})


def _add(catalogue: Path, *triplets: NewTriplet, groups: dict[str, Group] | None = None) -> None:
    with opened(catalogue) as shop:
        held = Judgements(shop.database)
        held.add_triplets("default", triplets, source="people", now=0.0)
        if groups is not None:
            held.set_groups("default", groups)


def test_its_similarity_is_that_of_search(catalogue: Path) -> None:
    judged_shop.teach(catalogue, 40)
    data = _gather(catalogue).data
    with opened(catalogue) as shop:
        space = shop.search_space()
        own = space.cell_space
    shape = (len(data.cells), own.rows, own.cols, own.channels)
    grids = space.exact(data.cells).reshape(shape) * np.sqrt(own.rows * own.cols)
    vectors = data.vectors(np.array([3, 8]))
    assert vectors[0] @ vectors[1] == pytest.approx(mean_cosine(grids[3], grids[8]), abs=1e-5)


def test_triplets_name_the_images_that_were_judged(catalogue: Path) -> None:
    given = judged_shop.teach(catalogue, 40)
    found = _gather(catalogue)
    ids = [image.content_id for image in found.images]
    rows = {tuple(ids[place] for place in row) for row in found.data.triplets.tolist()}
    assert rows == {(t.anchor, t.positive, t.negative) for t in given}
    assert (found.triplets, found.pairs, found.left_out) == (40, 0, 0)
    assert found.data.classes is None and found.data.kinds is None


def test_a_mirrored_positive_is_its_picture_mirrored(catalogue: Path) -> None:
    ids = list(judged_shop.contents(catalogue))
    _add(catalogue, NewTriplet(ids[0], ids[0], ids[1], True), groups={ids[0]: Group("red")})
    data = _gather(catalogue).data
    ((anchor, positive, _),) = data.triplets.tolist()
    plain, mirrored = (
        data.cells[place].reshape(data.rows, data.cols, -1) for place in (anchor, positive)
    )
    np.testing.assert_array_equal(mirrored, plain[:, ::-1])
    assert data.groups[anchor] == data.groups[positive], "never on two sides of a split"
    assert data.classes is not None and data.classes[positive] == -1


def test_one_sender_is_one_group_and_folds_keep_it_whole(catalogue: Path) -> None:
    judged_shop.teach(catalogue, 60, groups=True)
    for options in ({"group_columns": ["sender"]}, {}):  # named, or as the groups say
        found = _gather(catalogue, **options)
        folds = splits.folds(found.data.groups)
        of_sender: dict[object, set[int]] = {}
        for image, fold in zip(found.images, folds.tolist(), strict=True):
            of_sender.setdefault(image.attributes["sender"], set()).add(fold)
        assert all(len(own) == 1 for own in of_sender.values())
    alone = _gather(catalogue, group_columns=["colour"])
    assert len(set(alone.data.groups)) <= len(judged_shop.COLOURS)


def test_a_photograph_saved_twice_is_in_its_originals_group(shop: Indexing, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(6):
        small = Image.fromarray(rng.integers(0, 256, (6, 6, 3), np.uint8))
        small.resize((96, 96), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    with Image.open(folder / "0.png") as image:
        image.save(folder / "again.jpg", quality=90)
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "turned.png")
    shop(folder)
    first, again, turned, other = (
        judged_shop.content_id(folder / name)
        for name in ("0.png", "again.jpg", "turned.png", "1.png")
    )
    _add(shop.catalogue, NewTriplet(first, again, other), NewTriplet(turned, other, again))
    found = _gather(shop.catalogue)
    group = {i.content_id: g for i, g in zip(found.images, found.data.groups, strict=True)}
    assert group[first] == group[again] == group[turned] != group[other]


def test_kinds_come_from_a_column(catalogue: Path) -> None:
    judged_shop.teach(catalogue, 60)
    kinds = _gather(catalogue, kind_column="sort").data.kinds
    assert kinds is not None and set(kinds.tolist()) == set(range(KINDS))


def test_groups_alone_are_drawn_from(catalogue: Path) -> None:
    judged_shop.teach(catalogue, 0, groups=True)
    data = _gather(catalogue).data
    assert len(data.cells) == IMAGES and len(data.triplets) > 1_000
    assert data.derived is not None and data.derived.all()
    assert data.classes is not None and data.apart is not None
    anchor, positive, negative = data.triplets.T
    assert (data.classes[anchor] == data.classes[positive]).all()
    assert (data.classes[anchor] != data.classes[negative]).all()
    assert (data.apart[anchor] != data.apart[positive]).all()


def test_what_people_said_is_not_drawn_again_nor_contradicted(catalogue: Path) -> None:
    judged_shop.teach(catalogue, 30, groups=True)
    ids, colours = zip(*judged_shop.contents(catalogue).items(), strict=True)
    other = next(i for i in range(IMAGES) if colours[i]["colour"] != colours[0]["colour"])
    same = next(i for i in range(1, IMAGES) if colours[i]["colour"] == colours[0]["colour"])
    _add(catalogue, NewTriplet(ids[0], ids[other], ids[same]))  # whatever its colour says
    data = _gather(catalogue).data
    assert data.derived is not None and (~data.derived).sum() == 31


def test_pairs_take_part(catalogue: Path) -> None:
    ids = list(judged_shop.contents(catalogue))
    with opened(catalogue) as shop:
        pairs = [NewPair(ids[0], ids[1], True), NewPair(ids[0], ids[2], False)]
        Judgements(shop.database).add_pairs("default", pairs, source="people", now=0.0)
    found = _gather(catalogue)
    assert found.pairs == 2 and sorted(found.data.same.tolist()) == [False, True]


def test_judgements_of_images_that_are_not_indexed_are_left_out(catalogue: Path) -> None:
    judged_shop.teach(catalogue, 20)
    known = list(judged_shop.contents(catalogue))
    _add(catalogue, NewTriplet("f" * 64, known[0], known[1]))
    found = _gather(catalogue)
    assert (found.triplets, found.left_out) == (20, 1)


def test_nothing_that_is_indexed_is_said(catalogue: Path) -> None:
    _add(catalogue, NewTriplet("f" * 64, "e" * 64, "d" * 64))
    with pytest.raises(InvalidInput, match="none of the images") as caught:
        _gather(catalogue)
    assert "tiefvision index" in caught.value.remedy


def test_no_more_images_take_part_than_fit_into_memory(
    catalogue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged_shop.teach(catalogue, 60)
    monkeypatch.setattr(judged_images, "MOST_IMAGES", 30)
    found = _gather(catalogue)
    assert 28 <= len(found.images) <= 30 and found.triplets + found.left_out == 60
    assert found.data.triplets.max() < len(found.images)


def test_the_frozen_dataset_says_what_was_learned_from(catalogue: Path) -> None:
    judged_shop.teach(catalogue, 25, groups=True)
    found, again = _gather(catalogue), _gather(catalogue)
    assert found.sha256 == again.sha256 == hashlib.sha256(found.frozen).hexdigest()
    document = json.loads(found.frozen)
    assert [own[0] for own in document["images"]] == [i.content_id for i in found.images]
    assert document["triplets"] == found.data.triplets.tolist()
    judged_shop.teach(catalogue, 30)
    assert _gather(catalogue).sha256 != found.sha256


def test_no_judgements_say_how_to_get_some(catalogue: Path) -> None:
    with pytest.raises(NotFound, match="nothing was judged for the ranker 'default'") as caught:
        _gather(catalogue)
    assert "triplets derive --by COLUMN" in caught.value.remedy
    assert "triplets import" in caught.value.remedy
    judged_shop.teach(catalogue, 5, name="colour")
    with pytest.raises(NotFound) as caught:
        _gather(catalogue, name="color")
    assert "did you mean --name colour?" in caught.value.remedy


@pytest.mark.parametrize("option", ["group_columns", "kind_column"])
def test_a_column_that_is_not_there_is_named(catalogue: Path, option: str) -> None:
    judged_shop.teach(catalogue, 5)
    value = ["sendr"] if option == "group_columns" else "sendr"
    with pytest.raises(InvalidInput, match="no attribute 'sendr'; there are: colour") as caught:
        _gather(catalogue, **{option: value})
    assert caught.value.remedy == "did you mean sender?"
