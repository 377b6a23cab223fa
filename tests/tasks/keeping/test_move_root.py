"""`tiefvision roots move`."""

from __future__ import annotations

from pathlib import Path

import pytest

import small_shop
from small_shop import SmallShop
from tiefvision.errors import Conflict, InvalidInput, NotFound
from tiefvision.tasks.keeping.move_root import move_root
from tiefvision.tasks.keeping.status import status
from tiefvision.tasks.searching.query import search


@pytest.fixture
def shop(tmp_path: Path) -> SmallShop:
    return small_shop.built(tmp_path)


def test_moved_photographs_are_found_in_the_new_place(shop: SmallShop) -> None:
    new = shop.folder / "elsewhere"
    shop.photos.rename(new)
    report = move_root(shop.photos, new, catalogue=shop.catalogue)
    assert (report.same, report.changed, report.missing) == (8, 0, 0)
    hit = search(sorted(new.glob("*.jpg"))[2], catalogue=shop.catalogue, k=1).hits[0]
    assert hit.path == str(sorted(new.glob("*.jpg"))[2])


def test_changed_and_missing_photographs_are_counted_by_content(shop: SmallShop) -> None:
    new = shop.folder / "elsewhere"
    shop.photos.rename(new)
    first, second, *_ = sorted(new.glob("*.jpg"))
    first.unlink()
    second.write_bytes(second.read_bytes() + b"\0")
    report = move_root(shop.photos, new, catalogue=shop.catalogue)
    assert (report.same, report.changed, report.missing) == (6, 1, 1)


def test_folder_without_any_of_the_photographs_is_refused(shop: SmallShop) -> None:
    (shop.folder / "empty").mkdir()
    with pytest.raises(InvalidInput, match="none of the 8"):
        move_root(shop.photos, shop.folder / "empty", catalogue=shop.catalogue)
    assert status(shop.catalogue).roots[0].path == str(shop.photos)


def test_unknown_and_impossible_folders_are_said(shop: SmallShop) -> None:
    with pytest.raises(NotFound, match="its roots are"):
        move_root(shop.folder / "x", shop.photos, catalogue=shop.catalogue)
    with pytest.raises(InvalidInput, match="no folder"):
        move_root(shop.photos, shop.folder / "none", catalogue=shop.catalogue)
    with pytest.raises(Conflict):
        move_root(shop.photos, shop.photos, catalogue=shop.catalogue)
