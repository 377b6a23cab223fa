"""/api/v1/triplets: taught by ids, all or none, refused in the command line's words."""

from __future__ import annotations

from pathlib import Path

from served import Served
from starlette.testclient import TestClient

from tiefvision.store.judgements import Judgements
from tiefvision.tasks.teaching.triplets import list_triplets

TRIPLETS = "/api/v1/triplets"


def _ids(client: TestClient) -> list[int]:
    images = client.get("/api/v1/images?state=indexed").json()["images"]
    return [image["id"] for image in images if image["duplicate_of"] is None]


def _triplet(anchor: int, positive: int, negative: int) -> dict[str, int]:
    return {"anchor": anchor, "positive": positive, "negative": negative}


def _teach(client: TestClient, *triplets: dict[str, int], **more: str) -> dict[str, object]:
    answer = client.post(TRIPLETS, json={"triplets": list(triplets), **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_triplets_are_added_listed_and_removed(served: Served) -> None:
    client = served.client
    a, b, c, d = _ids(client)[:4]
    taught = _teach(client, _triplet(a, b, c), _triplet(a, b, d))
    assert taught["added"] == 2
    page = client.get(TRIPLETS).json()
    assert [each["id"] for each in page["triplets"]] == taught["ids"][::-1]
    newest = page["triplets"][0]
    assert [newest[part]["id"] for part in ("anchor", "positive", "negative")] == [a, b, d]
    assert client.get(newest["positive"]["thumbnail"]).status_code == 200
    assert newest["source"] == "people"
    removed = client.request("DELETE", TRIPLETS, json={"ids": taught["ids"][:1]})
    assert removed.json() == {"removed": 1}
    assert [each["id"] for each in client.get(TRIPLETS).json()["triplets"]] == taught["ids"][1:]


def test_the_command_line_lists_what_a_page_taught(served: Served) -> None:
    a, b, c = _ids(served.client)[:3]
    taught = _teach(served.client, _triplet(a, b, c), ranker="colour")
    listed = list_triplets(catalogue=served.photographs.catalogue, name="colour").listed
    assert [each.id for each in listed] == taught["ids"]
    name = Path(served.client.get(f"/api/v1/images/{a}").json()["path"]).name
    assert listed[0].anchor == name


def test_triplets_of_another_name_are_apart(served: Served) -> None:
    a, b, c = _ids(served.client)[:3]
    _teach(served.client, _triplet(a, b, c), ranker="colour")
    _teach(served.client, _triplet(a, c, b))
    colour = served.client.get(f"{TRIPLETS}?ranker=colour").json()
    assert (colour["name"], len(colour["triplets"])) == ("colour", 1)
    assert {each["name"]: each["triplets"] for each in colour["names"]} == {
        "colour": {"people": 1},
        "default": {"people": 1},
    }
    assert served.client.get(f"{TRIPLETS}?ranker=none").json()["triplets"] == []


def test_pages_follow_one_another_and_an_image_asks_for_its_own(served: Served) -> None:
    a, b, *rest = _ids(served.client)[:7]
    taught = _teach(served.client, *(_triplet(a, b, other) for other in rest))
    first = served.client.get(f"{TRIPLETS}?limit=3").json()
    second = served.client.get(f"{TRIPLETS}?limit=3&before={first['next']}").json()
    seen = [each["id"] for each in first["triplets"] + second["triplets"]]
    assert seen == taught["ids"][::-1]
    assert second["next"] is None
    assert len(served.client.get(f"{TRIPLETS}?image={a}").json()["triplets"]) == 5
    assert served.client.get(f"{TRIPLETS}?image={b}").json()["triplets"] == []


def test_each_wrong_entry_is_told_and_nothing_is_written(served: Served) -> None:
    a, b, c, d = _ids(served.client)[:4]
    held = _teach(served.client, _triplet(a, b, c))["ids"][0]
    given = [_triplet(a, b, d), _triplet(a, b, c), _triplet(a, c, b), _triplet(a, a, c)]
    answer = served.client.post(TRIPLETS, json={"triplets": [*given, _triplet(a, b, d)]})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:tiefvision:InvalidEntries"
    assert {each["entry"]: each["detail"] for each in problem["entries"]} == {
        1: f"repeats number {held} of default in the catalogue",
        2: f"contradicts number {held} of default in the catalogue",
        3: f"one photograph stands twice in it, or two copies of it: {a}, {a}, {c}",
        4: "repeats entry 0",
    }
    assert "nothing was taught: 4 triplets" in problem["detail"]
    assert len(Judgements(served.shop.database).triplets("default")) == 1


def test_unknown_images_are_told_by_entry(served: Served) -> None:
    a, b, c = _ids(served.client)[:3]
    answer = served.client.post(
        TRIPLETS, json={"triplets": [_triplet(a, b, c), _triplet(a, 98765, c)]}
    )
    assert answer.status_code == 400
    (fault,) = answer.json()["entries"]
    assert (fault["entry"], fault["detail"]) == (1, "no indexed image has the id 98765")
    assert Judgements(served.shop.database).triplets("default") == []


def test_exact_copies_are_one_photograph(served: Served) -> None:
    images = served.client.get("/api/v1/images").json()["images"]
    copy = next(image for image in images if image["duplicate_of"] is not None)
    other = next(
        id_ for id_ in _ids(served.client) if id_ not in (copy["duplicate_of"], copy["id"])
    )
    answer = served.client.post(
        TRIPLETS, json={"triplets": [_triplet(copy["id"], copy["duplicate_of"], other)]}
    )
    assert "two copies" in answer.json()["entries"][0]["detail"]


def test_an_unknown_triplet_removes_nothing(served: Served) -> None:
    a, b, c = _ids(served.client)[:3]
    held = _teach(served.client, _triplet(a, b, c))["ids"]
    answer = served.client.request("DELETE", TRIPLETS, json={"ids": [*held, 4711]})
    assert answer.status_code == 404
    assert answer.json()["detail"] == "there is no triplet 4711"
    assert len(served.client.get(TRIPLETS).json()["triplets"]) == 1


def test_what_is_no_triplet_is_refused(read_only: TestClient) -> None:
    a, b, c = _ids(read_only)[:3]
    for wrong in (
        {"triplets": []},
        {"triplets": [{"anchor": a, "positive": b}]},
        {"triplets": [{**_triplet(a, b, c), "extra": 1}]},
        {"triplets": [_triplet(a, b, c)], "ranker": "\n"},
        {"triplets": [_triplet(0, b, c)]},
    ):
        answer = read_only.post(TRIPLETS, json=wrong)
        assert answer.status_code == 400, wrong
        assert answer.headers["content-type"] == "application/problem+json"
