"""Several server processes at one address, on one catalogue."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from small_shop import SmallShop
from tiefvision.store import jobs, leases
from tiefvision.store.database import open_database
from tiefvision.tasks.indexing.update import LEASE

pytestmark = pytest.mark.slow

_WORKERS = 2
_WAIT_S = 60.0


@dataclass(frozen=True)
class Serving:
    """A running `tiefvision serve --workers 2`."""

    process: subprocess.Popen[str]
    url: str
    catalogue: Path

    def ask(self, path: str, body: object = None) -> tuple[int, object]:
        """Status and JSON of an answer, of whichever process takes the connection."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", "connection": "close"}
        request = urllib.request.Request(self.url + path, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=_WAIT_S) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def workers(self) -> list[psutil.Process]:
        """The processes that answer, as soon as all are there."""
        deadline = time.monotonic() + _WAIT_S
        while True:
            found = [
                each
                for each in psutil.Process(self.process.pid).children()
                if "tiefvision.server.worker_process" in each.cmdline()
            ]
            if len(found) == _WORKERS:
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.05)


@pytest.fixture
def serving(drawn_shop: SmallShop, tmp_path: Path) -> Iterator[Serving]:
    catalogue = Path(shutil.copytree(drawn_shop.catalogue, tmp_path / "shop"))
    command = [sys.executable, "-m", "tiefvision", "serve", "-c", str(catalogue), "--json"]
    command += ["--port", "0", "--workers", str(_WORKERS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        running = Serving(process, json.loads(process.stdout.readline())["url"], catalogue)
        try:
            yield running
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(_WAIT_S)


def test_all_answer_alike_and_see_what_another_was_told(serving: Serving) -> None:
    serving.workers()
    triplet = {"triplets": [{"anchor": 1, "positive": 2, "negative": 3}]}
    assert serving.ask("api/v1/triplets", triplet)[0] == 201
    with ThreadPoolExecutor(8) as clients:
        answers = list(
            clients.map(lambda _: serving.ask("api/v1/search", {"image_id": 4}), range(40))
        )
        told = list(clients.map(lambda _: serving.ask("api/v1/triplets"), range(40)))
    assert {status for status, _ in answers} == {200}
    hits = {json.dumps([hit["id"] for hit in body["hits"]]) for _, body in answers}
    assert len(hits) == 1
    assert {len(body["triplets"]) for _, body in told} == {1}

    # One count of all of them, whichever is asked.
    with urllib.request.urlopen(serving.url + "metrics", timeout=_WAIT_S) as answer:
        counted = answer.read().decode()
    row = r'tiefvision_requests_total\{method="POST",route="/api/v1/search",status="200"\} (\S+)'
    assert float(re.findall(row, counted)[0]) == 40.0
    assert 'tiefvision_images{state="indexed"} 24.0' in counted


def test_of_many_that_start_a_job_one_does(serving: Serving) -> None:
    serving.workers()
    database = open_database(serving.catalogue)
    # Held here, so that the job waits while the others are asked for.
    with leases.hold(database, LEASE), ThreadPoolExecutor(8) as clients:
        asked = list(clients.map(lambda _: serving.ask("api/v1/jobs", {"kind": "index"}), range(8)))
    assert Counter(status for status, _ in asked) == {202: 1, 409: 7}
    job_id = next(body["id"] for status, body in asked if status == 202)
    _wait_for(serving, job_id, {"done"})
    database.close()


def test_a_killed_process_is_replaced_and_the_others_answer(serving: Serving) -> None:
    first, second = serving.workers()
    first.kill()
    psutil.wait_procs([first], timeout=10)
    # What waited at the killed one's side of the socket is lost; whoever asks now is answered.
    for _ in range(10):
        assert serving.ask("api/v1/search", {"image_id": 4})[0] == 200
    replaced = serving.workers()
    assert first.pid not in [each.pid for each in replaced]
    assert second.pid in [each.pid for each in replaced]


def test_a_job_whose_process_was_killed_goes_on_through_another(serving: Serving) -> None:
    workers = serving.workers()
    database = open_database(serving.catalogue)
    with leases.hold(database, LEASE):
        job = serving.ask("api/v1/jobs", {"kind": "index"})[1]
        deadline = time.monotonic() + _WAIT_S
        while not (owners := [each for each in workers if each.children()]):
            assert time.monotonic() < deadline
        while jobs.one(database, job["id"]).state != "running":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        (process,) = owners[0].children()
        owners[0].kill()
        assert psutil.wait_procs([process], timeout=_WAIT_S)[1] == []
    # The process that takes its place may have gone on with it already.
    if jobs.one(database, job["id"]).state == "interrupted":
        assert serving.ask(f"api/v1/jobs/{job['id']}/resume", {})[0] in (202, 409)
    _wait_for(serving, job["id"], {"done"})
    database.close()


def _wait_for(serving: Serving, job_id: int, states: set[str]) -> None:
    deadline = time.monotonic() + _WAIT_S
    while (state := serving.ask(f"api/v1/jobs/{job_id}")[1]["state"]) not in states:
        assert time.monotonic() < deadline, state
        time.sleep(0.1)


def test_all_end_together_and_their_jobs_with_them(serving: Serving) -> None:
    workers = serving.workers()
    database = open_database(serving.catalogue)
    with leases.hold(database, LEASE):
        status, job = serving.ask("api/v1/jobs", {"kind": "index"})
        assert status == 202
        serving.process.send_signal(signal.SIGTERM)
        assert serving.process.wait(_WAIT_S) == 0
    assert psutil.wait_procs(workers, timeout=1)[1] == []
    assert jobs.one(database, job["id"]).state == "interrupted"
    database.close()


def test_processes_whose_parent_was_killed_end_too(serving: Serving) -> None:
    workers = serving.workers()
    serving.process.kill()
    assert psutil.wait_procs(workers, timeout=_WAIT_S)[1] == []
