"""A small real catalogue behind the real application, asked in this process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from served import Served, serving
from starlette.testclient import TestClient

import small_shop
from small_shop import SmallShop


@pytest.fixture(scope="session")
def drawn_shop(tmp_path_factory: pytest.TempPathFactory) -> SmallShop:
    """Twenty-four photographs, one of them twice, and one file that is no image. Read only."""
    shop = small_shop.built(tmp_path_factory.mktemp("drawn"), count=24)
    shutil.copy(shop.files[0], shop.photos / "twin.jpg")
    (shop.photos / "<img src=x onerror=alert(1)>.jpg").write_bytes(b"no image at all")
    shop.index()
    return shop


@pytest.fixture(scope="module")
def read_only(drawn_shop: SmallShop) -> Iterator[TestClient]:
    """The application of the drawn shop, for tests that change nothing."""
    with serving(drawn_shop) as served:
        yield served.client


@pytest.fixture
def served(drawn_shop: SmallShop, tmp_path: Path) -> Iterator[Served]:
    """The application of a copy of the drawn shop's catalogue, to be changed."""
    own = SmallShop(tmp_path)
    shutil.copytree(drawn_shop.catalogue, own.catalogue)
    with serving(own) as served:
        yield served
