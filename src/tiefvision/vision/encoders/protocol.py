"""What the rest of the house knows about an encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8

from tiefvision.maths.grids import GridGeometry


@dataclass(frozen=True, slots=True)
class Part:
    """One grid that an encoder gives: a layer of a network.

    geometry: in pixels of the network's own input. scale: its pixels for each pixel given to
    `encode`; 1 unless the network was made for another side than the encoder's.
    weight: its share of the similarity; the weights of an encoder's parts sum to 1.
    any_size: False for a network of one input size, which squashes every image to it: its cells
    then cover the whole image, whatever its shape, and `geometry` holds at that size only.
    """

    name: str
    channels: int
    geometry: GridGeometry
    weight: float
    scale: float = 1.0
    any_size: bool = True


@runtime_checkable
class Encoder(Protocol):
    """Pixels in, grids out. Safe to call from several threads at once.

    name: the specification it was loaded from, such as "alexnet+efficientnet-lite0".
    fingerprint: hexadecimal SHA-256 of the networks, their preprocessing and precision; two
    encoders of one fingerprint give the same cells.
    """

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def parts(self) -> tuple[Part, ...]: ...

    @property
    def side(self) -> int:
        """Pixels of the square that a crop is resized to before encoding (the largest part's)."""
        ...

    def encode(
        self, pixels: UInt8[np.ndarray, "height width 3"]
    ) -> tuple[Float32[np.ndarray, "_rows _cols _channels"], ...]:
        """One grid for each part, in order, of an image of any size (not resized here,
        except that a network made for another input size than `side` resizes for itself)."""
        ...
