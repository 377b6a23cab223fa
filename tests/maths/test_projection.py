"""PCA without whitening, read batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tiefvision.errors import InvalidInput
from tiefvision.maths import projection
from tiefvision.maths.projection import Projection

_LENGTH = 120
_DIMENSIONS = 12
_RANK = 30


def _sample() -> np.ndarray:
    """Unit vectors near a subspace of `_RANK` falling strengths, with noise all around."""
    rng = np.random.default_rng(0)
    directions = np.linalg.qr(rng.normal(size=(_LENGTH, _RANK)))[0]
    strengths = 1 / np.arange(1, _RANK + 1) ** 0.7
    values = (rng.normal(size=(200, _RANK)) * strengths) @ directions.T
    values += 0.03 * rng.normal(size=values.shape)
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def _batches(sample: np.ndarray, size: int = 64) -> Callable[[], Iterator[np.ndarray]]:
    return lambda: (sample[start : start + size] for start in range(0, len(sample), size))


@pytest.fixture(scope="module")
def fitted() -> Projection:
    return projection.fit(_batches(_sample()), dimensions=_DIMENSIONS)


def _kept_energy(sample: np.ndarray, components: np.ndarray) -> float:
    projected = sample.astype(np.float64) @ components.T
    return float((projected**2).sum() / (sample.astype(np.float64) ** 2).sum())


def _exact_components(sample: np.ndarray) -> np.ndarray:
    """numpy's eigenvectors of the whole second moment, largest first."""
    moment = sample.astype(np.float64).T @ sample.astype(np.float64)
    return np.linalg.eigh(moment)[1][:, ::-1][:, :_DIMENSIONS].T


def test_it_keeps_as_much_of_the_sample_as_the_exact_eigenvectors(fitted: Projection) -> None:
    sample = _sample()
    kept = _kept_energy(sample, fitted.components)
    best = _kept_energy(sample, _exact_components(sample))
    assert best * 0.999 < kept <= best * (1 + 1e-6)
    # Direction: as many arbitrary axes keep far less.
    assert kept > 3 * _kept_energy(sample, np.eye(_LENGTH)[:_DIMENSIONS])


def test_the_first_components_are_the_exact_ones(fitted: Projection) -> None:
    cosines = np.abs((fitted.components * _exact_components(_sample())).sum(axis=1))
    assert cosines[:5].min() > 0.999


def test_components_are_orthonormal_and_ordered_by_energy(fitted: Projection) -> None:
    sample, components = _sample(), fitted.components
    assert components.shape == (_DIMENSIONS, _LENGTH) and components.dtype == np.float32
    np.testing.assert_allclose(components @ components.T, np.eye(_DIMENSIONS), atol=1e-5)
    energy = ((sample @ components.T) ** 2).sum(axis=0)
    assert (np.diff(energy) <= 1e-4 * energy[0]).all()


def test_a_sample_of_low_rank_is_kept_whole_so_dot_products_stay() -> None:
    rng = np.random.default_rng(1)
    directions = np.linalg.qr(rng.normal(size=(_LENGTH, 10)))[0]
    sample = (rng.normal(size=(100, 10)) @ directions.T).astype(np.float32)
    fitted = projection.fit(_batches(sample), dimensions=_DIMENSIONS)
    short = fitted(sample)
    np.testing.assert_allclose(short @ short.T, sample @ sample.T, rtol=1e-3, atol=1e-3)


def test_two_clear_directions_are_found_by_hand() -> None:
    sample = np.zeros((50, 4), np.float32)
    sample[:30, 2] = 1
    sample[30:, 0] = 1
    components = projection.fit(_batches(sample), dimensions=2).components
    np.testing.assert_allclose(components, [[0, 0, 1, 0], [1, 0, 0, 0]], atol=1e-6)


def test_it_depends_on_the_sample_and_nothing_else(fitted: Projection) -> None:
    again = projection.fit(_batches(_sample()), dimensions=_DIMENSIONS).components
    assert np.array_equal(fitted.components, again)


def test_the_size_of_batches_changes_only_rounding(fitted: Projection) -> None:
    other = projection.fit(_batches(_sample(), size=7), dimensions=_DIMENSIONS).components
    np.testing.assert_allclose(fitted.components, other, atol=1e-3)


def test_signs_are_fixed_by_the_largest_entry(fitted: Projection) -> None:
    components = fitted.components
    largest = np.abs(components).argmax(axis=1)
    assert (components[np.arange(_DIMENSIONS), largest] > 0).all()


def test_projecting_a_batch_projects_each_vector(fitted: Projection) -> None:
    sample = _sample()
    one = fitted(sample[3])
    assert one.shape == (_DIMENSIONS,) and one.dtype == np.float32
    np.testing.assert_allclose(fitted(sample)[3], one, atol=1e-6)
    np.testing.assert_allclose(one, fitted.components @ sample[3], atol=1e-6)


@pytest.mark.parametrize("count", [0, 5, _DIMENSIONS - 1])
def test_too_few_vectors_are_refused_with_both_numbers(count: int) -> None:
    with pytest.raises(InvalidInput, match=f"{count} vectors cannot give {_DIMENSIONS}"):
        projection.fit(_batches(_sample()[:count]), dimensions=_DIMENSIONS)


def test_as_many_vectors_as_components_are_enough() -> None:
    sample = _sample()[:_DIMENSIONS]
    fitted = projection.fit(_batches(sample), dimensions=_DIMENSIONS)
    assert _kept_energy(sample, fitted.components) == pytest.approx(1, abs=1e-4)
