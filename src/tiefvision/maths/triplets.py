"""Triplets (anchor, positive, negative): derived from classes, made from mirrors, checked.

A triplet says that the anchor is more similar to the positive than to the negative. Triplets are
int64 (n, 3), positions in one set of images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int64

# For a hard triplet the negative is chosen out of so many drawn at random: a handful finds one
# that the current order gets wrong, and mislabelled images do not come up each time.
_HARD_CANDIDATES = 16
# Draws for each triplet wanted, before the images are held to give no more different ones.
_ATTEMPTS = 20
# Anchors whose similarities with all images are in memory at once.
_ANCHORS_AT_ONCE = 256

FaultKind = Literal["self-referring", "duplicate", "contradictory"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with row `row` of some triplets; `other` is the earlier row it clashes with."""

    row: int
    kind: FaultKind
    other: int | None = None


def derive(
    classes: Int64[np.ndarray, " n"],
    *,
    count: int,
    rng: np.random.Generator,
    apart: Int64[np.ndarray, " n"] | None = None,
    within: Int64[np.ndarray, " n"] | None = None,
    vectors: Float[np.ndarray, "n length"] | None = None,
) -> Int64[np.ndarray, "t 3"]:
    """Different triplets whose positive has the anchor's class and whose negative has another.

    classes: such as a label; -1 for an image without one, which is not drawn.
    apart: a positive has another value than the anchor, such as another sender.
    within: all three have one value, such as one kind of photograph.
    vectors: makes hard triplets: of 16 negatives one that the current order puts before the
    positive, and where it puts none there, the most similar one. Their dot product is the order.
    Returns at most `count` of them, fewer when there are not so many.
    """
    draws = _Draws(classes, apart, within, vectors, rng)
    every = draws.every(at_most=count)
    if every is not None:
        return np.array(every, np.int64).reshape(-1, 3)
    anchors = draws.anchors
    found: dict[tuple[int, int, int], None] = {}
    for attempt in range(count * _ATTEMPTS):
        # Every anchor once before any comes again, so that few triplets cover many images.
        turn = attempt % len(anchors)
        if turn == 0:
            anchors = rng.permutation(anchors)
        triplet = draws.one(int(anchors[turn]))
        if triplet is not None:
            found[triplet] = None
        if len(found) == count:
            break
    return np.array(list(found), np.int64).reshape(-1, 3)


def of_pairs(
    pairs: Int64[np.ndarray, "p 2"], same: Bool[np.ndarray, " p"]
) -> Int64[np.ndarray, "t 3"]:
    """Triplets that pairs imply: what is the same as an image against what is not.

    Each of an image's pairs comes up at least once, the fewer of its two sides in turns.
    """
    sides: dict[int, tuple[list[int], list[int]]] = {}
    for (a, b), alike in zip(pairs.tolist(), same.tolist(), strict=True):
        for image, other in ((a, b), (b, a)):
            sides.setdefault(image, ([], []))[0 if alike else 1].append(other)
    found: dict[tuple[int, int, int], None] = {}
    for image, (alike, unlike) in sides.items():
        for turn in range(max(len(alike), len(unlike)) if alike and unlike else 0):
            found[image, alike[turn % len(alike)], unlike[turn % len(unlike)]] = None
    return np.array(list(found), np.int64).reshape(-1, 3)


def derive_mirrored(
    vectors: Float[np.ndarray, "n length"], *, count: int, rng: np.random.Generator
) -> Int64[np.ndarray, "t 3"]:
    """Free triplets: an image, itself mirrored, and the other image most similar to it.

    The positive n + i stands for image i mirrored: they are rows of the images followed by their
    mirrors (`mirrored_cells`). At most one for each image.
    Source: TiefVision (2016), which trained on flipped positives.
    """
    if len(vectors) < 2:
        return np.empty((0, 3), np.int64)
    anchors = np.sort(rng.permutation(len(vectors))[:count])
    closest = np.empty(len(anchors), np.int64)
    for start in range(0, len(anchors), _ANCHORS_AT_ONCE):
        own = anchors[start : start + _ANCHORS_AT_ONCE]
        similarities = vectors[own] @ vectors.T
        similarities[np.arange(len(own)), own] = -np.inf
        closest[start : start + len(own)] = similarities.argmax(axis=1)
    return np.stack([anchors, len(vectors) + anchors, closest], axis=1)


def mirrored_cells(
    cells: Float[np.ndarray, "n length"], *, rows: int, cols: int
) -> Float[np.ndarray, "n length"]:
    """The cells with left and right exchanged: nearly those of the pictures mirrored.

    cells: as a cell space stores them, rows * cols * channels long.
    """
    shaped = cells.reshape(len(cells), rows, cols, cells.shape[1] // (rows * cols))
    return np.ascontiguousarray(shaped[:, :, ::-1]).reshape(cells.shape)


def faults(triplets: Int64[np.ndarray, "t 3"]) -> list[Fault]:
    """Rows that cannot stand: an image with itself, a triplet again, or the opposite of one."""
    seen: dict[tuple[int, int, int], int] = {}
    found: list[Fault] = []
    for row, (anchor, positive, negative) in enumerate(triplets.tolist()):
        if len({anchor, positive, negative}) < 3:
            found.append(Fault(row, "self-referring"))
        elif (anchor, positive, negative) in seen:
            found.append(Fault(row, "duplicate", seen[anchor, positive, negative]))
        elif (anchor, negative, positive) in seen:
            found.append(Fault(row, "contradictory", seen[anchor, negative, positive]))
        else:
            seen[anchor, positive, negative] = row
    return found


class _Draws:
    """What may be drawn for an anchor."""

    def __init__(
        self,
        classes: Int64[np.ndarray, " n"],
        apart: Int64[np.ndarray, " n"] | None,
        within: Int64[np.ndarray, " n"] | None,
        vectors: Float[np.ndarray, "n length"] | None,
        rng: np.random.Generator,
    ) -> None:
        self._classes = classes
        self._apart = np.arange(len(classes)) if apart is None else apart
        self._within = np.zeros(len(classes), np.int64) if within is None else within
        self._vectors = vectors
        self._rng = rng
        # Every image that has a class.
        self.anchors: Int64[np.ndarray, " a"] = np.flatnonzero(classes >= 0)

    def every(self, *, at_most: int) -> list[tuple[int, int, int]] | None:
        """All triplets that there are; None when there are more than so many."""
        found: list[tuple[int, int, int]] = []
        for anchor in self.anchors.tolist():
            positives, negatives = self._sides(anchor)
            if len(found) + len(positives) * len(negatives) > at_most:
                return None
            found += [(anchor, p, n) for p in positives.tolist() for n in negatives.tolist()]
        return found

    def one(self, anchor: int) -> tuple[int, int, int] | None:
        """A triplet of this anchor; None when it has no positive or no negative."""
        positives, negatives = self._sides(anchor)
        if len(positives) == 0 or len(negatives) == 0:
            return None
        positive = int(self._rng.choice(positives))
        return anchor, positive, self._negative(anchor, positive, negatives)

    def _sides(
        self, anchor: int
    ) -> tuple[Int64[np.ndarray, " positives"], Int64[np.ndarray, " negatives"]]:
        usable = (self._classes >= 0) & (self._within == self._within[anchor])
        same = self._classes == self._classes[anchor]
        positives = np.flatnonzero(usable & same & (self._apart != self._apart[anchor]))
        return positives, np.flatnonzero(usable & ~same)

    def _negative(self, anchor: int, positive: int, among: Int64[np.ndarray, " m"]) -> int:
        if self._vectors is None:
            return int(self._rng.choice(among))
        drawn = self._rng.choice(among, min(_HARD_CANDIDATES, len(among)), replace=False)
        similarities = self._vectors[drawn] @ self._vectors[anchor]
        wrong: Bool[np.ndarray, " m"] = (
            similarities > self._vectors[positive] @ self._vectors[anchor]
        )
        if wrong.any():
            return int(self._rng.choice(drawn[wrong]))
        return int(drawn[similarities.argmax()])
