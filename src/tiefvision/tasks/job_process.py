"""The process of one job: `python -m tiefvision.tasks.job_process CATALOGUE ID`.

Its standard input is a pipe from the server that started it, and nothing is written to it: when it
closes, that server has ended, and the job ends too, to be gone on with later.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tiefvision.demo.folder import ATTRIBUTES_FILE
from tiefvision.errors import Conflict, TiefVisionError
from tiefvision.store import jobs, leases, roots
from tiefvision.store.database import Database, open_database
from tiefvision.store.home import Home
from tiefvision.store.jobs import Job
from tiefvision.tasks.demo import draw
from tiefvision.tasks.indexing.index import index
from tiefvision.tasks.keeping.models import activate_model, deactivate
from tiefvision.tasks.locating.train_locator import train_locator
from tiefvision.tasks.progress import Advance
from tiefvision.tasks.teaching.train_ranker import train_ranker

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# Searches go before jobs.
_NICENESS = 10
# The demo's photographs: in the folder of those that were sent, as many as `tiefvision demo` draws.
_DRAWN = "drawn"
_DRAWN_COUNT = 300
# How often a step is written at most, and how often it is looked whether the job shall end.
_TOLD_EVERY_S = 0.25
_LOOKED_EVERY_S = 0.5
# Nobody stands beside a job: it waits for what is at work, until it is cancelled.
_WAIT_S = 86_400.0


class _Stopped(Exception):
    """The job shall end; nothing that matters was under way."""


class _Told:
    """A `Progress` that writes each step to the job's row, and ends lessons when they shall."""

    def __init__(self, database: Database, job: Job, stop: threading.Event) -> None:
        self._database, self._job, self._stop = database, job, stop
        self._lesson = job.kind.startswith("train-")

    @contextmanager
    def __call__(
        self, stage: str, total: int | None, /, *, unit: str = "images"
    ) -> Generator[Advance]:
        done, told_at = 0, 0.0
        lock = threading.Lock()

        def tell(note: str) -> None:
            jobs.tell(
                self._database,
                self._job.id,
                stage=stage,
                done=done,
                total=total,
                unit=unit,
                note=note,
            )

        last = ""

        def advance(amount: int, /, *, note: str = "") -> None:
            nonlocal done, told_at, last
            # Other work stops by itself; a lesson cannot.
            if self._lesson and stage.startswith("learning") and self._stop.is_set():
                raise _Stopped
            with lock:
                done += amount
                last = note
                if time.monotonic() >= told_at + _TOLD_EVERY_S:
                    told_at = time.monotonic()
                    tell(note)

        tell("")
        yield advance
        tell(last)


def main(folder: str, job_id: int) -> None:
    """Do a job of a catalogue, and note how it ended."""
    os.nice(_NICENESS)
    stop, orphaned = threading.Event(), threading.Event()
    database = open_database(Path(folder))
    with leases.hold(database, jobs.lease_of(job_id)):
        job = jobs.one(database, job_id)
        jobs.begin(database, job_id)
        watches = (
            lambda: _watch_server(stop, orphaned),
            lambda: _watch_row(database, job_id, stop),
        )
        for watch in watches:
            threading.Thread(target=watch, daemon=True).start()
        state, outcome = _outcome(folder, job, database, stop)
        if orphaned.is_set() and state == "cancelled":
            state = "interrupted"
        jobs.finish(database, job_id, state, outcome=outcome)
    database.close()


def _outcome(
    folder: str, job: Job, database: Database, stop: threading.Event
) -> tuple[jobs.State, Mapping[str, object]]:
    """How the job ended, and its report or what went wrong."""
    try:
        report = _DO[job.kind](folder, job.options, _Told(database, job, stop), stop)
    except _Stopped:
        return "cancelled", {}
    except TiefVisionError as error:
        if isinstance(error, Conflict) and stop.is_set():  # it ended while it waited
            return "cancelled", {}
        return "failed", {"detail": error.message, "remedy": error.remedy}
    except Exception as error:  # a bug must not leave a job at work for ever
        traceback.print_exc()
        return "failed", {"detail": f"{type(error).__name__}: {error}", "remedy": ""}
    if report is None:
        return "cancelled", {}
    # A lesson that has a report came to its end, though it was asked to stop meanwhile.
    cut_off = stop.is_set() and not job.kind.startswith("train-")
    return ("cancelled" if cut_off else "done"), asdict(report)


def _index(
    folder: str, options: Mapping[str, object], progress: _Told, stop: threading.Event
) -> DataclassInstance:
    sent = Home(Path(folder)).uploads
    attributes = None
    if options.get("demo"):
        drawn = sent / _DRAWN
        draw(drawn, _DRAWN_COUNT, progress)
        folders, attributes = [str(drawn)], drawn / ATTRIBUTES_FILE
    else:
        folders = cast("list[str]", options["folders"]) or _known_folders(folder, sent)
    return index(
        folders,
        catalogue=folder,
        attributes_file=attributes,
        prune=bool(options["prune"]),
        wait_s=_WAIT_S,
        progress=progress,
        stop=stop,
    )


def _known_folders(folder: str, sent: Path) -> list[str]:
    database = open_database(Path(folder))
    try:
        known = [root.path for root in roots.each(database)]
    finally:
        database.close()
    return [*known, *([str(sent)] if sent.is_dir() and str(sent) not in known else [])]


def _train_ranker(
    folder: str, options: Mapping[str, object], progress: _Told, stop: threading.Event
) -> DataclassInstance | None:
    return train_ranker(
        catalogue=folder,
        name=str(options["ranker"]) or None,
        seed=cast(int, options["seed"]),
        keep=bool(options["keep"]),
        force=bool(options["force"]),
        # Whoever asks over the network says beforehand what to do with too few judgements.
        ask=(lambda _question: True) if options["use_unjudged"] else None,
        progress=progress,
        stop=stop,
    )


def _train_locator(
    folder: str, options: Mapping[str, object], progress: _Told, stop: threading.Event
) -> DataclassInstance:
    return train_locator(
        catalogue=folder,
        label=str(options["label"]),
        seed=cast(int, options["seed"]),
        keep=bool(options["keep"]),
        force=bool(options["force"]),
        progress=progress,
        stop=stop,
    )


def _activate(
    folder: str, options: Mapping[str, object], progress: _Told, stop: threading.Event
) -> DataclassInstance:
    return activate_model(str(options["model"]), catalogue=folder, progress=progress, stop=stop)


def _undo(
    folder: str, options: Mapping[str, object], progress: _Told, stop: threading.Event
) -> DataclassInstance:
    return deactivate(
        kind="ranker" if options["model_kind"] == "ranker" else "locator",
        name=str(options["name"]),
        back=True,
        catalogue=folder,
        progress=progress,
        stop=stop,
    )


_Do = Callable[[str, Mapping[str, object], _Told, threading.Event], "DataclassInstance | None"]
_DO: Mapping[str, _Do] = {
    "index": _index,
    "train-ranker": _train_ranker,
    "train-locator": _train_locator,
    "activate": _activate,
    "undo": _undo,
}


def _watch_server(stop: threading.Event, orphaned: threading.Event) -> None:
    # Not through sys.stdin: its lock would be held when this process ends.
    while os.read(0, 1):
        pass
    orphaned.set()
    stop.set()


def _watch_row(database: Database, job_id: int, stop: threading.Event) -> None:
    while not stop.wait(_LOOKED_EVERY_S):
        if jobs.must_end(database, job_id):
            stop.set()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
