"""POST /search beyond one photograph: rankers, examples, kept queries, what the cells add."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from served import Served, serving
from starlette.testclient import TestClient

import made_up_rankers
import tiefvision as tv
from small_shop import SmallShop
from tiefvision.errors import NotFound
from tiefvision.server.kept_queries import KeptQueries, remove_older
from tiefvision.tasks.keeping.models import activate_model
from tiefvision.vision import pixels

SEARCH = "/api/v1/search"
# A mobilenetv2 cell.
_CHANNELS = 1280


@pytest.fixture(scope="module")
def ranked(drawn_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A copy of the drawn shop with a ranker called turned."""
    import shutil

    own = SmallShop(tmp_path_factory.mktemp("ranked"))
    shutil.copytree(drawn_shop.catalogue, own.catalogue)
    with serving(own) as served:
        head = made_up_rankers.turned(_CHANNELS, 16)
        model_id = made_up_rankers.add(served.shop, head, name="turned")
        activate_model(model_id, catalogue=own.catalogue)
        yield served


def _upload(client: TestClient, file: Path, **fields: str) -> dict[str, object]:
    answer = client.post(SEARCH, files={"image": file.read_bytes()}, data=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _ask(client: TestClient, **fields: object) -> dict[str, object]:
    answer = client.post(SEARCH, json=fields)
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


def _found(result: dict[str, object]) -> list[tuple[int, float]]:
    return [(hit["id"], hit["similarity"]) for hit in result["hits"]]


# --- rankers and examples -----------------------------------------------------------------------


def test_examples_and_a_ranker_give_the_same_answer_through_all_faces(
    ranked: Served, drawn_shop: SmallShop
) -> None:
    query, catalogue = drawn_shop.files[5], ranked.shop.home.folder
    mix, positive, negative = "none=0.4,turned=0.6", [2, 9], [4]
    over_http = _upload(
        ranked.client, query, k="9", ranker=mix, positive="[2,9]", negative=json.dumps(negative)
    )
    command = [sys.executable, "-m", "tiefvision", "search", str(query), "--id", "2", "--id", "9"]
    command += ["--not-id", "4", "--ranker", mix, "-k", "9", "--json", "-c", str(catalogue)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    in_python = asdict(
        tv.search(query, positive=positive, negative=negative, ranker=mix, k=9, catalogue=catalogue)
    )
    assert _body(over_http) == _body(json.loads(printed)) == _body(in_python)
    assert over_http["ranker"] == mix and len(over_http["hits"]) == 9
    alone = _upload(ranked.client, query, k="9")
    assert _found(over_http) != _found(alone)


def test_examples_need_no_further_query(ranked: Served) -> None:
    together = _ask(ranked.client, positive=[3, 8], k=5)
    assert together == {
        **_ask(ranked.client, image_id=3, positive=[8], k=5),
        "milliseconds": together["milliseconds"],
    }
    assert {hit["id"] for hit in together["hits"][:2]} == {3, 8}


def test_each_ranker_is_named_in_its_answer(ranked: Served) -> None:
    plain, turned = (_ask(ranked.client, image_id=3, ranker=own) for own in ("none", "turned"))
    assert (plain["ranker"], turned["ranker"]) == ("none", "turned")
    assert _found(plain) != _found(turned)
    assert {"shortlist", "rerank", "describe"} <= plain["milliseconds"].keys()


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({}, 400, "image_id, or a query, or positive"),
        ({"image_id": 3, "query": "0" * 32}, 400, "image_id, or a query"),
        ({"query": "../../etc/passwd"}, 400, "query"),
        ({"query": "0" * 32}, 404, "no longer kept"),
        ({"image_id": 3, "ranker": "turn"}, 404, "turned"),
        ({"image_id": 3, "ranker": "a=b"}, 400, "a mix of"),
        ({"image_id": 3, "negative": [4711]}, 404, "4711"),
        ({"positive": list(range(1, 20))}, 400, "positive"),
    ],
)
def test_what_cannot_be_searched_is_refused(
    ranked: Served, fields: dict[str, object], status: int, words: str
) -> None:
    answer = ranked.client.post(SEARCH, json=fields)
    assert answer.status_code == status
    assert words in answer.text


# --- kept queries -------------------------------------------------------------------------------


def test_an_upload_is_searched_again_without_sending_or_encoding_it(
    ranked: Served, drawn_shop: SmallShop
) -> None:
    client, file = ranked.client, drawn_shop.files[6]
    first = _upload(client, file, k="9", box="20,30,300,400")
    name = first["query"]
    assert name == pixels.content_id(file.read_bytes())[:32]
    again = _ask(client, query=name, k=9, box=[20, 30, 300, 400])
    assert "encode" in first["milliseconds"] and "encode" not in again["milliseconds"]
    assert _body(again) == _body(first)
    painted = [[1] * 3, [0] * 3, [0] * 3]
    for change in ({"cells": painted}, {"ranker": "turned"}, {"where": "price > 40"}):
        changed = _ask(client, query=name, k=9, box=[20, 30, 300, 400], **change)
        assert "encode" not in changed["milliseconds"]
        assert _found(changed) != _found(first)
    photo = client.get(f"/api/v1/queries/{name}/photo")
    assert photo.headers["content-type"] == "image/jpeg"
    assert client.get(f"/api/v1/queries/{'0' * 32}/photo").status_code == 404


def test_kept_photographs_go_when_they_are_old(tmp_path: Path) -> None:
    kept = KeptQueries(tmp_path / "queries", limits=pixels.DEFAULT_LIMITS)
    old, new = b"an old one", b"a new one"
    kept.keep(old)
    kept.keep(new)
    names = [pixels.content_id(data)[:32] for data in (old, new)]
    os.utime(tmp_path / "queries" / names[0], (1.0, 1.0))
    remove_older(tmp_path / "queries", than=time.time() - 3600)
    assert kept.photograph(names[1]) == new
    with pytest.raises(NotFound, match="choose it again"):
        kept.photograph(names[0])


# --- why ----------------------------------------------------------------------------------------


def test_the_cells_of_each_hit_are_explained_on_request(ranked: Served) -> None:
    answer = ranked.client.post(f"{SEARCH}?explain=1", json={"image_id": 3, "k": 6}).json()
    for hit in answer["hits"]:
        assert sum(map(sum, hit["contributions"])) == pytest.approx(hit["similarity"], abs=2e-3)
    assert sum(map(sum, answer["query_contributions"])) == pytest.approx(1, abs=1e-4)
    assert _ask(ranked.client, image_id=3)["hits"][0]["contributions"] is None


def test_one_hit_is_explained_over_both_photographs(ranked: Served, drawn_shop: SmallShop) -> None:
    client = ranked.client
    first = _upload(client, drawn_shop.files[7], k="3")
    why = client.post(
        "/api/v1/explain", json={"query": first["query"], "hit": first["hits"][1]["id"]}
    )
    assert why.status_code == 200, why.text
    told = why.json()
    assert told["dense"] and [len(row) for row in told["contributions"]] == [7] * 7
    assert sum(map(sum, told["contributions"])) == pytest.approx(told["similarity"], abs=1e-3)
    left, top, right, bottom = told["image_part"]
    assert 0 <= left < right and 0 <= top < bottom
    box = told["query_part"]
    whole = first["query_box"]
    assert whole[0] <= box[0] < box[2] <= whole[2] and whole[1] <= box[1] < box[3] <= whole[3]


# --- facets -------------------------------------------------------------------------------------


def test_facets_offer_few_values_and_ranges(ranked: Served) -> None:
    found = {each["name"]: each for each in ranked.client.get("/api/v1/facets").json()}
    images = ranked.client.get("/api/v1/images").json()["images"]
    kinds = [image["attributes"]["kind"] for image in images if "kind" in image["attributes"]]
    counted = {each["value"]: each["images"] for each in found["kind"]["values"]}
    assert counted == {kind: kinds.count(kind) for kind in kinds}
    prices = [image["attributes"]["price"] for image in images if "price" in image["attributes"]]
    assert (found["price"]["least"], found["price"]["most"]) == (min(prices), max(prices))
    assert found["price"]["values"] == []


def test_cell_weights_that_do_not_fit_are_refused_by_explain_too(
    read_only: TestClient,
) -> None:
    for cells in ([[], [], []], [[1.0]], [[0.0] * 3] * 3):
        answer = read_only.post("/api/v1/explain", json={"image_id": 1, "hit": 2, "cells": cells})
        assert answer.status_code == 400
        assert "3 rows of 3 numbers" in answer.json()["detail"]
