"""Outlines in design units: smooth curves, ribbons, rounded shapes. Points are (n, 2), x then y.

Design units are about metres on a shop's mannequin: y runs down from the shoulders, x from the
middle to the wearer's left.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

Points = Float64[np.ndarray, "_points 2"]

# Points that a curve gets between two of the points it goes through.
_STEPS = 10


def points(*pairs: tuple[float, float]) -> Points:
    """Points from pairs."""
    return np.array(pairs, np.float64).reshape(-1, 2)


def smooth(knots: Points, *, steps: int = _STEPS) -> Points:
    """A curve through all knots without corners: cubic Hermite pieces, tangents by chord length.

    Returns (len(knots) - 1) * steps + 1 points, the first and last knot included.
    """
    lengths = np.maximum(np.linalg.norm(np.diff(knots, axis=0), axis=1), 1e-9)
    time = np.concatenate([[0.0], np.cumsum(lengths)])
    tangents = np.gradient(knots, time, axis=0)
    share = np.arange(steps) / steps
    t = share[None, :, None]
    h = lengths[:, None, None]
    a, b = knots[:-1, None, :], knots[1:, None, :]
    ta, tb = tangents[:-1, None, :], tangents[1:, None, :]
    pieces = (
        (2 * t**3 - 3 * t**2 + 1) * a
        + (t**3 - 2 * t**2 + t) * h * ta
        + (3 * t**2 - 2 * t**3) * b
        + (t**3 - t**2) * h * tb
    )
    return np.concatenate([pieces.reshape(-1, 2), knots[-1:]])


def mirrored(curve: Points) -> Points:
    """A curve on the other side of the middle, in reverse, ready to close an outline."""
    return curve[::-1] * np.array([-1.0, 1.0])


def joined(*curves: Points) -> Points:
    """Curves one after the other as one outline."""
    return np.concatenate(curves)


def ribbon(path: Points, widths: float | Sequence[float]) -> Points:
    """The outline of a band along a path; widths are given at even steps along it."""
    step = np.gradient(path, axis=0)
    length = np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-9)
    normal = np.stack([-step[:, 1], step[:, 0]], axis=1) / length
    given = np.atleast_1d(np.asarray(widths, np.float64))
    at = np.linspace(0, 1, len(path))
    half = np.interp(at, np.linspace(0, 1, len(given)), given)[:, None] / 2
    return np.concatenate([path + normal * half, (path - normal * half)[::-1]])


def ellipse_arc(
    *, centre: tuple[float, float], radii: tuple[float, float], start: float, stop: float
) -> Points:
    """Part of an ellipse; angles in degrees, 0 to the right, 90 down."""
    angle = np.radians(np.linspace(start, stop, 4 * _STEPS))
    return np.stack(
        [centre[0] + radii[0] * np.cos(angle), centre[1] + radii[1] * np.sin(angle)], axis=1
    )


def quadrilateral(
    *, top: float, bottom: float, top_half: float, bottom_half: float, corner: float, sag: float
) -> Points:
    """A symmetric trapezium with round lower corners and edges that sag by `sag` downward."""
    across = np.linspace(-1, 1, 2 * _STEPS)
    dip = sag * (1 - across**2)
    upper = np.stack([across * top_half, top + dip], axis=1)
    turn = np.radians(np.linspace(0, 90, _STEPS))
    inner = bottom_half - corner
    right = np.stack(
        [inner + corner * np.cos(turn), bottom - corner + corner * np.sin(turn)], axis=1
    )
    base = np.stack([across[::-1] * inner, bottom + dip], axis=1)
    return joined(upper, right, base[1:-1], mirrored(right))
