"""Boxes in image pixels: half-open, so `right - left` is the width."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tiefvision.errors import InvalidBox


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of image pixels. left, top inclusive; right, bottom exclusive."""

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        edges = (self.left, self.top, self.right, self.bottom)
        if not all(math.isfinite(edge) for edge in edges):
            raise InvalidBox(f"box {edges} has an edge that is not a finite number")
        if self.right <= self.left or self.bottom <= self.top:
            raise InvalidBox(
                f"box {edges} has no area; expected left < right and top < bottom, in pixels"
            )

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def area(self) -> float:
        return self.width * self.height

    def as_list(self) -> list[float]:
        """[left, top, right, bottom], the form that JSON and the catalogue hold."""
        return [self.left, self.top, self.right, self.bottom]


def whole(width: int, height: int) -> Box:
    """The box of a whole image."""
    return Box(0, 0, width, height)


def parse(text: str) -> Box:
    """A box from "left,top,right,bottom". Raises InvalidBox with what was given."""
    try:
        left, top, right, bottom = (float(part) for part in text.split(","))
    except ValueError:
        raise InvalidBox(
            f"box {text!r} is not four numbers; expected LEFT,TOP,RIGHT,BOTTOM in pixels, "
            "for example 10,20,300,400"
        ) from None
    return Box(left, top, right, bottom)


def intersection(a: Box, b: Box) -> Box | None:
    """The common part of two boxes; None where they do not overlap."""
    left, top = max(a.left, b.left), max(a.top, b.top)
    right, bottom = min(a.right, b.right), min(a.bottom, b.bottom)
    if right <= left or bottom <= top:
        return None
    return Box(left, top, right, bottom)


def iou(a: Box, b: Box) -> float:
    """Intersection over union in [0, 1]; 1.0 for a box with itself."""
    common = intersection(a, b)
    if common is None:
        return 0.0
    return common.area / (a.area + b.area - common.area)


def clip(box: Box, *, width: int, height: int) -> Box:
    """The part of a box inside an image. Raises InvalidBox when there is none."""
    inside = intersection(box, whole(width, height))
    if inside is None:
        raise InvalidBox(
            f"box {box.as_list()} lies outside the image of {width} x {height} px; "
            f"expected 0 <= left < right <= {width} and 0 <= top < bottom <= {height}"
        )
    return inside


def pixel_window(box: Box, *, width: int, height: int) -> tuple[int, int, int, int]:
    """Whole pixels (left, top, right, bottom) that a box touches inside an image; never empty."""
    inside = clip(box, width=width, height=height)
    return (
        math.floor(inside.left),
        math.floor(inside.top),
        math.ceil(inside.right),
        math.ceil(inside.bottom),
    )


def square_about(box: Box, *, width: int, height: int) -> Box:
    """The window of an image that shows a box undistorted: its shorter side made as long.

    About the box's centre, moved inside the image; as square as the image allows.
    """
    side = max(box.width, box.height)
    kept_width, kept_height = min(side, width), min(side, height)
    left = min(max((box.left + box.right - kept_width) / 2, 0), width - kept_width)
    top = min(max((box.top + box.bottom - kept_height) / 2, 0), height - kept_height)
    return Box(left, top, left + kept_width, top + kept_height)
