"""Starts jobs in processes of their own, so that searches go on beside them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Mapping

from tiefvision.errors import Conflict
from tiefvision.store import jobs
from tiefvision.store.jobs import Job, Kind
from tiefvision.tasks.opened import Opened

# How long a job's process may take to end after the server has.
_GRACE_S = 10.0


class Jobs:
    """The jobs of an open catalogue that this process has started. Safe to share between threads.

    When this process ends, its jobs end too; they are shown as interrupted and can be gone on
    with. An index run is gone on with by itself.
    """

    def __init__(self, shop: Opened) -> None:
        self._shop = shop
        self._lock = threading.Lock()
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, kind: Kind, options: Mapping[str, object]) -> Job:
        """Ask for a job and begin it. Raises Conflict while one of its kind is at work."""
        job_id = jobs.add(self._shop.database, kind, options)
        self._spawn(job_id)
        return jobs.one(self._shop.database, job_id)

    def resume(self, job_id: int) -> Job:
        """Begin a job again that did not come to its end. Raises NotFound or Conflict."""
        jobs.ask_again(self._shop.database, job_id)
        self._spawn(job_id)
        return jobs.one(self._shop.database, job_id)

    def cancel(self, job_id: int) -> Job:
        """Ask a job to end. Raises NotFound or Conflict."""
        jobs.ask_cancel(self._shop.database, job_id)
        return jobs.one(self._shop.database, job_id)

    def resume_index(self) -> None:
        """Go on with an index run that was cut off; what it acknowledged is not done again."""
        newest = jobs.newest(self._shop.database, limit=1)
        if newest and newest[0].kind == "index" and newest[0].state == "interrupted":
            # Another server process of this catalogue may be the first to do so.
            with contextlib.suppress(Conflict):
                self.resume(newest[0].id)

    def close(self) -> None:
        """End the jobs that this process has started, each where it can be gone on with."""
        with self._lock:
            for process in self._processes:
                _close(process)
            for process in self._processes:
                try:
                    process.wait(_GRACE_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            self._processes.clear()

    def _spawn(self, job_id: int) -> None:
        command = [sys.executable, "-m", "tiefvision.tasks.job_process"]
        command += [str(self._shop.home.folder.absolute()), str(job_id)]
        with self._lock:
            for ended in [each for each in self._processes if each.poll() is not None]:
                self._processes.remove(ended)
                _close(ended)
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                # Ctrl-C is for the server, which then closes the pipe.
                start_new_session=True,
            )
            self._processes.append(process)


def _close(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None, "it was started with a pipe"
    process.stdin.close()
