"""Runs `index`, or the activation of a model, in processes that are killed, for the tests of what
survives that.

A process of this script imports everything once, then reads jobs as lines of JSON and forks for
each one. The fork counts the operations that change something on disk; with `kill_at` n it kills
itself (SIGKILL) just before the n-th, so that killing at every n leaves every state that lies
between two writes.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

# Imported before the forks, which must not wait for it; neither starts a thread by being imported.
import alembic.command
import lance  # noqa: F401
import onnxruntime  # noqa: F401

from tiefvision import settings
from tiefvision.store import lance as lance_store
from tiefvision.store import scan, spaces
from tiefvision.store.database import Database
from tiefvision.tasks.indexing import growth, index, writer
from tiefvision.tasks.keeping import models
from tiefvision.vision import artefacts, pixels
from tiefvision.vision.embedder import Embedder

# Everything that changes a catalogue's folder ends up in one of these.
OPERATIONS: tuple[tuple[Any, str], ...] = (
    (Database, "write"),
    (lance_store.LanceStore, "_commit"),
    (lance_store.LanceStore, "_open"),
    (scan, "extend"),
    (scan, "_write_header"),
    (scan, "_remove_other_generations"),
    (spaces, "save"),
    (settings, "write"),
    (artefacts, "copy"),
    (shutil, "rmtree"),
)


class _Count:
    """Counts operations and kills this process before one of them."""

    def __init__(self, kill_at: int | None) -> None:
        self.kill_at = kill_at
        self.names: list[str] = []

    def watch(self, owner: Any, name: str) -> None:
        real = getattr(owner, name)

        @functools.wraps(real)
        def counted(*args: Any, **kwargs: Any) -> Any:
            if len(self.names) == self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            self.names.append(f"{getattr(owner, '__name__', owner)}.{name}")
            return real(*args, **kwargs)

        setattr(owner, name, counted)


def _log_encodes(log: str, pause_s: float) -> None:
    """Every content that is encoded becomes a line of a file, before it is encoded."""
    real = Embedder.embed

    def logged(self: Embedder, source: bytes, **options: Any) -> Any:
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(handle, f"{pixels.content_id(source)}\n".encode())
        os.close(handle)
        time.sleep(pause_s)
        return real(self, source, **options)

    Embedder.embed = logged  # type: ignore[method-assign,assignment]


def run(job: dict[str, Any]) -> list[str]:
    """One run of `index`, or of `models activate`; the names of the operations that it made."""
    count = _Count(job.get("kill_at"))
    for owner, name in OPERATIONS:
        count.watch(owner, name)
    _log_encodes(job["log"], job.get("pause_s", 0.0))
    growth.RUNGS = tuple(job.get("rungs", growth.RUNGS))
    growth.PROJECT_FROM, growth.DIMENSIONS = job.get("projection", (2_000, 256))
    # Several batches in a small catalogue, and never one more because the machine is slow.
    writer.BATCH_IMAGES, writer.BATCH_AGE_S = job.get("batch", 8), 600.0
    if "activate" in job:
        models.activate_model(job["activate"], catalogue=job["catalogue"])
        return count.names
    index.index(
        job["folders"],
        catalogue=job["catalogue"],
        attributes_file=job.get("attributes"),
        prune=job.get("prune", False),
        encoder=job["encoder"],
        workers_wanted=2,
    )
    return count.names


def _forked(job: dict[str, Any]) -> dict[str, object]:
    """What became of a run in a process of its own: its status, operations, or error."""
    answer = Path(job["log"]).with_suffix(".answer")
    answer.unlink(missing_ok=True)
    process = os.fork()
    if process == 0:
        try:
            answer.write_text(json.dumps({"operations": run(job)}), encoding="utf-8")
        except BaseException as error:
            answer.write_text(json.dumps({"error": repr(error)}), encoding="utf-8")
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(process, 0)
    result = json.loads(answer.read_text(encoding="utf-8")) if answer.exists() else {}
    return {"status": os.waitstatus_to_exitcode(status), **result}


def main() -> None:
    """With an argument: that one job, in this process. Else: jobs from standard input."""
    assert alembic.command, "imported for its cost"
    if len(sys.argv) > 1:
        print("ready", flush=True)
        run(json.loads(sys.argv[1]))
        return
    for line in sys.stdin:
        print(json.dumps(_forked(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
