"""How a locator looks: what window sizes, a pyramid and rules of merging find, and what they cost.

    TIEFVISION_PHOTOS=photos python benchmarks/sights.py [--thing bag] [--boxes 100]

Prints a Markdown table: what is found by locators that learned
from so many boxes, five folds by image as in benchmarks/location.py, and the milliseconds that
finding the product in one photograph takes. Needs the teach extra.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np

import street
from location import Line, judged
from location_costs import TIMED
from tiefvision.maths.merge_rules import Merge
from tiefvision.teach.export_locator import LocatorNetworks, write_folder
from tiefvision.teach.samples import SampleSet
from tiefvision.teach.train_locator import fit
from tiefvision.vision import encoders, pixels
from tiefvision.vision.locator import LOCATOR_ENCODER, Locator
from tiefvision.vision.locator_choices import DEFAULT_MERGE, LocatorChoices

DEFAULT = LocatorChoices()
# Window sizes on the one grid, and grids of the image at further sizes.
SIGHTS = (
    DEFAULT,
    LocatorChoices(windows=(3,)),
    LocatorChoices(windows=(3, 5, 7)),
    LocatorChoices(pyramid=(2.0,)),
    LocatorChoices(pyramid=(1.5,)),
)
RULES = tuple(LocatorChoices(merge=rule) for rule in get_args(Merge) if rule != DEFAULT_MERGE)
# How long looking takes does not depend on what was learned: few boxes do for the timing.
_TIMED_BOXES = 25


def name_of(choices: LocatorChoices) -> str:
    """As it is typed."""
    if choices == DEFAULT:
        return f"`--windows 5 --merge {DEFAULT_MERGE}` (default)"
    if choices.merge != DEFAULT_MERGE:
        return f"`--merge {choices.merge}`"
    if choices.pyramid:
        return f"`--pyramid {','.join(f'{size:g}' for size in choices.pyramid)}`"
    return f"`--windows {','.join(str(side) for side in choices.windows)}`"


def found_by(
    choices: LocatorChoices, samples: SampleSet, encoder: encoders.SideBySide, *, boxes: int
) -> list[Line]:
    """What is found when trained and asked so; of the default by every rule of merging."""
    asked = (choices, *RULES) if choices == DEFAULT else (choices,)
    variants: list[tuple[str, Merge, int | None]] = [
        (name_of(one), one.merge, None) for one in asked
    ]
    found = judged(samples, encoder, most=boxes, choices=choices, variants=variants).lines()
    # Figures come as they are measured: all of them take many minutes.
    for line in found:
        print(f"{line.way}: IoU {line.iou:.3f}", file=sys.stderr, flush=True)
    return found


def cpu_ms(
    photos: Sequence[street.Photo],
    encoder: encoders.SideBySide,
    taught: dict[str, LocatorNetworks],
) -> dict[str, float]:
    """CPU milliseconds of finding, encoder and all: medians, taken turn by turn on one thread."""
    spent: dict[str, list[float]] = {name: [] for name in taught}
    with tempfile.TemporaryDirectory() as place:
        locators: dict[str, Locator] = {}
        for number, (name, networks) in enumerate(taught.items()):
            folder = Path(place) / str(number)
            write_folder(folder, networks, encoder=encoder, label="")
            locators[name] = Locator(folder)
        for photo in photos[:TIMED]:
            image = pixels.read(photo.file, side=encoder.side)
            for name, locator in locators.items():
                began = time.process_time()
                locator.locate(image)
                spent[name].append((time.process_time() - began) * 1e3)
    return {name: float(np.median(times)) for name, times in spent.items()}


def table(lines: Sequence[Line], ms: dict[str, float]) -> list[str]:
    """Markdown; the first line is the default, beside which the others stand."""
    base, plain = ms[lines[0].way], lines[0].iou
    rows = [
        "| | | boxes | mean IoU (95 %) | beside the default | CorLoc@.5 | training, CPU s "
        "| CPU ms an image | beside the default |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for line in lines:
        rows.append(
            f"| {line.thing} | {line.way} | {line.boxes} | {line.iou:.3f} "
            f"({line.low:.3f} to {line.high:.3f}) | {line.iou - plain:+.3f} "
            f"| {line.corloc_50:.3f} | {line.train_cpu_s:.0f} "
            f"| {ms[line.way]:.1f} | {ms[line.way] / base:.2f}x |"
        )
    return rows


def measure(thing: str, photos: Sequence[street.Photo], cache: Path, *, boxes: int) -> list[str]:
    """The table of one thing, from the photographs that show it."""
    encoder = encoders.load(LOCATOR_ENCODER)
    shown = [photo for photo in photos if photo.union(street.WANTED[thing]) is not None]
    lines: list[Line] = []
    taught: dict[str, LocatorNetworks] = {}
    for choices in SIGHTS:
        grids = [street.grids(shown, encoder, cache, size=size) for size in choices.sizes]
        samples = street.sample_set(thing, shown, grids[0], encoder, finer=grids[1:])
        lines += found_by(choices, samples, encoder, boxes=boxes)
        few = np.arange(min(_TIMED_BOXES, len(samples)))
        taught[name_of(choices)] = fit(samples, few, choices=choices)
        if choices == DEFAULT:
            plain = taught[name_of(choices)]
            taught |= {name_of(one): replace(plain, choices=one) for one in RULES}
    return table(lines, cpu_ms(shown, encoder, taught))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--thing", choices=street.WANTED, default="dress")
    parser.add_argument("--boxes", type=int, default=100, help="to learn from")
    parser.add_argument("--cache", type=Path, help="keeps the photographs' grids between runs")
    given = parser.parse_args()
    folder = os.environ.get("TIEFVISION_PHOTOS")
    if not folder:
        raise SystemExit("set TIEFVISION_PHOTOS to the folder that holds street/")
    photos = street.photographs(Path(folder) / "street")
    with tempfile.TemporaryDirectory() as place:
        cache = given.cache or Path(place)
        print("\n".join(measure(given.thing, photos, cache, boxes=given.boxes)))


if __name__ == "__main__":
    main()
