"""From stored cells to comparable ones: mean cell subtracted, parts weighted."""

from __future__ import annotations

import numpy as np
import pytest

from tiefvision.errors import ShapeMismatch
from tiefvision.maths.centring import PartLayout, centre, join_parts
from tiefvision.maths.grids import unit_cells
from tiefvision.maths.similarity import mean_cosine

_PARTS = (PartLayout(channels=3, weight=0.4), PartLayout(channels=5, weight=0.6))


def _part(seed: int, channels: int) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=(2, 3, channels))
    return unit_cells(values.astype(np.float32))


def _cells(seed: int) -> np.ndarray:
    return join_parts([_part(seed, 3), _part(seed + 50, 5)])


def test_joined_parts_lie_side_by_side_each_of_unit_length() -> None:
    joined = join_parts([3 * _part(0, 3), 7 * _part(50, 5)])
    assert joined.shape == (2, 3, 8)
    np.testing.assert_allclose(joined[..., :3], _part(0, 3), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(joined[..., 3:], _part(50, 5), rtol=1e-5, atol=1e-7)


def test_centring_by_hand() -> None:
    # (1, 0) - (1, -1) = (0, 1); (0, 1) - (-3, -3) = (3, 4), of length 5.
    cells = np.array([[[1, 0, 0, 1]]], np.float32)
    mean = np.array([1, -1, -3, -3], np.float32)
    parts = (PartLayout(2, 0.25), PartLayout(2, 0.75))
    expected = [0, 1 * 0.5, 0.6 * 0.75**0.5, 0.8 * 0.75**0.5]
    np.testing.assert_allclose(centre(cells, mean=mean, parts=parts)[0, 0], expected, rtol=1e-6)


def test_centred_cells_have_unit_length() -> None:
    mean = np.random.default_rng(9).normal(size=8).astype(np.float32) / 4
    centred = centre(_cells(0), mean=mean, parts=_PARTS)
    np.testing.assert_allclose(np.linalg.norm(centred, axis=-1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(centred[..., :3], axis=-1), 0.4**0.5, rtol=1e-5)


def test_similarity_is_the_weighted_mean_of_the_parts_similarities() -> None:
    mean = np.random.default_rng(9).normal(size=8).astype(np.float32) / 4
    together = mean_cosine(
        centre(_cells(0), mean=mean, parts=_PARTS), centre(_cells(1), mean=mean, parts=_PARTS)
    )
    by_part = [
        mean_cosine(
            unit_cells(_cells(0)[..., own] - mean[own]), unit_cells(_cells(1)[..., own] - mean[own])
        )
        for own in (slice(0, 3), slice(3, 8))
    ]
    assert together == pytest.approx(0.4 * by_part[0] + 0.6 * by_part[1], abs=1e-6)


def test_without_a_mean_one_part_stays_as_it_is() -> None:
    cells = _part(0, 3)
    centred = centre(cells, mean=np.zeros(3, np.float32), parts=(PartLayout(3, 1.0),))
    np.testing.assert_allclose(centred, cells, rtol=1e-5, atol=1e-7)


def test_subtracting_what_all_share_brings_what_differs_forward() -> None:
    shared = np.full(8, 2, np.float32)
    a, b = (unit_cells(_cells(seed) * 0.3 + shared) for seed in (0, 1))
    mean = ((a + b) / 2).mean(axis=(0, 1))
    parts = (PartLayout(8, 1.0),)
    before = mean_cosine(a, b)
    after = mean_cosine(centre(a, mean=mean, parts=parts), centre(b, mean=mean, parts=parts))
    assert before > 0.9 and after < 0.5


def test_stored_half_precision_cells_are_centred_in_single_precision() -> None:
    mean = np.random.default_rng(9).normal(size=8).astype(np.float32) / 4
    centred = centre(_cells(0).astype(np.float16), mean=mean, parts=_PARTS)
    assert centred.dtype == np.float32
    exact = centre(_cells(0), mean=mean, parts=_PARTS)
    np.testing.assert_allclose(centred, exact, atol=2e-3)


def test_centring_a_batch_centres_each_grid_and_leaves_the_input_alone() -> None:
    batch = np.stack([_cells(seed) for seed in range(3)])
    kept = batch.copy()
    mean = batch.mean(axis=(0, 1, 2))
    each = np.stack([centre(grid, mean=mean, parts=_PARTS) for grid in batch])
    assert np.array_equal(centre(batch, mean=mean, parts=_PARTS), each)
    assert np.array_equal(batch, kept)


@pytest.mark.parametrize(
    ("channels", "mean", "parts"),
    [(7, 8, _PARTS), (8, 7, _PARTS), (8, 8, (PartLayout(7, 1.0),))],
)
def test_channels_that_do_not_fit_are_refused(
    channels: int, mean: int, parts: tuple[PartLayout, ...]
) -> None:
    with pytest.raises(ShapeMismatch, match="do not belong together"):
        centre(np.ones((1, 1, channels), np.float32), mean=np.zeros(mean, np.float32), parts=parts)
