"""How retrieval is judged: queries, galleries, what counts as right, and how sure a figure is."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from tiefvision.maths.metrics import average_precision_at_k, recall_at_k

# mAP@10 looks at so many results, R@5 at so many, R@1 at the first.
SHOWN = 10
FEW = 5
RESAMPLES = 1_000
# Half of what a 95 % interval leaves out, in percent, at either end.
_TAIL = 2.5

FAST_CLOTHING = 400
FAST_GROCERY = 300


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """Queries against a gallery, both positions in one set of photographs.

    allowed: which gallery photos a query may find at all; relevant: which are right, a part of
    allowed; at least one for every query. groups: what the bootstrap draws together.
    """

    name: str
    queries: Int64[np.ndarray, " q"]
    gallery: Int64[np.ndarray, " g"]
    allowed: Bool[np.ndarray, "q g"]
    relevant: Bool[np.ndarray, "q g"]
    groups: Int64[np.ndarray, " q"]


@dataclass(frozen=True, slots=True, eq=False)
class PhotoSet:
    """Photographs that make one catalogue, and the tasks that are asked of it."""

    name: str
    files: tuple[Path, ...]
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """One figure a query, each in [0, 1], larger is better."""

    recall_1: Float64[np.ndarray, " q"]
    recall_5: Float64[np.ndarray, " q"]
    map_10: Float64[np.ndarray, " q"]

    def means(self) -> tuple[float, float, float]:
        """R@1, R@5 and mAP@10."""
        return float(self.recall_1.mean()), float(self.recall_5.mean()), float(self.map_10.mean())


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired difference of means with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


def clothing(folder: Path, *, few: np.random.Generator | None = None) -> PhotoSet:
    """Garments sent in by many people: find the same kind of garment at another sender's.

    few: draws whole senders until `FAST_CLOTHING` photos are there; None: all photos.
    """
    rows = _labels(folder)
    if few is not None:
        rows = _some_senders(rows, few)
    labels = _numbers(row["label"] for row in rows)
    senders = _numbers(row["sender"] for row in rows)
    everything = np.arange(len(rows))
    other_sender = senders[:, None] != senders[None, :]
    same_label = labels[:, None] == labels[None, :]
    task = _task("clothing", everything, everything, other_sender, same_label, senders)
    return PhotoSet("clothing", tuple(folder / row["path"] for row in rows), (task,))


def grocery(folder: Path, *, few: np.random.Generator | None = None) -> PhotoSet:
    """Products photographed in a shop: find another photo of the product, or its icon.

    few: draws `FAST_GROCERY` photos; the icons are always all there. None: all photos.
    """
    rows = _labels(folder)
    photos = [row for row in rows if row["kind"] == "photo"]
    icons = [row for row in rows if row["kind"] == "icon"]
    if few is not None:
        chosen = sorted(few.choice(len(photos), FAST_GROCERY, replace=False))
        photos = [photos[i] for i in chosen]
    labels = _numbers(row["label"] for row in photos + icons)
    shot, drawn = np.arange(len(photos)), np.arange(len(photos), len(labels))
    same = labels[:, None] == labels[None, :]
    other_file = shot[:, None] != shot[None, :]
    every_icon = np.ones((len(shot), len(drawn)), bool)
    tasks = (
        _task("grocery photo", shot, shot, other_file, same[shot][:, shot], shot),
        _task("grocery icon", shot, drawn, every_icon, same[shot][:, drawn], shot),
    )
    files = tuple(folder / row["path"] for row in photos + icons)
    return PhotoSet("grocery", files, tasks)


def score(task: Task, similarities: Float[np.ndarray, "q g"]) -> Scores:
    """How good the rankings by similarity are; larger is more alike."""
    masked = np.where(task.allowed, similarities, -np.inf)
    shown = min(SHOWN, masked.shape[1])
    first = np.argpartition(-masked, shown - 1, axis=1)[:, :shown]
    order = np.argsort(-np.take_along_axis(masked, first, axis=1), axis=1, kind="stable")
    return score_rankings(task, list(np.take_along_axis(first, order, axis=1)))


def score_rankings(task: Task, rankings: Sequence[Int64[np.ndarray, " shown"]]) -> Scores:
    """How good rankings are: for each query positions in the task's gallery, best first."""
    found = [
        # A query with few other senders may be shown photos that it may not find: no result.
        (relevant & allowed)[ranking]
        for relevant, allowed, ranking in zip(task.relevant, task.allowed, rankings, strict=True)
    ]
    totals = task.relevant.sum(axis=1)
    precision = [
        average_precision_at_k(right, k=SHOWN, relevant_total=int(total))
        for right, total in zip(found, totals, strict=True)
    ]
    return Scores(
        recall_1=np.array([recall_at_k(right, k=1) for right in found]),
        recall_5=np.array([recall_at_k(right, k=FEW) for right in found]),
        map_10=np.array(precision),
    )


def difference(
    better: Float64[np.ndarray, " q"],
    baseline: Float64[np.ndarray, " q"],
    groups: Int64[np.ndarray, " q"],
    *,
    rng: np.random.Generator,
) -> Difference:
    """Mean of better - baseline, query by query, resampling whole groups with replacement.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 13.3 (percentile interval).
    """
    gain = better - baseline
    _, member = np.unique(groups, return_inverse=True)
    sums, sizes = np.bincount(member, weights=gain), np.bincount(member)
    draws = rng.integers(0, len(sums), (RESAMPLES, len(sums)))
    means = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    low, high = np.percentile(means, [_TAIL, 100 - _TAIL])
    return Difference(float(gain.mean()), float(low), float(high))


def _task(
    name: str,
    queries: Int64[np.ndarray, " n"],
    gallery: Int64[np.ndarray, " g"],
    allowed: Bool[np.ndarray, "n g"],
    same_label: Bool[np.ndarray, "n g"],
    groups: Int64[np.ndarray, " n"],
) -> Task:
    """A task of the queries that have anything right to find."""
    relevant = allowed & same_label
    kept = relevant.any(axis=1)
    return Task(name, queries[kept], gallery, allowed[kept], relevant[kept], groups[kept])


def _labels(folder: Path) -> list[dict[str, str]]:
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _some_senders(rows: list[dict[str, str]], few: np.random.Generator) -> list[dict[str, str]]:
    chosen: set[str] = set()
    count = 0
    for sender in few.permutation(sorted({row["sender"] for row in rows})):
        sent = sum(row["sender"] == sender for row in rows)
        if count + sent <= FAST_CLOTHING:
            chosen.add(str(sender))
            count += sent
    return [row for row in rows if row["sender"] in chosen]


def _numbers(names: Iterable[str]) -> Int64[np.ndarray, " n"]:
    return np.unique(list(names), return_inverse=True)[1].astype(np.int64)
