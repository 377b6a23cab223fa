"""The only way from pixels to an embedding. Indexing, queries and evaluation all use it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float16

from tiefvision.errors import StoreError
from tiefvision.maths import boxes
from tiefvision.maths.boxes import Box
from tiefvision.maths.centring import PartLayout, join_parts
from tiefvision.maths.grids import Pooling, pool
from tiefvision.vision import pixels
from tiefvision.vision.encoders.protocol import Encoder
from tiefvision.vision.location import Finder
from tiefvision.vision.pixels import Limits, Pixels

# Named in the cell space: a change of how a picture becomes the encoder's input changes this.
PREPROCESS = "square-1"

# Of a whole picture the middle is encoded: its largest centred square, but at least this share of
# the longer side, so that nothing long is cut away. Products are mostly shot in the middle, and
# margins differ more than products do (benchmarks/quality.py).
_MIDDLE_SHARE = 0.75


BoxSource = Literal["human", "model", "guess", "whole"]


def box_source(name: str) -> BoxSource:
    """A box's source from its stored name."""
    for known in get_args(BoxSource):
        if known == name:
            return known
    raise StoreError(f"the catalogue says that a box is from {name!r}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the product of a picture is, who says so, and how sure a locator is of it."""

    box: Box
    source: BoxSource
    confidence: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """What is known of one image.

    width, height: of the upright original, in pixels.
    box: where the product is, in its pixels; box_source: "human" where it was given, "model" or
    "guess" where a locator found it, "whole" where there is none. box_confidence: the locator's,
    in [0, 1]; None where it did not find the box.
    cells: float16 (rows, cols, channels), the parts side by side, each of unit length.
    """

    width: int
    height: int
    box: Box
    box_source: BoxSource
    box_confidence: float | None
    cells: Float16[np.ndarray, "rows cols channels"]

    @property
    def shown(self) -> Box:
        """The part of the image that its cells lie over, row by row, in its pixels."""
        return shown_part(self.box, self.box_source, width=self.width, height=self.height)


@dataclass(frozen=True, slots=True)
class Embedder:
    """Pixels to cells by one encoder, pooled to rows x cols. Safe to share between threads.

    locator: finds the box of images that come without one; None: the middle of the picture.
    """

    encoder: Encoder
    rows: int
    cols: int
    pooling: Pooling = "max"
    limits: Limits = pixels.DEFAULT_LIMITS
    locator: Finder | None = None

    @property
    def layout(self) -> tuple[PartLayout, ...]:
        """Where each of the encoder's parts lies in a cell, and its weight."""
        return tuple(PartLayout(part.channels, part.weight) for part in self.encoder.parts)

    def embed(self, source: bytes | Path, *, box: Box | None = None) -> Embedding:
        """Read, find the box (None: what the locator finds), crop, encode, pool, make unit cells.

        Raises UnreadableImage or InvalidBox.
        """
        image = self.read(source)
        return self.embed_pixels(source, image, self.place(image, box=box))

    def read(self, source: bytes | Path) -> Pixels:
        """Decode at the size that locating and embedding most photographs need."""
        return pixels.read(source, side=self.encoder.side, limits=self.limits)

    def place(self, image: Pixels, *, box: Box | None = None, whole: bool = False) -> Place:
        """Where the product is: the given box, or what the locator finds, or nowhere (`whole`).

        Raises InvalidBox for a box without a pixel inside the picture.
        """
        width, height = image.original_width, image.original_height
        if box is not None:
            return Place(boxes.clip(box, width=width, height=height), "human")
        found = None if whole or self.locator is None else self.locator.locate(image)
        if found is None or self.locator is None:
            return Place(boxes.whole(width, height), "whole")
        return Place(found.box, self.locator.source, found.confidence)

    def embed_pixels(
        self, source: bytes | Path, image: Pixels, place: Place, *, mirror: bool = False
    ) -> Embedding:
        """As `embed`, of a picture that was read and located; `mirror` embeds it flipped left to
        right. source: is read again where the box is too small a part of what was decoded."""
        width, height = image.original_width, image.original_height
        shown = shown_part(place.box, place.source, width=width, height=height)
        side = self.encoder.side
        image = self._with_enough_pixels(source, image, shown)
        cropped = pixels.crop(image.rgb, image.to_decoded(shown))
        square = pixels.resize(cropped, width=side, height=side)
        if mirror:
            square = np.ascontiguousarray(square[:, ::-1])
        grids = self.encoder.encode(square)
        cells = join_parts(
            [pool(grid, rows=self.rows, cols=self.cols, by=self.pooling) for grid in grids]
        )
        return Embedding(
            width=width,
            height=height,
            box=place.box,
            box_source=place.source,
            box_confidence=place.confidence,
            cells=cells.astype(np.float16),
        )

    def _with_enough_pixels(self, source: bytes | Path, image: Pixels, shown: Box) -> Pixels:
        """The picture at a size at which a box has the encoder's pixels, if the file has them."""
        scale = min(image.scale)
        if scale == 1.0:
            return image
        shorter = min(shown.width, shown.height)
        if shorter * scale >= self.encoder.side:
            return image
        whole_shorter = min(image.original_width, image.original_height)
        side = math.ceil(self.encoder.side * whole_shorter / shorter)
        return pixels.read(source, side=min(side, whole_shorter), limits=self.limits)


def shown_part(box: Box, source: BoxSource, *, width: int, height: int) -> Box:
    """The part of an image that is encoded: a square about the product, or the middle."""
    if source == "whole":
        return middle(width, height)
    return boxes.square_about(box, width=width, height=height)


def middle(width: int, height: int) -> Box:
    """The part of a whole picture that is encoded: centred, as square as `_MIDDLE_SHARE` allows."""
    shorter = min(width, height)
    kept_width = min(width, max(shorter, width * _MIDDLE_SHARE))
    kept_height = min(height, max(shorter, height * _MIDDLE_SHARE))
    left, top = (width - kept_width) / 2, (height - kept_height) / 2
    return Box(left, top, left + kept_width, top + kept_height)
