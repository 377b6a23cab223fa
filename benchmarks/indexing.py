"""How fast `tiefvision index` is, beside what people write instead, and what memory it takes.

    python benchmarks/indexing.py                       # the default encoder, fp32
    python benchmarks/indexing.py --encoder efficientnet-lite0 --precision bf16
    python benchmarks/indexing.py --size 800x1200       # larger photographs
    python benchmarks/indexing.py --memory              # 1,000 and 10,000 images

Three ways side by side, in turns, the median of the rounds: ours (all of `tiefvision index`, with
hashes, catalogue and vectors written; without the first guess of where the product is, which the
others do not make, and with it), the naive loop (PIL and eager torch, one image at a time;
with one and with two threads, the better counts) and a DataLoader (two processes, batches of 64).
All use the same weights and input sizes and end with the same 3 x 3 unit cells in a file. The torch
ways compute in fp32, the naive loop where ours is in bf16 also in that. Files are cut from the
photographs in TIEFVISION_PHOTOS, all different. Needs torch.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from PIL import Image

import contenders
import pictures
from contenders import Figures, Order
from tiefvision import settings

_BASELINE = "efficientnet-lite0"
# Rates do not depend on how many images there are; the slower ways get fewer of them.
_TORCH_IMAGES = 192
_MEMORY_IMAGES = (1_000, 10_000)
_FLAT = 0.15
_MATRIX = 1_024
_MATRIX_TIMES = 20
_FLOOR_FILES = 100
_SMALLEST_DRAFT = 8  # libjpeg's smallest scale: entropy decoding and hardly anything else


@dataclass(frozen=True, slots=True)
class Floor:
    """Processor milliseconds that one image takes at the very least."""

    decode_ms: float
    network_ms: float
    gigaflops: float

    def rate(self, cores: int) -> float:
        """Images a second on so many cores."""
        return cores * 1e3 / (self.decode_ms + self.network_ms)


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
        size = _size(arguments.size)
        work = Path(folder)
        pictures.cut(pictures.photographs(), work / "images", arguments.images, size=size)
        order = Order("ours", str(work / "images"), arguments.encoder, arguments.precision)
        print(_heading(order, arguments))
        if arguments.rounds:
            _compare(order, rounds=arguments.rounds, torch_images=arguments.torch_images)
        if arguments.cpu:
            _against_baseline(order, rounds=max(1, arguments.rounds))
        if arguments.memory:
            _memory(order, work)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1_000, help="files that ours indexes")
    parser.add_argument("--torch-images", type=int, default=_TORCH_IMAGES, help="files for torch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--encoder", default=settings.DEFAULT_ENCODER)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="of ours")
    parser.add_argument("--size", default="own", help="WIDTHxHEIGHT; own: the photographs' sizes")
    parser.add_argument("--memory", action="store_true", help="also peak memory, 1k and 10k images")
    parser.add_argument("--cpu", action="store_true", help="also CPU time beside Lite0 alone")
    parser.add_argument("--work", default=None, help="folder for the files while this runs")
    return parser.parse_args()


def _size(text: str) -> tuple[int, int] | None:
    if text == "own":
        return None
    width, _, height = text.partition("x")
    return int(width), int(height)


def _heading(order: Order, arguments: argparse.Namespace) -> str:
    return (
        f"{order.encoder}, {order.precision}, files of {arguments.size} size, "
        f"{_cores()} cores, load of the machine {os.getloadavg()[0]:.1f}\n"
    )


# --- the three ways ------------------------------------------------------------------------------


def _compare(order: Order, *, rounds: int, torch_images: int) -> None:
    few = replace(order, images=torch_images, precision="fp32")
    orders = {
        "tiefvision index": order,
        "tiefvision index, with the first guess": replace(order, first_guess="on"),
        "naive loop, 1 thread": replace(few, way="naive", threads=1),
        "naive loop, 2 threads": replace(few, way="naive", threads=2),
        "naive loop, norms folded, 1 thread": replace(few, way="folded", threads=1),
        "naive loop, norms folded, 2 threads": replace(few, way="folded", threads=2),
        "DataLoader, 2 processes, batch 64": replace(few, way="loader", threads=_cores()),
    }
    if order.precision == "bf16":
        for threads, words in ((1, "1 thread"), (2, "2 threads")):
            naive = replace(few, way="naive", threads=threads, precision="bf16")
            orders[f"naive loop, bf16, {words}"] = naive
    figures = _in_turns(orders, rounds)
    floor = _floor(order)
    ours = figures["tiefvision index"]
    guessing = figures["tiefvision index, with the first guess"]
    rate = _median_rate(ours)
    print(
        "| way | images/s | ours is faster by | CPU ms/image | peak MB | images/s on idle cores |\n"
        "|---|---|---|---|---|---|"
    )
    for name, ones in figures.items():
        own = _median_rate(ones)
        print(
            f"| {name} | {own:.1f} | {rate / own:.2f} | {_cpu(ones):.1f} | {_peak(ones):.0f} "
            f"| {_idle_rate(orders[name], ones):.0f} |"
        )
    naive = [name for name in figures if name.startswith("naive loop, ") and "folded" not in name]
    best = max(_median_rate(figures[name]) for name in naive)
    idle = max(_idle_rate(orders[name], figures[name]) for name in naive)
    print(f"\nratio to the better naive loop: {rate / best:.2f}")
    print(
        f"ratio by CPU time alone, as on idle cores: {_idle_rate(order, ours) / idle:.2f} "
        f"({_idle_rate(order, ours) / _idle_rate(orders[naive[0]], figures[naive[0]]):.2f} to one "
        "thread)"
    )
    print(f"the first guess takes {_cpu(guessing) / _cpu(ours):.2f} times the CPU time without it")
    print(
        f"floor: {floor.decode_ms:.2f} ms entropy decoding + {floor.network_ms:.2f} ms network at "
        f"the {floor.gigaflops:.0f} GFLOP/s of a matrix product in {order.precision} on one core = "
        f"{floor.rate(_cores()):.0f} images/s on {_cores()} cores"
    )
    print(
        f"share of the floor: {rate / floor.rate(_cores()):.0%} of its rate, "
        f"{(floor.decode_ms + floor.network_ms) / _cpu(ours):.0%} of our CPU time\n"
    )


def _in_turns(orders: dict[str, Order], rounds: int) -> dict[str, list[Figures]]:
    figures: dict[str, list[Figures]] = {name: [] for name in orders}
    for _ in range(rounds):
        for name, order in orders.items():
            figures[name].append(_in_own_process(order))
    return figures


def _in_own_process(order: Order) -> Figures:
    words = [sys.executable, contenders.__file__, json.dumps(asdict(order))]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    return Figures(**json.loads(done.stdout))


def _against_baseline(order: Order, *, rounds: int) -> None:
    orders = {name: replace(order, encoder=name) for name in (order.encoder, _BASELINE)}
    figures = _in_turns(orders, rounds)
    print("| encoder | CPU ms/image | images/s |\n|---|---|---|")
    for name, ones in figures.items():
        print(f"| {name} | {_cpu(ones):.1f} | {_median_rate(ones):.1f} |")
    ratio = _cpu(figures[order.encoder]) / _cpu(figures[_BASELINE])
    print(f"\n{order.encoder} takes {ratio:.2f} times the CPU time of {_BASELINE} alone\n")


def _memory(order: Order, work: Path) -> None:
    print("| images | peak MB | images/s |\n|---|---|---|")
    peaks: list[float] = []
    for count in _MEMORY_IMAGES:
        folder = work / f"images-{count}"
        pictures.cut(pictures.photographs(), folder, count, size=None)
        figures = _in_own_process(replace(order, folder=str(folder)))
        peaks.append(figures.peak_megabytes)
        print(f"| {count:,} | {figures.peak_megabytes:.0f} | {figures.rate:.1f} |", flush=True)
    change = peaks[-1] / peaks[0] - 1
    print(f"\npeak memory changes by {change:+.0%} (flat: within {_FLAT:.0%})\n")


# --- the floor -----------------------------------------------------------------------------------


def _floor(order: Order) -> Floor:
    """What decoding the JPEGs' entropy code and the networks' multiplications take at least."""
    import torch

    torch.set_num_threads(1)
    files = pictures.every(sorted(Path(order.folder).glob("*.jpg")), _FLOOR_FILES)
    kind = torch.bfloat16 if order.precision == "bf16" else torch.float32
    matrix = torch.rand(_MATRIX, _MATRIX, dtype=kind)
    product_s = min(_cpu_times(lambda _: matrix @ matrix, range(_MATRIX_TIMES)))
    flops = 2 * _MATRIX**3 / product_s
    multiplications = sum(
        network.multiply_adds(side) for network, side in contenders.networks(order)
    )
    decode_s = statistics.median(_cpu_times(_entropy, [file.read_bytes() for file in files]))
    return Floor(decode_s * 1e3, 2 * multiplications / flops * 1e3, flops / 1e9)


def _cpu_times(work: Callable[..., object], items: Iterable[object]) -> list[float]:
    taken: list[float] = []
    for item in items:
        started = time.thread_time()
        work(item)
        taken.append(time.thread_time() - started)
    return taken


def _entropy(data: bytes) -> None:
    with Image.open(io.BytesIO(data)) as picture:
        picture.draft("RGB", tuple(side // _SMALLEST_DRAFT for side in picture.size))
        picture.load()


def _median_rate(figures: list[Figures]) -> float:
    return statistics.median(one.rate for one in figures)


def _idle_rate(order: Order, figures: list[Figures]) -> float:
    """Images a second if every core that this way can use were its own, by its CPU time.

    Unlike the clock's rate it hardly depends on what else the machine does. For torch with
    several threads it is the most that is possible: what they wait for each other counts as work.
    """
    cores = order.threads if order.way in ("naive", "folded") else _cores()
    return min(cores, _cores()) * 1e3 / _cpu(figures)


def _cpu(figures: list[Figures]) -> float:
    return statistics.median(one.cpu_ms for one in figures)


def _peak(figures: list[Figures]) -> float:
    return max(one.peak_megabytes for one in figures)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    main()
