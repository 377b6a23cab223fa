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
from tiefvision.teach.rank_data import RankData
from tiefvision.teach.rank_fitting import LOSSES, MARGINS, Loss, Recipe
from tiefvision.teach.rank_heads import Heads
from tiefvision.teach.rank_networks import NETWORKS, Network, RankHead
from tiefvision.teach.rank_report import (
    Progress,
    Step,
    TrainedRanker,
    best_step,
    hold_out,
    report_of,
)

# Channels of a head's cells where nothing else is asked for: PCA to so many ranks as all do.
CHANNELS = 256

# Without classes a batch holds one triplet for each three images, and learns them by heart at the
# rate that suits batches in which every image is compared with every other.
_RATE_OF_TRIPLETS = 1.0


def train(
    data: RankData,
    *,
    recipe: Recipe | None = None,
    network: Network = "linear",
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
    groups = hold_out(heads, folds, note="fold", steps=chosen.steps, progress=progress)
    steps = best_step(groups, chosen)
    kinds = None
    if data.kinds is not None:
        kind_folds = splits.of_kinds(data.kinds)
        kinds = hold_out(heads, kind_folds, note="kinds", steps=steps, progress=progress)

    def look(step: int, loss: float, head: RankHead) -> None:
        if progress is not None:
            progress(Step("all", step, steps, loss, math.nan))

    head = heads.fit(np.ones(len(heads.rows), bool), steps=steps, watch=look)
    report = report_of(heads, head, steps=steps, groups=groups, folds=folds, kinds=kinds)
    return TrainedRanker(head.export(data.mean), report)


def recipe_for(data: RankData, loss: Loss = "cosine") -> Recipe:
    """The recipe that suits the data: slower steps for triplets that come without classes."""
    plain = Recipe(loss=loss, margin=MARGINS.get(loss, math.nan))
    return plain if data.classes is not None else replace(plain, rate=_RATE_OF_TRIPLETS)


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
    for name in ("steps", "batch", "rate", "margin", "evenness", "prior"):
        value = getattr(recipe, name)
        if not math.isfinite(value) or value < 0 or (name in ("steps", "batch") and value < 1):
            raise InvalidInput(f"{name} is {value}; expected a number above 0")
