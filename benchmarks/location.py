"""Where is the product? The locator against what it must beat, on street photographs.

    TIEFVISION_PHOTOS=photos python benchmarks/location.py --json location.json --plot curve.svg

Five folds by image, which the photographs' content decides: every box is found by networks that
never saw its photograph. Needs the teach extra.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
from jaxtyping import Float16, Float64, Int64

import curve
import drawn
import street
from location_costs import GRIDS, INDEXING, costs
from tiefvision.demo.scene import Scene
from tiefvision.maths import windows
from tiefvision.maths.merge_rules import Merge
from tiefvision.maths.metrics import corloc
from tiefvision.settings import EncoderSettings
from tiefvision.teach import baselines
from tiefvision.teach.export_locator import LocatorNetworks, write_folder
from tiefvision.teach.linear_maps import reduction
from tiefvision.teach.samples import FOLDS, SampleSet, Taught, both_ways, freeze, reduced
from tiefvision.teach.train_locator import fit
from tiefvision.vision import encoders
from tiefvision.vision.embedder import Embedder
from tiefvision.vision.guess import GUESS_ENCODER, ActivationGuess, read_head
from tiefvision.vision.locator import LOCATOR_ENCODER, Heads
from tiefvision.vision.locator_choices import DEFAULT_MERGE, LocatorChoices

_AMOUNTS = (10, 25, 50, 100)
DEFAULT_LOOKS = 4
_LOOKS = (1, 2, 3, 6)
# Enough to tell grids apart in a fifth of the time that all boxes take.
_GRID_BOXES = 100
_SCENES, _SCENES_FAST = 300, 60
_RESAMPLES = 2_000
LOCATOR = "locator"
_DRAWN = (LOCATOR, baselines.MEAN, baselines.RIDGE)


@dataclass(frozen=True, slots=True)
class Line:
    """Figures of one way of finding one thing."""

    thing: str
    way: str
    boxes: int
    iou: float
    low: float
    high: float
    corloc_50: float
    corloc_70: float
    train_cpu_s: float = 0.0


Boxes = Float64[np.ndarray, "n 4"]


class Found:
    """What the ways find, gathered over folds."""

    def __init__(self, samples: SampleSet) -> None:
        self._samples = samples
        self._boxes: dict[str, Boxes] = {}
        self.train_cpu_s = 0.0
        self.learned = 0

    def add(self, way: str, photos: Int64[np.ndarray, " n"], boxes: Boxes) -> None:
        """What a way found in some photographs."""
        everything = self._boxes.setdefault(way, baselines.whole(len(self._samples)))
        everything[photos] = boxes

    def boxes(self, way: str) -> Boxes:
        """What a way found in every photograph, as fractions of it."""
        return self._boxes[way]

    def lines(self) -> list[Line]:
        """One line for each way."""
        rng = np.random.default_rng(0)
        drawn = rng.integers(len(self._samples), size=(_RESAMPLES, len(self._samples)))
        lines: list[Line] = []
        for way, boxes in self._boxes.items():
            right = windows.ious(boxes, self._samples.boxes)
            low, high = np.percentile(right[drawn].mean(axis=1), (2.5, 97.5))
            lines.append(
                Line(
                    self._samples.label, way, self.learned, float(right.mean()), float(low),
                    float(high), corloc(right, at=0.5), corloc(right, at=0.7), self.train_cpu_s,
                )
            )  # fmt: skip
        return lines


def splits(
    samples: SampleSet, most: int | None
) -> Iterator[tuple[Int64[np.ndarray, " t"], Int64[np.ndarray, " n"]]]:
    """For each fold the photographs to learn from, at most so many, and those to be asked."""
    for fold in range(FOLDS):
        learned = np.flatnonzero(samples.folds != fold)
        if most is not None:
            learned = np.sort(np.random.default_rng(fold).permutation(learned)[:most])
        yield learned, np.flatnonzero(samples.folds == fold)


def judged(
    samples: SampleSet,
    encoder: encoders.SideBySide,
    *,
    most: int | None = None,
    variants: Sequence[tuple[str, Merge, int | None]] = ((LOCATOR, DEFAULT_MERGE, None),),
    choices: LocatorChoices | None = None,
    simple: bool = False,
) -> Found:
    """Trains in five folds. variants: name, rule of merging, how often it looks again."""
    found, spent, taught = Found(samples), [], []
    for learned, asked in splits(samples, most):
        began = time.process_time()
        networks = fit(samples, learned, choices=choices)
        spent.append(time.process_time() - began)
        taught.append(len(learned))
        for way, merge_by, looks in variants:
            found.add(way, asked, located(samples, networks, encoder, asked, merge_by, looks))
        if simple:
            for way, boxes in simple_boxes(samples, learned, asked).items():
                found.add(way, asked, boxes)
    found.train_cpu_s, found.learned = float(np.mean(spent)), round(float(np.mean(taught)))
    return found


def located(
    samples: SampleSet,
    networks: LocatorNetworks,
    encoder: encoders.SideBySide,
    asked: Int64[np.ndarray, " n"],
    merge_by: Merge,
    looks: int | None,
) -> Boxes:
    """What exported networks find; the whole image where that is nothing."""
    networks = replace(networks, choices=replace(networks.choices, merge=merge_by))
    if looks is not None:
        networks = replace(networks, shape=replace(networks.shape, looks=looks))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "model"
        write_folder(folder, networks, encoder=encoder, label=samples.label)
        heads = Heads(folder)
        found = [heads.find(*samples.plain(int(photo))) for photo in asked]
    return np.array([baselines.whole(1)[0] if one is None else one.edges for one in found])


def simple_boxes(
    samples: SampleSet, learned: Int64[np.ndarray, " t"], asked: Int64[np.ndarray, " n"]
) -> dict[str, Boxes]:
    """The four baselines."""
    few = reduction(samples.grids[learned], samples.parts, rng=np.random.default_rng(0))
    cells = reduced(samples.grids[learned], few.offset, few.projection)
    grids = samples.grids[asked, 0].astype(np.float32)
    return {
        baselines.WHOLE: baselines.whole(len(asked)),
        baselines.MEAN: baselines.mean(samples.boxes[learned], len(asked)),
        baselines.ACTIVATION: baselines.activation(grids),
        baselines.RIDGE: baselines.ridge(
            cells.reshape(-1, *cells.shape[2:]),
            both_ways(samples.boxes[learned]),
            reduced(grids, few.offset, few.projection),
        ),
    }


@dataclass(frozen=True, slots=True)
class Retrieved:
    """How well a drawn garment is found among others, cropped to what a way located."""

    way: str
    recall_1: float
    recall_5: float
    map_10: float


def drawn_garments(count: int) -> tuple[list[Line], list[Retrieved]]:
    """Where drawn garments are found, and what is found by them then."""
    encoder = encoders.load(LOCATOR_ENCODER)
    scenes = {_content_id(one): one for one in drawn.cluttered(count)}
    images = [drawn.pixels_of(one) for one in scenes.values()]
    grids = np.stack([street.both_grids(image, encoder) for image in images])
    taught = [
        Taught(content_id, image.original_width, image.original_height, one.box)
        for (content_id, one), image in zip(scenes.items(), images, strict=True)
    ]
    parts = [part.channels for part in encoder.parts]
    samples = freeze(taught, grids, label=drawn.NAME, parts=parts)
    found = judged(samples, encoder, simple=True)
    ordered = [scenes[content_id] for content_id in samples.content_ids]
    return found.lines(), _retrieved(ordered, found.boxes(LOCATOR))


def _retrieved(scenes: Sequence[Scene], located: Boxes) -> list[Retrieved]:
    chosen = EncoderSettings()
    encoder = encoders.load(chosen.name)
    embedder = Embedder(encoder, chosen.rows, chosen.cols, pooling=chosen.pooling)
    guess = ActivationGuess(encoders.load(GUESS_ENCODER), read_head())
    guessing = replace(embedder, locator=guess)
    asked, cells = drawn.task(scenes), dict[str, list[Float16[np.ndarray, "r c channels"]]]()
    for one, edges in zip(scenes, located, strict=True):
        image = drawn.pixels_of(one)
        width, height = image.original_width, image.original_height
        # A scene is decoded in full, so its file is never read again.
        nowhere = Path(one.name)
        for way, place in {
            "not located: the middle": embedder.place(image, whole=True),
            "the first guess": guessing.place(image),
            LOCATOR: embedder.place(image, box=windows.to_box(edges, width=width, height=height)),
            "the exact box": embedder.place(image, box=one.box),
        }.items():
            cells.setdefault(way, []).append(embedder.embed_pixels(nowhere, image, place).cells)
    return [
        Retrieved(way, *drawn.scores(asked, np.stack(own), embedder.layout).means())
        for way, own in cells.items()
    ]


def _content_id(one: Scene) -> str:
    return hashlib.sha256(one.pixels.tobytes()).hexdigest()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was measured."""

    street: list[Line]
    drawn: list[Line]
    retrieved: list[Retrieved]
    curve: list[Line]
    merges: list[Line]
    grids: list[Line]
    cpu_ms: dict[str, float]


def measure(photos: Sequence[street.Photo], cache: Path, *, fast: bool) -> Report:
    """All tables; `fast`: only the first, of dresses."""
    encoder = encoders.load(LOCATOR_ENCODER)
    grids = street.grids(photos, encoder, cache)
    sets = {
        name: street.sample_set(name, photos, grids, encoder)
        for name in (("dress",) if fast else street.WANTED)
    }
    found = [line for one in sets.values() for line in judged(one, encoder, simple=True).lines()]
    placed, retrieved = drawn_garments(_SCENES_FAST if fast else _SCENES)
    if fast:
        return Report(found, placed, retrieved, [], [], [], {})
    some = {name: sets[name] for name in ("outfit", "dress")}
    learning = [
        line
        for one in some.values()
        for most in _AMOUNTS
        if most < len(one) * (FOLDS - 1) / FOLDS
        for line in judged(one, encoder, most=most, simple=True).lines()
        if line.way in _DRAWN
    ]
    learning += [line for line in found if line.thing in some and line.way in _DRAWN]
    variants = [
        (f"{rule}, {looks} looks", rule, looks)
        for rule in get_args(Merge)
        for looks in (0, DEFAULT_LOOKS)
    ] + [(f"{DEFAULT_MERGE}, {looks} looks", DEFAULT_MERGE, looks) for looks in _LOOKS]
    merges = [
        line
        for one in some.values()
        for line in judged(one, encoder, most=_GRID_BOXES, variants=variants).lines()
    ]
    networks = fit(sets["dress"], np.arange(len(sets["dress"])))
    return Report(
        found,
        placed,
        retrieved,
        learning,
        merges,
        _other_grids(photos, cache),
        costs(photos, networks),
    )


def _other_grids(photos: Sequence[street.Photo], cache: Path) -> list[Line]:
    """What is found on the grids of other networks and layers, from a hundred boxes."""
    lines: list[Line] = []
    for spec in GRIDS:
        encoder = encoders.load(spec)
        grids = street.grids(photos, encoder, cache)
        for name in ("outfit", "dress"):
            samples = street.sample_set(name, photos, grids, encoder)
            (line,) = judged(samples, encoder, most=_GRID_BOXES).lines()
            lines.append(replace(line, way=spec))
    return lines


def table(lines: Sequence[Line]) -> list[str]:
    """Markdown."""
    rows = [
        "| | | boxes | mean IoU (95 %) | CorLoc@.5 | CorLoc@.7 | training, CPU s |",
        "|---|---|---|---|---|---|---|",
    ]
    for line in lines:
        taught = line.way not in (baselines.WHOLE, baselines.ACTIVATION)
        timed = taught and line.way not in (baselines.MEAN, baselines.RIDGE)
        rows.append(
            f"| {line.thing} | {line.way} | {line.boxes if taught else ''} | {line.iou:.3f} "
            f"({line.low:.3f} to {line.high:.3f}) | {line.corloc_50:.3f} | {line.corloc_70:.3f} | "
            f"{f'{line.train_cpu_s:.0f}' if timed else ''} |"
        )
    return rows


def markdown(report: Report) -> list[str]:
    """The tables, each under its heading."""
    lines = ["### What is found", "", *table(report.street), ""]
    lines += ["### Drawn garments on cluttered backgrounds", "", *table(report.drawn), ""]
    lines += ["| cropped to | R@1 | R@5 | mAP@10 |", "|---|---|---|---|"]
    lines += [
        f"| {one.way} | {one.recall_1:.3f} | {one.recall_5:.3f} | {one.map_10:.3f} |"
        for one in report.retrieved
    ]
    lines.append("")
    if report.curve:
        lines += ["### From few boxes", "", *table(report.curve), ""]
        lines += ["### Merging and looking again", "", *table(report.merges), ""]
        lines += ["### Other grids", "", *table(report.grids), ""]
        base = report.cpu_ms[INDEXING]
        lines += ["### Costs", "", "| | CPU ms | of indexing |", "|---|---|---|"]
        lines += [
            f"| {name} | {spent:.2f} | {spent / base:.2f} |"
            for name, spent in report.cpu_ms.items()
        ]
    return lines


def plotted(lines: Sequence[Line]) -> str:
    """The learning curve as SVG."""
    drawn: dict[str, list[tuple[float, float]]] = {}
    for line in sorted(lines, key=lambda line: (line.thing, line.way, line.boxes)):
        drawn.setdefault(f"{line.thing}, {line.way}", []).append((line.boxes, line.iou))
    dashed = frozenset(name for name in drawn if not name.endswith(LOCATOR))
    return curve.chart(drawn, across="boxes to learn from", up="mean IoU", dashed=dashed)


def main() -> None:
    """Prints the tables; `--fast` only the first one, of dresses."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="the learning curve as SVG")
    parser.add_argument("--cache", type=Path, help="keeps the photographs' grids between runs")
    parser.add_argument("--fast", action="store_true")
    given = parser.parse_args()
    folder = os.environ.get("TIEFVISION_PHOTOS")
    if not folder:
        raise SystemExit("set TIEFVISION_PHOTOS to the folder that holds street/")
    photos = street.photographs(Path(folder) / "street")
    with tempfile.TemporaryDirectory() as place:
        report = measure(photos, given.cache or Path(place), fast=given.fast)
    print("\n".join(markdown(report)))
    if given.json:
        given.json.write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")
    if given.plot and report.curve:
        given.plot.write_text(plotted(report.curve), encoding="utf-8")


if __name__ == "__main__":
    main()
