"""Batches of images, and which triplets of them are judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64

# Images of one class in a batch: each then has three positives and many negatives.
_OF_A_CLASS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """images: positions in the set. Every valid triplet of them: pair i is (anchors[i],
    positives[i]), positions in the batch, and its negatives are where negatives[i] is True."""

    images: Int64[np.ndarray, " b"]
    anchors: Int64[np.ndarray, " pairs"]
    positives: Int64[np.ndarray, " pairs"]
    negatives: Bool[np.ndarray, "pairs b"]


def of_triplets(
    triplets: Int64[np.ndarray, "t 3"], *, size: int, rng: np.random.Generator
) -> Iterator[Batch]:
    """Without end: `size` images' worth of triplets, all of them before any comes again."""
    at_once = max(1, size // 3)
    while True:
        order = rng.permutation(len(triplets))
        for start in range(0, len(order), at_once):
            yield _judged(triplets[order[start : start + at_once]])


def of_classes(
    classes: Int64[np.ndarray, " n"],
    apart: Int64[np.ndarray, " n"] | None,
    *,
    among: Int64[np.ndarray, " m"],
    size: int,
    rng: np.random.Generator,
) -> Iterator[Batch]:
    """Without end: a few images each of classes drawn at random, every valid triplet judged.

    classes: -1 for unknown, which takes no part; apart: as in `maths.triplets.derive`.
    A class is drawn by the square root of its size: between those who search, who meet large
    classes more often, and small classes, which would hardly be seen.
    """
    known = among[classes[among] >= 0]
    _, member, sizes = np.unique(classes[known], return_inverse=True, return_counts=True)
    members = [known[member == own] for own in range(len(sizes))]
    chance = np.sqrt(sizes) / np.sqrt(sizes).sum()
    values = np.arange(len(classes)) if apart is None else apart
    while True:
        drawn = rng.choice(len(sizes), max(2, size // _OF_A_CLASS), p=chance)
        images = np.unique(np.concatenate([rng.choice(members[i], _OF_A_CLASS) for i in drawn]))
        same = classes[images][:, None] == classes[images][None]
        other = values[images][:, None] != values[images][None]
        anchors, positives = np.nonzero(same & other)
        yield Batch(images, anchors, positives, ~same[anchors])


def _judged(rows: Int64[np.ndarray, "t 3"]) -> Batch:
    images, places = np.unique(rows, return_inverse=True)
    anchor, positive, negative = places.reshape(-1, 3).T
    pairs, row = np.unique(np.stack([anchor, positive], axis=1), axis=0, return_inverse=True)
    negatives = np.zeros((len(pairs), len(images)), bool)
    negatives[row.reshape(-1), negative] = True
    # A pair judged without a third image names its anchor again where that would stand.
    negatives[np.arange(len(pairs)), pairs[:, 0]] = False
    return Batch(images, pairs[:, 0], pairs[:, 1], negatives)
