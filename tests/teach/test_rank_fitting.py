"""One fit: it lowers its loss and orders what it was not shown."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from rank_samples import judged, torch_or_skip
from tiefvision.teach.rank_choices import LOSSES, Loss

torch = torch_or_skip()

from tiefvision.maths.judging import triplet_accuracy  # noqa: E402
from tiefvision.teach.rank_batches import Batch, of_triplets  # noqa: E402
from tiefvision.teach.rank_fitting import MARGINS, Recipe, fit, loss_of  # noqa: E402
from tiefvision.teach.rank_networks import RankHead, similarities  # noqa: E402

DATA = judged(known=False)


def _fitted(recipe: Recipe, **head: object) -> tuple[RankHead, list[float]]:
    """A head fitted on all triplets but the last hundred, and the losses it told."""
    own = RankHead(DATA.directions(12), network="linear", wide=False, seed=0)
    cells = torch.from_numpy(DATA.along(DATA.directions(12)))
    batches = of_triplets(DATA.triplets[:-100], size=60, rng=np.random.default_rng(0))
    steps = fit(own, cells, batches, recipe, steps=recipe.steps, every=20)
    return own, [loss for _, loss in steps]


def _accuracy(head: RankHead | None) -> float:
    cells = DATA.centred(np.arange(len(DATA.cells)))
    ranked = cells if head is None else head.export(DATA.mean)(cells)
    return triplet_accuracy(ranked.reshape(len(cells), -1), DATA.triplets[-100:])


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_falls_and_orders_unseen_triplets_better(loss: Loss) -> None:
    recipe = Recipe(loss=loss, margin=MARGINS[loss], steps=60, rate=0.5)
    head, told = _fitted(recipe)
    assert math.isnan(told[0]) and told[-1] < told[1]
    assert _accuracy(head) > _accuracy(None) + 0.1


def _batch() -> Batch:
    """Three images: 0 and 1 belong together, 2 does not."""
    return Batch(
        images=np.arange(3),
        anchors=np.array([0]),
        positives=np.array([1]),
        negatives=np.array([[False, False, True]]),
    )


def _mean_cosines(positive: float, negative: float) -> torch.Tensor:
    found = torch.eye(3)
    found[0, 1] = found[1, 0] = positive
    found[0, 2] = found[2, 0] = negative
    return found


@pytest.mark.parametrize(
    ("negative", "counts"), [(0.9, False), (0.55, True), (0.2, False)], ids=["hard", "semi", "easy"]
)
def test_only_what_is_in_order_by_less_than_the_margin_is_semi_hard(
    negative: float, counts: bool
) -> None:
    found, recipe = _mean_cosines(0.6, negative), Recipe(margin=0.15)
    expected = negative + 0.15 - 0.6 if counts else 0.0
    assert loss_of(found, _batch(), recipe, semi_hard=True).item() == pytest.approx(expected)
    every = max(0.0, negative + 0.15 - 0.6)
    assert loss_of(found, _batch(), recipe).item() == pytest.approx(every)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_of_a_batch_falls_where_its_triplet_gets_better(loss: Loss) -> None:
    recipe = Recipe(loss=loss, margin=MARGINS[loss])
    worse, better, best = (
        loss_of(_mean_cosines(*cosines), _batch(), recipe).item()
        for cosines in ((0.3, 0.4), (0.4, 0.35), (1.0, 0.0))
    )
    assert worse > better > best == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_batch_without_a_valid_triplet_costs_nothing(loss: Loss) -> None:
    none = replace(
        _batch(),
        anchors=np.empty(0, np.int64),
        positives=np.empty(0, np.int64),
        negatives=np.empty((0, 3), bool),
    )
    recipe = Recipe(loss=loss, margin=MARGINS[loss])
    assert loss_of(_mean_cosines(0.1, 0.9), none, recipe).item() == 0


def test_a_small_set_reaches_zero_loss_with_a_margin_of_a_right_angle() -> None:
    """Four images of two classes, whose cells differ in one channel of three."""
    cells = torch.tensor(
        [[[1.0, 0.0, 0.6]], [[1.0, 0.0, -0.6]], [[0.0, 1.0, 0.6]], [[0.0, 1.0, -0.6]]]
    )
    cells = torch.nn.functional.normalize(cells, dim=-1)
    head = RankHead(np.eye(3, dtype=np.float32), network="linear", wide=False, seed=0)
    rows = np.array([[0, 1, 2], [1, 0, 3], [2, 3, 0], [3, 2, 1]])
    recipe = Recipe(loss="angle", margin=90.0, steps=300, rate=0.3)
    batches = of_triplets(rows, size=12, rng=np.random.default_rng(0))
    untrained = loss_of(similarities(cells), next(batches), recipe).item()
    assert untrained > 0.5
    told = [loss for _, loss in fit(head, cells, batches, recipe, steps=300, every=100)]
    assert told[-1] < 0.01
