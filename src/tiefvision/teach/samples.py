"""The boxes that people drew, frozen for training: which photographs, which folds, which windows.

A photograph lies wholly in one fold, fixed by its content, so that nothing learned from it is
ever judged on it, however often boxes are added.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64

from tiefvision.errors import InvalidInput, ShapeMismatch
from tiefvision.maths import windows
from tiefvision.maths.boxes import Box, clip

FOLDS = 5
# Photographs of this fold are held out: never trained on where there are enough others.
HELD_OUT = 0
# Counts up with every change of how windows are drawn from boxes: part of a set's identity.
_RULES = 1
_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Taught:
    """A photograph in which somebody drew the product.

    width, height: of the upright original. box: in its pixels; the union where several products
    of the label are in it.
    """

    content_id: str
    width: int
    height: int
    box: Box


@dataclass(frozen=True, slots=True, eq=False)
class SampleSet:
    """Photographs with boxes, in order of content id.

    boxes: fractions of the image. grids: plain and mirrored, as `whole_grid` gives them; finer:
    the same at the further sizes of a pyramid.
    parts: channels of each of the encoder's parts, which lie side by side in a grid.
    folds: 0 to 4 for each photograph. sha256: of everything but the grids, which follow from it.
    """

    label: str
    content_ids: tuple[str, ...]
    boxes: Float64[np.ndarray, "photos 4"]
    grids: Float[np.ndarray, "photos 2 rows cols channels"]
    parts: tuple[int, ...]
    folds: Int64[np.ndarray, " photos"]
    sha256: str
    finer: tuple[Float[np.ndarray, "photos 2 _rows _cols channels"], ...] = ()

    @property
    def pyramid(self) -> tuple[Float[np.ndarray, "photos 2 _rows _cols channels"], ...]:
        """The grids at all sizes, the plain one first."""
        return (self.grids, *self.finer)

    def plain(self, photo: int) -> list[Float32[np.ndarray, "_rows _cols channels"]]:
        """One photograph's grids as a locator gets them, not mirrored."""
        return [grids[photo, 0].astype(np.float32) for grids in self.pyramid]

    def __len__(self) -> int:
        return len(self.content_ids)

    def as_json(self) -> bytes:
        """Everything but the grids: what a model was taught, to be kept beside it."""
        photographs = [
            {"content_id": content_id, "box": box, "fold": fold}
            for content_id, box, fold in zip(
                self.content_ids, self.boxes.tolist(), self.folds.tolist(), strict=True
            )
        ]
        frozen = {"label": self.label, "sha256": self.sha256, "photographs": photographs}
        return json.dumps(frozen, indent=1).encode()


@dataclass(frozen=True, slots=True)
class SampledWindow:
    """One window for a picture of what the networks are shown.

    edges: fractions of the image, mirrored where the image is. kind: TARGET or BACKGROUND.
    """

    content_id: str
    edges: tuple[float, float, float, float]
    mirror: bool
    kind: int


def fold_of(content_id: str) -> int:
    """The fold of a photograph, by its content alone."""
    digest = hashlib.sha256(f"fold {content_id}".encode()).hexdigest()
    return int(digest[:_DIGITS], 16) % FOLDS


def freeze(
    taught: Sequence[Taught],
    grids: Float[np.ndarray, "photos 2 rows cols channels"],
    *,
    label: str,
    parts: Sequence[int],
    finer: Sequence[Float[np.ndarray, "photos 2 _rows _cols channels"]] = (),
) -> SampleSet:
    """A sample set, the same whatever the order of the photographs.

    grids, finer: of `taught`, in its order, plain and mirrored; float16 keeps memory low.
    Raises InvalidInput for no photographs or one given twice, InvalidBox for a box outside its
    image, ShapeMismatch for grids that do not fit.
    """
    ids = [one.content_id for one in taught]
    if not ids:
        raise InvalidInput("there are no boxes to learn from", remedy="draw or import some first")
    if len(set(ids)) < len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        raise InvalidInput(f"the photograph {twice} is given twice; one box for each expected")
    for own in (grids, *finer):
        if len(own) != len(ids) or own.shape[-1] != sum(parts):
            raise ShapeMismatch(
                f"{len(ids)} photographs of {sum(parts)} channels, but grids of shape {own.shape}"
            )
    order = np.argsort(ids, kind="stable")
    boxes = np.array([_fractions(taught[place]) for place in order])
    sorted_ids = tuple(ids[place] for place in order)
    in_order = bool((np.diff(order) > 0).all())
    return SampleSet(
        label=label,
        content_ids=sorted_ids,
        boxes=boxes,
        grids=grids if in_order else grids[order],
        parts=tuple(parts),
        folds=np.array([fold_of(one) for one in sorted_ids], np.int64),
        sha256=_digest(label, sorted_ids, boxes, tuple(parts)),
        finer=tuple(own if in_order else own[order] for own in finer),
    )


def look_windows(
    boxes: Float64[np.ndarray, "n 4"],
    *,
    spread: Float64[np.ndarray, "4 4"],
    grown: float,
    rng: np.random.Generator,
) -> Float64[np.ndarray, "n 4"]:
    """Windows such as a second look gets: about the true boxes, wrong as a first look is.

    spread: covariance of the edges' errors, in widths and heights of the boxes. Such a window
    always holds most of the product.
    """
    errors = rng.multivariate_normal(np.zeros(4), spread, size=len(boxes), method="cholesky")
    moved = boxes + errors * windows.sizes(boxes)
    least = float((boxes[:, 2:] - boxes[:, :2]).min()) / 2
    return windows.grown(windows.ordered(moved, least=least), by=grown)


def some_windows(
    samples: SampleSet,
    sliding: Float64[np.ndarray, "w 4"],
    *,
    count: int,
    rng: np.random.Generator,
) -> list[SampledWindow]:
    """`count` target and `count` background ones of the windows that slide, at random."""
    drawn: list[SampledWindow] = []
    for kind in (windows.TARGET, windows.BACKGROUND):
        for photo in rng.integers(len(samples), size=count):
            mirror = bool(rng.integers(2))
            box = samples.boxes[photo : photo + 1]
            kinds = windows.kinds(sliding, windows.mirrored(box) if mirror else box)
            places = np.flatnonzero(kinds == kind)
            if len(places):
                left, top, right, bottom = sliding[rng.choice(places)].tolist()
                edges = (left, top, right, bottom)
                drawn.append(SampledWindow(samples.content_ids[photo], edges, mirror, kind))
    return drawn


def both_ways(
    boxes: Float64[np.ndarray, "n 4"],
) -> Float64[np.ndarray, "n2 4"]:
    """The boxes of each photograph plain and mirrored, one after the other, as grids lie."""
    return np.stack([boxes, windows.mirrored(boxes)], axis=1).reshape(-1, 4)


def reduced(
    grids: Float[np.ndarray, "*shape channels"],
    offset: Float32[np.ndarray, " channels"],
    projection: Float32[np.ndarray, "channels kept"],
) -> Float32[np.ndarray, "*shape kept"]:
    """Cells less their mean, projected to few channels."""
    return (grids.astype(np.float32) - offset) @ projection


def _fractions(one: Taught) -> Float64[np.ndarray, " 4"]:
    box = clip(one.box, width=one.width, height=one.height)
    return windows.to_fractions(box, width=one.width, height=one.height)


def _digest(
    label: str,
    ids: tuple[str, ...],
    boxes: Float64[np.ndarray, "photos 4"],
    parts: tuple[int, ...],
) -> str:
    text = repr(
        (_RULES, label, parts, [(one, box.tolist()) for one, box in zip(ids, boxes, strict=True)])
    )
    return hashlib.sha256(text.encode()).hexdigest()
