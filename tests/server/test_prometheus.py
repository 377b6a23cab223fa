"""/metrics: requests, parts of searches, and what the catalogue holds."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families
from served import Served, serving
from starlette.testclient import TestClient

from small_shop import SmallShop
from tiefvision.server.access import Access, hash_of
from tiefvision.store import jobs

TOKEN = "a-token-of-more-than-sixteen-characters"


def _samples(client: TestClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def _requests(client: TestClient, route: str, method: str, status: int) -> float:
    labels = (("method", method), ("route", route), ("status", str(status)))
    return _samples(client).get(("tiefvision_requests_total", labels), 0.0)


def test_requests_are_counted_by_the_template_of_their_route(served: Served) -> None:
    for id_ in (1, 2, 999_999):
        served.client.get(f"/api/v1/images/{id_}")
    served.client.get("/web/style.css")
    served.client.get("/nothing/here")
    served.client.get("/", headers={"host": "evil.example"})
    served.client.request("INVENTED", "/api/v1/images/1", headers={"host": "evil.example"})
    ask = served.client
    assert _requests(ask, "/api/v1/images/{image_id}", "GET", 200) == 2
    assert _requests(ask, "/api/v1/images/{image_id}", "GET", 404) == 1
    assert _requests(ask, "/web", "GET", 200) == 1
    assert _requests(ask, "other", "GET", 404) == 1
    assert _requests(ask, "other", "GET", 421) == 1
    assert _requests(ask, "other", "other", 421) == 1


def test_each_part_of_a_search_has_its_time(served: Served) -> None:
    parts = served.client.post("/api/v1/search", json={"image_id": 1}).json()["milliseconds"]
    found = _samples(served.client)
    for part in parts:
        labels = (("part", part),)
        assert found["tiefvision_search_part_milliseconds_count", labels] == 1
    labels = (("method", "POST"), ("route", "/api/v1/search"))
    assert found["tiefvision_request_seconds_count", labels] == 1


def test_it_tells_what_the_catalogue_holds(served: Served) -> None:
    database = served.shop.database
    for state in ("done", "done", "failed"):
        jobs.finish(database, jobs.add(database, "index", {}), state, outcome={})
    jobs.add(database, "train-ranker", {})
    found = _samples(served.client)
    status = served.client.get("/api/v1/status").json()
    assert found["tiefvision_images", (("state", "indexed"),)] == status["indexed"] == 24
    assert found["tiefvision_images", (("state", "refused"),)] == 1
    of_jobs = {labels[0][1]: n for (name, labels), n in found.items() if name == "tiefvision_jobs"}
    assert of_jobs == {"done": 2, "failed": 1, "waiting": 1}


def test_two_applications_count_each_their_own(served: Served, drawn_shop: SmallShop) -> None:
    served.client.get("/healthz")
    with serving(drawn_shop) as other:
        assert _requests(other.client, "/healthz", "GET", 200) == 0
    assert _requests(served.client, "/healthz", "GET", 200) == 1


def test_it_needs_the_token_as_other_reads_do(drawn_shop: SmallShop) -> None:
    rules = Access(frozenset({"127.0.0.1"}), any_address=False, tokens={hash_of(TOKEN): "full"})
    with serving(drawn_shop, rules=rules) as guarded:
        assert guarded.client.get("/metrics").status_code == 401
        headers = {"authorization": f"Bearer {TOKEN}"}
        assert guarded.client.get("/metrics", headers=headers).status_code == 200
