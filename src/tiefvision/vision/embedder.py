"""The only way from pixels to an embedding. Indexing, queries and evaluation all use it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float16

from tiefvision.maths import boxes
from tiefvision.maths.boxes import Box
from tiefvision.maths.centring import PartLayout, join_parts
from tiefvision.maths.grids import Pooling, pool
from tiefvision.vision import pixels
from tiefvision.vision.encoders.protocol import Encoder
from tiefvision.vision.pixels import Limits, Pixels

# Named in the cell space: a change of how a picture becomes the encoder's input changes this.
PREPROCESS = "middle-1"

# Of a whole picture the middle is encoded: its largest centred square, but at least this share of
# the longer side, so that nothing long is cut away. Products are mostly shot in the middle, and
# margins differ more than products do (benchmarks/quality.py).
_MIDDLE_SHARE = 0.75


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """What is known of one image.

    width, height: of the upright original, in pixels.
    box: where the product is, in its pixels; box_source: "whole" or "human".
    cells: float16 (rows, cols, channels), the parts side by side, each of unit length.
    """

    width: int
    height: int
    box: Box
    box_source: str
    cells: Float16[np.ndarray, "rows cols channels"]


@dataclass(frozen=True, slots=True)
class Embedder:
    """Pixels to cells by one encoder, pooled to rows x cols. Safe to share between threads."""

    encoder: Encoder
    rows: int
    cols: int
    pooling: Pooling = "max"
    limits: Limits = pixels.DEFAULT_LIMITS

    @property
    def layout(self) -> tuple[PartLayout, ...]:
        """Where each of the encoder's parts lies in a cell, and its weight."""
        return tuple(PartLayout(part.channels, part.weight) for part in self.encoder.parts)

    def read(self, source: bytes | Path, *, box: Box | None = None) -> Pixels:
        """Decode at just the size that embedding needs; in full when only a crop is wanted."""
        side = self.encoder.side if box is None else None
        return pixels.read(source, side=side, limits=self.limits)

    def embed(self, source: bytes | Path, *, box: Box | None = None) -> Embedding:
        """Read, crop to the box (None: the middle of the picture), encode, pool, make unit cells.

        Raises UnreadableImage or InvalidBox.
        """
        return self.embed_pixels(self.read(source, box=box), box=box)

    def embed_pixels(
        self, image: Pixels, *, box: Box | None = None, mirror: bool = False
    ) -> Embedding:
        """As `embed`, of decoded pixels; `mirror` embeds the picture flipped left to right."""
        width, height = image.original_width, image.original_height
        whole = boxes.whole(width, height)
        place = whole if box is None else boxes.clip(box, width=width, height=height)
        shown = middle(width, height) if box is None else place
        side = self.encoder.side
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
            box=place,
            box_source="whole" if box is None else "human",
            cells=cells.astype(np.float16),
        )


def middle(width: int, height: int) -> Box:
    """The part of a whole picture that is encoded: centred, as square as `_MIDDLE_SHARE` allows."""
    shorter = min(width, height)
    kept_width = min(width, max(shorter, width * _MIDDLE_SHARE))
    kept_height = min(height, max(shorter, height * _MIDDLE_SHARE))
    left, top = (width - kept_width) / 2, (height - kept_height) / 2
    return Box(left, top, left + kept_width, top + kept_height)
