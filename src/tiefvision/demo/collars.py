"""Collars and lapels."""

from __future__ import annotations

import numpy as np

from tiefvision.demo.bodices import flipped
from tiefvision.demo.curves import joined, points, ribbon, smooth
from tiefvision.demo.parts import Part, Seam


def shirt_collar(neck_half: float, depth: float) -> tuple[Part, ...]:
    """Two collar points that fall from the neck; depth is where they meet in the front."""
    inner = smooth(points((0.004, depth), (neck_half * 0.62, depth * 0.52), (neck_half, -0.012)))
    outer = points(
        (neck_half + 0.030, 0.012), (neck_half + 0.012, depth * 0.75),
        (neck_half * 0.62, depth + 0.055),
    )  # fmt: skip
    edge = Seam(outer - np.array([0.006, 0.006]), 0.003, -0.16)
    right = Part(joined(inner, outer), lift=0.5, round_=0.5, turn=0.6, shade=1.03, seams=(edge,))
    return right, flipped(right)


def round_collar(neck_half: float, depth: float) -> tuple[Part, ...]:
    """A flat collar with round ends."""
    inner = smooth(points((0.003, depth), (neck_half * 0.72, depth * 0.7), (neck_half, -0.006)))
    outer = smooth(
        points(
            (neck_half, -0.006), (neck_half + 0.040, 0.03), (neck_half + 0.028, depth * 0.85),
            (neck_half * 0.7, depth + 0.052), (0.02, depth + 0.045), (0.003, depth),
        )
    )  # fmt: skip
    right = Part(joined(inner, outer[1:-1]), cloth="trim", lift=0.5, round_=0.4)
    return right, flipped(right)


def ribbed_neck(neck_half: float, depth: float, *, height: float) -> Part:
    """A knitted band round a round neckline."""
    angle = np.radians(np.linspace(180, 0, 40))
    path = np.stack([neck_half * np.cos(angle), depth * np.sin(angle)], axis=1)
    ribs = [
        Seam(
            np.stack([path[at] * 0.98, path[at] * (1 + height * 0.55 / max(neck_half, depth))]),
            0.0035, -0.14,
        )
        for at in range(1, len(path) - 1)
    ]  # fmt: skip
    return Part(ribbon(path, height), cloth="plain", lift=0.25, round_=0.7, seams=tuple(ribs))


def roll_neck(neck_half: float, *, height: float) -> Part:
    """A high knitted collar that stands above the shoulders."""
    half = neck_half * 0.94
    left = smooth(
        points((-neck_half * 1.08, 0.03), (-half, -height * 0.4), (-half * 0.98, -height))
    )
    top = smooth(points((-half * 0.98, -height), (0, -height + 0.014), (half * 0.98, -height)))
    right = left[::-1] * np.array([-1.0, 1.0])
    base = smooth(points((neck_half * 1.08, 0.03), (0, 0.075), (-neck_half * 1.08, 0.03)))
    ribs = [
        Seam(
            points((share * half, -height + 0.012), (share * neck_half * 1.05, 0.05)), 0.004, -0.12
        )
        for share in np.linspace(-0.85, 0.85, 12)
    ]
    return Part(joined(left, top[1:], right[1:], base[1:-1]), cloth="plain", lift=0.3, round_=1.0,
                seams=tuple(ribs))  # fmt: skip


def lapels(neck_half: float, *, break_x: float, break_y: float, width: float) -> tuple[Part, ...]:
    """Two notched lapels and the collar above them; the wearer's left lies on top."""
    inner = smooth(
        points((neck_half, -0.012), (neck_half * 0.62, break_y * 0.45), (break_x, break_y))
    )
    peak = (neck_half + width, break_y * 0.34)
    lapel_edge = smooth(
        points((break_x, break_y), (neck_half * 0.62 + width * 0.72, break_y * 0.66), peak)
    )
    gorge = points((neck_half + width * 0.46, break_y * 0.30))
    lapel = Part(joined(inner, lapel_edge[1:], gorge), lift=0.6, round_=0.4, turn=0.35, shade=1.04)
    collar_line = points(
        (neck_half * 0.86, -0.03), (neck_half + 0.035, -0.012),
        (neck_half + width * 0.82, break_y * 0.15), (neck_half + width * 0.70, break_y * 0.285),
        (neck_half + width * 0.40, break_y * 0.30), (neck_half * 0.9, break_y * 0.12),
    )  # fmt: skip
    collar = Part(collar_line, lift=0.6, round_=0.4, turn=0.6, shade=1.0)
    return flipped(lapel), flipped(collar), lapel, collar


def stand_inside(neck_half: float, *, depth: float) -> Part:
    """The inside of the back of a coat: what an open neck shows."""
    back = smooth(points((-neck_half * 0.9, -0.03), (0, -0.022), (neck_half * 0.9, -0.03)))
    outline = joined(back, points((neck_half, 0.0), (0, depth), (-neck_half, 0.0)))
    fold = Seam(smooth(points((-neck_half, 0.016), (0, 0.034), (neck_half, 0.016))), 0.008, -0.3)
    return Part(outline, cloth="lining", shade=0.62, round_=0.0, seams=(fold,))
