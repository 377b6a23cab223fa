"""What the first guess is worth: where it looks, what it finds, what it costs.

    TIEFVISION_PHOTOS=photos python benchmarks/guess.py [--fast] [--saliency u2netp.onnx]
        [--only street clothing grocery drawn cost]

Prints Markdown tables: IoU on street photographs (of those that benchmarks/fit_guess.py does not
learn from) and on drawn ones, retrieval with and without the guess, each cropped by its own rule
as `index` does, and milliseconds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float16, Float64

import drawn
from evaluation import Task, clothing, difference, grocery
from fit_guess import EVERY
from tiefvision.demo.scene import Scene
from tiefvision.maths.boxes import Box, iou, square_about, whole
from tiefvision.maths.centring import PartLayout
from tiefvision.settings import EncoderSettings
from tiefvision.vision import pixels
from tiefvision.vision.embedder import Embedder, middle
from tiefvision.vision.guess import (
    GUESS_ENCODER,
    ActivationGuess,
    SaliencyGuess,
    read_head,
)
from tiefvision.vision.pixels import Pixels
from views import in_threads, ready

SEED = 2016
DRAWN, DRAWN_FAST = 300, 60
TIMED, TIMED_FAST = 200, 30
# What nobody wears: the union of the other boxes of a photograph is its "outfit".
_NOT_WORN = frozenset(
    "hair skin bag purse wallet glasses sunglasses accessories bracelet earrings necklace ring "
    "watch".split()
)
# Sides of the centred boxes that are tried, as shares of the picture's.
_SHARES = np.arange(0.2, 1.01, 0.05)
_HALF = 0.5
_MS = 1e3
# Of the default encoder and of the guess alike.
_SIDE = 224

_PARTS = ("street", "clothing", "grocery", "drawn", "cost")
_Guesser = ActivationGuess | SaliencyGuess

WITHOUT = "no guess: the middle"


@dataclass(frozen=True, slots=True)
class Located:
    """Pictures with the box of what is looked for, in their pixels."""

    name: str
    sources: Sequence[Path | Scene]
    boxes: Sequence[Box]


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found of a set: by guesser, the crop for each picture or None, and the cells."""

    crops: dict[str, list[Box | None]]
    cells: dict[str, Float16[np.ndarray, "n rows cols channels"]]


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    folder = os.environ.get("TIEFVISION_PHOTOS", "")
    if not folder:
        raise SystemExit("set TIEFVISION_PHOTOS to the folder of clothing, grocery and street")
    only, fast = frozenset(arguments.only), arguments.fast
    guessers: dict[str, _Guesser] = {
        "activations": ActivationGuess(ready(GUESS_ENCODER), read_head())
    }
    if arguments.saliency is not None:
        guessers["saliency (U2-Net-p)"] = SaliencyGuess(arguments.saliency)
    few = np.random.default_rng(SEED) if fast else None
    sets = [
        read(Path(folder) / name, few=few)
        for name, read in (("clothing", clothing), ("grocery", grocery))
        if name in only or "cost" in only
    ]
    scenes = drawn.cluttered(DRAWN_FAST if fast else DRAWN) if "drawn" in only else []
    located = [*_street(Path(folder) / "street", fast=fast)] if "street" in only else []
    if scenes:
        located.append(Located(drawn.NAME, scenes, [one.box for one in scenes]))
    if located:
        print("### Where is the product? Mean IoU / CorLoc@.5\n")
        print("\n".join(location_table(located, guessers)), "\n", flush=True)
    chosen = EncoderSettings()
    embedder = Embedder(ready(chosen.name), chosen.rows, chosen.cols, pooling=chosen.pooling)
    if "cost" in only:
        files = [file for photos in sets for file in photos.files]
        count = TIMED_FAST if fast else TIMED
        timed = np.random.default_rng(SEED).choice(len(files), count, replace=False)
        print("### Processor time of one image, one thread\n")
        print(
            "\n".join(cost_table([files[i] for i in timed], guessers, embedder)), "\n", flush=True
        )
    print("### Retrieval: R@1 / R@5 / mAP@10, and the gain over the middle\n")
    print("| task | guess | cropped | scores | R@1 gained | mAP@10 gained |")
    print("|---|---|---|---|---|---|")
    for photos in sets:
        if photos.name.split()[0] in only:
            seen = _look(photos.files, guessers, embedder, photos.name)
            _print_retrieval(photos.tasks, seen, embedder.layout)
    if scenes:
        seen = _look(scenes, guessers, embedder, "drawn")
        _print_retrieval([drawn.task(scenes)], seen, embedder.layout)


def location_table(located: Sequence[Located], guessers: dict[str, _Guesser]) -> list[str]:
    """Rows of fixed boxes and of the guessers; a picture without a guess counts as its middle."""
    rows: dict[str, list[str]] = {}
    for one in located:
        images = [_pixels(source) for source in one.sources]
        sizes = [(image.original_width, image.original_height) for image in images]
        fixed = {
            "the whole picture": [whole(*size) for size in sizes],
            "its middle": [middle(*size) for size in sizes],
            "the centred half": [_centred(size, _HALF, _HALF) for size in sizes],
            "the best centred box of the picture's shape": _best(
                [[_centred(size, share, share) for size in sizes] for share in _SHARES], one.boxes
            ),
            "the best centred box of any shape": _best(
                [[_centred(s, x, y) for s in sizes] for x in _SHARES for y in _SHARES], one.boxes
            ),
            "the boxes' mean": _mean_box(one.boxes, sizes),
        }
        for name, boxes in fixed.items():
            rows.setdefault(name, []).append(_agreement(boxes, one.boxes))
        for name, guesser in guessers.items():
            found = [guesser.guess(image) for image in images]
            boxes = [
                middle(*size) if guess is None else guess.box
                for guess, size in zip(found, sizes, strict=True)
            ]
            none = sum(guess is None for guess in found)
            cell = f"{_agreement(boxes, one.boxes)} ({none / len(found):.0%} none)"
            rows.setdefault(f"guess by {name}", []).append(cell)
    head = [f"{one.name} ({len(one.boxes)})" for one in located]
    lines = [f"| | {' | '.join(head)} |", "|---" * (len(head) + 1) + "|"]
    return lines + [f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items()]


def cost_table(
    files: Sequence[Path], guessers: dict[str, _Guesser], embedder: Embedder
) -> list[str]:
    """Medians; all take turns at each file, so that what else the machine does touches all."""
    taken: dict[str, list[float]] = {}
    for file in files:
        data = pixels.file_bytes(file)
        start = time.thread_time()
        image = embedder.read(data)
        embedder.embed_pixels(data, image, embedder.place(image, whole=True))
        taken.setdefault(WITHOUT, []).append(time.thread_time() - start)
        for name, guesser in guessers.items():
            start = time.thread_time()
            guesser.guess(image)
            taken.setdefault(name, []).append(time.thread_time() - start)
    base = statistics.median(taken[WITHOUT])
    lines = ["| | ms | an image in all |", "|---|---|---|"]
    for name, seconds in taken.items():
        median = statistics.median(seconds)
        total = base if name == WITHOUT else base + median
        lines.append(f"| {name} | {median * _MS:.1f} | {total / base:.2f}x |")
    return lines


def _look(
    sources: Sequence[Path | Scene], guessers: dict[str, _Guesser], embedder: Embedder, note: str
) -> Seen:
    """Every picture guessed and embedded; where there is no guess, its middle."""

    def see(source: Path | Scene) -> tuple[dict[str, Box | None], dict[str, np.ndarray]]:
        image = _pixels(source)
        width, height = image.original_width, image.original_height
        # A scene is not reduced, so it is never read again.
        file = source if isinstance(source, Path) else Path(source.name)
        plain = embedder.embed_pixels(file, image, embedder.place(image, whole=True)).cells
        crops: dict[str, Box | None] = {WITHOUT: None}
        for name, guesser in guessers.items():
            found = guesser.locate(image)
            crops[name] = found and square_about(found.box, width=width, height=height)
        if isinstance(source, Scene):
            crops["the exact box"] = square_about(source.box, width=width, height=height)
        cells = {
            name: plain
            if crop is None
            else embedder.embed_pixels(file, image, embedder.place(image, box=crop)).cells
            for name, crop in crops.items()
        }
        return crops, cells

    found = list(in_threads(see, sources, note=note))
    names = list(found[0][0])
    return Seen(
        {name: [crops[name] for crops, _ in found] for name in names},
        {name: np.stack([cells[name] for _, cells in found]) for name in names},
    )


def _print_retrieval(tasks: Sequence[Task], seen: Seen, layout: tuple[PartLayout, ...]) -> None:
    for task in tasks:
        scores = {name: drawn.scores(task, cells, layout) for name, cells in seen.cells.items()}
        for name, one in scores.items():
            share = sum(box is not None for box in seen.crops[name]) / len(seen.crops[name])
            means = " / ".join(f"{value:.3f}".removeprefix("0") for value in one.means())
            gains = [_gain(one.recall_1, scores[WITHOUT].recall_1, task)]
            gains.append(_gain(one.map_10, scores[WITHOUT].map_10, task))
            shown = ["", ""] if name == WITHOUT else gains
            print(f"| {task.name} | {name} | {share:.0%} | {means} | {' | '.join(shown)} |")


def _gain(
    better: Float64[np.ndarray, " q"], baseline: Float64[np.ndarray, " q"], task: Task
) -> str:
    found = difference(better, baseline, task.groups, rng=np.random.default_rng(SEED))
    return f"{found.mean:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


def _street(folder: Path, *, fast: bool) -> Iterator[Located]:
    coco = json.loads((folder / "boxes.coco.json").read_text(encoding="utf-8"))
    names = {category["id"]: category["name"] for category in coco["categories"]}
    files = sorted(image["file_name"] for image in coco["images"])
    unseen = {file for place, file in enumerate(files) if place % EVERY}
    outfits: dict[Path, Box] = {}
    dresses: dict[Path, Box] = {}
    for image in coco["images"]:
        if image["file_name"] not in unseen:
            continue
        own = [
            (names[one["category_id"]], Box(x, y, x + w, y + h))
            for one in coco["annotations"]
            if one["image_id"] == image["id"]
            for x, y, w, h in [one["bbox"]]
        ]
        file = folder / image["file_name"]
        worn = [box for name, box in own if name not in _NOT_WORN]
        if worn:
            outfits[file] = _union(worn)
        if dress := [box for name, box in own if name == "dress"]:
            dresses[file] = max(dress, key=lambda box: box.area)
    for name, found in (("outfit", outfits), ("dress", dresses)):
        kept = list(found.items())[: DRAWN_FAST if fast else None]
        yield Located(name, [file for file, _ in kept], [box for _, box in kept])


def _pixels(source: Path | Scene) -> Pixels:
    return pixels.read(source, side=_SIDE) if isinstance(source, Path) else drawn.pixels_of(source)


def _union(found: Sequence[Box]) -> Box:
    return Box(
        min(box.left for box in found),
        min(box.top for box in found),
        max(box.right for box in found),
        max(box.bottom for box in found),
    )


def _centred(size: tuple[int, int], across: float, down: float) -> Box:
    width, height = size
    left, top = width * (1 - across) / 2, height * (1 - down) / 2
    return Box(left, top, width - left, height - top)


def _mean_box(known: Sequence[Box], sizes: Sequence[tuple[int, int]]) -> list[Box]:
    """The mean of the very boxes that are asked for, as shares of the picture's sides."""
    scales = np.array([[width, height, width, height] for width, height in sizes])
    mean = (np.array([box.as_list() for box in known]) / scales).mean(axis=0)
    return [Box(*(mean * scale)) for scale in scales]


def _best(candidates: Sequence[list[Box]], known: Sequence[Box]) -> list[Box]:
    """The candidates that fit the very boxes that are asked for best."""
    return max(candidates, key=lambda boxes: float(_ious(boxes, known).mean()))


def _ious(boxes: Sequence[Box], known: Sequence[Box]) -> Float64[np.ndarray, " n"]:
    return np.array([iou(box, true) for box, true in zip(boxes, known, strict=True)])


def _agreement(boxes: Sequence[Box], known: Sequence[Box]) -> str:
    found = _ious(boxes, known)
    return f"{found.mean():.3f} / {(found >= _HALF).mean():.3f}".replace("0.", ".")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--fast", action="store_true", help="a seeded part of the photographs")
    parser.add_argument("--saliency", type=Path, metavar="FILE", help="measure U2-Net-p too")
    parser.add_argument("--only", nargs="+", choices=_PARTS, default=_PARTS, metavar="PART")
    return parser.parse_args()


if __name__ == "__main__":
    main()
