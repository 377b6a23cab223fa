"""Triplet accuracy, rankings by class, and the paired bootstrap."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tiefvision.maths.judging import (
    ENOUGH,
    compare,
    rankings,
    triplet_accuracy,
    triplet_gaps,
)


def _on_circle(*degrees: float) -> np.ndarray:
    turned = np.radians(degrees)
    return np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_gaps_are_differences_of_similarities() -> None:
    vectors = _on_circle(0, 60, 90)
    gaps = triplet_gaps(vectors, np.array([[0, 1, 2], [0, 2, 1], [1, 2, 0]]))
    root = math.sqrt(3) / 2
    np.testing.assert_allclose(gaps, [0.5, -0.5, root - 0.5], atol=1e-6)


def test_accuracy_is_the_share_of_triplets_ordered_as_judged() -> None:
    vectors = _on_circle(0, 60, 90)
    triplets = np.array([[0, 1, 2], [0, 2, 1], [1, 2, 0], [2, 1, 0]])
    assert triplet_accuracy(vectors, triplets) == 0.75


def test_a_tie_is_not_ordered_as_judged() -> None:
    assert triplet_accuracy(_on_circle(0, 30, 30), np.array([[0, 1, 2]])) == 0.0


def test_accuracy_of_no_triplets_is_nan() -> None:
    assert math.isnan(triplet_accuracy(_on_circle(0, 30), np.empty((0, 3), np.int64)))


def test_rankings_of_a_hand_made_gallery() -> None:
    # From 0 degrees the order is 10 (other class), 20 (same), 50 (other), 60 (same).
    vectors = _on_circle(0, 10, 20, 50, 60)
    found = rankings(vectors, np.array([0, 1, 0, 2, 0]))
    assert found.queries.tolist() == [0, 2, 4], "an image alone in its class is no query"
    assert found.recall_1[0] == 0 and found.recall_5[0] == 1
    # Right at the second and the fourth place: (1/2 + 2/4) / 2.
    assert found.map_10[0] == pytest.approx(0.5)


def test_images_of_unknown_class_are_no_query_and_never_right() -> None:
    found = rankings(_on_circle(0, 1, 2, 3), np.array([-1, -1, 0, 0]))
    assert found.queries.tolist() == [2, 3]
    # From 2 degrees, 1 and 3 are as near; from 3 degrees, 2 is the nearest.
    assert found.recall_1[1] == 1


def test_a_query_finds_only_what_lies_apart_from_it() -> None:
    vectors = _on_circle(0, 1, 40, 50)
    classes, senders = np.array([0, 0, 1, 0]), np.array([7, 7, 8, 9])
    found = rankings(vectors, classes, apart=senders)
    # Its own sender's photograph is left out: the other class comes first.
    assert found.recall_1[0] == 0 and found.map_10[0] == pytest.approx(0.5)


def test_rankings_in_blocks_are_those_of_one_query_after_the_other() -> None:
    rng = _rng()
    vectors = rng.normal(size=(300, 8)).astype(np.float32)
    classes, apart = rng.integers(-1, 6, 300), rng.integers(0, 40, 300)
    found = rankings(vectors, classes, apart=apart)
    for query, precision in zip(found.queries[::37], found.map_10[::37], strict=True):
        others = [i for i in range(300) if apart[i] != apart[query]]
        others.sort(key=lambda i: -float(vectors[i] @ vectors[query]))
        right = [classes[i] == classes[query] for i in others]
        hits = [sum(right[: k + 1]) / (k + 1) for k in range(10) if right[k]]
        assert precision == pytest.approx(sum(hits) / min(10, sum(right)))


def test_a_clear_gain_is_better_and_a_clear_loss_is_worse() -> None:
    before = np.arange(100) < 50
    after = np.arange(100) < 90
    groups = np.arange(100)
    assert compare(before, after, groups, rng=_rng()).verdict == "better"
    assert compare(after, before, groups, rng=_rng()).verdict == "worse"


def test_the_same_before_and_after_is_no_difference() -> None:
    same = np.arange(80) < 40
    found = compare(same, same, np.arange(80), rng=_rng())
    assert found.verdict == "no difference"
    assert (found.difference.low, found.difference.mean, found.difference.high) == (0, 0, 0)


def test_one_judgement_fewer_than_enough_decides_nothing() -> None:
    worse = compare(np.ones(ENOUGH), np.zeros(ENOUGH), np.arange(ENOUGH), rng=_rng())
    assert worse.verdict == "worse"
    few = ENOUGH - 1
    found = compare(np.ones(few), np.zeros(few), np.arange(few), rng=_rng())
    assert found.verdict == "too few to judge" and str(found) == "too few to judge (49)"


def test_nothing_to_judge_is_too_few() -> None:
    nothing = np.empty(0)
    found = compare(nothing, nothing, np.empty(0, np.int64), rng=_rng())
    assert (found.count, found.verdict) == (0, "too few to judge")


def test_judgements_of_one_group_count_as_one() -> None:
    """100 judgements of two anchors that disagree say little, those of 100 anchors much."""
    before = np.zeros(100)
    after = np.repeat([1.0, -0.8], 50)
    two = np.repeat([0, 1], 50)
    assert compare(before, after, two, rng=_rng()).verdict == "no difference"
    wide = compare(before, after, two, rng=_rng()).difference
    narrow = compare(before, after, np.arange(100), rng=_rng()).difference
    assert narrow.high - narrow.low < (wide.high - wide.low) / 3


def test_the_interval_of_a_mean_is_that_of_its_standard_error() -> None:
    gains = _rng().normal(size=400)
    found = compare(np.zeros(400), gains, np.arange(400), rng=_rng()).difference
    error = gains.std() / math.sqrt(400)
    assert found.mean == pytest.approx(gains.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.1)
