"""Resize and crop: the convolution against its written-out oracle, and the fallback beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tiefvision.errors import InvalidBox, InvalidInput
from tiefvision.maths.boxes import Box
from tiefvision.vision import pixels

RED = (220, 30, 40)


def _smooth(width: int, height: int) -> Image.Image:
    """A picture without sharp edges: any good resize of it agrees with any other."""
    x = np.linspace(0, 3, width)[None, :]
    y = np.linspace(0, 2, height)[:, None]
    planes = [127 + 120 * np.sin(x * a + y * b) for a, b in ((2, 1), (1, 3), (3, 2))]
    return Image.fromarray(np.rint(np.stack(planes, axis=2)).astype(np.uint8))


def _mean_difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


def test_invalid_sizes_are_errors() -> None:
    rgb = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(InvalidInput, match="at least 1 x 1"):
        pixels.resize(rgb, width=0, height=5)
    with pytest.raises(InvalidInput, match="side"):
        pixels.read(b"", side=0)


RESIZERS = [pixels._resize_pillow] + ([pixels._resize_cykooz] if pixels._cykooz else [])


@pytest.mark.parametrize("resizer", RESIZERS)
def test_resize_equals_the_written_out_convolution(
    resizer: Callable[[np.ndarray, int, int], np.ndarray],
) -> None:
    rng = np.random.default_rng(3)
    rgb = rng.integers(0, 256, (37, 53, 3), dtype=np.uint8)
    for width, height in ((20, 11), (53, 20), (80, 60), (1, 1)):
        expected = _catmull_rom(_catmull_rom(rgb.astype(float), width, 1), height, 0)
        found = resizer(rgb, width, height)
        assert found.shape == (height, width, 3)
        # Both clip to whole numbers between the passes; 2 levels of 255 is that rounding.
        assert np.abs(found - np.clip(expected, 0, 255)).mean() < 2


def _catmull_rom(values: np.ndarray, size: int, axis: int) -> np.ndarray:
    """Slow oracle: Keys' cubic (a = -0.5), as wide as the pixels that one new pixel covers."""
    count = values.shape[axis]
    scale = max(count / size, 1.0)
    rows = []
    for new in range(size):
        centre = (new + 0.5) * count / size
        t = np.abs((np.arange(count) + 0.5 - centre) / scale)
        near, far = 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
        weights = np.where(t < 1, near, np.where(t < 2, far, 0))
        rows.append(np.tensordot(weights / weights.sum(), values, axes=(0, axis)))
    return np.stack(rows, axis=axis)


@pytest.mark.skipif(pixels._cykooz is None, reason="cykooz_resizer has no wheel here")
def test_fallback_resize_differs_by_rounding_only(photos: Path) -> None:
    for path in sorted((photos / "clothing").rglob("*.jpg"))[:10]:
        rgb = pixels.read(path).rgb
        a = pixels._resize_cykooz(rgb, 160, 200)
        b = pixels._resize_pillow(rgb, 160, 200)
        assert _mean_difference(a, b) < 0.5
        assert np.abs(a.astype(int) - b.astype(int)).max() <= 6


def test_resize_keeps_a_plain_picture_plain() -> None:
    rgb = np.full((31, 47, 3), RED, np.uint8)
    for width, height in ((10, 10), (100, 90), (1, 20_000), (47, 31)):
        found = pixels.resize(rgb, width=width, height=height)
        assert found.shape == (height, width, 3)
        assert (found == RED).all()


def test_resize_of_a_crop_equals_resize_of_its_copy() -> None:
    rgb = np.asarray(_smooth(90, 70))
    view = pixels.crop(rgb, Box(10, 5, 60, 65))
    found = pixels.resize(view, width=20, height=30)
    assert np.array_equal(found, pixels.resize(view.copy(), width=20, height=30))


def test_crop_holds_every_pixel_that_the_box_touches() -> None:
    rgb = np.asarray(_smooth(20, 10))
    assert np.array_equal(pixels.crop(rgb, Box(2.2, 3.0, 5.1, 7.0)), rgb[3:7, 2:6])
    assert pixels.crop(rgb, Box(-5, -5, 0.5, 0.5)).shape == (1, 1, 3)
    with pytest.raises(InvalidBox):
        pixels.crop(rgb, Box(20, 0, 30, 5))
