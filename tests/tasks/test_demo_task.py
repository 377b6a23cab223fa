"""`tiefvision demo`, with a small encoder and few photographs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

import small_shop
from tiefvision import settings
from tiefvision.errors import InvalidInput, NotFound
from tiefvision.tasks.demo import demo

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def small_encoder(tmp_path: Path) -> None:
    """The demo's catalogue, set to the smallest encoder before it is filled."""
    small_shop.require(small_shop.ENCODER)
    (tmp_path / "demo" / "shop").mkdir(parents=True)
    settings.write(
        tmp_path / "demo" / "shop",
        settings.Settings(encoder=settings.EncoderSettings(name=small_shop.ENCODER)),
    )


def test_demo_draws_indexes_and_shows_the_five_closest_of_three(tmp_path: Path) -> None:
    report = demo(tmp_path / "demo", count=12)
    assert report.index.total == 12 and "kind" in report.index.columns
    assert len(report.queries) == 3
    for query in report.queries:
        assert len(query.result.hits) == 5
        assert query.path not in [hit.path for hit in query.result.hits]
    with Image.open(report.sheet) as sheet:
        assert sheet.width == 2 * 56 + 240 + 60 + 5 * 240 + 4 * 24


def test_demo_again_reads_no_photograph_twice(tmp_path: Path) -> None:
    demo(tmp_path / "demo", count=6)
    again = demo(tmp_path / "demo", count=6)
    assert again.index.indexed == again.index.updated == 0


def test_real_photographs_are_used_instead(tmp_path: Path) -> None:
    shop = small_shop.built(tmp_path / "other")
    shutil.copy(shop.files[0], shop.photos / "twin.jpg")
    report = demo(tmp_path / "demo", photos=shop.photos)
    assert report.index.columns == {} and report.index.total == 9
    assert len({query.path for query in report.queries}) == 3
    # A twin of the query is no answer to it.
    for query in report.queries:
        assert all(query.path not in (hit.path, *hit.also) for hit in query.result.hits)
    assert not (tmp_path / "demo" / "photos").exists()


def test_too_few_photographs_and_missing_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="at least 3"):
        demo(tmp_path / "demo", count=2)
    with pytest.raises(NotFound):
        demo(tmp_path / "demo", photos=tmp_path / "none")
