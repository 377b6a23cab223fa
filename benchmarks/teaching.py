"""What teaching is worth: the Teaching section of docs/benchmarks.md.

    TIEFVISION_PHOTOS=photos python benchmarks/teaching.py [--fast] [--plot curve.svg]

Prints Markdown tables of held-out photographs without and with a ranker: after all that the labels
of the other photographs imply, and after few answers, random or asked for. Needs the teach extra.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float64

import curve
import product
from evaluation import score
from taught_shop import Images, Shop, Triplets, Vectors, encoded
from tiefvision.maths.judging import Comparison, compare, triplet_gaps
from tiefvision.maths.questions import questions
from tiefvision.maths.similarity import flat_vector
from tiefvision.teach import rank_batches
from tiefvision.teach.rank_fitting import Recipe, fit
from tiefvision.teach.rank_heads import Heads
from tiefvision.teach.rank_networks import RankHead
from tiefvision.teach.train_ranker import CHANNELS, recipe_for
from tiefvision.vision.ranker import Ranker

PHOTOS_VARIABLE = "TIEFVISION_PHOTOS"
# Halves held out, once each: so many cuts of the senders or products into two.
CUTS = 2
SEEDS = 10
RANDOM = (25, 50, 100, 200, 500, 2_000)
# Two thirds of 200 and of 500 are among them, to compare with what random ones reach there.
ASKED = (25, 50, 100, 133, 200, 333, 500)
THIRDS = ((133, 200), (333, 500))
_NEEDED = (100, 200, 500)
FAST_PHOTOS = 400
FAST_RANDOM, FAST_ASKED = (100,), (66, 100)
_LEARNED, _JUDGED = 5_000, 3_000
_KIND_FOLDS = 5
_KINDS_JUDGED = 20_000
# About one question in four has an answer that labels know; a round asks so many at most.
_ASKED_AT_ONCE = 200
_TAIL = 2.5

Way = Literal["random", "asked"]


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of held-out photographs, before and after."""

    shop: str
    figure: str
    found: Comparison


@dataclass(frozen=True, slots=True)
class Point:
    """What so many answers brought on one seed; `asked`: questions that they took."""

    shop: str
    way: Way
    answers: int
    seed: int
    asked: int
    accuracy: float
    map_10: float


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    torch.set_num_threads(1)
    folder = os.environ.get(PHOTOS_VARIABLE, "")
    if not folder:
        raise SystemExit(f"set {PHOTOS_VARIABLE} to the folder of clothing and grocery")
    names = ("clothing",) if arguments.fast else ("clothing", "grocery")
    most = FAST_PHOTOS if arguments.fast else None
    shops = [encoded(Path(folder) / name, arguments.cache, most=most) for name in names]
    lines: list[Line] = []
    points: list[Point] = []
    if arguments.only != "curve":
        for shop in shops:
            lines += accepted(shop, cuts=1 if arguments.fast else CUTS, kinds=not arguments.fast)
        print("\n".join(_acceptance(lines)), flush=True)
    if arguments.only != "acceptance":
        seeds = range(1 if arguments.fast else arguments.seeds)
        points = [p for seed in seeds for shop in shops for p in taught(shop, seed, arguments.fast)]
        print("\n".join(_curve(points)), flush=True)
    if arguments.json is not None:
        body = {"acceptance": [asdict(line) for line in lines], "curve": list(map(asdict, points))}
        arguments.json.write_text(json.dumps(body, indent=1), encoding="utf-8")
    if arguments.plot is not None:
        arguments.plot.write_text(plotted(points), encoding="utf-8")


def accepted(shop: Shop, *, cuts: int, kinds: bool) -> list[Line]:
    """Rankers trained on half of a set judge the other half; `kinds`: on garments never seen."""
    before = shop.vectors()
    found: dict[str, list[tuple[Float64[np.ndarray, " q"], ...]]] = {}
    for cut in range(cuts):
        for own, held in (shop.halves(cut), shop.halves(cut)[::-1]):
            after = shop.vectors(_trained(shop, own, seed=cut))
            judged = held[shop.derive(held, _JUDGED, cut)]
            found.setdefault("triplets", []).append(
                _ordered(before, after, judged, shop.kept[judged[:, 0]])
            )
            for task in shop.tasks(held):
                scores = [
                    score(task, product.similarities(task, v)).map_10 for v in (before, after)
                ]
                found.setdefault(f"mAP@10, {task.name}", []).append((*scores, task.groups))
    if kinds and shop.senders is not None:
        found["triplets, unseen kinds"] = [*_unseen_kinds(shop, before)]
    return [Line(shop.name, figure, _compared(parts)) for figure, parts in found.items()]


def taught(shop: Shop, seed: int, fast: bool) -> list[Point]:
    """The teaching curve of one seed: what half of a set teaches about the other half."""
    own, held = shop.halves(seed)
    lesson = _Lesson(shop, own, held, seed)
    points = [lesson.point("random", lesson.before, 0, 0)]
    for count in FAST_RANDOM if fast else RANDOM:
        triplets = shop.derive(own, count, seed)
        points.append(lesson.point("random", lesson.taught(triplets), len(triplets), 0))
    answered, asked = _NO_TRIPLETS, _NO_TRIPLETS
    vectors = lesson.before
    for count in FAST_ASKED if fast else ASKED:
        answered, asked = lesson.ask(vectors, answered, asked, count)
        vectors = lesson.taught(answered)
        points.append(lesson.point("asked", vectors, len(answered), len(asked)))
    return points


class _Lesson:
    """One half of a set to be asked about, the other to judge by. Nothing of it has a class for
    the training: it learns from the answers alone."""

    def __init__(self, shop: Shop, own: Images, held: Images, seed: int) -> None:
        self.shop, self.own, self.held, self.seed = shop, own, held, seed
        self.before = shop.vectors()
        self._data = replace(shop.data(own, _NO_TRIPLETS), classes=None)
        self._directions = self._data.directions(CHANNELS)
        along = [cells @ self._directions.T for cells in shop.centred()]
        self._cells = torch.from_numpy(np.concatenate(along))
        self._judged = held[shop.derive(held, _JUDGED, seed)]
        self._task = shop.tasks(held)[0]

    def taught(self, triplets: Triplets) -> Vectors:
        """Of all images, after some triplets of this half."""
        if not len(triplets):
            return self.before
        recipe = recipe_for(replace(self._data, triplets=triplets))
        head = RankHead(self._directions, network="residual", wide=False, seed=self.seed)
        rng = np.random.default_rng(self.seed)
        steps = fit(
            head,
            self._cells[torch.from_numpy(self.own)],
            rank_batches.of_triplets(triplets, size=recipe.batch, rng=rng),
            recipe,
            steps=recipe.steps,
            every=recipe.steps,
        )
        _follow(steps)
        with torch.no_grad():
            ranked = head(head.prepare(self._cells)).numpy()
        return flat_vector(ranked[:, None])

    def point(self, way: Way, vectors: Vectors, answers: int, asked: int) -> Point:
        """The held-out figures after so many answers."""
        return Point(
            self.shop.name,
            way,
            answers,
            self.seed,
            asked,
            float((triplet_gaps(vectors, self._judged) > 0).mean()),
            float(score(self._task, product.similarities(self._task, vectors)).map_10.mean()),
        )

    def ask(
        self, vectors: Vectors, answered: Triplets, asked: Triplets, count: int
    ) -> tuple[Triplets, Triplets]:
        """Ask until there are `count` answers: the labels know one where exactly one candidate has
        the anchor's. Both with what there was. As `tiefvision triplets ask` does, which knows only
        the answers: a question without one may come again."""
        rng = np.random.default_rng([self.seed, count])
        labels = self.shop.labels[self.own]
        groups = None if self.shop.senders is None else self.shop.senders[self.own]
        own = vectors[self.own]
        heads = [self.before[self.own]] if len(answered) else []
        while len(answered) < count:
            found = questions(
                own, count=_ASKED_AT_ONCE, rng=rng, heads=heads, groups=groups, asked=answered
            )
            if not found:
                break
            rows = np.array([(q.anchor, q.first, q.second) for q in found], np.int64)
            like = labels[rows[:, 1:]] == labels[rows[:, :1]]  # (questions, 2)
            swapped = np.where(like[:, :1], rows, rows[:, [0, 2, 1]])
            known = np.flatnonzero(like[:, 0] != like[:, 1])[: count - len(answered)]
            # Of a round only what came before the last answer that was needed was asked.
            last = known[-1] + 1 if len(answered) + len(known) == count else len(rows)
            answered = np.concatenate([answered, swapped[known]])
            asked = np.concatenate([asked, rows[:last]])
        return answered, asked


def plotted(points: Sequence[Point]) -> str:
    """The teaching curve as SVG: mAP@10 by answers, random and asked for."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for shop, way, answers in _cases(points):
        if answers:
            mean = float(np.mean(_of(points, shop, way, answers)[1]))
            lines.setdefault(f"{shop}, {way}", []).append((answers, mean))
    dashed = frozenset(name for name in lines if name.endswith("random"))
    return curve.chart(lines, across="answers", up="mAP@10 of held-out photographs", dashed=dashed)


def _trained(shop: Shop, own: Images, *, seed: int) -> Ranker:
    """The ranker that all steps of the default recipe make of some images."""
    data = shop.data(own, shop.derive(own, _LEARNED, seed))
    heads = Heads(data, Recipe(), "residual", CHANNELS, seed, torch.device("cpu"))
    everything = np.ones(len(heads.rows), bool)
    head, steps = heads.fit(everything, steps=Recipe().steps)
    _follow(steps)
    return head.export(shop.mean)


def _follow(steps: Iterator[tuple[int, float]]) -> None:
    """Train to the end."""
    for _ in steps:
        pass


def _unseen_kinds(
    shop: Shop, before: Vectors
) -> Iterator[tuple[Float64[np.ndarray, " t"], Float64[np.ndarray, " t"], Images]]:
    """Triplets of anchors of kinds that training never saw, against anything."""
    everything = np.arange(len(shop.labels))
    fold = np.random.default_rng(0).permutation(int(shop.labels.max()) + 1) % _KIND_FOLDS
    for number in range(_KIND_FOLDS):
        unseen = fold[shop.labels] == number
        after = shop.vectors(_trained(shop, np.flatnonzero(~unseen), seed=number))
        judged = shop.derive(everything, _KINDS_JUDGED, number)
        judged = judged[unseen[judged[:, 0]]]
        yield _ordered(before, after, judged, shop.kept[judged[:, 0]])


def _ordered(
    before: Vectors, after: Vectors, judged: Triplets, groups: Images
) -> tuple[Float64[np.ndarray, " t"], Float64[np.ndarray, " t"], Images]:
    right = [(triplet_gaps(v, judged) > 0).astype(np.float64) for v in (before, after)]
    return right[0], right[1], groups


def _compared(parts: Sequence[tuple[Float64[np.ndarray, " q"], ...]]) -> Comparison:
    before, after, groups = (np.concatenate(column) for column in zip(*parts, strict=True))
    return compare(before, after, groups.astype(np.int64), rng=np.random.default_rng(0))


def _acceptance(lines: Sequence[Line]) -> list[str]:
    told = ["| | before | after | gain | 95 % interval | judged |", "|---|---|---|---|---|---|"]
    for line in lines:
        found, gap = line.found, line.found.difference
        gain = found.after / found.before - 1
        told.append(
            f"| {line.shop}: {line.figure} | {found.before:.3f} | {found.after:.3f} "
            f"| {gain:+.1%} | {gap.low:+.3f} to {gap.high:+.3f} | {found.count:,} |"
        )
    return [*told, ""]


def _curve(points: Sequence[Point]) -> list[str]:
    told = [
        "| | answers | questions | triplet accuracy | mAP@10 |",
        "|---|---|---|---|---|",
    ]
    for shop, way, answers in _cases(points):
        accuracy, map_10, asked = _of(points, shop, way, answers)
        took = f"{np.mean(asked):,.0f}" if way == "asked" else ""
        told.append(
            f"| {shop}, {way} | {answers:,} | {took} | {_mean(accuracy)} | {_mean(map_10)} |"
        )
    told += ["", *_needed(points)]
    told += ["", "| asked less random | triplet accuracy | mAP@10 |", "|---|---|---|"]
    for shop in dict.fromkeys(point.shop for point in points):
        for few, many in THIRDS:
            asked, random = _of(points, shop, "asked", few), _of(points, shop, "random", many)
            if len(asked[0]) and len(asked[0]) == len(random[0]):
                gains = [_mean(a - b, signed=True) for a, b in zip(asked, random, strict=True)]
                told.append(f"| {shop}, {few} to {many} | {gains[0]} | {gains[1]} |")
    return told


def _needed(points: Sequence[Point]) -> list[str]:
    """How many asked answers bring the mean to where random ones do, between those measured."""
    told = ["| asked answers that do as well as | triplet accuracy | mAP@10 |", "|---|---|---|"]
    means = {case: np.mean(_of(points, *case)[:2], axis=1) for case in _cases(points)}
    for shop in dict.fromkeys(point.shop for point in points):
        zero = means.get((shop, "random", 0), np.zeros(2))
        asked = [
            (0, zero),
            *((n, m) for (own, w, n), m in means.items() if (own, w) == (shop, "asked")),
        ]
        for (own, way, answers), goal in means.items():
            if (own, way) == (shop, "random") and answers in _NEEDED:
                found = [_reached(asked, figure, float(goal[figure])) for figure in (0, 1)]
                shown = ["more than measured" if f is None else f"{f:,.0f}" for f in found]
                told.append(f"| {shop}, {answers} random | {shown[0]} | {shown[1]} |")
    return told


def _reached(
    means: Sequence[tuple[int, Float64[np.ndarray, " 2"]]], figure: int, goal: float
) -> float | None:
    """The number of answers at which a figure reaches a goal; None where it never does."""
    for (few, low), (many, high) in pairwise(means):
        if high[figure] >= goal:
            share = (goal - low[figure]) / max(high[figure] - low[figure], 1e-9)
            return few + max(0.0, float(share)) * (many - few)
    return None


def _cases(points: Sequence[Point]) -> list[tuple[str, Way, int]]:
    found: set[tuple[str, Way, int]] = {(p.shop, p.way, p.answers) for p in points}
    return sorted(found, key=lambda case: (case[0], case[1] == "asked", case[2]))


def _of(
    points: Sequence[Point], shop: str, way: Way, answers: int
) -> tuple[Float64[np.ndarray, " s"], Float64[np.ndarray, " s"], Float64[np.ndarray, " s"]]:
    own = [p for p in points if (p.shop, p.way, p.answers) == (shop, way, answers)]
    rows = np.array([(p.accuracy, p.map_10, p.asked) for p in own], np.float64)
    accuracy, map_10, asked = rows.reshape(-1, 3).T
    return accuracy, map_10, asked


def _mean(values: Float64[np.ndarray, " s"], *, signed: bool = False) -> str:
    """The mean over seeds with its 95 % bootstrap interval."""
    drawn = np.random.default_rng(0).choice(values, (1_000, len(values))).mean(axis=1)
    low, high = np.percentile(drawn, [_TAIL, 100 - _TAIL])
    sign = "+" if signed else ""
    return f"{values.mean():{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--fast", action="store_true", help="some clothing, one cut, one seed")
    parser.add_argument("--only", choices=("acceptance", "curve"))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--cache", type=Path, help="folder that keeps the cells")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    return parser.parse_args()


_NO_TRIPLETS: Triplets = np.empty((0, 3), np.int64)


if __name__ == "__main__":
    main()
