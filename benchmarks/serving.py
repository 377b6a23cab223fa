"""What a site and its API bear: one query, many clients beside indexing and training, first paint.

    python benchmarks/serving.py                       # 10,000 images, 50 clients for 60 s
    python benchmarks/serving.py --rows 2000 --clients 8 --seconds 10

A catalogue of real photographs (TIEFVISION_PHOTOS) is grown with synthetic neighbours of their
cells and served by a real `tiefvision serve`. Clients run in this process, on the same cores.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import psutil

import pictures
import synthetic
from tiefvision.store import registry
from tiefvision.tasks.cell_makers import embedder_of
from tiefvision.tasks.indexing.index import index
from tiefvision.tasks.opened import opened
from tiefvision.tasks.ready_encoder import carried_encoder
from tiefvision.tasks.searching.search import Searcher
from tiefvision.tasks.teaching.derive_triplets import derive_triplets

_SIZE = (800, 1200)
_WEB = Path(__file__).parents[1] / "src" / "tiefvision" / "server" / "web"
_WARMING = 5
# Of a hundred requests under load: searches with an upload, searches by id, thumbnails.
_SHARES = {"upload": 60, "by id": 20, "thumbnail": 20}
_MEASURED_EVERY_S = 1.0
_WAIT_S = 120.0
_TOO_MANY = 429


def main() -> None:
    arguments = _arguments()
    print(f"load of the machine: {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
        work = Path(folder)
        shop = _grown(work, arguments.rows, arguments.photographs)
        queries = pictures.cut(pictures.photographs(), work / "queries", 200, size=_SIZE)
        with _serving(shop) as server:
            _print_query(server, shop, queries[: arguments.queries])
            new = pictures.cut(
                pictures.photographs(), work / "new", arguments.new, size=(400, 533), seed=2
            )
            _print_load(server, queries, new[0].parent, arguments)
            _print_paint(server)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--photographs", type=int, default=1_500)
    parser.add_argument("--queries", type=int, default=60)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--new", type=int, default=3_000, help="photographs of the index job")
    parser.add_argument("--work", default=None, help="folder with room for the catalogue")
    return parser.parse_args()


def _grown(work: Path, rows: int, photographs: int) -> Path:
    """A catalogue with `rows` images, and triplets to learn from."""
    source = work / "photos"
    source.mkdir()
    for file in pictures.every(pictures.photographs(), photographs):
        (source / file.name).symlink_to(file)
    table = work / "labels.csv"
    labels = pictures.photographs()[0].parents[1] / "labels.csv"
    table.write_text(labels.read_text().replace("images/", ""))
    shop = work / "shop"
    index([source], catalogue=shop, attributes_file=table)
    derive_triplets("label", catalogue=shop, count=2_000)
    synthetic.grow(shop, rows)
    return shop


# --- the server and its clients ------------------------------------------------------------------


@dataclass(frozen=True)
class _Server:
    url: str
    process: psutil.Process

    def client(self) -> _Client:
        return _Client(http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=_WAIT_S))


@dataclass(frozen=True)
class _Client:
    """One connection, which stays open."""

    connection: http.client.HTTPConnection

    def get(self, path: str) -> tuple[int, bytes]:
        return self._ask("GET", path, b"", {})

    def post(self, path: str, body: object) -> tuple[int, bytes]:
        headers = {"content-type": "application/json"}
        return self._ask("POST", path, json.dumps(body).encode(), headers)

    def search(self, image: bytes) -> tuple[int, bytes]:
        edge = uuid.uuid4().hex
        head = f'--{edge}\r\ncontent-disposition: form-data; name="image"; filename="q.jpg"\r\n'
        body = head.encode() + b"content-type: image/jpeg\r\n\r\n" + image
        headers = {"content-type": f"multipart/form-data; boundary={edge}"}
        return self._ask("POST", "/api/v1/search", body + f"\r\n--{edge}--\r\n".encode(), headers)

    def _ask(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        self.connection.request(method, path, body or None, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status == _TOO_MANY:
            time.sleep(float(answer.headers["retry-after"]))
        return answer.status, content


@contextlib.contextmanager
def _serving(shop: Path) -> Iterator[_Server]:
    command = [sys.executable, "-m", "tiefvision", "serve", "-c", str(shop), "--port", "0"]
    with subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = json.loads(process.stdout.readline())["url"].rstrip("/")
            yield _Server(url, psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait(_WAIT_S)


# --- one query -----------------------------------------------------------------------------------


def _print_query(server: _Server, shop: Path, queries: list[Path]) -> None:
    """A table: POST /search of a photograph that the server has not seen, beside its parts."""
    client = server.client()
    over_http: list[float] = []
    alone: list[float] = []
    in_python: list[float] = []
    with opened(shop) as own:
        space = registry.active_cell_space(own.database)
        assert space is not None, "the catalogue was just made"
        searcher = Searcher(own)
        searcher.search(queries[0])
        embedder = embedder_of(own, space, carried_encoder(own.home, space))
        embedder.embed(queries[0])
        for number, file in enumerate(queries):
            data = file.read_bytes()
            started = time.perf_counter()
            status, _ = client.search(data)
            http_s = time.perf_counter() - started
            assert status == http.client.OK, status
            started = time.perf_counter()
            embedder.embed(data)
            alone_s = time.perf_counter() - started
            started = time.perf_counter()
            searcher.search(data)
            if number >= _WARMING:
                over_http.append(http_s)
                alone.append(alone_s)
                in_python.append(time.perf_counter() - started)
        images = own.searchable()
    print(f"### One query, {images:,} images, photographs of {_SIZE[0]} x {_SIZE[1]}\n")
    print("| | p50 ms | p95 ms | of the first |\n|---|---|---|---|")
    base = statistics.median(alone)
    for name, taken in {
        "decode, locate, encode": alone,
        "the same and search, in Python": in_python,
        "POST /search": over_http,
    }.items():
        p50, p95 = np.percentile(taken, [50, 95])
        print(f"| {name} | {p50 * 1e3:.1f} | {p95 * 1e3:.1f} | {p50 / base:.2f} |")
    print()


# --- many clients --------------------------------------------------------------------------------


@dataclass
class _Told:
    """What clients were answered. Shared by all of them."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    statuses: Counter[int] = field(default_factory=Counter[int])
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def note(self, kind: str, status: int, seconds: float) -> None:
        with self.lock:
            self.statuses[status] += 1
            if status == http.client.OK:
                self.seconds[kind].append(seconds)


def _print_load(
    server: _Server, queries: list[Path], new: Path, arguments: argparse.Namespace
) -> None:
    """Tables of what many clients are answered while an index job and a training job run."""
    client = server.client()
    jobs = [{"kind": "index", "folders": [str(new)]}, {"kind": "train-ranker", "keep": True}]
    started = [json.loads(client.post("/api/v1/jobs", job)[1]) for job in jobs]
    told = _Told()
    until = time.monotonic() + arguments.seconds
    uploads = [file.read_bytes() for file in queries]
    resident: list[int] = []
    with ThreadPoolExecutor(arguments.clients) as clients:
        work = [
            clients.submit(_keep_asking, server, uploads, told, until, arguments.photographs, seed)
            for seed in range(arguments.clients)
        ]
        while time.monotonic() < until:
            resident.append(server.process.memory_info().rss)
            time.sleep(_MEASURED_EVERY_S)
        for each in work:
            each.result()
    client = server.client()  # the server has closed the other one, which was silent for long
    states = [json.loads(client.get(f"/api/v1/jobs/{job['id']}")[1]) for job in started]
    _print_told(told, arguments)
    third = max(1, len(resident) // 3)
    first, last = max(resident[:third]) / 1e6, max(resident[-third:]) / 1e6
    print(f"memory of the server, MB: {first:.0f} in the first third, {last:.0f} in the last")
    print("meanwhile: " + ", ".join(f"{job['kind']} {job['state']}" for job in states) + "\n")
    for job in states:
        client.post(f"/api/v1/jobs/{job['id']}/cancel", {})


def _keep_asking(
    server: _Server, uploads: list[bytes], told: _Told, until: float, real: int, seed: int
) -> None:
    """Ask until a time. real: images from id 1 on that have a photograph."""
    rng = np.random.default_rng(seed)
    client = server.client()
    kinds = [kind for kind, share in _SHARES.items() for _ in range(share)]
    while time.monotonic() < until:
        image_id = int(rng.integers(1, real + 1))
        kind = kinds[rng.integers(len(kinds))]
        began = time.perf_counter()
        if kind == "upload":
            status, _ = client.search(uploads[rng.integers(len(uploads))])
        elif kind == "by id":
            status, _ = client.post("/api/v1/search", {"image_id": image_id})
        else:
            status, _ = client.get(f"/api/v1/images/{image_id}/thumbnail")
        told.note(kind, status, time.perf_counter() - began)


def _print_told(told: _Told, arguments: argparse.Namespace) -> None:
    done = sum(map(len, told.seconds.values()))
    print(f"### {arguments.clients} clients for {arguments.seconds:.0f} s\n")
    print("| request | answered | p50 ms | p95 ms |\n|---|---|---|---|")
    for kind in _SHARES:
        taken = told.seconds[kind] or [float("nan")]
        p50, p95 = np.percentile(taken, [50, 95]) * 1e3
        print(f"| {kind} | {len(told.seconds[kind]):,} | {p50:.0f} | {p95:.0f} |")
    print(f"\n{done / arguments.seconds:.1f} answers a second; statuses: ", end="")
    print(", ".join(f"{status}: {count:,}" for status, count in sorted(told.statuses.items())))


# --- the first page ------------------------------------------------------------------------------


def _print_paint(server: _Server) -> None:
    """When a browser first paints the search page, and how much JavaScript there is."""
    from playwright.sync_api import sync_playwright  # a second to load, and needed only here

    program = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))))
    paints: list[float] = []
    with sync_playwright() as playwright:
        for _ in range(5):
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            page = browser.new_page()
            page.goto(server.url)
            page.wait_for_selector("#strip img")
            name = "first-contentful-paint"
            paints.append(page.evaluate(f"performance.getEntriesByName('{name}')[0].startTime"))
            browser.close()
    scripts = sum(file.stat().st_size for file in _WEB.glob("*.js"))
    print("### The search page\n")
    print(f"first contentful paint {statistics.median(paints):.0f} ms (slowest of 5: ", end="")
    print(f"{max(paints):.0f}); {scripts / 1e3:.0f} kB of JavaScript, uncompressed")


if __name__ == "__main__":
    main()
