"""What was measured, as Markdown for docs/benchmarks.md and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation import RESAMPLES, Difference, PhotoSet, Scores, Task, difference
from tiefvision.settings import DEFAULT_ENCODER

PEERS = "the peers' way: one pooled vector, ImageNet normalisation"
FAIR = "the same with the weights' own normalisation"
DEFAULT = "the default as shipped"

_BOOTSTRAP_SEED = 7


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table. scores: by task. cost: the encoders whose processor time it takes."""

    name: str
    cells: str
    mean: str
    scores: Mapping[str, Scores]
    cost: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All tables of a run.

    costs: CPU milliseconds by encoders; told relative to those of `baseline`. timed: images.
    """

    sets: Sequence[PhotoSet]
    tables: Mapping[str, Sequence[Row]]
    costs: Mapping[str, float]
    baseline: str
    timed: int

    @property
    def tasks(self) -> list[Task]:
        return [task for photos in self.sets for task in photos.tasks]

    def markdown(self) -> str:
        """The tables, each under its heading."""
        lines = [self._sizes(), ""]
        for title, rows in self.tables.items():
            lines += [f"### {title}", "", *self._table(rows), ""]
            if any(row.name == DEFAULT for row in rows):
                lines += [*self._differences(rows), ""]
        return "\n".join(lines).rstrip()

    def json(self) -> str:
        """Every figure: rows by table, and the differences from both baselines."""
        headline = next(iter(self.tables.values()))
        body = {
            "encoder": DEFAULT_ENCODER,
            "tables": {
                title: [self._row_body(row) for row in rows] for title, rows in self.tables.items()
            },
            "differences": {
                against: {
                    task: {"mean": found.mean, "low": found.low, "high": found.high}
                    for task, found in self._recall_gains(headline, against).items()
                }
                for against in (PEERS, FAIR)
            },
            "queries": {task.name: len(task.queries) for task in self.tasks},
            "baseline_cpu_ms": self.costs[self.baseline],
        }
        return json.dumps(body, indent=1)

    def _sizes(self) -> str:
        told = [
            f"{task.name}: {len(task.queries):,} queries, {len(task.gallery):,} in the gallery"
            for task in self.tasks
        ]
        return (
            f"{'; '.join(told)}. Processor time: median of {self.timed} images, one thread; "
            f"1.00 is {self.costs[self.baseline]:.1f} ms."
        )

    def _table(self, rows: Sequence[Row]) -> list[str]:
        names = [f"{task.name}, R@1 / R@5 / mAP@10" for task in self.tasks]
        lines = [
            "| | cells | mean cell | " + " | ".join(names) + " | CPU |",
            "|---|---|---|" + "---|" * (len(names) + 1),
        ]
        for row in rows:
            figures = [_three(row.scores[task.name]) for task in self.tasks]
            cost = f"{self._relative(row):.2f}" if row.cost else ""
            cells = [row.name, row.cells, row.mean, *figures, cost]
            lines.append(f"| {' | '.join(cells)} |".replace("|  |", "| |"))
        return lines

    def _relative(self, row: Row) -> float:
        return self.costs[row.cost] / self.costs[self.baseline]

    def _differences(self, rows: Sequence[Row]) -> list[str]:
        lines = [
            f"R@1 of {DEFAULT} minus R@1 of a baseline, with the 95 % interval of {RESAMPLES:,} "
            "paired resamples (of senders on clothing, of queries on grocery):",
            "",
            "| baseline | " + " | ".join(task.name for task in self.tasks) + " |",
            "|---|" + "---|" * len(self.tasks),
        ]
        for against in (PEERS, FAIR):
            gains = self._recall_gains(rows, against)
            told = [
                f"{gain.mean:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})" for gain in gains.values()
            ]
            lines.append(f"| {against} | {' | '.join(told)} |")
        return lines

    def _recall_gains(self, rows: Sequence[Row], against: str) -> dict[str, Difference]:
        named = {row.name: row for row in rows}
        return {
            task.name: difference(
                named[DEFAULT].scores[task.name].recall_1,
                named[against].scores[task.name].recall_1,
                task.groups,
                rng=np.random.default_rng(_BOOTSTRAP_SEED),
            )
            for task in self.tasks
        }

    def _row_body(self, row: Row) -> dict[str, object]:
        scores = {
            task: dict(zip(("recall@1", "recall@5", "mAP@10"), found.means(), strict=True))
            for task, found in row.scores.items()
        }
        return {
            "name": row.name,
            "cells": row.cells,
            "mean_cell": row.mean,
            "relative_cpu": self._relative(row) if row.cost else None,
            "scores": scores,
        }


def _three(scores: Scores) -> str:
    return " / ".join(f"{mean:.3f}".removeprefix("0") for mean in scores.means())
