"""Metrics: in [0, 1], larger is better."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tiefvision.errors import InvalidInput
from tiefvision.maths.metrics import (
    average_precision_at_k,
    corloc,
    overlap_at_k,
    recall_at_k,
    roc_auc,
)


def _ranking(text: str) -> np.ndarray:
    """x is relevant, . is not; best first."""
    return np.array([letter == "x" for letter in text], bool)


@pytest.mark.parametrize(
    ("ranking", "k", "expected"),
    [("x....", 1, 1), (".x...", 1, 0), (".x...", 2, 1), ("....x", 4, 0), ("....x", 5, 1)],
)
def test_recall_at_k_by_hand(ranking: str, k: int, expected: float) -> None:
    assert recall_at_k(_ranking(ranking), k=k) == expected


def test_recall_of_a_ranking_shorter_than_k_counts_what_is_there() -> None:
    assert recall_at_k(_ranking(".x"), k=10) == 1
    assert recall_at_k(_ranking(""), k=10) == 0


def test_recall_never_falls_as_k_grows() -> None:
    found = [recall_at_k(_ranking("..x.x"), k=k) for k in range(1, 6)]
    assert found == sorted(found)


def test_average_precision_by_hand() -> None:
    # Relevant at ranks 1, 3 and 6: (1/1 + 2/3 + 3/6) / 3.
    value = average_precision_at_k(_ranking("x.x..x"), k=6, relevant_total=3)
    assert value == pytest.approx((1 + 2 / 3 + 3 / 6) / 3)


def test_what_lies_beyond_k_does_not_count() -> None:
    # Only ranks 1 and 3 are among the first four, of three that the gallery holds.
    value = average_precision_at_k(_ranking("x.x..x"), k=4, relevant_total=3)
    assert value == pytest.approx((1 + 2 / 3) / 3)


def test_a_perfect_ranking_gives_one_whatever_the_gallery_holds() -> None:
    assert average_precision_at_k(_ranking("xxx......."), k=10, relevant_total=3) == 1
    # With 40 relevant images the first ten can hold ten of them.
    assert average_precision_at_k(_ranking("x" * 40), k=10, relevant_total=40) == 1


def test_one_relevant_image_gives_its_reciprocal_rank() -> None:
    assert average_precision_at_k(_ranking("...x......"), k=10, relevant_total=1) == 1 / 4


def test_nothing_relevant_gives_zero() -> None:
    assert average_precision_at_k(_ranking("....."), k=5, relevant_total=0) == 0
    assert average_precision_at_k(_ranking("....."), k=5, relevant_total=3) == 0


def test_moving_a_relevant_result_up_always_helps() -> None:
    for ranking in itertools.product(".x", repeat=6):
        text = "".join(ranking)
        if ".x" in text:
            better = text.replace(".x", "x.", 1)
            total = text.count("x")
            before = average_precision_at_k(_ranking(text), k=6, relevant_total=total)
            after = average_precision_at_k(_ranking(better), k=6, relevant_total=total)
            assert after > before


def test_average_precision_equals_the_slow_one() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        ranking = rng.random(20) < 0.3
        k, total = int(rng.integers(1, 20)), int(ranking.sum()) + 2
        slow, hits = 0.0, 0
        for rank, right in enumerate(ranking[:k].tolist(), start=1):
            if right:
                hits += 1
                slow += hits / rank
        value = average_precision_at_k(ranking, k=k, relevant_total=total)
        assert value == pytest.approx(slow / min(total, k))


def test_overlap_by_hand_ignores_the_order() -> None:
    assert overlap_at_k([3, 1, 9], [1, 2, 3], k=3) == pytest.approx(2 / 3)
    assert overlap_at_k([3, 2, 1], [1, 2, 3], k=3) == 1
    assert overlap_at_k([7, 8, 9], [1, 2, 3], k=3) == 0


def test_overlap_looks_at_the_first_k_of_both() -> None:
    assert overlap_at_k([5, 1, 2], [1, 2, 5], k=2) == 0.5
    # Fewer exist than asked for: finding them all is everything.
    assert overlap_at_k([1, 2], [2, 1], k=10) == 1
    assert overlap_at_k([], [], k=10) == 1


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_one_is_refused(k: int) -> None:
    with pytest.raises(InvalidInput, match=f"k is {k}"):
        recall_at_k(_ranking("x"), k=k)
    with pytest.raises(InvalidInput, match=f"k is {k}"):
        average_precision_at_k(_ranking("x"), k=k, relevant_total=1)
    with pytest.raises(InvalidInput, match=f"k is {k}"):
        overlap_at_k([1], [1], k=k)


def test_corloc_counts_the_images_that_reach_the_overlap() -> None:
    ious = np.array([0.49, 0.5, 0.9, 0.7])
    assert (corloc(ious, at=0.5), corloc(ious, at=0.7), corloc(ious, at=1)) == (0.75, 0.5, 0)
    assert corloc(np.array([]), at=0.5) == 0


@pytest.mark.parametrize("at", [0, -1, 1.1])
def test_corloc_at_an_impossible_overlap_is_refused(at: float) -> None:
    with pytest.raises(InvalidInput, match="intersection over union above 0"):
        corloc(np.array([0.5]), at=at)


def test_roc_auc_is_the_share_of_pairs_in_the_right_order() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 6, 60).astype(float)  # with ties
    positive = rng.random(60) < 0.4
    pairs = list(itertools.product(scores[positive], scores[~positive]))
    expected = np.mean([1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs])
    assert roc_auc(scores, positive) == pytest.approx(expected)


def test_roc_auc_of_a_perfect_and_of_a_reversed_classifier() -> None:
    positive = np.array([False, True, True])
    assert roc_auc(np.array([0.1, 0.7, 0.8]), positive) == 1
    assert roc_auc(np.array([0.9, 0.2, 0.1]), positive) == 0


def test_roc_auc_without_both_kinds_is_refused() -> None:
    with pytest.raises(InvalidInput, match="3 positives and 0 negatives"):
        roc_auc(np.arange(3.0), np.ones(3, bool))
