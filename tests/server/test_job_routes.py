"""/api/v1/jobs: begun, followed, ended, and gone on with after a server has died."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
from served import Served, serving
from starlette.testclient import TestClient

from small_shop import SmallShop
from tiefvision.store import jobs, leases
from tiefvision.store.judgements import Group, Judgements
from tiefvision.tasks.indexing.update import LEASE

JOBS = "/api/v1/jobs"
# Patience on a machine that is busy with other tests.
_WAIT_S = 120


def _start(client: TestClient, kind: str, **options: object) -> dict[str, object]:
    answer = client.post(JOBS, json={"kind": kind, **options})
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"{JOBS}/{answer.json()['id']}"
    return answer.json()


def _ended(client: TestClient, job_id: object) -> dict[str, object]:
    deadline = time.monotonic() + _WAIT_S
    while True:
        job = client.get(f"{JOBS}/{job_id}").json()
        if job["state"] not in ("waiting", "running"):
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.1)


def _events(client: TestClient, job_id: object, *, after: str = "") -> list[dict[str, str]]:
    """The events of a job, read to their end."""
    headers = {"last-event-id": after} if after else {}
    text = client.get(f"{JOBS}/{job_id}/events", headers=headers).text
    found = []
    for block in text.strip().split("\n\n"):
        found.append(dict(line.split(": ", 1) for line in block.splitlines()))
    return found


def _judge(served: Served) -> None:
    """Groups by the catalogue's own attribute, enough to learn from."""
    images = served.client.get("/api/v1/images?state=indexed&limit=200").json()["images"]
    contents = served.shop.catalogue.get([image["id"] for image in images])
    groups = {
        own.content_id: Group(str(own.attributes["kind"]))
        for own in contents.values()
        if own.content_id
    }
    Judgements(served.shop.database).set_groups("default", groups)


@pytest.fixture
def own_photos(served: Served, drawn_shop: SmallShop) -> Path:
    """A folder of two photographs that the catalogue does not know."""
    folder = served.photographs.folder / "more"
    folder.mkdir()
    for number, file in enumerate(drawn_shop.files[:2]):
        content = file.read_bytes()
        # Behind the end of a JPEG anything may follow: the same picture, another content.
        (folder / f"{number}.jpg").write_bytes(content + b"another")
    return folder


def test_an_index_job_finds_new_photographs(served: Served, own_photos: Path) -> None:
    job = _start(served.client, "index", folders=[str(own_photos)])
    assert job["state"] == "waiting"
    ended = _ended(served.client, job["id"])
    assert ended["state"] == "done", ended
    assert ended["outcome"]["indexed"] == 2
    listed = served.client.get(JOBS).json()["jobs"]
    assert [each["id"] for each in listed] == [job["id"]]


def test_events_tell_each_step_and_go_on_after_the_last_one_seen(
    served: Served, own_photos: Path
) -> None:
    job = _start(served.client, "index", folders=[str(own_photos)])
    told = _events(served.client, job["id"])
    assert told[-1]["event"] == "end"
    assert json.loads(told[-1]["data"])["state"] == "done"
    steps = [json.loads(each["data"]) for each in told[:-1]]
    assert any(step["stage"] == "indexing" and step["done"] == 2 for step in steps)
    assert [each["event"] for each in told[:-1]] == ["progress"] * len(steps)
    later = _events(served.client, job["id"], after=told[1]["id"])
    assert [each.get("id") for each in later] == [each.get("id") for each in told[2:]]


def test_a_job_that_fails_says_what_to_do(served: Served) -> None:
    job = _start(served.client, "train-ranker", ranker="colour")
    ended = _ended(served.client, job["id"])
    assert ended["state"] == "failed"
    assert "nothing was judged for the ranker 'colour' yet" in ended["outcome"]["detail"]
    assert "tiefvision triplets" in ended["outcome"]["remedy"]


@pytest.mark.slow
def test_a_ranker_is_trained_beside_the_searches_and_without_torch_in_the_server(
    served: Served,
) -> None:
    _judge(served)
    job = _start(served.client, "train-ranker", use_unjudged=True)
    assert served.client.post(JOBS, json={"kind": "train-ranker"}).status_code == 409
    assert served.client.post("/api/v1/search", json={"image_id": 1}).status_code == 200
    told = _events(served.client, job["id"])
    ended = json.loads(told[-1]["data"])
    assert ended["state"] == "done", ended
    assert ended["outcome"]["name"] == "default"
    assert any("loss" in json.loads(each["data"])["note"] for each in told[:-1])


def test_a_job_is_cancelled_cleanly(served: Served) -> None:
    _judge(served)
    job = _start(served.client, "train-ranker")
    assert served.client.post(f"{JOBS}/{job['id']}/cancel").status_code == 202
    assert _ended(served.client, job["id"])["state"] == "cancelled"
    assert served.client.post(f"{JOBS}/{job['id']}/cancel").status_code == 409
    again = served.client.post(f"{JOBS}/{job['id']}/resume")
    assert again.status_code == 202
    served.client.post(f"{JOBS}/{job['id']}/cancel")
    assert _ended(served.client, job["id"])["state"] == "cancelled"


def test_a_job_whose_process_died_is_interrupted_and_begins_again(served: Served) -> None:
    _judge(served)
    job = _start(served.client, "train-ranker", keep=True)
    deadline = time.monotonic() + _WAIT_S
    while served.client.get(f"{JOBS}/{job['id']}").json()["state"] == "waiting":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    owner = leases.holder(served.shop.database, jobs.lease_of(job["id"]))
    assert owner is not None
    os.kill(int(owner.rsplit(":", 2)[1]), signal.SIGKILL)
    assert _ended(served.client, job["id"])["state"] == "interrupted"
    assert served.client.post(f"{JOBS}/{job['id']}/resume").status_code == 202
    served.client.post(f"{JOBS}/{job['id']}/cancel")
    assert _ended(served.client, job["id"])["state"] == "cancelled"


def test_an_index_job_waits_for_another_run_and_can_be_cancelled_meanwhile(served: Served) -> None:
    def begun() -> int:
        job_id = _start(served.client, "index")["id"]
        deadline = time.monotonic() + _WAIT_S
        while (last := served.client.get(f"{JOBS}/{job_id}").json()["last"]) is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert last["stage"] == "waiting for another run"
        return job_id

    with leases.hold(served.shop.database, LEASE):
        cancelled = begun()
        served.client.post(f"{JOBS}/{cancelled}/cancel")
        assert _ended(served.client, cancelled)["state"] == "cancelled"
        waiting = begun()
    assert _ended(served.client, waiting)["state"] == "done"


def test_an_index_run_that_was_cut_off_goes_on_with_the_next_server(
    drawn_shop: SmallShop, tmp_path: Path
) -> None:
    own = SmallShop(tmp_path)
    shutil.copytree(drawn_shop.catalogue, own.catalogue)
    with serving(own) as served:
        job_id = jobs.add(served.shop.database, "index", {"folders": [], "prune": False})
        jobs.begin(served.shop.database, job_id)
        assert jobs.one(served.shop.database, job_id).state == "interrupted"
    with serving(own) as served:
        assert _ended(served.client, job_id)["state"] == "done"


def test_a_server_that_ends_leaves_its_jobs_to_be_gone_on_with(
    drawn_shop: SmallShop, tmp_path: Path
) -> None:
    own = SmallShop(tmp_path)
    shutil.copytree(drawn_shop.catalogue, own.catalogue)
    with serving(own) as served:
        _judge(served)
        job_id = _start(served.client, "train-ranker", keep=True)["id"]
    with serving(own) as served:
        assert served.client.get(f"{JOBS}/{job_id}").json()["state"] == "interrupted"


def test_torch_stays_out_of_the_server() -> None:
    import subprocess

    code = "import sys; import tiefvision.server.app; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_is_no_job_is_refused(read_only: TestClient) -> None:
    for body in (
        {"kind": "dance"},
        {"kind": "index", "folders": ["relative"]},
        {"kind": "index", "folders": ["/no/such/folder"]},
        {"kind": "train-ranker", "seed": -1},
        {"kind": "train-locator", "extra": 1},
        {},
    ):
        assert read_only.post(JOBS, json=body).status_code == 400, body
    assert read_only.get(f"{JOBS}/4711").status_code == 404
    assert read_only.get(f"{JOBS}/4711/events").status_code == 404
