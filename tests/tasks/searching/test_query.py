"""Searching as a program does it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import small_shop
import tiefvision as tv
from small_shop import SmallShop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> SmallShop:
    return small_shop.built(tmp_path_factory.mktemp("query"))


def test_photograph_of_the_catalogue_is_closest_to_itself(shop: SmallShop) -> None:
    result = tv.search(shop.files[3], catalogue=shop.catalogue, k=3)
    assert result.hits[0].path == str(shop.files[3])
    assert result.hits[0].similarity == pytest.approx(1.0, abs=1e-3)
    assert result.hits[0].similarity > result.hits[1].similarity >= result.hits[2].similarity


def test_bytes_and_file_give_the_same_hits(shop: SmallShop) -> None:
    file = shop.files[0]
    by_file = tv.search(file, catalogue=shop.catalogue).hits
    assert tv.search(file.read_bytes(), catalogue=shop.catalogue).hits == by_file


def test_opened_catalogue_answers_many_searches(shop: SmallShop) -> None:
    with tv.open(shop.catalogue) as searcher:
        for file in shop.files[:3]:
            assert searcher.search(file, k=1).hits[0].path == str(file)


def test_catalogue_is_found_by_the_environment(
    shop: SmallShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIEFVISION_CATALOGUE", str(shop.catalogue))
    assert tv.search(shop.files[0], k=1).hits[0].path == str(shop.files[0])


def test_missing_catalogue_is_named_with_its_neighbour(shop: SmallShop) -> None:
    with pytest.raises(tv.NotFound, match=r"did you mean .*shop"):
        tv.search(shop.files[0], catalogue=shop.folder / "shopp")


def test_sheet_of_a_search_shows_query_and_hits(shop: SmallShop, tmp_path: Path) -> None:
    from tiefvision.tasks.searching.query import write_result_sheet

    result = tv.search(shop.files[0], catalogue=shop.catalogue, k=2)
    for query in (shop.files[0], result.hits[0].id):
        file = write_result_sheet(tmp_path / "sheet.png", query, result, catalogue=shop.catalogue)
        with Image.open(file) as sheet:
            # Margins, the query, its gap, two tiles and the gap between them.
            assert sheet.width == 2 * 56 + 240 + 60 + 2 * 240 + 24
