"""How fast and how exact a search is, part by part.

    python benchmarks/search.py --rows 2000 100000           # warm queries and recall
    python benchmarks/search.py --rows 100000 --engine       # the same by the engine's index
    python benchmarks/search.py --rows 2000 --cold           # whole `tiefvision search` processes
    python benchmarks/search.py --million                    # compact vectors alone, 1 million

A catalogue of real photographs (TIEFVISION_PHOTOS) is grown with synthetic neighbours of their
cells (benchmarks/synthetic.py), through the real store; queries are photographs that it does not
hold. 100,000 rows take 10 GB of disk while this runs, below --work (a temporary folder).
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64

import pictures
import synthetic
from tiefvision.store import lance
from tiefvision.store.scan import Scan
from tiefvision.tasks.indexing.index import index
from tiefvision.tasks.opened import Opened, fresh_scan, opened
from tiefvision.tasks.ready_encoder import carried_encoder
from tiefvision.tasks.searching.candidates import Query
from tiefvision.tasks.searching.search import Searcher
from tiefvision.vision.embedder import Embedder

PARTS = ("open", "decode", "encode", "shortlist", "rerank", "describe")
# Lengths of the shortlist, and the engine's (partitions probed, refine factor), that are compared.
SHORTLISTS = (50, 100, 200, 400)
PROBES = ((8, 4), (16, 4), (32, 4), (32, 8), (64, 8))
# One photograph in so many is a query and stays out of the catalogue.
HELD_OUT = 9
HITS = 10
_BLOCK = 2_000
_COLD_RUNS = 7
_MILLION = 1_000_000


def main() -> None:
    arguments = _arguments()
    print(f"load of the machine: {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
        work = Path(folder)
        photographs = pictures.photographs()
        if arguments.photographs:
            photographs = pictures.every(photographs, arguments.photographs)
        queries = photographs[::HELD_OUT]
        held = set(queries)
        base = work / "base"
        index([file for file in photographs if file not in held], catalogue=base)
        queries = pictures.every(queries, arguments.queries)
        for rows in arguments.rows:
            shop = _grown(base, work / f"rows-{rows}", rows)
            _measure(shop, queries, engine=arguments.engine)
            if arguments.cold:
                _cold(shop, queries[0])
            shutil.rmtree(shop)
        if arguments.million:
            _million(base, queries, work)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[2_000, 100_000])
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--photographs", type=int, default=0, help="0: all there are")
    parser.add_argument("--engine", action="store_true", help="also by the vector engine's index")
    parser.add_argument("--cold", action="store_true", help="also whole processes")
    parser.add_argument("--million", action="store_true", help="also 1M compact vectors")
    parser.add_argument("--work", default=None, help="folder with room for the catalogues")
    return parser.parse_args()


def _grown(base: Path, folder: Path, rows: int) -> Path:
    started = time.monotonic()
    shutil.copytree(base, folder)
    synthetic.grow(folder, rows)
    gigabytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e9
    print(f"{rows:,} rows filled in {time.monotonic() - started:.0f} s, {gigabytes:.1f} GB\n")
    return folder


# --- warm queries --------------------------------------------------------------------------------


def _measure(folder: Path, queries: Sequence[Path], *, engine: bool) -> None:
    with opened(folder) as shop:
        print(f"### {shop.searchable():,} images, scanned\n")
        _print_parts(shop, queries)
        asked = _asked(shop, queries)
        exact = _exact_best(shop, asked)
        _print_recall(shop, asked, exact)
        if engine:
            print(f"### {shop.searchable():,} images, by the engine's index\n")
            own = dataclasses.replace(shop.settings.search, scan_up_to=0)
            chosen = dataclasses.replace(shop.settings, search=own)
            by_engine = dataclasses.replace(shop, settings=chosen)
            _print_parts(by_engine, queries)
            _print_probes(by_engine, asked, exact)


def _print_parts(shop: Opened, queries: Sequence[Path]) -> None:
    """A table of p50 and p95 of the parts of a warm query."""
    searcher = Searcher(shop)
    searcher.search(queries[0], k=HITS)
    taken: dict[str, list[float]] = {part: [] for part in (*PARTS, "shortlist + rerank", "all")}
    for query in queries:
        started = time.perf_counter()
        found = searcher.search(query, k=HITS).milliseconds
        taken["all"].append((time.perf_counter() - started) * 1e3)
        for part in PARTS:
            taken[part].append(found.get(part, 0.0))
        taken["shortlist + rerank"].append(found["shortlist"] + found["rerank"])
    print("| part | p50 ms | p95 ms |\n|---|---|---|")
    for part, values in taken.items():
        middle, high = np.percentile(values, [50, 95])
        print(f"| {part} | {middle:.2f} | {high:.2f} |")
    print()


# --- recall --------------------------------------------------------------------------------------


def _asked(shop: Opened, queries: Sequence[Path]) -> list[Query]:
    """The vectors of the queries, as a search makes them."""
    space = shop.search_space()
    own = space.cell_space
    encoder = carried_encoder(shop.home, own)
    embedder = Embedder(encoder, own.rows, own.cols, pooling=own.pooling)
    asked: list[Query] = []
    for query in queries:
        exact = space.exact(embedder.embed(query).cells.reshape(1, -1))[0]
        compact = exact if space.projection is None else space.projection(exact)
        asked.append(Query(exact=exact, compact=compact))
    return asked


def _exact_best(shop: Opened, asked: Sequence[Query]) -> Int64[np.ndarray, "queries hits"]:
    """The image ids of the best by exact similarity, every row compared with every query."""
    scan = fresh_scan(shop, shop.search_space())
    matrix = np.stack([query.exact for query in asked])
    scores = np.empty((len(asked), len(scan.exact)), np.float32)
    for start in range(0, len(scan.exact), _BLOCK):
        block = scan.exact[start : start + _BLOCK].astype(np.float32)
        scores[:, start : start + len(block)] = matrix @ block.T
    return scan.image_ids[_best(scores, HITS)]


def _print_recall(
    shop: Opened, asked: Sequence[Query], exact: Int64[np.ndarray, "queries hits"]
) -> None:
    """A table of recall and time for each length of the shortlist."""
    scan = fresh_scan(shop, shop.search_space())
    print(f"| shortlist | recall@{HITS} | worst query | p50 ms |\n|---|---|---|---|")
    for limit in SHORTLISTS:
        found, taken = _ranked(scan, asked, limit)
        shares = [_share(*pair) for pair in zip(found, exact, strict=True)]
        p50 = statistics.median(taken)
        print(f"| {limit} | {np.mean(shares):.4f} | {min(shares):.1f} | {p50:.2f} |")
    print()


def _ranked(
    scan: Scan, asked: Sequence[Query], limit: int
) -> tuple[list[Int64[np.ndarray, " hits"]], list[float]]:
    """Image ids of the best of each query's shortlist, and milliseconds of both steps."""
    found: list[Int64[np.ndarray, " hits"]] = []
    taken: list[float] = []
    for query in asked:
        started = time.perf_counter()
        rows = scan.shortlist(query.exact, query.compact, limit=limit)
        scores = scan.similarities(query.exact, rows)
        best = rows[np.argsort(-scores, kind="stable")[:HITS]]
        taken.append((time.perf_counter() - started) * 1e3)
        found.append(scan.image_ids[best])
    return found, taken


def _print_probes(
    shop: Opened, asked: Sequence[Query], exact: Int64[np.ndarray, "queries hits"]
) -> None:
    """A table of the engine index's settings: what the shortlist holds of the exact best."""
    space = shop.search_space()
    store = shop.vectors(space.cell_space)
    limit = shop.settings.search.shortlist
    print(f"| partitions probed | refine | recall@{HITS} of {limit} | p50 ms |\n|---|---|---|---|")
    for probes, refine in PROBES:
        # The constants of the store itself, so that what is measured is what it does.
        lance._PARTITIONS_PROBED, lance._REFINE_FACTOR = probes, refine
        shares: list[float] = []
        taken: list[float] = []
        for query, best in zip(asked, exact, strict=True):
            started = time.perf_counter()
            found = store.nearest(query.compact, search_space_id=space.id, limit=limit, where=None)
            taken.append((time.perf_counter() - started) * 1e3)
            shares.append(_share(np.array([key.image_id for key in found.keys]), best))
        print(f"| {probes} | {refine} | {np.mean(shares):.4f} | {statistics.median(taken):.2f} |")
    print()


def _share(found: Int64[np.ndarray, " n"], best: Int64[np.ndarray, " hits"]) -> float:
    return len(np.intersect1d(found, best)) / len(best)


def _best(
    scores: Float32[np.ndarray, "queries n"], count: int
) -> Int64[np.ndarray, "queries count"]:
    return np.argsort(-scores, axis=1, kind="stable")[:, :count]


# --- whole processes -----------------------------------------------------------------------------


def _cold(folder: Path, query: Path) -> None:
    """A table of the wall time of whole `tiefvision` processes, files in the page cache."""
    program = [sys.executable, "-m", "tiefvision"]
    script = Path(sys.executable).with_name("tiefvision")
    if script.exists():
        program = [str(script)]
    print("| process | median s | fastest s |\n|---|---|---|")
    for name, words in {
        "search, k = 5": ["search", str(query), "-c", str(folder), "-k", "5", "--json"],
        "--help": ["--help"],
    }.items():
        taken: list[float] = []
        for _ in range(_COLD_RUNS):
            started = time.perf_counter()
            subprocess.run([*program, *words], check=True, capture_output=True)
            taken.append(time.perf_counter() - started)
        print(f"| {name} | {statistics.median(taken):.2f} | {min(taken):.2f} |")
    print()


# --- a million -----------------------------------------------------------------------------------


def _million(base: Path, queries: Sequence[Path], work: Path) -> None:
    """Compact vectors of a million synthetic images: scanned, and by the engine's index."""
    import million  # beside this script

    with tempfile.TemporaryDirectory(dir=work) as folder:
        shop = Path(folder) / "shop"
        shutil.copytree(base, shop)
        synthetic.grow(shop, 2_000)
        with opened(shop) as own:
            million.measure(own, _asked(own, queries), _MILLION, Path(folder) / "compact.lance")


if __name__ == "__main__":
    main()
