"""Every photograph encoded once by each network, pooled in the ways that are compared.

The factors are measured on these cells; the product itself is measured through its own embedder.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import onnx
from jaxtyping import Float16, Float32, UInt8
from onnx import numpy_helper
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tiefvision.maths import boxes
from tiefvision.maths.grids import Pooling, pool, unit_cells
from tiefvision.settings import DEFAULT_ENCODER
from tiefvision.vision import encoders, pixels
from tiefvision.vision.embedder import middle
from tiefvision.vision.encoders import cache
from tiefvision.vision.encoders.network import MODEL_FILE
from tiefvision.vision.encoders.recipes import IMAGENET_MEAN, IMAGENET_STD
from tiefvision.vision.runtime import Session, open_session

THREADS = 2
BASELINE = "efficientnet-lite0"
# EfficientNet-Lite0 fed with torchvision's normalisation instead of its own.
BASELINE_IMAGENET = "efficientnet-lite0, ImageNet normalisation"

Shape = Literal["middle", "squash"]


@dataclass(frozen=True, slots=True)
class Cells:
    """How a grid becomes few cells."""

    rows: int
    cols: int
    by: Pooling

    def __str__(self) -> str:
        return f"{self.rows}x{self.cols} {self.by}"


POOLED = Cells(1, 1, "mean")
MEAN_CELLS = Cells(3, 3, "mean")
MAX_CELLS = Cells(3, 3, "max")
FINE_CELLS = Cells(5, 5, "max")

# Finer cells are long; the networks of few channels have them, and Lite0 to compare with.
_FINE = frozenset({"alexnet", "alexnet-dense", BASELINE})
_MIDDLE_NETWORKS = (
    "alexnet",
    "alexnet-dense",
    BASELINE,
    "efficientnet-lite1",
    "efficientnet-lite2",
    "mobilenetv2",
)
_SQUASHED_NETWORKS = tuple(dict.fromkeys([BASELINE, *encoders.networks_of(DEFAULT_ENCODER)]))


@dataclass(frozen=True, slots=True)
class View:
    """One network's cells of all photographs of a set.

    shape: whether the network saw the middle crop or the whole picture squashed to a square.
    """

    network: str
    shape: Shape
    cells: Cells


Views = dict[View, Float16[np.ndarray, "n rows cols channels"]]


def encode_all(files: Sequence[Path], *, note: str, everything: bool) -> Views:
    """Unit cells of every file in every view, float16 as a catalogue stores them.

    everything: all views; False: only those of the baselines. Memory: about 0.4 MB a file.
    """
    with tempfile.TemporaryDirectory() as folder:
        runs = _runs(Path(folder), everything=everything)

        def encode(file: Path) -> Views:
            return {view: cells for run in runs for view, cells in run(file)}

        found: Views = {}
        for place, views in enumerate(in_threads(encode, files, note=note)):
            for view, cells in views.items():
                if view not in found:
                    found[view] = np.empty((len(files), *cells.shape), np.float16)
                found[view][place] = cells
    return found


_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def in_threads(
    job: Callable[[_Item], _Result], items: Sequence[_Item], *, note: str
) -> Iterator[_Result]:
    """The results of a job in the order of its items, with a progress bar on stderr."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with (
        ThreadPoolExecutor(THREADS) as threads,
        Progress(*columns, console=Console(stderr=True)) as progress,
    ):
        yield from progress.track(threads.map(job, items), total=len(items), description=note)


def ready(spec: str) -> encoders.SideBySide:
    """An encoder by its specification; its weights are fetched when they are not there."""
    for network in encoders.missing(spec):
        encoders.obtain(network)
    return encoders.load(spec)


_Run = Callable[[Path], Iterator[tuple[View, Float16[np.ndarray, "rows cols channels"]]]]


def _runs(folder: Path, *, everything: bool) -> list[_Run]:
    """One run for each side and shape, so that a file is decoded once for all its networks."""
    squashed = _SQUASHED_NETWORKS if everything else (BASELINE,)
    ready(BASELINE)
    runs = [_run(squashed, "squash", {BASELINE_IMAGENET: _with_imagenet_normalisation(folder)})]
    if everything:
        by_side: dict[int, list[str]] = {}
        for network in _MIDDLE_NETWORKS:
            by_side.setdefault(ready(network).side, []).append(network)
        runs += [_run(tuple(networks), "middle", {}) for networks in by_side.values()]
    return runs


def _run(networks: tuple[str, ...], shape: Shape, others: Mapping[str, Session]) -> _Run:
    """others: further networks by name, for the same pixels, each of one grid."""
    encoder = ready("+".join(networks))

    def run(file: Path) -> Iterator[tuple[View, Float16[np.ndarray, "rows cols channels"]]]:
        square = np.ascontiguousarray(_square(file, encoder.side, shape))
        for network, grid in zip(networks, encoder.encode(square), strict=True):
            yield from _pooled(network, shape, grid)
        for name, session in others.items():
            (grid,) = session.run(square)
            yield View(name, shape, POOLED), _unit(grid, POOLED)

    return run


def _with_imagenet_normalisation(folder: Path) -> Session:
    """EfficientNet-Lite0 whose input is normalised as torchvision's models want theirs."""
    network = cache.find(BASELINE)
    assert network is not None, "it was made ready before"
    model = onnx.load(network.artefact.path(MODEL_FILE))
    wanted = {"mean": np.array(IMAGENET_MEAN), "scale": 1 / np.array(IMAGENET_STD)}
    for tensor in model.graph.initializer:
        if tensor.name in wanted:
            value = wanted.pop(tensor.name).astype(np.float32).reshape(3, 1, 1)
            tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
    if wanted:
        raise RuntimeError(f"the network's graph holds no {', '.join(wanted)} to replace")
    file = folder / MODEL_FILE
    onnx.save(model, file)
    return open_session(file, outputs=["head"])


def _square(file: Path, side: int, shape: Shape) -> UInt8[np.ndarray, "side side 3"]:
    """What a network sees of a file: the embedder's middle crop, or the whole picture squashed."""
    image = pixels.read(file, side=side)
    width, height = image.original_width, image.original_height
    shown = middle(width, height) if shape == "middle" else boxes.whole(width, height)
    return pixels.resize(pixels.crop(image.rgb, image.to_decoded(shown)), width=side, height=side)


def _pooled(
    network: str, shape: Shape, grid: Float32[np.ndarray, "_rows _cols channels"]
) -> Iterator[tuple[View, Float16[np.ndarray, "rows cols channels"]]]:
    wanted = [POOLED, MAX_CELLS]
    if shape == "middle":
        wanted += [MEAN_CELLS] + ([FINE_CELLS] if network in _FINE else [])
    for cells in wanted:
        yield View(network, shape, cells), _unit(grid, cells)


def _unit(
    grid: Float32[np.ndarray, "_rows _cols channels"], cells: Cells
) -> Float16[np.ndarray, "rows cols channels"]:
    pooled = pool(grid, rows=cells.rows, cols=cells.cols, by=cells.by)
    return unit_cells(pooled).astype(np.float16)
