"""Windows: where they lie on a grid, what they hold, and their cells."""

from __future__ import annotations

import numpy as np
import pytest

from tiefvision.maths import boxes, windows
from tiefvision.maths.boxes import Box

ROWS, COLS = 6, 4


def _random(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    start = rng.uniform(-0.2, 0.7, (count, 2))
    return np.concatenate([start, start + rng.uniform(0.05, 0.6, (count, 2))], axis=1)


def test_pixels_become_fractions_and_come_back() -> None:
    box = Box(30, 50, 90, 200)
    fractions = windows.to_fractions(box, width=300, height=400)
    np.testing.assert_allclose(fractions, [0.1, 0.125, 0.3, 0.5])
    back = windows.to_box(fractions, width=300, height=400)
    np.testing.assert_allclose(back.as_list(), box.as_list())


def test_edges_relative_to_windows_come_back() -> None:
    product, window = _random(50), _random(50, seed=1)
    edges = windows.within(product, window)
    np.testing.assert_allclose(windows.without(edges, window), product, atol=1e-12)


def test_a_window_is_from_0_to_1_of_itself() -> None:
    window = _random(5)
    np.testing.assert_allclose(windows.within(window, window), np.tile([0, 0, 1, 1], (5, 1)))


def test_mirroring_swaps_left_and_right_and_is_its_own_inverse() -> None:
    np.testing.assert_allclose(
        windows.mirrored(np.array([[0.1, 0.2, 0.4, 0.9]])), [[0.6, 0.2, 0.9, 0.9]]
    )
    product = _random(20)
    np.testing.assert_allclose(windows.mirrored(windows.mirrored(product)), product)


def test_sliding_windows_lie_around_their_cells_and_hang_over_the_border() -> None:
    found = windows.sliding(ROWS, COLS, side=3)
    assert found.shape == (ROWS * COLS, 4)
    # Cell (0, 0) covers 0 to 1/4 across and 0 to 1/6 down; one more cell on each side.
    np.testing.assert_allclose(found[0], [-0.25, -1 / 6, 0.5, 2 / 6])
    np.testing.assert_allclose(found[2 * COLS + 1], [0, 1 / 6, 0.75, 4 / 6])


def test_growing_keeps_the_middle() -> None:
    np.testing.assert_allclose(
        windows.grown(np.array([[0.2, 0.4, 0.4, 0.8]]), by=1.5), [[0.15, 0.3, 0.45, 0.9]]
    )


def test_a_box_inside_out_becomes_a_narrow_one_about_its_middle() -> None:
    np.testing.assert_allclose(
        windows.ordered(np.array([[0.6, 0.1, 0.4, 0.9]]), least=0.1), [[0.45, 0.1, 0.55, 0.9]]
    )


def test_a_box_is_cut_to_the_image_and_kept_wide_enough() -> None:
    cut = windows.inside(np.array([[-0.5, 0.2, 0.3, 1.4], [1.2, 0.0, 1.5, 1.0]]), least=0.02)
    np.testing.assert_allclose(cut, [[0, 0.2, 0.3, 1], [0.98, 0, 1, 1]])


def test_ious_agree_with_those_of_boxes() -> None:
    a, b = _random(40), _random(40, seed=1)
    expected = [boxes.iou(Box(*one), Box(*other)) for one, other in zip(a, b, strict=True)]
    np.testing.assert_allclose(windows.ious(a, b), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("window", "kind"),
    [
        # The product takes up 0.2 to 0.6 in both directions.
        ((0.2, 0.2, 0.6, 0.6), windows.TARGET),
        ((0.3, 0.3, 0.5, 0.5), windows.TARGET),  # inside it
        ((0.39, 0.2, 0.79, 0.6), windows.TARGET),  # just over half of the window
        ((0.41, 0.2, 0.81, 0.6), windows.NEITHER),  # just less
        ((0.0, 0.0, 1.0, 1.0), windows.TARGET),  # larger, but all of the product is in it
        ((0.6, 0.2, 1.0, 0.6), windows.BACKGROUND),  # touches its edge from outside
        ((0.59, 0.59, 1.0, 1.0), windows.NEITHER),  # a corner is no background
    ],
)
def test_targets_hold_half_and_background_nothing(
    window: tuple[float, float, float, float], kind: int
) -> None:
    product = np.array([[0.2, 0.2, 0.6, 0.6]])
    assert windows.kinds(np.array([window]), product).tolist() == [kind]


def test_every_window_is_compared_with_the_one_product() -> None:
    sliding = windows.sliding(ROWS, COLS, side=1)
    found = windows.kinds(sliding, np.array([[0.25, 1 / 6, 0.5, 3 / 6]])).reshape(ROWS, COLS)
    assert np.argwhere(found == windows.TARGET).tolist() == [[1, 1], [2, 1]]
    assert (found == windows.BACKGROUND).sum() == ROWS * COLS - 2


def test_a_window_of_whole_cells_reads_just_those() -> None:
    grid = np.random.default_rng(0).normal(size=(ROWS, COLS, 5)).astype(np.float32)
    window = np.array([[1 / COLS, 2 / ROWS, 3 / COLS, 4 / ROWS]])
    np.testing.assert_allclose(windows.cells_in(grid, window, side=2)[0], grid[2:4, 1:3])


def test_a_sliding_window_reads_what_a_padded_convolution_sees() -> None:
    grid = np.random.default_rng(0).normal(size=(ROWS, COLS, 2)).astype(np.float32)
    padded = np.pad(grid, ((1, 1), (1, 1), (0, 0)))
    cells = windows.cells_in(grid, windows.sliding(ROWS, COLS, side=3), side=3)
    for place, seen in enumerate(cells):
        row, col = divmod(place, COLS)
        np.testing.assert_allclose(seen, padded[row : row + 3, col : col + 3], atol=1e-6)


def test_between_cells_they_are_mixed() -> None:
    grid = np.array([[[0.0], [1.0]]], np.float32)
    # The middle of the window lies in the middle between the two cells' middles.
    assert windows.cells_in(grid, np.array([[0.25, 0, 0.75, 1]]), side=1).item() == 0.5
