"""What held-out images say of a rank head, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int64

from tiefvision.maths.judging import ENOUGH, Comparison, Rankings, compare, rankings
from tiefvision.teach import splits
from tiefvision.teach.rank_changes import Change, FoldFits, most_changed
from tiefvision.teach.rank_fitting import Recipe
from tiefvision.teach.rank_heads import Heads
from tiefvision.teach.rank_networks import Network, RankHead
from tiefvision.teach.splits import Sides
from tiefvision.vision.ranker import Ranker

# Of so many triplets at most the final head says how well it knows what it was trained on.
_LEARNED_SAMPLE = 2_000
# Held-out images whose rankings are scored in one fold, at most.
_RANKED = 2_000


@dataclass(frozen=True, slots=True)
class Step:
    """How far training is. fit: which of `fits` heads; step of steps; loss: the mean since the
    last look; held_out_accuracy: nan for the last fit, which is trained on everything."""

    fit: str
    step: int
    steps: int
    loss: float
    held_out_accuracy: float


Progress = Callable[[Step], None]


@dataclass(frozen=True, slots=True)
class Point:
    """The history at one step, the mean over the folds. loss: on the batches; nan at step 0."""

    step: int
    loss: float
    held_out_loss: float
    held_out_accuracy: float


@dataclass(frozen=True, slots=True)
class RankReport:
    """What was trained, and how good it is; each comparison is without and with the ranker.

    steps: made by the final head: those with the least held-out
    loss, or all of the recipe's where there were too few held-out triplets to choose by.
    learned: triplet accuracy of the final head on what it was trained on. held_out: of heads that
    were trained without any image of the anchor's fold of groups; unseen_kinds: without any image
    of the anchor's fold of kinds, None where no kinds were given; mirrored: with the anchor's
    picture mirrored. recall_1, recall_5, map_10: held-out images of known class searched among
    each other; None without classes.
    better, worse: the held-out images whose triplets changed most, most changed first.
    """

    seed: int
    network: Network
    recipe: Recipe
    steps: int
    history: tuple[Point, ...]
    learned: Comparison
    held_out: Comparison
    held_out_mirrored: Comparison
    unseen_kinds: Comparison | None
    unseen_kinds_mirrored: Comparison | None
    recall_1: Comparison | None
    recall_5: Comparison | None
    map_10: Comparison | None
    better: tuple[Change, ...]
    worse: tuple[Change, ...]

    @property
    def loses(self) -> bool:
        """Whether it is significantly worse on held-out groups or on unseen kinds."""
        judged = (self.held_out, self.unseen_kinds)
        return any(found is not None and found.verdict == "worse" for found in judged)

    @property
    def too_few(self) -> bool:
        """Whether there were too few held-out judgements to tell."""
        return self.held_out.verdict == "too few to judge"


@dataclass(frozen=True, slots=True, eq=False)
class TrainedRanker:
    """A ranker for `vision.ranker.write`, and its report."""

    ranker: Ranker
    report: RankReport


def hold_out(
    heads: Heads,
    folds: Int64[np.ndarray, " n"],
    *,
    note: str,
    steps: int,
    progress: Progress | None,
) -> list[FoldFits]:
    """For each fold of images a head that was trained without any of them.

    folds: of each image; -1 is never held out. Folds without a whole triplet are passed over.
    """
    found: list[FoldFits] = []
    for fold, sides in splits.by_anchor(heads.rows, folds):
        triplets = heads.judging(sides.held_out, folds == fold)
        if len(triplets):
            fit = f"{note} {fold + 1}"
            found.append(_hold_out(heads, sides, FoldFits(fold, triplets), fit, steps, progress))
    return found


def best_step(found: list[FoldFits], recipe: Recipe) -> int:
    """The step with the least held-out loss; all of the recipe's where too few are held out."""
    if sum(len(fold.triplets) for fold in found) < ENOUGH:
        return recipe.steps
    points = history(found, recipe)
    return min(points, key=lambda point: point.held_out_loss).step


def history(found: list[FoldFits], recipe: Recipe) -> tuple[Point, ...]:
    """What the folds' heads knew at each look, over all held-out triplets."""
    points: list[Point] = []
    for look, step in enumerate(found[0].steps if found else []):
        gaps = np.concatenate([fold.gaps[look] for fold in found])
        points.append(
            Point(
                step,
                float(np.mean([fold.losses[look] for fold in found])),
                float(np.maximum(recipe.margin_cosine - gaps, 0).mean()),
                float((gaps > 0).mean()),
            )
        )
    return tuple(points)


def report_of(
    heads: Heads,
    head: RankHead,
    *,
    steps: int,
    groups: list[FoldFits],
    folds: Int64[np.ndarray, " n"],
    kinds: list[FoldFits] | None,
) -> RankReport:
    """Everything about a final head, its held-out groups and, where there are any, kinds."""
    for fold in [*groups, *(kinds or [])]:
        assert fold.head is not None
        # What is not learned has not changed since.
        fold.head.load_state_dict(fold.states[fold.steps.index(steps)], strict=False)
    rankings = _ranked(heads, groups, folds) if heads.data.classes is not None else {}
    return RankReport(
        seed=heads.seed,
        network=heads.network,
        recipe=heads.recipe,
        steps=steps,
        history=history(groups, heads.recipe),
        learned=_learned(heads, head),
        held_out=_judged(heads, groups),
        held_out_mirrored=_judged(heads, groups, mirrored=True),
        unseen_kinds=None if kinds is None else _judged(heads, kinds),
        unseen_kinds_mirrored=None if kinds is None else _judged(heads, kinds, mirrored=True),
        recall_1=rankings.get("recall_1"),
        recall_5=rankings.get("recall_5"),
        map_10=rankings.get("map_10"),
        better=most_changed(heads, groups, better=True),
        worse=most_changed(heads, groups, better=False),
    )


_NO_FIGURES = np.empty(0, np.float64)
_NO_IMAGES = np.empty(0, np.int64)


def _hold_out(
    heads: Heads,
    sides: Sides,
    found: FoldFits,
    fit: str,
    steps: int,
    progress: Progress | None,
) -> FoldFits:
    def look(step: int, loss: float, head: RankHead) -> None:
        learned = {name: w for name, w in head.named_parameters() if w.requires_grad}
        found.states.append({name: w.detach().clone() for name, w in learned.items()})
        found.steps.append(step)
        found.losses.append(loss)
        found.gaps.append(heads.gaps(head, found.triplets))
        if progress is not None:
            progress(Step(fit, step, steps, loss, float((found.gaps[-1] > 0).mean())))

    found.head = heads.fit(sides.train, steps=steps, watch=look)
    return found


def _judged(heads: Heads, found: list[FoldFits], *, mirrored: bool = False) -> Comparison:
    """Triplet accuracy of each fold's head on its own held-out triplets."""
    before = [heads.gaps(None, fold.triplets, mirrored=mirrored) > 0 for fold in found]
    after = [heads.gaps(fold.head, fold.triplets, mirrored=mirrored) > 0 for fold in found]
    anchors = np.concatenate([_NO_IMAGES, *(fold.triplets[:, 0] for fold in found)])
    return compare(
        np.concatenate([_NO_FIGURES, *before]),
        np.concatenate([_NO_FIGURES, *after]),
        heads.groups[anchors],
        rng=np.random.default_rng(heads.seed),
    )


def _learned(heads: Heads, head: RankHead) -> Comparison:
    rng = np.random.default_rng(heads.seed)
    triplets = rng.permutation(heads.rows[heads.whole])[:_LEARNED_SAMPLE]
    before, after = heads.gaps(None, triplets) > 0, heads.gaps(head, triplets) > 0
    return compare(before, after, heads.groups[triplets[:, 0]], rng=rng)


def _ranked(
    heads: Heads, groups: list[FoldFits], folds: Int64[np.ndarray, " n"]
) -> dict[str, Comparison]:
    """R@1, R@5 and mAP@10 of each fold's images searched among each other by its head."""
    before: list[Rankings] = []
    after: list[Rankings] = []
    for fold in groups:
        images = np.flatnonzero(folds == fold.fold)[:_RANKED]
        before.append(_rankings(heads, None, images))
        after.append(_rankings(heads, fold.head, images))
    queries = np.concatenate([_NO_IMAGES, *(found.queries for found in before)])
    return {
        figure: compare(
            np.concatenate([_NO_FIGURES, *(getattr(found, figure) for found in before)]),
            np.concatenate([_NO_FIGURES, *(getattr(found, figure) for found in after)]),
            heads.groups[queries],
            rng=np.random.default_rng(heads.seed),
        )
        for figure in ("recall_1", "recall_5", "map_10")
    }


def _rankings(heads: Heads, head: RankHead | None, images: Int64[np.ndarray, " m"]) -> Rankings:
    data = heads.data
    assert data.classes is not None
    apart = None if data.apart is None else data.apart[images]
    found = rankings(heads.vectors(head, images), data.classes[images], apart=apart)
    return replace(found, queries=images[found.queries])
