"""Similarity: the mean cosine over aligned cells, and its flat form."""

from __future__ import annotations

import numpy as np
import pytest

from tiefvision.errors import InvalidInput, ShapeMismatch
from tiefvision.maths import similarity
from tiefvision.maths.grids import unit_cells


def _grid(seed: int, rows: int = 3, cols: int = 4, channels: int = 16) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=(rows, cols, channels))
    return unit_cells(values.astype(np.float32))


def _slow_mean_cosine(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> float:
    """Cell by cell, in plain numbers."""
    total = 0.0
    for row in range(a.shape[0]):
        for col in range(a.shape[1]):
            x, y = a[row, col].astype(float), b[row, col].astype(float)
            cosine = sum(x * y) / (sum(x * x) ** 0.5 * sum(y * y) ** 0.5)
            total += weights[row, col] * cosine
    return total / weights.sum()


# Two cells: one with the same direction on both sides, one at 60 degrees.
_A = np.array([[[1, 0], [1, 0]]], np.float32)
_B = np.array([[[1, 0], [0.5, 3**0.5 / 2]]], np.float32)


def test_mean_cosine_by_hand() -> None:
    assert similarity.mean_cosine(_A, _B) == pytest.approx((1 + 0.5) / 2)


def test_weights_by_hand() -> None:
    weights = np.array([[1.0, 3.0]])
    assert similarity.mean_cosine(_A, _B, cell_weights=weights) == pytest.approx((1 + 3 * 0.5) / 4)


def test_only_the_ratio_of_weights_matters() -> None:
    a, b = _grid(0), _grid(1)
    weights = np.random.default_rng(2).uniform(0.1, 1, (3, 4))
    once = similarity.mean_cosine(a, b, cell_weights=weights)
    assert similarity.mean_cosine(a, b, cell_weights=weights * 7) == pytest.approx(once, rel=1e-5)


def test_equal_weights_change_nothing() -> None:
    a, b = _grid(0), _grid(1)
    equal = similarity.mean_cosine(a, b, cell_weights=np.full((3, 4), 0.25))
    assert equal == pytest.approx(similarity.mean_cosine(a, b), abs=1e-6)


def test_a_cell_of_weight_nothing_does_not_matter() -> None:
    a, b = _grid(0), _grid(1)
    weights = np.ones((3, 4))
    weights[1, 2] = 0
    changed = b.copy()
    changed[1, 2] = -a[1, 2]
    assert similarity.mean_cosine(a, b, cell_weights=weights) == pytest.approx(
        similarity.mean_cosine(a, changed, cell_weights=weights), abs=1e-6
    )


def test_mean_cosine_equals_the_slow_one() -> None:
    for seed in range(5):
        a, b = _grid(seed), _grid(seed + 100)
        weights = np.random.default_rng(seed).uniform(0, 1, (3, 4))
        assert similarity.mean_cosine(a, b) == pytest.approx(
            _slow_mean_cosine(a, b, np.ones((3, 4))), abs=1e-6
        )
        assert similarity.mean_cosine(a, b, cell_weights=weights) == pytest.approx(
            _slow_mean_cosine(a, b, weights), abs=1e-6
        )


def test_a_grid_is_most_similar_to_itself_and_least_to_its_negative() -> None:
    a, b = _grid(0), _grid(1)
    assert similarity.mean_cosine(a, a) == pytest.approx(1, abs=1e-6)
    assert similarity.mean_cosine(a, -a) == pytest.approx(-1, abs=1e-6)
    assert -1 < similarity.mean_cosine(a, b) < 1


def test_similarity_falls_as_a_grid_is_disturbed_more() -> None:
    a, noise = _grid(0), _grid(1)
    found = [similarity.mean_cosine(a, unit_cells(a + share * noise)) for share in (0, 0.3, 1, 3)]
    assert found == sorted(found, reverse=True) and found[0] > found[-1] + 0.3


def test_similarity_is_symmetric() -> None:
    a, b = _grid(0), _grid(1)
    assert similarity.mean_cosine(a, b) == similarity.mean_cosine(b, a)


def test_cells_are_compared_where_they_lie() -> None:
    grid = _grid(0)
    moved = np.roll(grid, 1, axis=1)
    assert similarity.mean_cosine(grid, moved) < 0.5


def test_mirroring_both_grids_changes_nothing() -> None:
    a, b = _grid(0), _grid(1)
    mirrored = similarity.mean_cosine(a[:, ::-1], b[:, ::-1])
    assert mirrored == pytest.approx(similarity.mean_cosine(a, b), abs=1e-6)


def test_the_better_of_two_mirror_images_finds_a_mirrored_grid() -> None:
    a = _grid(0)
    mirrored = np.ascontiguousarray(a[:, ::-1])
    assert similarity.mean_cosine(a, mirrored) < 0.5
    assert similarity.mean_cosine(a[:, ::-1], mirrored) == pytest.approx(1, abs=1e-6)


def test_contributions_by_hand() -> None:
    weights = np.array([[1.0, 3.0]])
    plain = similarity.contributions(_A, _B)
    np.testing.assert_allclose(plain, [[0.5, 0.25]], rtol=1e-6)
    weighted = similarity.contributions(_A, _B, cell_weights=weights)
    np.testing.assert_allclose(weighted, [[0.25, 0.375]], rtol=1e-6)


def test_contributions_sum_to_the_similarity() -> None:
    a, b = _grid(0), _grid(1)
    weights = np.random.default_rng(2).uniform(0, 1, (3, 4))
    parts = similarity.contributions(a, b, cell_weights=weights)
    assert parts.shape == (3, 4)
    assert parts.sum() == pytest.approx(
        similarity.mean_cosine(a, b, cell_weights=weights), abs=1e-6
    )


def test_the_dot_product_of_flat_vectors_is_the_mean_cosine() -> None:
    a, b = _grid(0), _grid(1)
    weights = np.random.default_rng(2).uniform(0, 1, (3, 4))
    for chosen in (None, weights):
        dot = float(
            similarity.flat_vector(a, cell_weights=chosen)
            @ similarity.flat_vector(b, cell_weights=chosen)
        )
        assert dot == pytest.approx(similarity.mean_cosine(a, b, cell_weights=chosen), abs=1e-6)


def test_a_flat_vector_has_length_one() -> None:
    flat = similarity.flat_vector(_grid(0))
    assert flat.shape == (3 * 4 * 16,) and flat.dtype == np.float32
    assert np.linalg.norm(flat) == pytest.approx(1, abs=1e-6)


def test_flat_vectors_of_a_batch_are_those_of_each_grid() -> None:
    batch = np.stack([_grid(seed) for seed in range(3)])
    each = np.stack([similarity.flat_vector(grid) for grid in batch])
    assert np.array_equal(similarity.flat_vector(batch), each)


def test_the_fast_path_equals_mean_cosine() -> None:
    query, gallery = _grid(0), np.stack([_grid(seed) for seed in range(1, 6)])
    weights = np.random.default_rng(2).uniform(0, 1, (3, 4))
    for chosen in (None, weights):
        slow = [similarity.mean_cosine(query, one, cell_weights=chosen) for one in gallery]
        fast = similarity.mean_cosines(query, gallery, cell_weights=chosen)
        np.testing.assert_allclose(fast, slow, atol=1e-6)


def test_the_fast_path_reads_stored_half_precision_cells() -> None:
    query, gallery = _grid(0), np.stack([_grid(seed) for seed in range(1, 6)])
    halved = similarity.mean_cosines(query, gallery.astype(np.float16))
    # Half precision keeps 11 bits: a cosine of 16 products moves by less than 1e-3.
    np.testing.assert_allclose(halved, similarity.mean_cosines(query, gallery), atol=1e-3)


@pytest.mark.parametrize("shape", [(2, 4, 16), (3, 3, 16), (3, 4, 8)])
def test_grids_of_different_shapes_are_refused(shape: tuple[int, int, int]) -> None:
    a, b = _grid(0), _grid(1, *shape)
    with pytest.raises(ShapeMismatch, match="common_rows"):
        similarity.mean_cosine(a, b)
    with pytest.raises(ShapeMismatch, match="gallery of shape"):
        similarity.mean_cosines(a, b[None])


def test_weights_of_another_shape_are_refused() -> None:
    with pytest.raises(ShapeMismatch, match="3 x 4 cells"):
        similarity.flat_vector(_grid(0), cell_weights=np.ones((4, 3)))


@pytest.mark.parametrize(
    "bad", [np.zeros((1, 2)), np.array([[1.0, -0.5]]), np.full((1, 2), np.nan)]
)
def test_weights_that_are_negative_not_finite_or_all_nothing_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match="at least 0, and not all 0"):
        similarity.mean_cosine(_A, _B, cell_weights=bad)


def test_examples_are_averaged_and_counterexamples_taken_away_by_hand() -> None:
    # One cell of two channels: (1, 0) and (0, 1) have (1, 1) in common; less half of (0, 1) that
    # is (0.5, 0.5) - (0, 0.5) = (0.5, 0).
    one, other = np.array([[[1.0, 0.0]]]), np.array([[[0.0, 1.0]]])
    both = similarity.combined(np.stack([one, other]))
    np.testing.assert_allclose(both, [[[2**-0.5, 2**-0.5]]])
    less = similarity.combined(np.stack([one, other]), np.stack([other]), negative_weight=0.5)
    np.testing.assert_allclose(less, [[[1.0, 0.0]]])


def test_one_example_alone_is_itself() -> None:
    grid = _grid(3)
    np.testing.assert_allclose(similarity.combined(grid[None]), grid, atol=1e-6)


def test_a_query_moves_towards_examples_and_away_from_counterexamples() -> None:
    a, b, c = _grid(1), _grid(2), _grid(3)
    alone, together = similarity.combined(a[None]), similarity.combined(np.stack([a, b]))
    away = similarity.combined(a[None], c[None])
    assert similarity.mean_cosine(together, b) > similarity.mean_cosine(alone, b)
    assert similarity.mean_cosine(away, c) < similarity.mean_cosine(alone, c)
    further = similarity.combined(a[None], c[None], negative_weight=1.0)
    assert similarity.mean_cosine(further, c) < similarity.mean_cosine(away, c)


def test_flat_contributions_are_those_of_the_grids() -> None:
    query, gallery = _grid(1), np.stack([_grid(2), _grid(3)])
    flat = similarity.flat_contributions(
        similarity.flat_vector(query), similarity.flat_vector(gallery), rows=3, cols=4
    )
    for own, grid in zip(flat, gallery, strict=True):
        np.testing.assert_allclose(own, similarity.contributions(query, grid), atol=1e-6)
