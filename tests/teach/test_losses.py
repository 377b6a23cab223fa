"""The losses of rank heads: their direction, their zeros, their slopes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rank_samples import torch_or_skip
from tiefvision.maths.angles import angles

torch = torch_or_skip()

from tiefvision.teach import losses  # noqa: E402


def _slope(loss: str, positive: float, negative: float) -> tuple[float, float]:
    """The slopes of a hinge along the positive's and the negative's mean cosine."""
    pair = [torch.tensor(value, requires_grad=True) for value in (positive, negative)]
    if loss == "angle":
        losses.hinge_on_angle(*pair, margin_degrees=20).backward()
    else:
        losses.hinge_on_cosine(*pair, margin=0.2).backward()
    return pair[0].grad.item(), pair[1].grad.item()


@pytest.mark.parametrize("loss", ["cosine", "angle"])
def test_a_nearer_positive_and_a_farther_negative_lower_the_hinge(loss: str) -> None:
    positive, negative = _slope(loss, 0.4, 0.5)
    assert positive < 0 < negative


@pytest.mark.parametrize("loss", ["cosine", "angle"])
def test_triplets_beyond_the_margin_cost_nothing_and_pull_nothing(loss: str) -> None:
    assert _slope(loss, 0.9, 0.2) == (0.0, 0.0)


def test_hinges_by_hand() -> None:
    positive, negative = torch.tensor([0.5, 1.0]), torch.tensor([0.0, 0.0])
    # 60 degrees against 90, and 0 against 90, with a margin of 45.
    found = losses.hinge_on_angle(positive, negative, margin_degrees=45)
    np.testing.assert_allclose(np.degrees(found.numpy()), [15, 0], atol=1e-4)
    found = losses.hinge_on_cosine(positive, negative, margin=0.7)
    np.testing.assert_allclose(found, [0.2, 0], atol=1e-6)


def test_a_right_angle_as_margin_costs_nothing_where_nothing_is_wrong() -> None:
    """The positive is the anchor itself and the negative has nothing in common with it."""
    at_zero = losses.hinge_on_angle(torch.tensor(1.0), torch.tensor(0.0), margin_degrees=90)
    assert at_zero.item() == pytest.approx(0, abs=1e-6)
    nearly = losses.hinge_on_angle(torch.tensor(1.0), torch.tensor(0.1), margin_degrees=90)
    assert math.degrees(nearly.item()) == pytest.approx(90 - math.degrees(math.acos(0.1)))


def test_the_angle_is_that_of_search_in_value() -> None:
    cosines = torch.linspace(-1, 1, 401)
    found = np.degrees(losses.angle(cosines).numpy())
    np.testing.assert_allclose(found, angles(cosines.numpy()), atol=2e-5)


@pytest.mark.parametrize("end", [1.0, -1.0, 1.0 + 1e-7, 1 - 1e-9])
def test_the_slope_of_the_angle_is_bounded_at_its_ends(end: float) -> None:
    cosine = torch.tensor(end, requires_grad=True)
    losses.angle(cosine).backward()
    assert -10.01 < cosine.grad.item() < 0


def test_the_slope_of_the_angle_is_exact_away_from_its_ends() -> None:
    cosine = torch.tensor([-0.9, 0.0, 0.6], dtype=torch.float64, requires_grad=True)
    losses.angle(cosine).sum().backward()
    np.testing.assert_allclose(cosine.grad, [-1 / math.sqrt(0.19), -1, -1.25])


def test_the_contrast_pulls_the_same_together_and_others_apart_down_to_the_margin() -> None:
    cosine = torch.tensor([0.5, 0.5, 0.1], requires_grad=True)
    same = torch.tensor([True, False, False])
    found = losses.contrastive(cosine, same, margin=0.2)
    np.testing.assert_allclose(found.detach(), [0.25, 0.09, 0], atol=1e-6)
    found.sum().backward()
    assert cosine.grad[0] < 0 < cosine.grad[1] and cosine.grad[2] == 0
    alike = losses.contrastive(torch.tensor(1.0), torch.tensor(True), margin=0.2)
    assert alike.item() == 0


def test_the_mean_is_over_the_valid_ones_also_those_that_cost_nothing() -> None:
    found = losses.mean_of_valid(
        torch.tensor([[2.0, 0.0], [4.0, 9.0]]), torch.tensor([[True, True], [True, False]])
    )
    assert found.item() == 2
    assert losses.mean_of_valid(torch.ones(2), torch.zeros(2, dtype=torch.bool)).item() == 0
