"""How much faster a ranker is switched on than the files would be indexed again.

    python benchmarks/refill.py                      # 2,000 images
    python benchmarks/refill.py --images 10000       # what docs/benchmarks.md tells; 4 GB of disk

Indexing: photographs cut from those in TIEFVISION_PHOTOS, of --size, all of `tiefvision index` in
a process of its own. Re-filling: a catalogue of their cells, grown with synthetic neighbours
(benchmarks/synthetic.py) through the real store; all of `tiefvision models activate` of rankers
that nobody trained, with random orthonormal rows. Both by the clock and by processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import contenders
import pictures
import synthetic
from contenders import Figures, Order
from tiefvision import settings
from tiefvision.store import models, registry
from tiefvision.tasks.indexing.index import index
from tiefvision.tasks.keeping.models import activate_model
from tiefvision.tasks.opened import opened
from tiefvision.vision import artefacts, ranker
from tiefvision.vision.ranker import Ranker

_INDEXED = 200
_CHANNELS = 256


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds for each image."""

    clock_ms: float
    processor_ms: float


def main() -> None:
    arguments = _arguments()
    print(f"load of the machine: {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors\n")
    with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
        work = Path(folder)
        width, _, height = arguments.size.partition("x")
        size = (int(width), int(height))
        photographs = pictures.every(pictures.photographs(), arguments.indexed)
        pictures.cut(photographs, work / "photos", arguments.indexed, size=size)
        order = Order("ours", str(work / "photos"), arguments.encoder)
        shop = work / "shop"
        index([work / "photos"], catalogue=shop, encoder=arguments.encoder)
        synthetic.grow(shop, arguments.images)
        heads = _heads(shop, arguments.channels)
        indexing: list[Cost] = []
        refilling: dict[str, list[Cost]] = {name: [] for name in heads}
        for number in range(arguments.rounds):
            indexing.append(_of_indexing(order))
            for name, outputs in heads.items():
                model_id = _add(shop, outputs, seed=number)
                refilling[name].append(_of_refilling(shop, model_id, arguments.images))
        _print(arguments, _middle(indexing), {k: _middle(v) for k, v in refilling.items()})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2_000, help="of the catalogue that is ranked")
    parser.add_argument("--indexed", type=int, default=_INDEXED, help="files that are indexed")
    parser.add_argument("--size", default="800x1200", help="WIDTHxHEIGHT of the files")
    parser.add_argument("--channels", type=int, default=_CHANNELS, help="of the narrow head")
    parser.add_argument("--rounds", type=int, default=3, help="in turns; the median counts")
    parser.add_argument("--encoder", default=settings.DEFAULT_ENCODER)
    parser.add_argument("--work", default=None, help="folder with room for the catalogue")
    return parser.parse_args()


def _heads(shop: Path, channels: int) -> dict[str, int]:
    """The heads to compare, by name: how many channels they give."""
    with opened(shop) as catalogue:
        space = registry.active_cell_space(catalogue.database)
        assert space is not None, "the catalogue was just indexed"
        return {f"to {channels} channels": channels, "all channels": space.channels}


def _add(shop: Path, outputs: int, *, seed: int) -> str:
    """A linear head of random orthonormal rows, in a catalogue's models; its id."""
    with opened(shop) as catalogue:
        mean = catalogue.search_space().mean
        drawn = np.random.default_rng(seed).standard_normal((len(mean), outputs), np.float32)
        skip = np.ascontiguousarray(np.linalg.qr(drawn)[0].T, np.float32)  # (outputs, inputs)
        with tempfile.TemporaryDirectory() as place:
            written = ranker.write(Ranker(mean, skip), Path(place) / "model", description={})
            model = artefacts.copy(written, catalogue.home.models(ranker.KIND))
        models.add(
            catalogue.database, model_id=model.fingerprint, kind="ranker", name="default", report={}
        )
        return model.fingerprint


def _of_indexing(order: Order) -> Cost:
    words = [sys.executable, contenders.__file__, json.dumps(asdict(order))]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    figures = Figures(**json.loads(done.stdout.splitlines()[-1]))
    return Cost(1e3 / figures.rate, figures.cpu_ms)


def _of_refilling(shop: Path, model_id: str, images: int) -> Cost:
    os.sync()  # what was written before is not waited for by this
    clock, processor = time.perf_counter(), time.process_time()
    notes = activate_model(model_id, catalogue=shop).notes
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    assert not notes, notes
    return Cost(clock * 1e3 / images, processor * 1e3 / images)


def _middle(costs: Sequence[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.clock_ms for cost in costs),
        statistics.median(cost.processor_ms for cost in costs),
    )


def _print(arguments: argparse.Namespace, indexing: Cost, refilling: dict[str, Cost]) -> None:
    print(
        f"{arguments.images:,} images re-filled; files of {arguments.size} indexed by "
        f"{arguments.encoder}\n"
    )
    print("| | ms/image by the clock | CPU ms/image | faster by the clock | by CPU time |")
    print("|---|---|---|---|---|")
    print(f"| indexing | {indexing.clock_ms:.2f} | {indexing.processor_ms:.2f} | | |")
    for name, cost in refilling.items():
        print(
            f"| re-filling, {name} | {cost.clock_ms:.2f} | {cost.processor_ms:.2f} "
            f"| {indexing.clock_ms / cost.clock_ms:.1f} "
            f"| {indexing.processor_ms / cost.processor_ms:.1f} |"
        )


if __name__ == "__main__":
    main()
