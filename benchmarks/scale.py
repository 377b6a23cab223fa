"""What the vector engine costs as a catalogue grows: filling, building, disk, memory, queries.

    python benchmarks/scale.py --rows 10000 100000 1000000

Rows are compact vectors of 256 numbers (the same as their cell, so that what a row takes is what
the engine costs) with one attribute: those of real photographs (TIEFVISION_PHOTOS), mixed with each
other and with noise. Every size runs in a process of its own through the store that the product
uses (Lance). Making the vectors is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from jaxtyping import Float16, Float32, Int64

import pictures
import synthetic
from tiefvision.store.filters import ColumnType, Filter, parse
from tiefvision.store.lance import LanceStore
from tiefvision.store.records import RowKey
from tiefvision.store.vectors import VectorRows, VectorStore
from tiefvision.tasks.indexing.index import index
from tiefvision.tasks.opened import fresh_scan, opened

_SPACE = "scale"
_DIMENSIONS = 256
# Rows of a catalogue that has compact vectors.
_ENOUGH = 2_000
# The writer of an index run hands over 3 to 4 MB at a time too.
_BATCH = 4_096
_MIXED = 0.5
_NOISE = 0.3
_HITS, _SHORTLIST = 10, 100
_QUERIES = 200
_CLIENTS, _CLIENTS_S = 4, 5.0
# `share` is 0 to 99 evenly: these conditions hold for 1 %, 10 % and 50 % of the rows.
_COLUMNS = {"share": ColumnType.INTEGER}
_FILTERS = {"1 %": 1, "10 %": 10, "50 %": 50}
_CHANGES = 10


def main() -> None:
    arguments = _arguments()
    if arguments.one:
        print(json.dumps(_measured(arguments.one, Path(arguments.work))))
        return
    print(f"load of the machine: {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
        _save_real(Path(folder), arguments.photographs)
        _print_table({rows: _child(rows, folder) for rows in arguments.rows})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--photographs", type=int, default=1_000)
    parser.add_argument("--work", default=None, help="folder with room for the vectors")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def _child(rows: int, folder: str) -> dict[str, float]:
    program = [sys.executable, __file__, "--one", str(rows), "--work", folder]
    ended = subprocess.run(program, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(ended.stdout.splitlines()[-1])


def _print_table(by_rows: dict[int, dict[str, float]]) -> None:
    print("| | " + " | ".join(f"{rows:,}" for rows in by_rows) + " |")
    print("|---|" + "---|" * len(by_rows))
    for name in next(iter(by_rows.values())):
        cells = [f"{figures[name]:.4g}" for figures in by_rows.values()]
        print(f"| {name} | " + " | ".join(cells) + " |")
    print(flush=True)


# --- vectors -------------------------------------------------------------------------------------


def _save_real(folder: Path, count: int) -> None:
    """The compact vectors of a catalogue of real photographs, float32 (n, 256)."""
    photographs = pictures.every(pictures.photographs(), count)
    index(photographs, catalogue=folder / "shop")
    synthetic.grow(folder / "shop", _ENOUGH)
    with opened(folder / "shop") as shop:
        compact = fresh_scan(shop, shop.search_space()).compact
    assert compact is not None, "it is large enough for a projection"
    assert compact.shape[1] == _DIMENSIONS, compact.shape
    np.save(folder / "real.npy", np.asarray(compact, np.float32))


@dataclass(frozen=True, slots=True)
class Drawn:
    """Vectors near real ones; the same ones whenever they are drawn."""

    real: Float32[np.ndarray, "n dimensions"]
    count: int

    def batches(self) -> Iterator[tuple[int, Float16[np.ndarray, "rows dimensions"]]]:
        """The first row of each batch and its vectors."""
        for start in range(0, self.count, _BATCH):
            yield start, self._some(min(_BATCH, self.count - start), seed=1 + start)

    def queries(self) -> Float16[np.ndarray, "queries dimensions"]:
        return self._some(_QUERIES, seed=0)

    def _some(self, count: int, *, seed: int) -> Float16[np.ndarray, "count dimensions"]:
        rng = np.random.default_rng(seed)
        own, other = rng.integers(0, len(self.real), (2, count))
        mixed = rng.uniform(0, _MIXED, (count, 1)).astype(np.float32)
        noise = rng.standard_normal((count, self.real.shape[1]), np.float32)
        vectors = self.real[own] * (1 - mixed) + self.real[other] * mixed
        vectors += noise * (_NOISE * self.real.std(axis=0))
        return vectors.astype(np.float16)

    def best(self, below: int) -> Int64[np.ndarray, "queries hits"]:
        """The rows that are nearest to each query, of those whose `share` is below."""
        queries = self.queries().astype(np.float32)
        scores = np.full((len(queries), _HITS), -np.inf, np.float32)
        rows = np.full((len(queries), _HITS), -1)
        for start, vectors in self.batches():
            own = np.arange(start, start + len(vectors))
            matching = own % 100 < below
            scores = np.hstack([scores, queries @ vectors[matching].astype(np.float32).T])
            rows = np.hstack([rows, np.broadcast_to(own[matching], (len(queries), matching.sum()))])
            order = np.argsort(-scores, axis=1, kind="stable")[:, :_HITS]
            scores = np.take_along_axis(scores, order, axis=1)
            rows = np.take_along_axis(rows, order, axis=1)
        return rows


def _key(row: int, version: int = 0) -> RowKey:
    return RowKey(row, f"{version:032x}{row:032x}", 0, 0)


def _rows(start: int, vectors: Float16[np.ndarray, "rows dimensions"]) -> VectorRows:
    numbers = range(start, start + len(vectors))
    compact = {_SPACE: vectors.astype(np.float32)}
    attributes = [{"share": row % 100} for row in numbers]
    return VectorRows([_key(row) for row in numbers], vectors, attributes, compact)


# --- one size ------------------------------------------------------------------------------------

_COST = "filling and building, µs an image"


def _measured(count: int, work: Path) -> dict[str, float]:
    drawn = Drawn(np.load(work / "real.npy"), count)
    with tempfile.TemporaryDirectory(dir=work) as folder:
        place = Path(folder) / "cells.lance"
        store = LanceStore(place, cell_space_id=_SPACE, cell_length=_DIMENSIONS)
        before = _resident(psutil.Process())
        fill_s, build_s = _filled(store, drawn)
        figures = {
            "filling, s": fill_s,
            "building, s": build_s,
            "images a second": count / (fill_s + build_s),
            _COST: (fill_s + build_s) / count * 1e6,
            "disk, bytes an image": _bytes_below(place) / count,
            "most memory meanwhile, MB": (_peak() - before) / 1e6,
        }
        figures |= _answers(store, drawn) | _changes(store, drawn)
        figures["memory after queries, MB"] = (_resident(psutil.Process()) - before) / 1e6
        return figures


def _filled(store: VectorStore, drawn: Drawn) -> tuple[float, float]:
    """Seconds of appending all rows, and of building what queries need."""

    def never(cells: Float16[np.ndarray, "n length"]) -> Float32[np.ndarray, "n dimensions"]:
        raise AssertionError("no row is older than the search space")

    store.declare_columns(_COLUMNS)
    store.add_search_space(_SPACE, dimensions=_DIMENSIONS, project=never)
    fill_s = 0.0
    for start, vectors in drawn.batches():
        rows = _rows(start, vectors)
        started = time.perf_counter()
        store.append(rows)
        fill_s += time.perf_counter() - started
    started = time.perf_counter()
    store.optimize(search_space_ids=[_SPACE], columns=list(_COLUMNS))
    return fill_s, time.perf_counter() - started


def _answers(store: VectorStore, drawn: Drawn) -> dict[str, float]:
    """Times of queries and what they find, without and with filters."""
    queries = drawn.queries().astype(np.float32)
    figures: dict[str, float] = {}
    for name, below in {"all": 100, **_FILTERS}.items():
        where = None if below == 100 else parse(f"share < {below}", _COLUMNS)
        _nearest(store, queries[0], where)
        best, shares, taken = drawn.best(below), list[float](), list[float]()
        for query, expected in zip(queries, best, strict=True):
            started = time.perf_counter()
            found = _nearest(store, query, where)
            taken.append((time.perf_counter() - started) * 1e3)
            shares.append(len(np.intersect1d(found, expected)) / _HITS)
        figures[f"p50 of {name}, ms"], figures[f"p95 of {name}, ms"] = np.percentile(
            taken, [50, 95]
        )
        figures[f"recall@{_HITS} of {name}"] = float(np.mean(shares))
    figures[f"queries a second, {_CLIENTS} clients"] = _queries_a_second(store, queries)
    return figures


def _nearest(
    store: VectorStore, query: Float32[np.ndarray, " dimensions"], where: Filter | None
) -> Int64[np.ndarray, " n"]:
    """The image ids of the shortlist, from which a search ranks its hits by whole cells."""
    found = store.nearest(query, search_space_id=_SPACE, limit=_SHORTLIST, where=where)
    return np.array([key.image_id for key in found.keys])


def _queries_a_second(
    store: VectorStore, queries: Float32[np.ndarray, "queries dimensions"]
) -> float:
    end = time.monotonic() + _CLIENTS_S

    def ask(first: int) -> int:
        count = 0
        while time.monotonic() < end:
            _nearest(store, queries[(first + count) % len(queries)], None)
            count += 1
        return count

    with ThreadPoolExecutor(_CLIENTS) as clients:
        return sum(clients.map(ask, range(0, len(queries), len(queries) // _CLIENTS))) / _CLIENTS_S


def _changes(store: VectorStore, drawn: Drawn) -> dict[str, float]:
    """Milliseconds from a change until a query shows it, in the median."""
    vectors, replaced, deleted = drawn.queries(), list[float](), list[float]()
    for row in range(_CHANGES):
        # Longer than all others, so that it is the nearest to its own direction.
        new, query = _key(row, version=1), vectors[row].astype(np.float32)
        rows = VectorRows([new], vectors[row : row + 1], [{"share": 0}], {_SPACE: 4 * query[None]})
        started = time.perf_counter()
        store.append(rows)
        store.remove_superseded([new])
        while row not in _nearest(store, query, None):
            pass
        replaced.append((time.perf_counter() - started) * 1e3)
        started = time.perf_counter()
        store.remove_images([row])
        while row in _nearest(store, query, None):
            pass
        deleted.append((time.perf_counter() - started) * 1e3)
    return {
        "a changed image is found after, ms": float(np.median(replaced)),
        "a deleted one no more after, ms": float(np.median(deleted)),
    }


def _resident(process: psutil.Process) -> int:
    return process.memory_info().rss


def _peak() -> int:
    """The most memory that this process ever had, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _bytes_below(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


if __name__ == "__main__":
    main()
