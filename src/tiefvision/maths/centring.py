"""From stored cells to the cells that search compares: mean cell subtracted, parts weighted.

Stored cells hold the parts of an encoder side by side along the channels, each part of unit
length. Subtracting the mean cell first removes what all photographs share, which would otherwise
make every cosine large (measured in docs/benchmarks.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from tiefvision.errors import ShapeMismatch
from tiefvision.maths.grids import unit_cells


@dataclass(frozen=True, slots=True)
class PartLayout:
    """Where one part lies in a cell, and its share of the similarity (shares sum to 1)."""

    channels: int
    weight: float


def join_parts(
    grids: list[Float32[np.ndarray, "_rows _cols _channels"]],
) -> Float32[np.ndarray, "_rows _cols _total"]:
    """Stored cells: the parts' grids, each made of unit cells, side by side along the channels."""
    return np.concatenate([unit_cells(grid) for grid in grids], axis=-1)


def centre(
    cells: Float[np.ndarray, "*shape _channels"],
    *,
    mean: Float32[np.ndarray, " _channels_of_mean"],
    parts: tuple[PartLayout, ...],
) -> Float32[np.ndarray, "*shape _channels"]:
    """Unit cells ready to be compared: each part minus its mean, unit length, times sqrt(weight).

    The cosine of two such cells is the weighted mean of their parts' cosines.
    Raises ShapeMismatch when the channels of cells, mean and parts differ.
    """
    total = sum(part.channels for part in parts)
    if not cells.shape[-1] == mean.shape[0] == total:
        raise ShapeMismatch(
            f"cells of {cells.shape[-1]} channels, a mean cell of {mean.shape[0]} and parts of "
            f"{total} do not belong together"
        )
    centred = cells.astype(np.float32) - mean
    start = 0
    for part in parts:
        own = slice(start, start + part.channels)
        centred[..., own] = unit_cells(centred[..., own]) * np.float32(np.sqrt(part.weight))
        start += part.channels
    return centred
