"""A line chart as SVG, small enough to be written by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 130, 20, 50
_COLOURS = ("#0b6e99", "#c2571a", "#4b7f3a", "#7a4fa3")
_STEP = 0.1
_FONT = 'font-family="sans-serif" font-size="13"'

Point = tuple[float, float]


def chart(
    lines: Mapping[str, Sequence[Point]], *, across: str, up: str, dashed: frozenset[str]
) -> str:
    """Lines of (x, y) by name, x on a logarithmic axis, y from 0 to 1; names stand at their ends.

    across, up: what the axes are called. dashed: lines to compare with.
    """
    places = sorted({x for points in lines.values() for x, _ in points})
    low = _floor(min(y for points in lines.values() for _, y in points))
    high = -_floor(-max(y for points in lines.values() for _, y in points))

    def x_of(x: float) -> float:
        share = math.log(x / places[0]) / math.log(places[-1] / places[0])
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y_of(y: float) -> float:
        return _HEIGHT - _BOTTOM - (y - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" {_FONT}>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
    ]
    for number in range(round((high - low) / _STEP) + 1):
        y = low + number * _STEP
        parts.append(
            f'<path d="M{_LEFT} {y_of(y):.1f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 8}" y="{y_of(y) + 4:.1f}" text-anchor="end">{y:.1f}</text>'
        )
    below = _HEIGHT - _BOTTOM + 20
    for x in places:
        parts.append(f'<text x="{x_of(x):.1f}" y="{below}" text-anchor="middle">{x:g}</text>')
    for number, (name, points) in enumerate(lines.items()):
        colour = _COLOURS[number // 2 % len(_COLOURS)]
        path = "L".join(f"{x_of(x):.1f} {y_of(y):.1f}" for x, y in points)
        dash = ' stroke-dasharray="4 4"' if name in dashed else ""
        end = points[-1]
        parts.append(
            f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
            f'<text x="{x_of(end[0]) + 6:.1f}" y="{y_of(end[1]) + 4:.1f}" fill="{colour}">'
            f"{escape(name)}</text>"
        )
    middle = (_WIDTH - _RIGHT + _LEFT) / 2
    parts.append(
        f'<text x="{middle}" y="{_HEIGHT - 10}" text-anchor="middle">{escape(across)}</text>'
        f'<text transform="translate(16 {_HEIGHT / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(up)}</text></svg>"
    )
    return "\n".join(parts) + "\n"


def _floor(value: float) -> float:
    """Down to a line of the chart."""
    return math.floor(value / _STEP) * _STEP
