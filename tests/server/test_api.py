"""The API: the same answers as Python and the command line, and errors in the same words."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from served import Served
from starlette.testclient import TestClient

import tiefvision as tv
from small_shop import SmallShop
from tiefvision.maths.boxes import Box, iou
from tiefvision.tasks.keeping.status import status

SEARCH = "/api/v1/search"


def _upload(client: TestClient, file: Path, **fields: str) -> dict[str, object]:
    answer = client.post(SEARCH, files={"image": file.read_bytes()}, data=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _body(result: dict[str, object]) -> dict[str, object]:
    """What must be the same through every face: all but times and the API's addresses."""
    kept = {key: value for key, value in result.items() if key != "milliseconds"}
    hits = [
        {key: value for key, value in hit.items() if key not in ("thumbnail", "photo")}
        for hit in result["hits"]
    ]
    return {**kept, "hits": hits}


def _ids(result: dict[str, object]) -> list[int]:
    return [hit["id"] for hit in result["hits"]]


# --- search ------------------------------------------------------------------------------------


def test_python_the_command_line_and_http_give_the_same_answer(
    read_only: TestClient, drawn_shop: SmallShop
) -> None:
    query = drawn_shop.files[5]
    where = "price > 10"
    over_http = _upload(read_only, query, k="7", where=where, box="20,30,300,400")
    command = [sys.executable, "-m", "tiefvision", "search", str(query), "--json", "-k", "7"]
    command += ["-c", str(drawn_shop.catalogue), "--where", where, "--box", "20,30,300,400"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    from dataclasses import asdict

    box = tv.Box(20, 30, 300, 400)
    in_python = asdict(tv.search(query, catalogue=drawn_shop.catalogue, k=7, where=where, box=box))
    assert _body(over_http) == _body(json.loads(printed)) == _body(in_python)
    assert len(over_http["hits"]) == 7
    assert over_http.keys() == json.loads(printed).keys()


def test_a_photograph_finds_itself_first_and_shows_its_pictures(
    read_only: TestClient, drawn_shop: SmallShop
) -> None:
    first = _upload(read_only, drawn_shop.files[3])["hits"][0]
    assert first["path"] == str(drawn_shop.files[3])
    assert first["similarity"] > 0.999
    for picture in (first["thumbnail"], first["photo"]):
        assert read_only.get(picture).headers["content-type"] == "image/jpeg"


def test_a_catalogue_image_is_searched_by_its_id(
    read_only: TestClient, drawn_shop: SmallShop
) -> None:
    uploaded = _upload(read_only, drawn_shop.files[4], k="6")
    by_id = read_only.post(SEARCH, json={"image_id": _ids(uploaded)[0], "k": 6}).json()
    assert _ids(by_id) == _ids(uploaded)
    assert by_id["query_box"] == uploaded["query_box"]


def test_another_part_of_a_catalogue_image_is_read_from_its_photograph(
    read_only: TestClient, drawn_shop: SmallShop
) -> None:
    file = drawn_shop.files[4]
    image_id = _ids(_upload(read_only, file))[0]
    box = [10.0, 20.0, 200.0, 300.0]
    uploaded = _upload(read_only, file, box=",".join(str(edge) for edge in box), mirror="true")
    by_id = read_only.post(SEARCH, json={"image_id": image_id, "box": box, "mirror": True}).json()
    assert _body(by_id) == _body(uploaded)
    assert by_id["query_box"] == box


def test_whole_looks_for_no_product(read_only: TestClient, drawn_shop: SmallShop) -> None:
    assert _upload(read_only, drawn_shop.files[2], whole="true")["query_box_source"] == "whole"


def test_cells_that_do_not_matter_do_not_count(
    read_only: TestClient, drawn_shop: SmallShop
) -> None:
    one, other = [[1, 1, 1], [0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0], [1, 1, 1]]
    image_id = _ids(_upload(read_only, drawn_shop.files[0]))[0]

    def similarities(cells: list[list[int]]) -> list[float]:
        answer = read_only.post(SEARCH, json={"image_id": image_id, "cells": cells, "k": 20})
        return [hit["similarity"] for hit in answer.json()["hits"]]

    assert similarities(one) != similarities(other)
    uploaded = _upload(read_only, drawn_shop.files[0], cells=json.dumps(one), k="20")
    assert [h["similarity"] for h in uploaded["hits"]] == pytest.approx(similarities(one), abs=2e-3)


def test_threads_share_the_catalogue_while_boxes_change(served: Served) -> None:
    client = served.client
    ids = [image["id"] for image in client.get("/api/v1/images").json()["images"]][:12]

    def ask(image_id: int) -> int:
        if image_id % 4 == 0:
            box = {"box": [10, 10, 100, 120]}
            return client.put(f"/api/v1/images/{image_id}/boxes", json={"boxes": [box]}).status_code
        return client.post(SEARCH, json={"image_id": image_id}).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(ask, ids * 3))
    assert set(codes) <= {200, 503}, "503: the image is just being indexed again"
    assert codes.count(200) > 25


# --- errors ------------------------------------------------------------------------------------


def test_an_error_has_the_words_of_the_command_line(
    read_only: TestClient, drawn_shop: SmallShop
) -> None:
    answer = read_only.post(SEARCH, json={"image_id": 1, "where": "prize > 3"})
    with pytest.raises(tv.InvalidFilter) as raised:
        tv.search(1, catalogue=drawn_shop.catalogue, where="prize > 3")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:tiefvision:InvalidFilter",
        "title": "Invalid filter",
        "status": 400,
        "detail": raised.value.message,
        "remedy": raised.value.remedy,
    }


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "image_id"),
        ({"image_id": "one"}, "image_id"),
        ({"image_id": 1, "k": 0}, "k"),
        ({"image_id": 1, "k": 100_000}, "k"),
        ({"image_id": 1, "bix": 3}, "bix"),
        ({"image_id": 1, "box": [1, 2, 3]}, "box"),
        ({"image_id": 1, "box": [5, 5, 2, 2]}, "no area"),
        ({"image_id": 1, "box": [90_000, 5, 90_002, 9]}, "outside"),
        ({"image_id": 1, "cells": [[1, 2], [3]]}, "cells"),
        ({"image_id": 1, "cells": [[1, 2]]}, "cell weights"),
        ({"image_id": 1, "cells": []}, "cells"),
        ([1, 2], "the body"),
        ("image", "the body"),
    ],
)
def test_a_wrong_field_is_named(read_only: TestClient, body: object, named: str) -> None:
    answer = read_only.post(SEARCH, json=body)
    assert answer.status_code == 400
    assert named in answer.json()["detail"]


def test_json_numbers_that_are_none_are_refused(read_only: TestClient) -> None:
    body = '{"image_id": 1, "box": [NaN, 1, 2, Infinity]}'
    answer = read_only.post(SEARCH, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/images/999999", 404),
        ("GET", "/api/v1/images/999999/thumbnail", 404),
        ("GET", "/api/v1/images/one", 400),
        ("GET", "/api/v1/images?state=lost", 400),
        ("GET", "/api/v1/images?after=nowhere", 400),
        ("GET", "/api/v1/images?limit=0", 400),
        ("GET", "/api/v1/images?where=prize", 400),
        ("GET", "/api/v1/images?state=refused&order=least_certain", 400),
        ("PUT", "/api/v1/images/1", 405),
        ("GET", "/api/v1/nothing", 404),
    ],
)
def test_every_refusal_is_a_problem(
    read_only: TestClient, method: str, path: str, status: int
) -> None:
    answer = read_only.request(method, path)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


# --- images ------------------------------------------------------------------------------------


def _pages(client: TestClient, query: str) -> list[dict[str, object]]:
    found, after = [], ""
    while True:
        page = client.get(f"/api/v1/images?limit=5{query}{after}").json()
        found += page["images"]
        if page["next"] is None:
            return found
        after = f"&after={page['next']}"


def test_pages_show_every_image_once(read_only: TestClient) -> None:
    found = _pages(read_only, "")
    assert len(found) == 26
    assert [image["id"] for image in found] == sorted({image["id"] for image in found})
    states = [image["state"] for image in found]
    assert (states.count("indexed"), states.count("duplicate"), states.count("refused")) == (
        24,
        1,
        1,
    )


def test_a_state_and_a_filter_leave_fitting_images_only(read_only: TestClient) -> None:
    (refused,) = _pages(read_only, "&state=refused")
    assert refused["thumbnail"] is None
    assert refused["reason"]
    assert refused["remedy"]
    every = _pages(read_only, "&state=indexed")
    cheap = _pages(read_only, "&where=price < 60")
    assert [image["id"] for image in cheap] == [
        image["id"] for image in every if image["attributes"]["price"] < 60
    ]
    assert 0 < len(cheap) < len(every)


def test_the_least_certain_come_first(read_only: TestClient) -> None:
    every = _pages(read_only, "&state=indexed")
    expected = sorted(every, key=lambda image: (image["box_confidence"] or -1, image["id"]))
    found = _pages(read_only, "&order=least_certain")
    assert [image["id"] for image in found] == [image["id"] for image in expected]
    assert len({image["box_confidence"] for image in found}) > 3


def test_the_mixed_order_shows_each_once_and_not_by_name(read_only: TestClient) -> None:
    every = [image["id"] for image in _pages(read_only, "&state=indexed")]
    found = [image["id"] for image in _pages(read_only, "&order=mixed")]
    assert sorted(found) == sorted(every)
    assert found != sorted(found)
    assert found == [image["id"] for image in _pages(read_only, "&order=mixed&where=price > 0")]


def test_one_image_says_what_is_known_of_it(read_only: TestClient, drawn_shop: SmallShop) -> None:
    image = read_only.get("/api/v1/images/1").json()
    with Image.open(image["path"]) as file:
        assert (image["width"], image["height"]) == file.size
    assert image["name"] == Path(image["path"]).name
    assert image["box_source"] in ("guess", "whole")
    assert image["boxes"] == []


# --- pictures ----------------------------------------------------------------------------------


def test_pictures_are_kept_by_browsers(read_only: TestClient) -> None:
    image = read_only.get("/api/v1/images/1").json()
    for kind, longest in (("thumbnail", 480), ("photo", 2000)):
        first = read_only.get(image[kind])
        assert "immutable" in first.headers["cache-control"]
        again = read_only.get(image[kind], headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        unversioned = read_only.get(f"/api/v1/images/1/{kind}")
        assert "no-cache" in unversioned.headers["cache-control"]
        picture = Image.open(io.BytesIO(first.content))
        assert max(picture.size) == min(longest, max(image["width"], image["height"]))


def test_a_picture_shows_its_photograph(read_only: TestClient) -> None:
    image = read_only.get("/api/v1/images/2").json()
    small = Image.open(io.BytesIO(read_only.get(image["thumbnail"]).content))
    with Image.open(image["path"]) as file:
        expected = file.convert("RGB").resize(small.size, Image.Resampling.BICUBIC)
    gap = np.abs(np.asarray(small, np.float64) - np.asarray(expected, np.float64))
    assert gap.mean() < 4


def test_thumbnails_outlive_their_photographs(served: Served, tmp_path: Path) -> None:
    shop = tmp_path / "photos"
    shop.mkdir()
    file = shop / "own.png"
    Image.fromarray(np.full((900, 600, 3), 90, np.uint8)).save(file)
    served.client.get("/api/v1/status")
    tv.index([shop], catalogue=served.shop.home.folder, offline=True)
    image = _pages(served.client, "&state=indexed")[-1]
    assert image["name"] == "own.png"
    before = served.client.get(image["thumbnail"])
    assert Image.open(io.BytesIO(before.content)).size == (320, 480)
    Image.fromarray(np.full((900, 600, 3), 10, np.uint8)).save(file)
    assert served.client.get(image["photo"]).status_code == 409
    file.unlink()
    assert served.client.get(image["thumbnail"]).content == before.content
    gone = served.client.get(image["photo"])
    assert gone.status_code == 404
    assert "no longer where it was indexed" in gone.json()["detail"]


# --- boxes -------------------------------------------------------------------------------------


def test_a_drawn_box_is_what_searches_see_from_then_on(served: Served) -> None:
    client = served.client
    box = [40.0, 50.0, 260.5, 380.25]
    before = client.get("/api/v1/images/3").json()
    drawn = client.put("/api/v1/images/3/boxes", json={"boxes": [{"box": box, "label": "Bag"}]})
    assert drawn.status_code == 200
    assert drawn.json()["boxes"] == [{"label": "Bag", "box": box}]
    served.settle()
    after = client.get("/api/v1/images/3").json()
    assert (after["box"], after["box_source"]) == (box, "human")
    assert client.post(SEARCH, json={"image_id": 3}).json()["query_box"] == box
    assert client.get("/api/v1/status").json()["labels"] == [
        {"label": "Bag", "boxes": 1, "contents": 1}
    ]
    queue = client.get("/api/v1/images?order=least_certain&limit=100").json()["images"]
    assert 3 not in [image["id"] for image in queue]

    assert client.delete("/api/v1/images/3/boxes").json()["boxes"] == []
    served.settle()
    restored = client.get("/api/v1/images/3").json()
    assert (restored["box"], restored["box_source"]) == (before["box"], before["box_source"])


def _edges(row: dict[str, str]) -> Box:
    return Box(*(float(row[edge]) for edge in ("left", "top", "right", "bottom")))


def test_a_box_is_suggested_where_none_was_good_enough_to_search_by(
    read_only: TestClient, drawn_shop: SmallShop
) -> None:
    with (drawn_shop.photos / "boxes.csv").open() as file:
        drawn = {row["path"]: _edges(row) for row in csv.DictReader(file)}
    images = _pages(read_only, "&state=indexed")
    overlaps: list[float] = []
    for image in (each for each in images if each["box_source"] == "whole"):
        answer = read_only.get(f"/api/v1/images/{image['id']}/boxes/suggestion").json()
        if answer["box"] is not None:
            assert 0 < answer["confidence"] <= 1
            overlaps.append(iou(Box(*answer["box"]), drawn[str(image["name"])]))
    assert len(overlaps) >= 5 and min(overlaps) > 0.4
    assert read_only.get("/api/v1/images/999/boxes/suggestion").status_code == 404


def test_boxes_that_are_not_sent_again_are_gone(served: Served) -> None:
    client, address = served.client, "/api/v1/images/5/boxes"
    one = {"box": [10.0, 10.0, 90.0, 90.0], "label": "product"}
    two = {"box": [200.0, 200.0, 290.0, 290.0], "label": "bag"}
    client.put(address, json={"boxes": [one, two]})
    assert client.get(address).json() == {"boxes": [one, two]}
    served.settle()
    assert client.get("/api/v1/images/5").json()["box"] == [10.0, 10.0, 290.0, 290.0]
    client.put(address, json={"boxes": [one]})
    served.settle()
    assert client.get("/api/v1/images/5").json()["box"] == one["box"]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"box": [9_000, 0, 9_100, 10]}, "outside"),
        ({"box": [10, 10, 10, 20]}, "no area"),
        ({"box": [10, 10, 50, 50], "label": " "}, "label"),
        ({"box": [10, 10, 50, 50], "labels": "x"}, "labels"),
        ({"label": "x"}, "box"),
    ],
)
def test_a_box_that_cannot_be_is_refused_whole(
    served: Served, fields: dict[str, object], named: str
) -> None:
    good = {"box": [1, 1, 20, 20]}
    answer = served.client.put("/api/v1/images/6/boxes", json={"boxes": [good, fields]})
    assert answer.status_code == 400
    assert named in answer.json()["detail"]
    assert served.client.get("/api/v1/images/6/boxes").json() == {"boxes": []}


# --- status ------------------------------------------------------------------------------------


def test_status_is_that_of_the_command_line(read_only: TestClient, drawn_shop: SmallShop) -> None:
    from dataclasses import asdict

    body = read_only.get("/api/v1/status").json()
    own = json.loads(json.dumps(asdict(status(drawn_shop.catalogue))))
    own.pop("disk_bytes")
    assert {key: body[key] for key in own} == own
    assert (body["indexed"], body["duplicates"], body["refused"]) == (24, 1, 1)


def test_an_empty_catalogue_lives_but_is_not_ready(tmp_path: Path) -> None:
    from served import serving

    from tiefvision.store.database import open_database

    empty = SmallShop(tmp_path)
    empty.catalogue.mkdir()
    open_database(empty.catalogue).close()
    with serving(empty) as served:
        assert served.client.get("/healthz").json() == {"status": "ok"}
        assert served.client.get("/readyz").status_code == 503
        assert served.client.get("/api/v1/images").json() == {"images": [], "next": None}
        answer = served.client.post(SEARCH, files={"image": b"x"})
        assert answer.status_code == 503
        assert "tiefvision index" in answer.json()["remedy"]


def test_every_route_is_described(read_only: TestClient) -> None:
    paths = read_only.get("/openapi.json").json()["paths"]
    assert {
        "/api/v1/search",
        "/api/v1/explain",
        "/api/v1/facets",
        "/api/v1/queries/{name}/photo",
        "/api/v1/images",
        "/api/v1/images/{image_id}",
        "/api/v1/images/{image_id}/thumbnail",
        "/api/v1/images/{image_id}/photo",
        "/api/v1/images/{image_id}/boxes",
        "/api/v1/images/{image_id}/boxes/suggestion",
        "/api/v1/status",
        "/api/v1/session",
        "/healthz",
        "/readyz",
    } <= set(paths)
    for methods in paths.values():
        for route in methods.values():
            problem = route["responses"]["default"]["content"]["application/problem+json"]
            assert "remedy" in problem["schema"]["properties"]
            assert "422" not in route["responses"], "what does not fit is answered 400"
    assert set(paths["/api/v1/search"]["post"]["requestBody"]["content"]) == {
        "multipart/form-data",
        "application/json",
    }
