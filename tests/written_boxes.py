"""Boxes to write and read again, the same in every run."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

from tiefvision.maths.boxes import Box
from tiefvision.store.box_formats import BoxFormat
from tiefvision.store.box_formats.annotations import (
    BoxedPhotograph,
    Drawn,
    Entry,
    LabelledBox,
    held,
)

LABELS = ["bag", "dress, long", 'robe d\'été "A"', "1950", "no"]
PATHS = ["a.jpg", "images/b.c.jpg", "deep/images/x/é ü.png", "deep/1.jpg", "labels/2.jpg"]


def photographs(seed: int) -> list[BoxedPhotograph]:
    """Photographs of odd sizes with boxes of whole, half and any pixels."""
    dice = random.Random(seed)
    made: list[BoxedPhotograph] = []
    for path in PATHS:
        width, height = dice.randint(3, 9_999), dice.randint(3, 9_999)
        boxes = [_box(dice, width, height, digits) for digits in (0, 1, 2, 6, 6)]
        labelled = [LabelledBox(dice.choice(LABELS), box) for box in boxes]
        made.append(BoxedPhotograph(path, width, height, labelled))
    return made


def _box(dice: random.Random, width: int, height: int, digits: int) -> Box:
    while True:
        left, right = sorted(round(dice.uniform(0, width), digits) for _ in range(2))
        top, bottom = sorted(round(dice.uniform(0, height), digits) for _ in range(2))
        if left < right and top < bottom:
            return Box(left, top, right, bottom)


def written(form: BoxFormat, target: Path, boxed: Iterable[BoxedPhotograph]) -> list[Entry]:
    """What a format reads from the file that it has written."""
    form.write(target, boxed, LABELS)
    return list(form.read(target))


def boxes_by_key(
    form: BoxFormat, entries: Iterable[Entry], boxed: Iterable[BoxedPhotograph]
) -> dict[str, list[tuple[str, Box]]]:
    """The boxes that were read, in pixels as the catalogue would hold them."""
    sizes = {form.photograph_key(each.path): (each.width, each.height) for each in boxed}
    found: dict[str, list[tuple[str, Box]]] = {}
    for entry in entries:
        assert isinstance(entry, Drawn), entry
        key = form.name_key(entry.path)
        width, height = sizes[key] if entry.relative else (1, 1)
        left, top, right, bottom = entry.edges
        box = Box(*held((left * width, top * height, right * width, bottom * height)))
        found.setdefault(key, []).append((entry.label, box))
    return found


def expected(form: BoxFormat, boxed: Iterable[BoxedPhotograph]) -> dict[str, list[tuple[str, Box]]]:
    """The boxes that were written, by key."""
    return {
        form.photograph_key(each.path): [(labelled.label, labelled.box) for labelled in each.boxes]
        for each in boxed
    }
