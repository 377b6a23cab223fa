"""Whether a change made things better: triplet accuracy, rankings by class, paired bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64

from tiefvision.maths.metrics import average_precision_at_k, recall_at_k

# Fewer held-out judgements than these decide nothing.
ENOUGH = 50

_RESAMPLES = 1_000
# Half of what a 95 % interval leaves out, in percent, at either end.
_TAIL = 2.5
_SHOWN = 10
_FEW = 5
# Queries whose similarities with the whole gallery are in memory at once.
_QUERIES_AT_ONCE = 256

Verdict = Literal["better", "no difference", "worse", "too few to judge"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired difference of means, after - before, with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure before and after, in [0, 1], on `count` judgements, and what follows from it."""

    before: float
    after: float
    count: int
    difference: Difference
    verdict: Verdict

    def __str__(self) -> str:
        if self.verdict == "too few to judge":
            return f"{self.verdict} ({self.count})"
        interval = f"{self.difference.low:+.3f} to {self.difference.high:+.3f}"
        return f"{self.verdict}: {self.before:.3f} -> {self.after:.3f} ({interval})"


@dataclass(frozen=True, slots=True, eq=False)
class Rankings:
    """How good the ranking of each query is; each figure in [0, 1], larger is better.

    queries: the images that have anything right to find.
    """

    queries: Int64[np.ndarray, " q"]
    recall_1: Float64[np.ndarray, " q"]
    recall_5: Float64[np.ndarray, " q"]
    map_10: Float64[np.ndarray, " q"]


def triplet_gaps(
    vectors: Float[np.ndarray, "n length"], triplets: Int64[np.ndarray, "t 3"]
) -> Float32[np.ndarray, " t"]:
    """similarity(anchor, positive) - similarity(anchor, negative) of each triplet.

    vectors: flat vectors whose dot product is the similarity. triplets: rows of `vectors`.
    A triplet is ordered as judged where its gap is above 0.
    """
    anchors, positives, negatives = triplets.T
    nearer = np.einsum("tl,tl->t", vectors[anchors], vectors[positives])
    farther = np.einsum("tl,tl->t", vectors[anchors], vectors[negatives])
    return (nearer - farther).astype(np.float32)


def triplet_accuracy(
    vectors: Float[np.ndarray, "n length"], triplets: Int64[np.ndarray, "t 3"]
) -> float:
    """Share of the triplets whose positive is more similar than the negative; nan without any."""
    return float((triplet_gaps(vectors, triplets) > 0).mean()) if len(triplets) else float("nan")


def rankings(
    vectors: Float[np.ndarray, "n length"],
    classes: Int64[np.ndarray, " n"],
    *,
    apart: Int64[np.ndarray, " n"] | None = None,
) -> Rankings:
    """Each image searched among the others; right is what has its class.

    classes: -1 for an image of unknown class, which is no query and never right.
    apart: such as the sender of each photograph; a query finds only images of another value.
    """
    values = np.arange(len(classes)) if apart is None else apart
    asked: list[int] = []
    figures: list[tuple[float, float, float]] = []
    for start in range(0, len(vectors), _QUERIES_AT_ONCE):
        block = vectors[start : start + _QUERIES_AT_ONCE] @ vectors.T
        for query, similarities in enumerate(block, start=start):
            allowed = values != values[query]
            relevant = allowed & (classes == classes[query])
            if classes[query] < 0 or not relevant.any():
                continue
            ranked = np.argsort(-np.where(allowed, similarities, -np.inf), kind="stable")[:_SHOWN]
            asked.append(query)
            figures.append(_figures(relevant[ranked], int(relevant.sum())))
    columns = np.array(figures, np.float64).reshape(-1, 3).T
    return Rankings(np.array(asked, np.int64), *columns)


def compare(
    before: Float[np.ndarray, " n"] | Bool[np.ndarray, " n"],
    after: Float[np.ndarray, " n"] | Bool[np.ndarray, " n"],
    groups: Int64[np.ndarray, " n"],
    *,
    rng: np.random.Generator,
    enough: int = ENOUGH,
) -> Comparison:
    """Judgement by judgement before and after, with a verdict at 95 %.

    groups: what depends on each other (one anchor's judgements, one sender's photographs); whole
    groups are drawn with replacement. "worse" and "better" only where the interval lies on one
    side of 0; "too few to judge" under `enough` judgements.
    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 13.3 (percentile interval).
    """
    count = len(before)
    if count == 0:
        nothing = Difference(float("nan"), float("nan"), float("nan"))
        return Comparison(float("nan"), float("nan"), 0, nothing, "too few to judge")
    found = _difference(after.astype(np.float64) - before.astype(np.float64), groups, rng)
    verdict: Verdict = "no difference"
    if count < enough:
        verdict = "too few to judge"
    elif found.low > 0:
        verdict = "better"
    elif found.high < 0:
        verdict = "worse"
    return Comparison(float(before.mean()), float(after.mean()), count, found, verdict)


def _difference(
    gains: Float64[np.ndarray, " n"], groups: Int64[np.ndarray, " n"], rng: np.random.Generator
) -> Difference:
    _, member = np.unique(groups, return_inverse=True)
    sums, sizes = np.bincount(member, weights=gains), np.bincount(member)
    draws = rng.integers(0, len(sums), (_RESAMPLES, len(sums)))
    means = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    low, high = np.percentile(means, [_TAIL, 100 - _TAIL])
    return Difference(float(gains.mean()), float(low), float(high))


def _figures(right: Bool[np.ndarray, " shown"], total: int) -> tuple[float, float, float]:
    return (
        recall_at_k(right, k=1),
        recall_at_k(right, k=_FEW),
        average_precision_at_k(right, k=_SHOWN, relevant_total=total),
    )
