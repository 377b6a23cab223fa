"""A rank head trained on judged images, and the report that decides whether it may be used.

The head that is returned is trained on every judgement. What the report says of images not seen
comes from other heads, each trained without one fold of groups, or of kinds.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch

from tiefvision.errors import InvalidInput, NotReady
from tiefvision.teach import splits
from tiefvision.teach.rank_choices import CHANNELS, LOSSES, NETWORKS, Loss, Network
from tiefvision.teach.rank_data import RankData
from tiefvision.teach.rank_fitting import MARGINS, Recipe
from tiefvision.teach.rank_folds import Progress, Step, hold_out
from tiefvision.teach.rank_heads import Heads
from tiefvision.teach.rank_networks import RankHead
from tiefvision.teach.rank_report import TrainedRanker, report_of

# Folds of kinds; each leaves two thirds of them to learn from.
_KIND_FOLDS = 3

# Without classes a batch holds one triplet for each three images. Up to so many of them are learned
# as well in half of the steps; more take all, at half the rate (benchmarks/teaching.py).
_FEW_TRIPLETS = 1_000
_STEPS_OF_FEW = 60
_RATE_OF_MANY = 1.0


def train(
    data: RankData,
    *,
    recipe: Recipe | None = None,
    network: Network = "residual",
    channels: int | None = CHANNELS,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> TrainedRanker:
    """Train on cached cells; no image is read.

    recipe: None for `recipe_for(data)`. channels: of the ranked cells, at most; None keeps all
    and starts as the identity, else the start is PCA. device: as torch names them. One seed gives
    the same head on one machine. progress: called at each look at the held-out judgements.
    Raises InvalidInput for data that does not belong together and for names that are not known.
    """
    data.check()
    chosen = recipe_for(data) if recipe is None else recipe
    _check(chosen, network, channels)
    heads = Heads(data, chosen, network, channels, seed, _device(device))
    folds = splits.folds(data.groups)
    groups = hold_out(
        heads, folds, stage="held-out groups", steps=chosen.steps, choose=True, progress=progress
    )
    steps, kinds = groups.step, None
    if data.kinds is not None:
        kind_folds = splits.of_kinds(data.kinds, most=_KIND_FOLDS)
        kinds = hold_out(
            heads, kind_folds, stage="unseen kinds", steps=steps, choose=False, progress=progress
        )
    head = heads.side_by_side(lambda n: _final(heads, n, progress), [steps])[0]
    report = report_of(heads, head, groups=groups, folds=folds, kinds=kinds)
    return TrainedRanker(head.export(data.mean), report)


def _final(heads: Heads, steps: int, progress: Progress | None) -> RankHead:
    """The head that is trained on everything."""
    head, made = heads.fit(np.ones(len(heads.rows), bool), steps=steps)
    for step, loss in made:
        if progress is not None:
            progress(Step("everything", step, steps, loss, math.nan))
    return head


def recipe_for(data: RankData, loss: Loss = "cosine") -> Recipe:
    """The recipe that suits the data: fewer or slower steps for what comes without classes."""
    plain = Recipe(loss=loss, margin=MARGINS[loss])
    if data.classes is not None:
        return plain
    if len(data.triplets) + len(data.pairs) <= _FEW_TRIPLETS:
        return replace(plain, steps=_STEPS_OF_FEW)
    return replace(plain, rate=_RATE_OF_MANY)


def _device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise NotReady("torch sees no CUDA device here", remedy="leave --device out: cpu will do")
    return torch.device(name)


def _check(recipe: Recipe, network: str, channels: int | None) -> None:
    for name, value, known in (("loss", recipe.loss, LOSSES), ("network", network, NETWORKS)):
        if value not in known:
            raise InvalidInput(f"unknown {name} {value!r}; expected one of {', '.join(known)}")
    if channels is not None and channels < 1:
        raise InvalidInput(f"a head of {channels} channels; expected at least 1")
    for name in ("steps", "batch", "rate", "margin", "semi_hard", "evenness", "prior"):
        value = getattr(recipe, name)
        if not math.isfinite(value) or value < 0 or (name in ("steps", "batch") and value < 1):
            raise InvalidInput(f"{name} is {value}; expected a number above 0")
