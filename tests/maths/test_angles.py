"""The angle of a mean cosine."""

from __future__ import annotations

import numpy as np
import pytest

from tiefvision.maths.angles import angles


def test_angles_of_well_known_cosines() -> None:
    cosines = np.array([1.0, np.sqrt(3) / 2, 0.5, 0.0, -0.5, -1.0])
    np.testing.assert_allclose(angles(cosines), [0, 30, 60, 90, 120, 180], atol=1e-10)


def test_a_larger_similarity_is_a_smaller_angle() -> None:
    assert (np.diff(angles(np.linspace(-1, 1, 101))) < 0).all()


@pytest.mark.parametrize(("beyond", "expected"), [(1 + 1e-6, 0.0), (-1 - 1e-6, 180.0)])
def test_what_rounding_put_outside_counts_as_the_nearest_end(
    beyond: float, expected: float
) -> None:
    assert angles(np.array([beyond], np.float32))[0] == expected


def test_shape_stays_and_precision_is_double() -> None:
    found = angles(np.zeros((2, 3), np.float16))
    assert (found.shape, found.dtype) == ((2, 3), np.float64)
