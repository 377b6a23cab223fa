"""Retrieval quality on real photographs: the Retrieval quality section of docs/benchmarks.md.

    TIEFVISION_PHOTOS=photos python benchmarks/quality.py [--fast] [--headline] [--json FILE]

Prints Markdown tables: R@1 / R@5 / mAP@10 of every built-in encoder by cells and mean cell, of
encoders side by side, and of the default as the product runs it, against one pooled vector.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from jaxtyping import Float32

import product
from evaluation import (
    SHOWN,
    PhotoSet,
    Scores,
    clothing,
    grocery,
    score,
    score_rankings,
)
from product import Embedded
from reports import DEFAULT, FAIR, PEERS, Report, Row
from tiefvision.maths.centring import PartLayout, centre
from tiefvision.maths.metrics import overlap_at_k
from tiefvision.maths.similarity import flat_vector
from tiefvision.settings import DEFAULT_ENCODER, EncoderSettings, SearchSettings
from tiefvision.tasks.indexing.growth import DIMENSIONS
from tiefvision.vision.encoders import RECIPES, parse
from views import (
    BASELINE,
    BASELINE_IMAGENET,
    FINE_CELLS,
    MAX_CELLS,
    MEAN_CELLS,
    POOLED,
    Cells,
    Shape,
    View,
    Views,
    encode_all,
    ready,
)

PHOTOS_VARIABLE = "TIEFVISION_PHOTOS"
SEED = 2016
TIMED_FILES = 300
TIMED_FILES_FAST = 40
_SIDE_BY_SIDE = (
    "0.5*efficientnet-lite1+0.5*mobilenetv2",
    "0.7*efficientnet-lite1+0.3*mobilenetv2",
    "0.7*efficientnet-lite0+0.3*mobilenetv2",
    "0.5*efficientnet-lite0+0.5*efficientnet-lite1",
    "0.4*alexnet+0.6*efficientnet-lite0",
    "0.4*alexnet+0.6*efficientnet-lite1",
    "0.6*efficientnet-lite2+0.4*mobilenetv2",
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One set of photographs, encoded."""

    photos: PhotoSet
    views: Views
    embedded: Embedded


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    folder = os.environ.get(PHOTOS_VARIABLE, "")
    if not folder:
        raise SystemExit(f"set {PHOTOS_VARIABLE} to the folder of clothing and grocery")
    sets = [
        Measured(
            photos,
            encode_all(photos.files, note=photos.name, everything=not arguments.headline),
            product.embed(photos),
        )
        for photos in _photo_sets(Path(folder), fast=arguments.fast)
    ]
    tables = {"The default and the peers' way": headline(sets)}
    if not arguments.headline:
        tables |= {
            "What each choice brings": choices(sets),
            "What the mean cell is fitted on": mean_cells(sets),
            "Every built-in encoder": encoders(sets),
        }
    count = TIMED_FILES_FAST if arguments.fast else TIMED_FILES
    costs = product.processor_ms(
        [row.cost for row in chain(*tables.values()) if row.cost], _some_files(sets, count)
    )
    report = Report([one.photos for one in sets], tables, costs, baseline=BASELINE, timed=count)
    print(report.markdown())
    if arguments.json is not None:
        arguments.json.write_text(report.json(), encoding="utf-8")


def headline(sets: Sequence[Measured]) -> list[Row]:
    """The peers' way, and the default exactly as the product runs it."""
    plain: dict[str, Scores] = {}
    compact: dict[str, Scores] = {}
    reranked: dict[str, Scores] = {}
    found: list[float] = []
    for one in sets:
        tasks = one.photos.tasks
        shipped = product.shipped_space(one.embedded).exact(one.embedded.cells)
        space = product.projected_space(one.embedded)
        exact, short = space.exact(one.embedded.cells), space.compact(one.embedded.cells)
        rankings = product.searched(one.embedded, space, tasks)
        for task, ranking in zip(tasks, rankings, strict=True):
            plain[task.name] = score(task, product.similarities(task, shipped))
            compact[task.name] = score(task, product.similarities(task, short))
            reranked[task.name] = score_rankings(task, ranking)
            best = np.where(task.allowed, product.similarities(task, exact), -np.inf)
            order = np.argsort(-best, axis=1, kind="stable")[:, :SHOWN]
            found += [
                overlap_at_k(list(map(int, got)), list(map(int, true)), k=SHOWN)
                for got, true in zip(ranking, order, strict=True)
            ]
    shortlist = SearchSettings().shortlist
    again = f"PCA-{DIMENSIONS}, {shortlist} re-ranked (finds {np.mean(found):.1%} of the exact ten)"
    chosen = EncoderSettings()
    spec, cells = chosen.name, str(Cells(chosen.rows, chosen.cols, chosen.pooling))
    return [
        _row(sets, PEERS, BASELINE_IMAGENET, "squash", POOLED, centred=False, cost=BASELINE),
        _row(sets, FAIR, BASELINE, "squash", POOLED, centred=False),
        Row(DEFAULT, cells, f"{product.rung(sets[0].embedded)} own", plain, spec),
        Row(f"the default, {again}", cells, "all own", reranked, spec),
        Row(f"the default, PCA-{DIMENSIONS} alone", cells, "all own", compact, spec),
    ]


def choices(sets: Sequence[Measured]) -> list[Row]:
    """The default with one choice changed at a time, and other encoders in its place."""
    changed: list[tuple[str, Shape, Cells, bool]] = [
        ("the default, mean cell of all", "middle", MAX_CELLS, True),
        ("... the whole picture squashed instead", "squash", MAX_CELLS, True),
        ("... mean instead of max", "middle", MEAN_CELLS, True),
        ("... one pooled vector instead of 3x3 cells", "middle", POOLED, True),
        ("... no mean cell", "middle", MAX_CELLS, False),
    ]
    rows = [
        _row(sets, name, DEFAULT_ENCODER, shape, cells, centred=centred)
        for name, shape, cells, centred in changed
    ]
    others = [spec for spec in _SIDE_BY_SIDE if str(parse(spec)) != str(parse(DEFAULT_ENCODER))]
    rows += [_row(sets, spec, spec, "middle", MAX_CELLS, centred=True) for spec in others]
    return rows


def mean_cells(sets: Sequence[Measured]) -> list[Row]:
    """The default by what its mean cell was fitted on."""
    few, many = 20, 200
    fitted: dict[str, dict[str, Scores]] = {}
    for one in sets:
        own = one.embedded
        (other,) = (each.embedded for each in sets if each is not one)
        means = {
            "none": np.zeros(own.space.channels, np.float32),
            f"{few} own": own.mean(own.smallest(few)),
            f"{many} own": own.mean(own.smallest(many)),
            "all own": own.mean(own.smallest(len(own.cells))),
            "the other set's": other.mean(other.smallest(len(other.cells))),
        }
        for name, mean in means.items():
            vectors = product.search_space(own, mean).exact(own.cells)
            for task in one.photos.tasks:
                found = score(task, product.similarities(task, vectors))
                fitted.setdefault(name, {})[task.name] = found
        for task in one.photos.tasks:
            vectors = product.search_space(own, own.mean(task.gallery)).exact(own.cells)
            found = score(task, product.similarities(task, vectors))
            fitted.setdefault("the gallery alone", {})[task.name] = found
    cells = str(MAX_CELLS)
    return [Row("the default", cells, name, scores) for name, scores in fitted.items()]


def encoders(sets: Sequence[Measured]) -> list[Row]:
    """Every built-in encoder, middle crop, by cells and with and without its own mean cell."""
    return [
        _row(sets, f"{network} at {ready(network).side} px", network, "middle", cells, centred=own)
        for network in RECIPES
        for cells in (POOLED, MEAN_CELLS, MAX_CELLS, FINE_CELLS)
        if View(network, "middle", cells) in sets[0].views
        for own in (False, True)
    ]


def _row(
    sets: Sequence[Measured],
    name: str,
    spec: str,
    shape: Shape,
    cells: Cells,
    *,
    centred: bool,
    cost: str = "",
) -> Row:
    """Encoders side by side, scored by the product's own functions.

    cost: the specification whose processor time it takes; that of `spec` where it is not told.
    """
    scores: dict[str, Scores] = {}
    for one in sets:
        vectors = _vectors(one.views, spec, shape, cells, centred=centred)
        for task in one.photos.tasks:
            scores[task.name] = score(task, product.similarities(task, vectors))
    return Row(name, str(cells), "all own" if centred else "none", scores, cost or spec)


def _vectors(
    views: Views, spec: str, shape: Shape, cells: Cells, *, centred: bool
) -> Float32[np.ndarray, "n length"]:
    """Vectors whose dot product is the similarity, made of the parts' stored cells."""
    if spec == BASELINE_IMAGENET:
        members = [(spec, 1.0)]
    else:
        members = [(member.name, member.weight) for member in parse(spec).members]
    stored = [views[View(name, shape, cells)] for name, _ in members]
    parts = tuple(
        PartLayout(part.shape[-1], weight)
        for part, (_, weight) in zip(stored, members, strict=True)
    )
    joined = np.concatenate(stored, axis=-1)
    mean = np.zeros(joined.shape[-1], np.float32)
    if centred:
        mean = joined.mean(axis=(0, 1, 2), dtype=np.float64).astype(np.float32)
    return flat_vector(centre(joined, mean=mean, parts=parts))


def _photo_sets(folder: Path, *, fast: bool) -> list[PhotoSet]:
    few = np.random.default_rng(SEED) if fast else None
    return [clothing(folder / "clothing", few=few), grocery(folder / "grocery", few=few)]


def _some_files(sets: Sequence[Measured], count: int) -> list[Path]:
    files = [file for one in sets for file in one.photos.files]
    chosen = np.random.default_rng(SEED).choice(len(files), min(count, len(files)), replace=False)
    return [files[i] for i in chosen]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--fast", action="store_true", help="a seeded part of the photographs")
    parser.add_argument(
        "--headline", action="store_true", help="only the default and the baselines"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
