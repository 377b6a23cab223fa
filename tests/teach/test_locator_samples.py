"""teach/samples.py: frozen sets, folds that content decides, and the windows that are shown."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from locator_samples import CHANNELS, COLS, ROWS, products
from tiefvision.errors import InvalidBox, InvalidInput, ShapeMismatch
from tiefvision.maths import windows
from tiefvision.maths.boxes import Box
from tiefvision.teach.samples import (
    FOLDS,
    Taught,
    both_ways,
    fold_of,
    freeze,
    look_windows,
    some_windows,
)

TAUGHT = [
    Taught("b", 200, 100, Box(20, 10, 100, 60)),
    Taught("a", 100, 100, Box(50, 50, 150, 100)),
    Taught("c", 100, 200, Box(0, 0, 50, 50)),
]


def _grids(count: int = 3) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 2, 4, 4, 5)).astype(np.float16)


def test_boxes_become_fractions_inside_the_image_in_order_of_content() -> None:
    samples = freeze(TAUGHT, _grids(), label="dress", parts=[3, 2])
    assert samples.content_ids == ("a", "b", "c")
    expected = [[0.5, 0.5, 1, 1], [0.1, 0.1, 0.5, 0.6], [0, 0, 0.5, 0.25]]
    np.testing.assert_allclose(samples.boxes, expected)
    np.testing.assert_array_equal(samples.grids, _grids()[[1, 0, 2]])


def test_a_set_is_the_same_in_any_order_and_another_with_another_box() -> None:
    first = freeze(TAUGHT, _grids(), label="dress", parts=[5])
    turned = freeze(TAUGHT[::-1], _grids()[::-1], label="dress", parts=[5])
    moved = freeze(
        [Taught("b", 200, 100, Box(21, 10, 100, 60)), *TAUGHT[1:]],
        _grids(), label="dress", parts=[5],
    )  # fmt: skip
    other = freeze(TAUGHT, _grids(), label="bag", parts=[5])
    assert first.sha256 == turned.sha256
    assert len({first.sha256, moved.sha256, other.sha256}) == 3
    np.testing.assert_array_equal(first.grids, turned.grids)


def test_folds_follow_from_content_alone_and_are_about_even() -> None:
    ids = [f"photo {number}" for number in range(1000)]
    folds = Counter(fold_of(one) for one in ids)
    assert set(folds) == set(range(FOLDS))
    assert min(folds.values()) > 150
    assert [fold_of(one) for one in ids] == [fold_of(one) for one in ids]
    samples = freeze(TAUGHT, _grids(), label="", parts=[5])
    assert samples.folds.tolist() == [fold_of(one) for one in "abc"]


@pytest.mark.parametrize(
    ("taught", "grids", "error", "match"),
    [
        ([], _grids(0), InvalidInput, "no boxes to learn from"),
        ([TAUGHT[0]] * 2, _grids(2), InvalidInput, "the photograph b is given twice"),
        (TAUGHT, _grids(2), ShapeMismatch, "3 photographs of 5 channels"),
        ([Taught("a", 9, 9, Box(9, 9, 12, 12))], _grids(1), InvalidBox, "lies outside the image"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(
    taught: list[Taught], grids: np.ndarray, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        freeze(taught, grids, label="dress", parts=[5])


def test_grids_of_other_channels_are_refused() -> None:
    with pytest.raises(ShapeMismatch, match="3 photographs of 7 channels"):
        freeze(TAUGHT, _grids(), label="dress", parts=[5, 2])


def test_both_ways_gives_each_box_and_its_mirror_image() -> None:
    boxes = np.array([[0.1, 0.2, 0.4, 0.9], [0.5, 0.0, 0.6, 0.1]])
    expected = [
        [0.1, 0.2, 0.4, 0.9], [0.6, 0.2, 0.9, 0.9], [0.5, 0, 0.6, 0.1], [0.4, 0, 0.5, 0.1],
    ]  # fmt: skip
    np.testing.assert_allclose(both_ways(boxes), expected)


def test_look_windows_lie_about_the_boxes_as_far_off_as_asked() -> None:
    boxes = np.tile([[0.3, 0.3, 0.5, 0.7]], (4000, 1))
    spread = np.diag([0.01, 0.01, 0.04, 0.01])
    found = look_windows(boxes, spread=spread, grown=1.5, rng=np.random.default_rng(0))
    errors = (windows.grown(found, by=1 / 1.5) - boxes) / windows.sizes(boxes)
    np.testing.assert_allclose(errors.mean(axis=0), 0, atol=0.01)
    np.testing.assert_allclose(errors.std(axis=0), [0.1, 0.1, 0.2, 0.1], rtol=0.05)
    assert (found[:, 2:] > found[:, :2]).all()


def test_sampled_windows_are_of_the_kind_that_they_say() -> None:
    samples = products(20)
    sliding = windows.sliding(ROWS, COLS, side=3)
    drawn = some_windows(samples, sliding, count=30, rng=np.random.default_rng(0))
    kinds = Counter(window.kind for window in drawn)
    assert kinds == {windows.TARGET: 30, windows.BACKGROUND: 30}
    assert {window.mirror for window in drawn} == {False, True}
    for window in drawn:
        box = samples.boxes[samples.content_ids.index(window.content_id)][None]
        product = windows.mirrored(box) if window.mirror else box
        assert windows.kinds(np.array([window.edges]), product).tolist() == [window.kind]


def test_some_background_lies_right_beside_the_product() -> None:
    samples = products(20)
    sliding = windows.sliding(ROWS, COLS, side=3)
    for box in samples.boxes:
        background = windows.kinds(sliding, box[None]) == windows.BACKGROUND
        near = windows.overlaps(windows.grown(sliding, by=5 / 3), box[None]) > 0
        assert (background & near).any()
    assert samples.grids.shape == (20, 2, ROWS, COLS, CHANNELS)
