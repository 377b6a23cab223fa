"""How good a ranking, a location or a classifier is. In [0, 1]; larger is better."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from tiefvision.errors import InvalidInput


def recall_at_k(relevant: Bool[np.ndarray, " ranked"], *, k: int) -> float:
    """1.0 when any of the first k results is relevant, else 0.0 (R@k of the retrieval papers).

    relevant: one ranking, best first.
    """
    _check_k(k)
    return float(relevant[:k].any())


def average_precision_at_k(
    relevant: Bool[np.ndarray, " ranked"], *, k: int, relevant_total: int
) -> float:
    """Mean of the precision at each relevant result among the first k.

    relevant_total: how many relevant images the gallery holds; the mean is over
    min(relevant_total, k), so that a perfect ranking gives 1.0. 0.0 when there are none.
    """
    _check_k(k)
    first = relevant[:k]
    expected = min(relevant_total, k)
    if expected == 0:
        return 0.0
    precision = np.cumsum(first) / np.arange(1, len(first) + 1)
    return float((precision * first).sum() / expected)


def overlap_at_k(found: list[int], exact: list[int], *, k: int) -> float:
    """Share of the exact first k that an approximate search found (recall of an index)."""
    _check_k(k)
    wanted = set(exact[:k])
    return len(wanted & set(found[:k])) / len(wanted) if wanted else 1.0


def corloc(ious: Float[np.ndarray, " images"], *, at: float) -> float:
    """Share of images whose box has at least that intersection over union with the true one.

    0.0 of no images. Source: CorLoc, Deselaers, Alexe and Ferrari (IJCV 2012), there at 0.5.
    """
    if not 0 < at <= 1:
        raise InvalidInput(f"at is {at}; an intersection over union above 0 and up to 1 expected")
    return float((ious >= at).mean()) if len(ious) else 0.0


def roc_auc(scores: Float[np.ndarray, " n"], positive: Bool[np.ndarray, " n"]) -> float:
    """Area under the ROC curve: how often a positive scores above a negative, ties half.

    0.5 is chance. Raises InvalidInput when either kind is missing.
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if positives == 0 or negatives == 0:
        raise InvalidInput(
            f"{positives} positives and {negatives} negatives; both are needed for a ROC curve"
        )
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[places]  # tied scores share the mean of their ranks
    above = ranks[positive].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def _check_k(k: int) -> None:
    if k < 1:
        raise InvalidInput(f"k is {k}; expected at least 1")
