"""/api/v1/models and /api/v1/evaluations: trained as a job, told, activated and taken back."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from served import Served, serving
from starlette.testclient import TestClient

from small_shop import SmallShop
from tiefvision.store.judgements import Group, Judgements
from tiefvision.tasks.teaching.train_ranker import train_ranker

MODELS = "/api/v1/models"
_WAIT_S = 120


def _judge(served: Served) -> None:
    images = served.client.get("/api/v1/images?state=indexed&limit=200").json()["images"]
    contents = served.shop.catalogue.get([image["id"] for image in images])
    groups = {
        own.content_id: Group(str(own.attributes["kind"]))
        for own in contents.values()
        if own.content_id
    }
    Judgements(served.shop.database).set_groups("default", groups)


def _ended(client: TestClient, job: dict[str, object]) -> dict[str, object]:
    deadline = time.monotonic() + _WAIT_S
    while True:
        now = client.get(f"/api/v1/jobs/{job['id']}").json()
        if now["state"] not in ("waiting", "running"):
            return now
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture(scope="module")
def trained(drawn_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A catalogue with a ranker that is kept, not used."""
    import shutil

    own = SmallShop(tmp_path_factory.mktemp("trained"))
    shutil.copytree(drawn_shop.catalogue, own.catalogue)
    with serving(own) as served:
        _judge(served)
        train_ranker(catalogue=own.catalogue, keep=True)
        yield served


def test_before_anything_is_trained_it_is_told_what_there_is(read_only: TestClient) -> None:
    told = read_only.get(MODELS).json()
    assert told["models"] == []
    assert told["data"] == {"boxes": 0, "names": [], "remedy": ""}
    assert read_only.get("/api/v1/evaluations").json() == {"evaluations": []}


def test_without_torch_it_is_told_what_to_install(
    read_only: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert read_only.get(MODELS).json()["data"]["remedy"] == "pip install 'tiefvision[teach]'"


@pytest.mark.slow
def test_a_model_is_told_with_its_report_and_its_picture(trained: Served) -> None:
    client = trained.client
    (model,) = client.get(MODELS).json()["models"]
    assert (model["kind"], model["name"], model["active"]) == ("ranker", "default", False)
    one = client.get(f"{MODELS}/{model['id'][:8]}").json()
    assert one["id"] == model["id"]
    assert one["report"]["judged"]["held-out triplets"]["count"] > 0
    if model["sheet"] is not None:
        assert client.get(model["sheet"]).headers["content-type"] == "image/jpeg"
    assert client.get(f"{MODELS}/ffffffff").status_code == 404
    assert client.get(f"{MODELS}/ffffffff/sheet").status_code == 404


@pytest.mark.slow
def test_an_evaluation_compares_without_and_with_plain_and_mirrored(trained: Served) -> None:
    (told,) = trained.client.get("/api/v1/evaluations").json()["evaluations"]
    report = trained.client.get(f"{MODELS}/{told['model_id']}").json()["report"]
    judged = report["judged"]["held-out triplets"]
    assert told["headline"]["after"] == judged["after"]
    assert told["headline"]["before"] == judged["before"]
    named = {each["name"]: each for each in told["sets"]}
    assert {"learned from", "held out"} <= named.keys()
    mirrored = report["judged"]["held-out triplets, mirrored"]
    assert named["held out"]["mirrored"]["after"] == mirrored["after"]
    assert len(told["worst"]) == len(report["worse"])
    for query, change in zip(told["worst"], report["worse"], strict=True):
        assert change["query"].endswith(query["name"])
        assert trained.client.get(query["thumbnail"]).status_code == 200


@pytest.mark.slow
def test_a_model_is_used_and_taken_back(trained: Served) -> None:
    client = trained.client
    nothing = client.post(f"{MODELS}/undo", json={"kind": "ranker", "name": "default"})
    assert nothing.status_code == 400
    assert nothing.json()["detail"] == "no ranker is active for default"
    (model,) = client.get(MODELS).json()["models"]
    used = client.post(f"{MODELS}/{model['id']}/activate")
    assert used.status_code == 202
    assert _ended(client, used.json())["state"] == "done"
    assert client.get(MODELS).json()["models"][0]["active"] is True
    gone = client.post(f"{MODELS}/undo", json={"kind": "ranker"})
    assert _ended(client, gone.json())["state"] == "done"
    assert client.get(MODELS).json()["models"][0]["active"] is False


def test_an_unknown_model_is_not_found(read_only: TestClient) -> None:
    assert read_only.post(f"{MODELS}/abcdef/activate").status_code == 404
    for kind in ("locator", "ranker"):
        answer = read_only.post(f"{MODELS}/undo", json={"kind": kind})
        assert answer.status_code == 400
    assert read_only.post(f"{MODELS}/undo", json={"kind": "cat"}).status_code == 400
