"""Encoding a whole image encodes its crops at once, wherever padding is not seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tiefvision.vision import encoders
from tiefvision.vision.encoders import SideBySide

# Fewer compared cells than this would prove little.
FEWEST_CELLS = 20
TOLERANCE = 1e-4


def _photo(path: Path, *, shorter_side: int) -> np.ndarray:
    """A photograph, upright, enlarged (never reduced) to a shorter side."""
    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    factor = max(1.0, shorter_side / min(image.size))
    size = (round(image.width * factor), round(image.height * factor))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC))


def _compare(encoder: SideBySide, photo: np.ndarray, *, top: int, left: int, side: int) -> int:
    """How many cells of a crop see only pixels; each was found equal to the whole image's."""
    (part,) = encoder.parts
    geometry = part.geometry
    assert top % geometry.stride == left % geometry.stride == 0
    (whole,) = encoder.encode(photo)
    (crop,) = encoder.encode(photo[top : top + side, left : left + side])
    cells = [cell for cell in range(crop.shape[0]) if geometry.sees_only_pixels(cell, side=side)]
    first_row, first_col = top // geometry.stride, left // geometry.stride
    for row in cells:
        for col in cells:
            expected = whole[first_row + row, first_col + col]
            error = np.linalg.norm(crop[row, col] - expected) / np.linalg.norm(expected)
            assert error <= TOLERANCE, (row, col, error)
    return len(cells) ** 2


def _check(
    spec: str, paths: list[Path], *, shorter_side: int, crops: list[tuple[int, int, int]]
) -> None:
    encoder = encoders.load(spec)
    compared = sum(
        _compare(encoder, _photo(path, shorter_side=shorter_side), top=top, left=left, side=side)
        for path in paths
        for top, left, side in crops
    )
    print(f"{spec}: compared {compared} cells")
    assert compared >= FEWEST_CELLS


@pytest.mark.photos
@pytest.mark.parametrize("spec", ["alexnet", "alexnet-dense"])
def test_alexnet_whole_image_equals_its_crops_cell_by_cell(
    spec: str, photos: Path, weights_cache: Callable[[str], Path]
) -> None:
    weights_cache(spec)
    paths = sorted((photos / "clothing").rglob("*.jp*g"))[:3]
    _check(spec, paths, shorter_side=500, crops=[(0, 0, 384), (64, 96, 384), (96, 32, 400)])


@pytest.mark.photos
@pytest.mark.slow
def test_lite0_whole_image_equals_its_crops_cell_by_cell(
    photos: Path, weights_cache: Callable[[str], Path]
) -> None:
    weights_cache("efficientnet-lite0")
    paths = sorted((photos / "clothing").rglob("*.jp*g"))[3:5]
    _check(
        "efficientnet-lite0",
        paths,
        shorter_side=1600,
        crops=[(0, 0, 1120), (256, 320, 1120), (448, 64, 1152)],
    )
