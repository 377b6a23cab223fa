"""The ways to index a folder that benchmarks/indexing.py compares, each in its own process.

    python contenders.py '{"way": "ours", "folder": "PHOTOS", "encoder": "efficientnet-lite0"}'

prints one line of JSON: images, seconds, cpu_ms of all threads and children for each image, and
the peak of the process's memory. Imports, and loading the network where a person's own script
would do that once, are not timed; everything from the first file to the last is.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pictures

if TYPE_CHECKING:
    import torch

Way = Literal["ours", "naive", "folded", "loader"]

# A contender stops here: spinning threads can make one a hundred times slower on a busy machine.
_LONGEST_S = 20.0
_WARM_UP = 16
_LOADER_BATCH = 64
_LOADER_WORKERS = 2


@dataclass(frozen=True, slots=True)
class Order:
    """What to run. images: 0 means all in the folder. threads: torch's, where torch runs."""

    way: Way
    folder: str
    encoder: str
    precision: Literal["fp32", "bf16"] = "fp32"
    images: int = 0
    threads: int = 1
    workers: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured."""

    images: int
    seconds: float
    cpu_ms: float
    peak_megabytes: float

    @property
    def rate(self) -> float:
        """Images a second."""
        return self.images / self.seconds


class _Stopwatch:
    def __init__(self) -> None:
        self.seconds = 0.0
        self.cpu_s = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time what happens inside."""
        started, cpu = time.perf_counter(), _cpu_s()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - started
            self.cpu_s += _cpu_s() - cpu

    def figures(self, images: int) -> Figures:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        return Figures(images, self.seconds, self.cpu_s / images * 1e3, peak)


def run(order: Order) -> Figures:
    """Run one way in this process."""
    ways: dict[Way, Callable[[Order, list[Path]], Figures]] = {
        "ours": _ours,
        "naive": _naive,
        "folded": _naive,
        "loader": _loader,
    }
    return ways[order.way](order, sorted(Path(order.folder).glob("*.jpg")))


def _ours(order: Order, files: list[Path]) -> Figures:
    """`tiefvision index` into an empty catalogue: all of it, the network's loading included."""
    from tiefvision.tasks.index import index

    few = pictures.every(files, _WARM_UP)
    given: list[str | Path] = [Path(order.folder)]
    if order.images:
        given = list(pictures.every(files, order.images))
    watch = _Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "encoder": order.encoder,
            "precision": order.precision,
            "workers_wanted": order.workers or None,
        }
        index(few, catalogue=f"{folder}/warm", **settings)
        with watch.running():
            report = index(given, catalogue=f"{folder}/shop", **settings)
    return watch.figures(report.indexed + report.duplicates + report.refused)


def _naive(order: Order, files: list[Path]) -> Figures:
    """One image after the other: open, convert, resize, torch eager; vectors kept in a list."""
    import torch

    torch.set_num_threads(order.threads)
    loaded = networks(order)
    files = pictures.every(files, order.images or len(files))
    vectors: list[list[torch.Tensor]] = []
    watch = _Stopwatch()
    with torch.inference_mode():
        for file in files[:_WARM_UP]:
            [network(_read(file, side)) for network, side in loaded]
        with watch.running():
            end = time.perf_counter() + _LONGEST_S
            for file in files:
                tensors = [_read(file, side) for _, side in loaded]
                pairs = zip(loaded, tensors, strict=True)
                vectors.append([network(tensor).mean((2, 3)) for (network, _), tensor in pairs])
                if time.perf_counter() > end:
                    break
    return watch.figures(len(vectors))


def _loader(order: Order, files: list[Path]) -> Figures:
    """The DataLoader way: worker processes decode and resize, the main process encodes batches."""
    import torch
    from torch.utils.data import DataLoader

    torch.set_num_threads(order.threads)
    loaded = networks(order)
    files = pictures.every(files, order.images or len(files))
    loader = DataLoader(
        _Files(files, [side for _, side in loaded]),
        batch_size=_LOADER_BATCH,
        num_workers=_LOADER_WORKERS,
    )
    watch, done = _Stopwatch(), 0
    with torch.inference_mode(), watch.running():
        end = time.perf_counter() + _LONGEST_S
        for batches in loader:
            for (network, _), batch in zip(loaded, batches, strict=True):
                pixels = batch.permute(0, 3, 1, 2).float()
                network.grid((pixels - network.mean) * network.scale).mean((2, 3))
            done += len(batches[0])
            if time.perf_counter() > end:
                break
    return watch.figures(done)


class _Files:
    """The files as a torch data set: one tensor for each network."""

    def __init__(self, files: list[Path], sides: list[int]) -> None:
        self._files, self._sides = files, sides

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, place: int) -> list[torch.Tensor]:
        return [_read(self._files[place], side) for side in self._sides]


def _read(file: Path, side: int) -> torch.Tensor:
    import numpy as np
    import torch
    from PIL import Image

    with Image.open(file) as picture:
        square = picture.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(square))


def networks(order: Order) -> list:
    """The encoder's networks in torch, each with the side of its input."""
    from tiefvision.vision.encoders import loading
    from tiefvision.vision.encoders.network import MODEL_FILE
    from torch_network import TorchNetwork

    encoder = loading.load(order.encoder)
    found: list = []
    for folder, part in zip(encoder.folders, encoder.parts, strict=True):
        layer = part.name.partition("@")[2]
        model = folder.artefact.path(MODEL_FILE)
        network = TorchNetwork(model, output=layer, folded=order.way == "folded")
        found.append((network, folder.side))
    return found


def _cpu_s() -> float:
    """Processor seconds of this process and of those of its children that ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    used = [resource.getrusage(kind) for kind in kinds]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    print(json.dumps(asdict(run(Order(**json.loads(sys.argv[1]))))))
