"""Merging the windows' boxes, by hand."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from tiefvision.maths.merge_rules import Merge
from tiefvision.maths.merging import merge

# Three windows: one at the left, one at the right, one far off.
WINDOWS = np.array([[0.0, 0.0, 0.4, 0.4], [0.4, 0.4, 0.8, 0.8], [0.8, 0.8, 1.0, 1.0]])
BOXES = np.array([[0.1, 0.1, 0.5, 0.5], [0.2, 0.2, 0.6, 0.6], [0.6, 0.6, 1.0, 1.0]])
SURE = np.array([0.9, 0.8, 0.8])


def _merged(by: Merge) -> np.ndarray:
    return merge(BOXES, SURE, WINDOWS, by=by)


def test_the_average_is_plain() -> None:
    np.testing.assert_allclose(_merged("average"), [0.3, 0.3, 0.7, 0.7])


def test_own_side_asks_each_edge_of_the_windows_near_it() -> None:
    # The average's middle is at 0.5: the first window lies before it, the others behind.
    np.testing.assert_allclose(_merged("own-side"), [0.1, 0.1, 0.8, 0.8])


def test_own_side_asks_all_where_no_window_is_near() -> None:
    left = np.array([[0.0, 0.0, 0.1, 0.1], [0.0, 0.0, 0.2, 0.2]])
    found = merge(BOXES[:2], SURE[:2], left, by="own-side")
    np.testing.assert_allclose(found, [0.15, 0.15, 0.55, 0.55])


def test_probability_weighs_by_what_is_above_chance() -> None:
    expected = (0.4 * BOXES[0] + 0.3 * BOXES[1] + 0.3 * BOXES[2]) / 1.0
    np.testing.assert_allclose(_merged("probability"), expected)


def test_the_median_ignores_the_one_far_off() -> None:
    np.testing.assert_allclose(_merged("median"), BOXES[1])


def test_greedy_joins_the_two_that_agree_and_leaves_the_third() -> None:
    expected = (0.9 * BOXES[0] + 0.8 * BOXES[1]) / 1.7
    np.testing.assert_allclose(_merged("greedy"), expected)


@pytest.mark.parametrize("by", get_args(Merge))
def test_one_box_stays_as_it_is(by: Merge) -> None:
    np.testing.assert_allclose(merge(BOXES[:1], SURE[:1], WINDOWS[:1], by=by), BOXES[0])


@pytest.mark.parametrize("by", get_args(Merge))
def test_boxes_that_agree_give_that_box(by: Merge) -> None:
    same = np.tile(BOXES[1], (60, 1))
    place = np.tile(WINDOWS[1], (60, 1))
    np.testing.assert_allclose(merge(same, np.full(60, 0.9), place, by=by), BOXES[1])
