"""Several processes that answer at one address, one for each core say: each is replaced when it
dies, and all end with this one.

They share the listening socket and the catalogue, and nothing else: who holds a lease, which jobs
there are and how far they are, kept queries and boxes are told in the catalogue.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from tiefvision.errors import InvalidSettings, StoreError
from tiefvision.server.access import Access
from tiefvision.server.metrics import MANY_PROCESSES

# How often it is looked whether all are alive.
_LOOKED_EVERY_S = 0.2
# A process that lives shorter than this failed to start; so many in a row, and all give up.
_START_S = 10.0
_MOST_FAILURES = 3
# Open requests, and then the jobs that a process has started, take this long to end at most.
_GRACE_S = 20.0


@dataclass(frozen=True, slots=True)
class Orders:
    """What a worker is told when it starts. listener: the number of the inherited socket."""

    catalogue: str
    listener: int
    access: Access

    def spelled(self) -> bytes:
        """One line of JSON."""
        own = self.access
        told = {
            "catalogue": self.catalogue,
            "listener": self.listener,
            "names": sorted(own.names),
            "any_address": own.any_address,
            "tokens": dict(own.tokens),
        }
        return json.dumps(told).encode("ascii") + b"\n"

    @classmethod
    def parsed(cls, line: bytes) -> Orders:
        """What `spelled` wrote."""
        told = json.loads(line)
        rules = Access(frozenset(told["names"]), told["any_address"], told["tokens"])
        return cls(told["catalogue"], told["listener"], rules)


def run(catalogue: Path, listener: socket.socket, *, access: Access, count: int) -> None:
    """Answer with `count` processes until this one is interrupted or told to end.

    Raises InvalidSettings where sockets cannot be inherited, StoreError where they do not start.
    """
    if sys.platform == "win32":
        raise InvalidSettings(
            "several workers need a system on which processes inherit sockets",
            remedy="leave --workers out",
        )
    orders = Orders(str(catalogue.absolute()), listener.fileno(), access)
    ending = threading.Event()
    with _told_to_end(ending), tempfile.TemporaryDirectory(prefix="tiefvision-") as counts:
        _keep_alive(orders, count, ending, {**os.environ, MANY_PROCESSES: counts})


def _keep_alive(
    orders: Orders, count: int, ending: threading.Event, environment: Mapping[str, str]
) -> None:
    workers: list[_Worker] = []
    failures = 0
    try:
        while not ending.is_set():
            for dead in [each for each in workers if each.process.poll() is not None]:
                workers.remove(dead)
                dead.close()
                failures = failures + 1 if time.monotonic() - dead.began < _START_S else 0
                if failures >= _MOST_FAILURES:
                    raise StoreError(
                        f"{failures} server processes ended as soon as they had begun",
                        remedy="tiefvision serve without --workers says why",
                    )
            while len(workers) < count and not ending.is_set():
                workers.append(_Worker.start(orders, environment))
            ending.wait(_LOOKED_EVERY_S)
    finally:
        _end(workers)


@dataclass(frozen=True, slots=True)
class _Worker:
    process: subprocess.Popen[bytes]
    began: float

    @classmethod
    def start(cls, orders: Orders, environment: Mapping[str, str]) -> _Worker:
        process = subprocess.Popen(
            [sys.executable, "-m", "tiefvision.server.worker_process"],
            # While it is open this process lives; when it closes, so does the worker.
            stdin=subprocess.PIPE,
            pass_fds=[orders.listener],
            env=environment,
            bufsize=0,
            # Ctrl-C is for this process, which then ends them.
            start_new_session=True,
        )
        assert process.stdin is not None, "it was started with a pipe"
        with suppress(BrokenPipeError):  # it has ended already, which is seen at the next look
            process.stdin.write(orders.spelled())
        return cls(process, time.monotonic())

    def close(self) -> None:
        assert self.process.stdin is not None, "it was started with a pipe"
        self.process.stdin.close()


def _end(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        worker.close()
    until = time.monotonic() + _GRACE_S
    for worker in workers:
        try:
            worker.process.wait(max(until - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()


@contextmanager
def _told_to_end(ending: threading.Event) -> Generator[None]:
    """Set an event instead of dying of Ctrl-C or SIGTERM, for the length of the block."""

    def end(_number: int, _frame: FrameType | None) -> None:
        ending.set()

    former = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    for each in former:
        signal.signal(each, end)
    try:
        yield
    finally:
        for each, handler in former.items():
            signal.signal(each, handler)


def line_of(descriptor: int) -> bytes:
    """The first line that a pipe brings, and no more of it."""
    line = b""
    while not line.endswith(b"\n"):
        read = os.read(descriptor, 1)
        if not read:
            break
        line += read
    return line
