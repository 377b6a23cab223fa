"""What files of boxes say, in one form for all formats."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from tiefvision.maths.boxes import Box

Edges = tuple[float, float, float, float]

# Edges are held to a millionth of a pixel. Sums and quotients of such numbers, rounded again, are
# the same numbers, so that a box comes back exactly from any format.
_EDGE_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Drawn:
    """One box of a file, as it stands there: nothing is checked yet.

    path: the photograph, as the file names it. edges: left, top, right, bottom, half-open, in
    pixels of the upright photograph, or in fractions of its width and height where `relative`.
    size: the photograph's width and height in pixels where the file states them.
    place: where in the file it stands.
    """

    path: str
    label: str
    edges: Edges
    place: str
    size: tuple[int, int] | None = None
    relative: bool = False


@dataclass(frozen=True, slots=True)
class Flaw:
    """A box of a file that cannot be read, and why."""

    place: str
    message: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something in a file that is passed over by design; what it is, in the plural."""

    what: str


Entry = Drawn | Flaw | Ignored


@dataclass(frozen=True, slots=True)
class LabelledBox:
    """A box to be written. confidence: how sure a locator is, 0 to 1; None for people's boxes."""

    label: str
    box: Box
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class BoxedPhotograph:
    """A photograph and its boxes, to be written.

    path: below its root; in full where photographs of two roots have the same path.
    """

    path: str
    width: int
    height: int
    boxes: Sequence[LabelledBox]


def held(edges: Edges) -> Edges:
    """Edges as the catalogue holds them: in pixels, to a millionth."""
    left, top, right, bottom = (round(edge, _EDGE_DECIMALS) + 0.0 for edge in edges)
    return left, top, right, bottom


def plain(value: float) -> int | float:
    """A number as files show it: whole ones without a point, which some programs insist on."""
    return int(value) if float(value).is_integer() else value


def label_of(text: str) -> str:
    """A label in its one form: composed Unicode (NFC), single spaces; "" when nothing is left."""
    return " ".join(unicodedata.normalize("NFC", text).split())
