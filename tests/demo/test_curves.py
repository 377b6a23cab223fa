"""Outlines in design units."""

from __future__ import annotations

import numpy as np

from tiefvision.demo.curves import mirrored, points, quadrilateral, ribbon, smooth


def test_a_smooth_curve_goes_through_every_knot() -> None:
    knots = points((0, 0), (1, 2), (3, 1), (3, 4))
    curve = smooth(knots, steps=10)
    assert len(curve) == 31
    np.testing.assert_allclose(curve[::10], knots, atol=1e-12)


def test_a_smooth_curve_through_a_line_stays_on_it() -> None:
    curve = smooth(points((0, 0), (1, 1), (4, 4)))
    np.testing.assert_allclose(curve[:, 0], curve[:, 1], atol=1e-12)


def test_mirroring_twice_gives_the_curve_back() -> None:
    curve = points((0, 1), (2, 3))
    np.testing.assert_array_equal(mirrored(mirrored(curve)), curve)
    np.testing.assert_array_equal(mirrored(curve), [[-2, 3], [0, 1]])


def test_a_straight_ribbon_is_a_rectangle_of_its_width() -> None:
    band = ribbon(points((0, 0), (1, 0), (2, 0)), 0.5)
    assert band[:, 1].min() == -0.25 and band[:, 1].max() == 0.25
    assert band[:, 0].min() == 0 and band[:, 0].max() == 2


def test_a_quadrilateral_keeps_to_its_measures() -> None:
    outline = quadrilateral(
        top=0.0, bottom=0.3, top_half=0.2, bottom_half=0.15, corner=0.03, sag=0.0
    )
    np.testing.assert_allclose(outline.min(axis=0), [-0.2, 0.0], atol=1e-12)
    np.testing.assert_allclose(outline.max(axis=0), [0.2, 0.3], atol=1e-12)
