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
from collections.abc import Callable, Iterator, Mapping
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
_CELLS = 3  # rows and columns, as ours has them by default


@dataclass(frozen=True, slots=True)
class Order:
    """What to run. images: 0 means all in the folder. threads: torch's, where torch runs.

    first_guess: of ours, as in tiefvision.toml; the other ways look at the middle of the picture.
    """

    way: Way
    folder: str
    encoder: str
    precision: Literal["fp32", "bf16"] = "fp32"
    images: int = 0
    threads: int = 1
    workers: int = 0
    first_guess: Literal["auto", "on", "off"] = "off"


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
    from tiefvision.settings import FILE_NAME
    from tiefvision.tasks.indexing.index import index

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
        for shop in ("warm", "shop"):
            Path(folder, shop).mkdir()
            own = f'[locator]\nfirst_guess = "{order.first_guess}"\n'
            Path(folder, shop, FILE_NAME).write_text(own, encoding="utf-8")
        index(few, catalogue=f"{folder}/warm", **settings)
        with watch.running():
            report = index(given, catalogue=f"{folder}/shop", **settings)
    return watch.figures(report.indexed + report.duplicates + report.refused)


def _naive(order: Order, files: list[Path]) -> Figures:
    """One image after the other, torch eager; the cells are kept in a list, then in one file."""
    import numpy as np
    import torch

    torch.set_num_threads(order.threads)
    loaded = networks(order)
    files = pictures.every(files, order.images or len(files))
    cells: list[torch.Tensor] = []
    watch = _Stopwatch()
    with torch.inference_mode(), _precision(order), tempfile.TemporaryDirectory() as folder:
        for file in files[:_WARM_UP]:
            _cells(loaded, _one_image(file, loaded))
        with watch.running():
            end = time.perf_counter() + _LONGEST_S
            for file in files:
                cells.append(_cells(loaded, _one_image(file, loaded)))
                if time.perf_counter() > end:
                    break
            np.save(f"{folder}/cells.npy", np.concatenate([some.numpy() for some in cells]))
    return watch.figures(len(cells))


def _loader(order: Order, files: list[Path]) -> Figures:
    """The DataLoader way: worker processes decode and resize, the main process encodes batches."""
    import numpy as np
    import torch
    from torch.utils.data import DataLoader

    torch.set_num_threads(order.threads)
    loaded = networks(order)
    files = pictures.every(files, order.images or len(files))
    loader = DataLoader(
        _Files(files, _sides(loaded)), batch_size=_LOADER_BATCH, num_workers=_LOADER_WORKERS
    )
    watch, cells = _Stopwatch(), list[torch.Tensor]()
    with torch.inference_mode(), _precision(order), tempfile.TemporaryDirectory() as folder:
        with watch.running():
            end = time.perf_counter() + _LONGEST_S
            for squares in loader:
                cells.append(_cells(loaded, squares))
                if time.perf_counter() > end:
                    break
            np.save(f"{folder}/cells.npy", np.concatenate([some.numpy() for some in cells]))
    return watch.figures(sum(len(some) for some in cells))


class _Files:
    """The files as a torch data set: for each side that a network takes one tensor."""

    def __init__(self, files: list[Path], sides: set[int]) -> None:
        self._files, self._sides = files, sides

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, place: int) -> dict[int, torch.Tensor]:
        return _squares(self._files[place], self._sides)


def _squares(file: Path, sides: set[int]) -> dict[int, torch.Tensor]:
    """uint8 (side, side, 3) for each side; the file is decoded once."""
    import numpy as np
    import torch
    from PIL import Image

    with Image.open(file) as picture:
        rgb = picture.convert("RGB")
    return {
        side: torch.from_numpy(np.array(rgb.resize((side, side), Image.Resampling.BICUBIC)))
        for side in sides
    }


def _one_image(file: Path, loaded: list) -> dict[int, torch.Tensor]:
    return {side: square[None] for side, square in _squares(file, _sides(loaded)).items()}


def _cells(loaded: list, squares: Mapping[int, torch.Tensor]) -> torch.Tensor:
    """float16 (n, channels of all networks, 3, 3): what we store, cells of unit length by network.

    squares: for each side that a network takes, uint8 (n, side, side, 3).
    """
    import torch
    from torch.nn import functional

    parts: list[torch.Tensor] = []
    for network, side in loaded:
        pixels = squares[side].permute(0, 3, 1, 2).float()
        grid = network.grid((pixels - network.mean) * network.scale)
        pooled = functional.adaptive_max_pool2d(grid.float(), _CELLS)
        parts.append(functional.normalize(pooled, dim=1))
    return torch.cat(parts, 1).half()


def _sides(loaded: list) -> set[int]:
    return {side for _, side in loaded}


def _precision(order: Order) -> torch.autocast:
    """Torch's own bf16 where that is wanted; it finds out by itself which layers gain from it."""
    import torch

    return torch.autocast("cpu", torch.bfloat16, enabled=order.precision == "bf16")


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
