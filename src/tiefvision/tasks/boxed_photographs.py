"""Photographs with drawn boxes, as a locator is taught with them: each read and encoded once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float16

from tiefvision.errors import NotFound, UnreadableImage
from tiefvision.maths.boxes import Box
from tiefvision.store.boxes import Boxes, shown
from tiefvision.store.records import Image
from tiefvision.tasks.opened import Opened
from tiefvision.tasks.progress import Progress
from tiefvision.tasks.search import file_of
from tiefvision.tasks.workers import worker_count
from tiefvision.vision import pixels
from tiefvision.vision.encoders import SideBySide
from tiefvision.vision.locator import networks_of, whole_grid

_DIGITS = 16


@dataclass(frozen=True, slots=True)
class BoxedPhotograph:
    """A photograph with the box that people drew. file: one of those that hold its content.

    width, height: of the upright original; box: in its pixels.
    """

    content_id: str
    file: str
    width: int
    height: int
    box: Box


def boxed_photographs(shop: Opened, *, label: str) -> list[BoxedPhotograph]:
    """The photographs with boxes of a label ("": of any), one for each content, by content id.

    A photograph that vanished is among them: its grids may be kept.
    """
    drawn, found = Boxes(shop.database), dict[str, BoxedPhotograph]()
    for images in _batches(shop.catalogue.each(), 500):
        contents = {image.content_id: image for image in images if image.state == "indexed"}
        own = drawn.of([content for content in contents if content])
        for content_id, boxes in own.items():
            image, place = contents[content_id], shown(boxes, label=label)
            if place is not None and image.width is not None and image.height is not None:
                found[content_id] = BoxedPhotograph(
                    content_id, file_of(image), image.width, image.height, place[0]
                )
    return [found[content_id] for content_id in sorted(found)]


def grids_of(
    shop: Opened,
    photographs: Sequence[BoxedPhotograph],
    encoder: SideBySide,
    *,
    progress: Progress,
) -> tuple[list[BoxedPhotograph], Float16[np.ndarray, "n 2 rows cols channels"]]:
    """The photographs whose grids could be had, with those: plain and mirrored.

    Grids are kept in the catalogue's folder, so that a photograph is decoded for its first
    lesson only. Photographs that are gone or cannot be read are left out.
    """
    folder = shop.home.grids / _name_of(encoder)
    folder.mkdir(parents=True, exist_ok=True)

    def grid(photograph: BoxedPhotograph) -> Float16[np.ndarray, "2 rows cols channels"] | None:
        kept = folder / f"{photograph.content_id}.npy"
        if kept.exists():
            return np.load(kept, allow_pickle=False)
        try:
            image = pixels.read(Path(photograph.file), side=encoder.side, limits=shop.limits)
        except (NotFound, UnreadableImage):
            return None
        both = np.stack([whole_grid(encoder, image, mirror=mirror) for mirror in (False, True)])
        half = both.astype(np.float16)
        _write(kept, half)
        return half

    had: list[BoxedPhotograph] = []
    grids: list[Float16[np.ndarray, "2 rows cols channels"]] = []
    with (
        ThreadPoolExecutor(worker_count(shop.settings.index.workers)) as threads,
        progress("reading photographs", len(photographs)) as advance,
    ):
        for photograph, own in zip(photographs, threads.map(grid, photographs), strict=True):
            if own is not None:
                had.append(photograph)
                grids.append(own)
            advance(1)
    return had, np.stack(grids) if grids else np.empty((0, 2, 0, 0, 0), np.float16)


def _name_of(encoder: SideBySide) -> str:
    """A folder name for the grids of an encoder, by its networks and layers."""
    made_of = repr((encoder.name, networks_of(encoder)))
    return hashlib.sha256(made_of.encode()).hexdigest()[:_DIGITS]


def _write(file: Path, grid: Float16[np.ndarray, "2 rows cols channels"]) -> None:
    partial = file.with_suffix(f".partial-{os.getpid()}")
    with partial.open("wb") as opened:
        np.save(opened, grid, allow_pickle=False)
    partial.replace(file)


def _batches(images: Iterator[Image], size: int) -> Iterator[list[Image]]:
    batch: list[Image] = []
    for image in images:
        batch.append(image)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
