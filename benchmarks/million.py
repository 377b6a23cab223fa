"""A million compact vectors: scanned in memory, and by the index that the vector engine builds.

The vectors are real images' compact vectors mixed with each other and with noise.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import lance
import numpy as np
import pyarrow as pa
from jaxtyping import Float16, Float32

from tiefvision.store.scan import Scan
from tiefvision.store.spaces import SearchSpace
from tiefvision.tasks.opened import Opened, fresh_scan
from tiefvision.tasks.searching.candidates import Query

_ROWS = 50_000
_MIXED = 0.5
_NOISE = 0.3
_LIMIT = 200
_PROBES = ((16, 4), (32, 8), (64, 8))


def measure(shop: Opened, asked: Sequence[Query], count: int, folder: Path) -> None:
    """Print p50 and p95 of finding the nearest 200, and how many of them the index finds."""
    space = shop.search_space()
    compact = fresh_scan(shop, space).compact
    assert compact is not None, "the catalogue is large enough for a projection"
    matrix = _neighbours(np.asarray(compact, np.float32), count)
    rows = np.arange(count)
    keys = rows.astype(np.uint64)
    scan = Scan(0, rows, rows, keys, matrix, matrix)
    gigabytes = matrix.nbytes / 1e9
    print(f"### {count:,} compact vectors of {matrix.shape[1]} ({gigabytes:.2f} GB float16)\n")
    print("| way | holds of the scan's 200 | p50 ms | p95 ms |\n|---|---|---|---|")
    best, taken = [], []
    for query in asked:
        started = time.perf_counter()
        best.append(scan.shortlist(query.exact, query.compact, limit=_LIMIT))
        taken.append((time.perf_counter() - started) * 1e3)
    _row("scan", 1.0, taken)
    dataset, build_s = _built(matrix, folder, space)
    for probes, refine in _PROBES:
        shares, taken = [], []
        for query, expected in zip(asked, best, strict=True):
            started = time.perf_counter()
            found = dataset.to_table(
                columns=["row", "_distance"],
                nearest={
                    "column": "vector",
                    "q": query.compact.astype(np.float16),
                    "k": _LIMIT,
                    "nprobes": probes,
                    "refine_factor": refine,
                    "metric": "dot",
                },
            )
            taken.append((time.perf_counter() - started) * 1e3)
            common = np.intersect1d(found.column("row").to_numpy(), expected)
            shares.append(len(common) / _LIMIT)
        _row(f"IVF_RQ, {probes} partitions, refine {refine}", float(np.mean(shares)), taken)
    print(f"\nThe index was built in {build_s:.0f} s.\n")


def _row(way: str, share: float, taken: list[float]) -> None:
    high = np.percentile(taken, 95)
    print(f"| {way} | {share:.3f} | {statistics.median(taken):.2f} | {high:.2f} |")


def _neighbours(
    real: Float32[np.ndarray, "n dimensions"], count: int
) -> Float16[np.ndarray, "count dimensions"]:
    rng = np.random.default_rng(1)
    result = np.empty((count, real.shape[1]), np.float16)
    spread = real.std(axis=0)
    for start in range(0, count, _ROWS):
        some = result[start : start + _ROWS]
        own, other = rng.integers(0, len(real), (2, len(some)))
        mixed = rng.uniform(0, _MIXED, (len(some), 1)).astype(np.float32)
        noise = rng.standard_normal(some.shape, np.float32) * (_NOISE * spread)
        some[:] = real[own] * (1 - mixed) + real[other] * mixed + noise
    return result


def _built(
    matrix: Float16[np.ndarray, "n dimensions"], folder: Path, space: SearchSpace
) -> tuple[lance.LanceDataset, float]:
    dimensions = space.dimensions
    assert dimensions is not None, "checked above"
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), dimensions)
    table = pa.table({"row": pa.array(np.arange(len(matrix))), "vector": vectors})
    dataset = lance.write_dataset(table, folder)
    started = time.monotonic()
    dataset.create_index("vector", "IVF_RQ", metric="dot")
    return dataset, time.monotonic() - started
