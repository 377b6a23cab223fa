"""How good a ranking is. Every figure lies in [0, 1]; larger is better."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

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


def _check_k(k: int) -> None:
    if k < 1:
        raise InvalidInput(f"k is {k}; expected at least 1")
