"""A set of photographs embedded, compared and searched exactly as the product does it."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float16, Float32, Int64

from evaluation import SHOWN, PhotoSet, Task
from tiefvision.maths import projection
from tiefvision.maths.projection import Projection
from tiefvision.settings import EncoderSettings, SearchSettings
from tiefvision.store import scan, spaces
from tiefvision.store.scan import Scan, ScanRows
from tiefvision.store.spaces import CellSpace, SearchSpace
from tiefvision.tasks.indexing.growth import DIMENSIONS, RUNGS
from tiefvision.vision.embedder import PREPROCESS, Embedder
from tiefvision.vision.encoders import networks_of
from tiefvision.vision.pixels import content_id, file_bytes
from views import in_threads, ready

_BATCH = 250
_MS = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """A set's stored cells by the default settings, flattened, and its files' content ids."""

    space: CellSpace
    cells: Float16[np.ndarray, "n length"]
    content_ids: tuple[str, ...]

    def smallest(self, count: int) -> Int64[np.ndarray, " count"]:
        """The images that the product fits on: those with the smallest content ids."""
        return np.argsort(self.content_ids, kind="stable")[:count]

    def mean(self, images: Int64[np.ndarray, " m"]) -> Float32[np.ndarray, " channels"]:
        """The mean cell of some images."""
        cells = self.cells[images].reshape(-1, self.space.channels)
        return cells.mean(axis=0, dtype=np.float64).astype(np.float32)


def default_embedder() -> Embedder:
    """The embedder of a catalogue whose settings nobody changed."""
    chosen = EncoderSettings()
    return Embedder(ready(chosen.name), chosen.rows, chosen.cols, pooling=chosen.pooling)


def embed(photos: PhotoSet) -> Embedded:
    """Every photograph of a set through the product's embedder."""
    chosen, embedder = EncoderSettings(), default_embedder()

    def one(file: Path) -> tuple[str, Float16[np.ndarray, " length"]]:
        data = file_bytes(file)
        return content_id(data), embedder.embed(data).cells.reshape(-1)

    found = list(in_threads(one, photos.files, note=f"{photos.name}: the product"))
    space = CellSpace(
        encoder=chosen.name,
        fingerprint=embedder.encoder.fingerprint,
        precision=chosen.precision,
        preprocess=PREPROCESS,
        rows=chosen.rows,
        cols=chosen.cols,
        pooling=chosen.pooling,
        parts=embedder.layout,
    )
    content_ids = tuple(content for content, _ in found)
    return Embedded(space, np.stack([cells for _, cells in found]), content_ids)


def search_space(
    embedded: Embedded,
    mean: Float32[np.ndarray, " channels"],
    *,
    fitted: Projection | None = None,
) -> SearchSpace:
    """A search space with a mean cell, and a projection where one was fitted."""
    sample = spaces.sample_digest(list(embedded.content_ids))
    return SearchSpace(embedded.space, mean, fitted, len(embedded.cells), sample)


def rung(embedded: Embedded) -> int:
    """How many images a catalogue of this size has its space fitted on."""
    return max(rung for rung in RUNGS if rung <= len(embedded.cells))


def shipped_space(embedded: Embedded) -> SearchSpace:
    """The space that a catalogue of this size has."""
    return search_space(embedded, embedded.mean(embedded.smallest(rung(embedded))))


def projected_space(embedded: Embedded) -> SearchSpace:
    """The space that it would have with more images: a projection as well, fitted on all."""
    everything = embedded.smallest(len(embedded.cells))
    plain = search_space(embedded, embedded.mean(everything))

    def batches() -> Iterator[Float32[np.ndarray, "n length"]]:
        for start in range(0, len(everything), _BATCH):
            yield plain.exact(embedded.cells[everything[start : start + _BATCH]])

    return search_space(embedded, plain.mean, fitted=projection.fit(batches, dimensions=DIMENSIONS))


def similarities(
    task: Task, vectors: Float32[np.ndarray, "n length"]
) -> Float32[np.ndarray, "q g"]:
    """The dot product of each query with each gallery photo."""
    return vectors[task.queries] @ vectors[task.gallery].T


def searched(
    embedded: Embedded, space: SearchSpace, tasks: Sequence[Task]
) -> list[list[Int64[np.ndarray, " shown"]]]:
    """For each task the rankings that shortlist and re-rank give, as gallery positions."""
    count = len(embedded.cells)
    rows = ScanRows(
        image_ids=np.arange(count, dtype=np.int64),
        versions=np.ones(count, np.int64),
        content_keys=np.array([scan.content_key(c) for c in embedded.content_ids], np.uint64),
        cells=embedded.cells,
    )
    with tempfile.TemporaryDirectory() as folder:
        scan.extend(space, Path(folder), [rows], version=1, anew=True)
        opened = scan.open_scan(space, Path(folder))
        assert opened is not None, "a scan was just written"
        exact = space.exact(embedded.cells)
        compact = space.compact(embedded.cells)
        return [
            [
                _search(opened, exact[query], compact[query], task.gallery[task.allowed[i]], task)
                for i, query in enumerate(task.queries)
            ]
            for task in tasks
        ]


def processor_ms(specs: Iterable[str], files: Sequence[Path]) -> dict[str, float]:
    """Median CPU milliseconds of one thread for an image, by encoder: decode, resize, encode, pool.

    All encoders take turns at each file, so that what else the machine does touches all alike.
    Weights cost nothing, so specifications of the same networks share one measurement.
    """
    networks = {spec: "+".join(sorted(networks_of(spec))) for spec in specs}
    chosen = EncoderSettings()
    embedders = {
        name: Embedder(ready(name), chosen.rows, chosen.cols, pooling=chosen.pooling)
        for name in dict.fromkeys(networks.values())
    }
    taken: dict[str, list[float]] = {name: [] for name in embedders}
    for file in files:
        data = file_bytes(file)
        for name, embedder in embedders.items():
            start = time.thread_time()
            embedder.embed(data)
            taken[name].append((time.thread_time() - start) * _MS)
    return {spec: statistics.median(taken[name]) for spec, name in networks.items()}


def _search(
    opened: Scan,
    exact: Float32[np.ndarray, " length"],
    compact: Float32[np.ndarray, " dimensions"],
    among: Int64[np.ndarray, " m"],
    task: Task,
) -> Int64[np.ndarray, " shown"]:
    rows = opened.shortlist(exact, compact, limit=SearchSettings().shortlist, among=among)
    order = np.argsort(-opened.similarities(exact, rows), kind="stable")
    best = rows[order[:SHOWN]]
    best = best[np.argsort(-opened.precise_similarities(exact, best), kind="stable")]
    return np.searchsorted(task.gallery, best)
