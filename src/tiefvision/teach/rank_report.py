"""What held-out images say of a rank head, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int64

from tiefvision.maths.judging import Comparison, Rankings, compare, rankings
from tiefvision.teach.rank_changes import Change, most_changed
from tiefvision.teach.rank_choices import Network
from tiefvision.teach.rank_fitting import Recipe
from tiefvision.teach.rank_folds import Fold, HeldOut, Point
from tiefvision.teach.rank_heads import Heads
from tiefvision.teach.rank_networks import RankHead
from tiefvision.vision.ranker import Ranker

# Of so many triplets at most the final head says how well it knows what it was trained on.
_LEARNED_SAMPLE = 2_000
# Held-out images whose rankings are scored in one fold, at most.
_RANKED = 2_000


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


def report_of(
    heads: Heads,
    head: RankHead,
    *,
    groups: HeldOut,
    folds: Int64[np.ndarray, " n"],
    kinds: HeldOut | None,
) -> RankReport:
    """Everything about a final head, its held-out groups and, where there are any, kinds."""
    better, worse = most_changed(heads, groups.folds)
    rankings = _ranked(heads, groups.folds, folds) if heads.data.classes is not None else {}
    return RankReport(
        seed=heads.seed,
        network=heads.network,
        recipe=heads.recipe,
        steps=groups.step,
        history=groups.history,
        learned=_learned(heads, head),
        held_out=_judged(heads, groups.folds),
        held_out_mirrored=_judged(heads, groups.folds, way=_MIRRORED),
        unseen_kinds=None if kinds is None else _judged(heads, kinds.folds),
        unseen_kinds_mirrored=None if kinds is None else _judged(heads, kinds.folds, way=_MIRRORED),
        recall_1=rankings.get("recall_1"),
        recall_5=rankings.get("recall_5"),
        map_10=rankings.get("map_10"),
        better=better,
        worse=worse,
    )


_NO_FIGURES = np.empty(0, np.float64)
_NO_IMAGES = np.empty(0, np.int64)
# Rows of a fold's gaps.
_PLAIN, _MIRRORED = 0, 1


def _judged(heads: Heads, found: list[Fold], *, way: int = _PLAIN) -> Comparison:
    """Triplet accuracy of each fold's head on its own held-out triplets."""
    anchors = np.concatenate([_NO_IMAGES, *(fold.triplets[:, 0] for fold in found)])
    return compare(
        np.concatenate([_NO_FIGURES, *(fold.before[way] > 0 for fold in found)]),
        np.concatenate([_NO_FIGURES, *(fold.after[way] > 0 for fold in found)]),
        heads.groups[anchors],
        rng=np.random.default_rng(heads.seed),
    )


def _learned(heads: Heads, head: RankHead) -> Comparison:
    rng = np.random.default_rng(heads.seed)
    triplets = rng.permutation(heads.rows[heads.whole])[:_LEARNED_SAMPLE]
    before, after = heads.gaps(None, triplets)[0] > 0, heads.gaps(head, triplets)[0] > 0
    return compare(before, after, heads.groups[triplets[:, 0]], rng=rng)


def _ranked(
    heads: Heads, groups: list[Fold], folds: Int64[np.ndarray, " n"]
) -> dict[str, Comparison]:
    """R@1, R@5 and mAP@10 of each fold's images searched among each other by its head."""
    images = [np.flatnonzero(folds == fold.number)[:_RANKED] for fold in groups]
    both = list(zip(groups, images, strict=True))
    before = heads.side_by_side(lambda one: _rankings(heads, None, one[1]), both)
    after = heads.side_by_side(lambda one: _rankings(heads, one[0].head, one[1]), both)
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
