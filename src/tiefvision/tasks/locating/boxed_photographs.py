"""Photographs with drawn boxes, as a locator is taught with them: each read and encoded once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float16

from tiefvision.errors import InvalidInput, NotFound, UnreadableImage
from tiefvision.maths.boxes import Box
from tiefvision.store.boxes import Boxes, shown
from tiefvision.store.records import Image
from tiefvision.tasks.indexing.workers import worker_count
from tiefvision.tasks.opened import Opened
from tiefvision.tasks.progress import Progress
from tiefvision.tasks.ready_locator import ready_networks
from tiefvision.tasks.searching.search import file_of
from tiefvision.vision import pixels
from tiefvision.vision.encoders import SideBySide, load
from tiefvision.vision.locator import LOCATOR_ENCODER, networks_of, whole_grid
from tiefvision.vision.locator_choices import LocatorChoices
from tiefvision.vision.pixels import Pixels

if TYPE_CHECKING:
    from tiefvision.teach.samples import SampleSet

# Fewer photographs cannot be split into some to learn from and some to judge by.
LEAST_PHOTOGRAPHS = 5
_DIGITS = 16
OneBothWays = Float16[np.ndarray, "2 _rows _cols _channels"]
BothWays = Float16[np.ndarray, "photos 2 _rows _cols _channels"]


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


def locator_encoder(shop: Opened, progress: Progress) -> SideBySide:
    """What a locator's grids come from, at hand. Raises WeightsError where it cannot be had."""
    ready_networks(LOCATOR_ENCODER, place=shop.home, offline=False, progress=progress)
    return load(LOCATOR_ENCODER, folders=(shop.home.encoders,))


def drawn_samples(
    shop: Opened, label: str, encoder: SideBySide, choices: LocatorChoices, progress: Progress
) -> tuple[SampleSet, list[BoxedPhotograph], int]:
    """The frozen boxes, their photographs in the same order, and how many could not be read.

    Raises InvalidInput for boxes on too few photographs.
    """
    # torch takes seconds to import and belongs to the teach extra.
    from tiefvision.teach.samples import Taught, freeze

    asked = boxed_photographs(shop, label=label)
    had, grids = grids_of(shop, asked, encoder, sizes=choices.sizes, progress=progress)
    if len(had) < LEAST_PHOTOGRAPHS:
        of = f" of {label}" if label else ""
        gone = f" ({len(asked) - len(had)} more are gone)" if len(had) < len(asked) else ""
        raise InvalidInput(
            f"boxes{of} on {len(had)} photographs{gone}; at least {LEAST_PHOTOGRAPHS} expected to "
            "learn from and to judge by",
            remedy="import some: tiefvision boxes import FILE",
        )
    taught = [Taught(one.content_id, one.width, one.height, one.box) for one in had]
    parts = [part.channels for part in encoder.parts]
    samples = freeze(taught, grids[0], label=label, parts=parts, finer=grids[1:])
    return samples, had, len(asked) - len(had)


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
    sizes: Sequence[float] = (1.0,),
    progress: Progress,
) -> tuple[list[BoxedPhotograph], list[BothWays]]:
    """The photographs whose grids could be had, with those: plain and mirrored, at every size.

    Grids are kept in the catalogue's folder, so that a photograph is decoded for its first
    lesson only. Photographs that are gone or cannot be read are left out.
    """
    folders = [shop.home.grids / _name_of(encoder, size) for size in sizes]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)

    def every_size(photograph: BoxedPhotograph) -> list[OneBothWays] | None:
        files = [folder / f"{photograph.content_id}.npy" for folder in folders]
        if all(file.exists() for file in files):
            return [np.load(file, allow_pickle=False) for file in files]
        try:
            image = pixels.read(Path(photograph.file), side=encoder.side, limits=shop.limits)
        except (NotFound, UnreadableImage):
            return None
        made = [_both_ways(encoder, image, size) for size in sizes]
        for file, own in zip(files, made, strict=True):
            _write(file, own)
        return made

    had: list[BoxedPhotograph] = []
    grids: list[list[OneBothWays]] = []
    with (
        ThreadPoolExecutor(worker_count(shop.settings.index.workers)) as threads,
        progress("reading photographs", len(photographs)) as advance,
    ):
        for photograph, own in zip(photographs, threads.map(every_size, photographs), strict=True):
            if own is not None:
                had.append(photograph)
                grids.append(own)
            advance(1)
    return had, [np.stack(own) for own in zip(*grids, strict=True)]


def _both_ways(encoder: SideBySide, image: Pixels, size: float) -> OneBothWays:
    both = [whole_grid(encoder, image, mirror=mirror, size=size) for mirror in (False, True)]
    return np.stack(both).astype(np.float16)


def _name_of(encoder: SideBySide, size: float) -> str:
    """A folder name for the grids of an encoder, by its networks, layers and size."""
    made_of = repr((encoder.name, networks_of(encoder), size))
    return hashlib.sha256(made_of.encode()).hexdigest()[:_DIGITS]


def _write(file: Path, grid: OneBothWays) -> None:
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
