"""Boxes: half-open, finite, with area."""

from __future__ import annotations

import math

import pytest

from tiefvision.errors import InvalidBox
from tiefvision.maths import boxes
from tiefvision.maths.boxes import Box


def test_width_height_and_area_are_differences_of_half_open_edges() -> None:
    box = Box(10, 20, 13, 24)
    assert (box.width, box.height, box.area) == (3, 4, 12)


@pytest.mark.parametrize("edges", [(5, 0, 5, 9), (6, 0, 5, 9), (0, 9, 5, 9), (0, 10, 5, 9)])
def test_a_box_without_area_is_refused(edges: tuple[float, float, float, float]) -> None:
    with pytest.raises(InvalidBox, match="has no area"):
        Box(*edges)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_box_with_an_edge_that_is_no_number_is_refused(bad: float) -> None:
    with pytest.raises(InvalidBox, match="not a finite number"):
        Box(bad, 0, 5, 9)


def test_parse_is_the_inverse_of_writing_the_four_numbers() -> None:
    box = Box(1.5, 2, 30.25, 40)
    assert boxes.parse(",".join(map(str, box.as_list()))) == box


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1;2;3;4"])
def test_parse_says_what_was_given_and_shows_an_example(text: str) -> None:
    with pytest.raises(InvalidBox, match="for example 10,20,300,400") as raised:
        boxes.parse(text)
    assert repr(text) in raised.value.message


def test_parse_refuses_numbers_that_are_not_finite() -> None:
    with pytest.raises(InvalidBox, match="not a finite number"):
        boxes.parse("nan,0,1,1")


def test_iou_of_two_overlapping_boxes_by_hand() -> None:
    # 10 x 10 and 10 x 10, overlapping in 5 x 10: 50 / (100 + 100 - 50).
    assert boxes.iou(Box(0, 0, 10, 10), Box(5, 0, 15, 10)) == pytest.approx(1 / 3)


def test_iou_is_symmetric_and_one_only_for_the_same_box() -> None:
    a, b = Box(0, 0, 10, 20), Box(2, 3, 12, 19)
    assert boxes.iou(a, b) == boxes.iou(b, a)
    assert 0 < boxes.iou(a, b) < boxes.iou(a, a) == 1


def test_iou_grows_as_a_box_moves_towards_another() -> None:
    still = Box(0, 0, 10, 10)
    moving = [boxes.iou(still, Box(x, 0, x + 10, 10)) for x in (12, 9, 6, 3, 0)]
    assert moving == sorted(moving) and moving[0] == 0 and moving[-1] == 1


def test_boxes_that_only_touch_do_not_overlap() -> None:
    a, b = Box(0, 0, 10, 10), Box(10, 0, 20, 10)
    assert boxes.intersection(a, b) is None
    assert boxes.iou(a, b) == 0


def test_clip_keeps_the_part_inside_the_image() -> None:
    assert boxes.clip(Box(-5, 10, 50, 200), width=40, height=100) == Box(0, 10, 40, 100)


def test_clip_leaves_a_box_inside_as_it_is() -> None:
    box = Box(1, 2, 3, 4)
    assert boxes.clip(box, width=40, height=100) == box


def test_a_box_outside_the_image_is_refused_with_the_image_size() -> None:
    with pytest.raises(InvalidBox, match="40 x 100 px"):
        boxes.clip(Box(40, 0, 50, 10), width=40, height=100)


def test_pixel_window_takes_every_pixel_that_the_box_touches() -> None:
    window = boxes.pixel_window(Box(1.2, 2.0, 3.1, 4.0), width=10, height=10)
    assert window == (1, 2, 4, 4)


def test_pixel_window_of_a_sliver_is_one_pixel() -> None:
    window = boxes.pixel_window(Box(3.25, 3.25, 3.5, 3.5), width=10, height=10)
    assert window == (3, 3, 4, 4)


def test_the_whole_image_is_its_own_pixel_window() -> None:
    window = boxes.pixel_window(boxes.whole(7, 5), width=7, height=5)
    assert window == (0, 0, 7, 5)


def test_the_square_about_a_box_keeps_its_centre_and_longer_side() -> None:
    assert boxes.square_about(Box(40, 20, 60, 80), width=100, height=100) == Box(20, 20, 80, 80)


def test_the_square_about_a_box_is_moved_inside_the_image() -> None:
    assert boxes.square_about(Box(0, 10, 10, 50), width=100, height=100) == Box(0, 10, 40, 50)
    assert boxes.square_about(Box(90, 10, 100, 50), width=100, height=100) == Box(60, 10, 100, 50)


def test_the_square_about_a_box_is_as_square_as_the_image_allows() -> None:
    assert boxes.square_about(Box(10, 0, 20, 90), width=30, height=100) == Box(0, 0, 30, 90)
