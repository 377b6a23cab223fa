"""One fit of a rank head: what positives differ in is evened out, then gradient steps follow."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from tiefvision.teach.losses import contrastive, hinge_on_angle, hinge_on_cosine, mean_of_valid
from tiefvision.teach.rank_batches import Batch
from tiefvision.teach.rank_choices import Loss
from tiefvision.teach.rank_networks import RankHead, similarities

# The margin of each loss where nothing else is asked for: 8.6 degrees are a cosine of 0.15 between
# images that have nothing in common.
MARGINS: dict[Loss, float] = {"cosine": 0.15, "angle": 8.6, "siamese": 0.15}

_MOMENTUM = 0.9
# Pairs that the spread of positives is measured on, and the batches that are looked at for them.
_SPREAD_PAIRS = 4_000
_SPREAD_BATCHES = 40


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a head is fitted; benchmarks/teaching.py measures these choices.

    margin: a cosine with the loss "cosine", degrees with "angle"; with "siamese" the similarity
    that different images may keep. batch: images of a step.
    rate: of gradient descent. Plain descent moves along the directions in which the photographs
    really differ; Adam, which goes equally far in all, overfitted unseen products.
    semi_hard: the share of the steps, first ones, in which only those negatives count that are
    farther than the positive, but by less than the margin; in later steps every valid one does.
    evenness: added to the spread of positives (mean 1) before it is evened out; the larger it is,
    the less. prior: how many pairs' worth of even spread is mixed into what was measured.
    """

    loss: Loss = "cosine"
    margin: float = 0.15
    steps: int = 120
    batch: int = 160
    rate: float = 2.0
    semi_hard: float = 0.0
    evenness: float = 0.5
    prior: float = 200.0

    @property
    def margin_cosine(self) -> float:
        """The margin between a positive and a negative as a cosine, near a right angle."""
        return math.radians(self.margin) if self.loss == "angle" else self.margin


def fit(
    head: RankHead,
    cells: Tensor,
    batches: Iterator[Batch],
    recipe: Recipe,
    *,
    steps: int,
    every: int,
) -> Iterator[tuple[int, float]]:
    """Fit a head that was just made, in place, as far as this is followed.

    cells: (n, cells, inputs) as `RankHead.prepare` takes them. steps: how many of the recipe's;
    the rate falls as if all were made.
    Yields the step and the mean loss since it last did (nan at first): before the first step,
    after each `every` and after the last one.
    """
    head.even_out(_evened(head.within(cells), batches, recipe))
    prepared = head.prepare(cells)
    optimiser = torch.optim.SGD(head.parameters(), lr=recipe.rate, momentum=_MOMENTUM)
    yield 0, math.nan
    losses: list[float] = []
    for step, batch in enumerate(islice(batches, steps), start=1):
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * _cosine_decay(step - 1, recipe.steps)
        found = similarities(head(prepared[torch.from_numpy(batch.images)]))
        loss = loss_of(found, batch, recipe, semi_hard=step <= recipe.semi_hard * recipe.steps)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
        if step % every == 0 or step == steps:
            yield step, sum(losses) / len(losses)
            losses.clear()


def loss_of(found: Tensor, batch: Batch, recipe: Recipe, *, semi_hard: bool = False) -> Tensor:
    """The loss of a batch, given the mean cosines (b, b) of its images.

    semi_hard: only of triplets that are in order by less than the margin; pairs have no order.
    """
    anchors = torch.from_numpy(batch.anchors).to(found.device)
    positives = torch.from_numpy(batch.positives).to(found.device)
    valid = torch.from_numpy(batch.negatives).to(found.device)  # (pairs, b)
    positive, negative = found[anchors, positives], found[anchors]
    if recipe.loss == "siamese":
        same = torch.ones_like(positive, dtype=torch.bool)
        near = contrastive(positive, same, margin=recipe.margin)
        far = contrastive(negative, torch.zeros_like(valid), margin=recipe.margin)
        return mean_of_valid(near, same) + mean_of_valid(far, valid)
    if recipe.loss == "angle":
        losses = hinge_on_angle(positive[:, None], negative, margin_degrees=recipe.margin)
    else:
        losses = hinge_on_cosine(positive[:, None], negative, margin=recipe.margin)
    if semi_hard:
        valid = valid & (losses > 0) & (negative < positive[:, None])
    return mean_of_valid(losses, valid)


def _evened(cells: Tensor, batches: Iterator[Batch], recipe: Recipe) -> Tensor:
    """The symmetric map (k, k) that shrinks the directions in which positives differ most.

    Of the second moment S of the difference of positives, scaled to mean 1:
    (S + evenness)^(-1/2), scaled to norm 1. What differs between photographs of one thing is the
    shelf, the light, the pose: that says nothing, and it is the same for things never seen.
    Source: Hatch, Kajarekar and Stolcke, Interspeech 2006 (within-class covariance
    normalisation), regularised.
    """
    pairs: set[tuple[int, int]] = set()
    for batch in islice(batches, _SPREAD_BATCHES):
        near = batch.images[np.stack([batch.anchors, batch.positives], axis=1)]
        pairs |= {(min(pair), max(pair)) for pair in near.tolist() if pair[0] != pair[1]}
        if len(pairs) >= _SPREAD_PAIRS:
            break
    k = cells.shape[-1]
    if not pairs:
        return torch.eye(k, device=cells.device)
    chosen = torch.tensor(sorted(pairs)[:: -(-len(pairs) // _SPREAD_PAIRS)], device=cells.device)
    differences = (cells[chosen[:, 0]] - cells[chosen[:, 1]]).reshape(-1, k)
    moment = (differences.T @ differences).double()
    spread, axes = torch.linalg.eigh(moment / moment.diagonal().mean())
    spread = (len(chosen) * spread + recipe.prior) / (len(chosen) + recipe.prior)
    scale = (spread + recipe.evenness) ** -0.5
    return ((axes * (scale / scale.max())) @ axes.T).float()


def _cosine_decay(step: int, steps: int) -> float:
    return 0.5 * (1 + math.cos(math.pi * step / steps))
