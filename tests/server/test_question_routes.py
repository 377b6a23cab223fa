"""/api/v1/questions: asked with pictures and reasons, answered as a sheet is."""

from __future__ import annotations

from served import Served
from starlette.testclient import TestClient

from tiefvision.store.judgements import Judgements

NEXT, ANSWERS = "/api/v1/questions/next", "/api/v1/questions/answers"


def _answer(question: dict[str, dict[str, object]], *, first: bool = True) -> dict[str, object]:
    better, worse = ("first", "second") if first else ("second", "first")
    return {
        "anchor": question["anchor"]["id"],
        "positive": question[better]["id"],
        "negative": question[worse]["id"],
    }


def test_questions_come_with_their_pictures_and_reasons(read_only: TestClient) -> None:
    asked = read_only.get(f"{NEXT}?count=4").json()
    assert (asked["name"], asked["ranked"]) == ("default", False)
    assert len(asked["questions"]) == 4
    question = asked["questions"][0]
    assert question["reason"] == "nothing was said about this photograph yet"
    assert len({question[part]["id"] for part in ("anchor", "first", "second")}) == 3
    assert "repeat" not in question
    for part in ("anchor", "first", "second"):
        assert read_only.get(question[part]["thumbnail"]).status_code == 200
        assert question[part]["name"].endswith(".jpg")


def test_an_answer_is_a_triplet_of_its_ranker_that_can_be_taken_back(served: Served) -> None:
    question = served.client.get(f"{NEXT}?count=1&ranker=colour").json()["questions"][0]
    body = {"answers": [_answer(question, first=False)], "ranker": "colour"}
    answer = served.client.post(ANSWERS, json=body)
    assert answer.status_code == 201
    taken = answer.json()
    (held,) = Judgements(served.shop.database).triplets("colour")
    assert (taken["added"], taken["ids"], held.source) == (1, [held.id], "asked")
    images = served.shop.catalogue.get([question["second"]["id"]])
    assert held.positive == images[question["second"]["id"]].content_id
    gone = served.client.request("DELETE", "/api/v1/triplets", json={"ids": taken["ids"]})
    assert gone.json() == {"removed": 1}


def test_a_question_that_is_asked_again_tells_how_alike_the_answers_are(served: Served) -> None:
    client = served.client
    asked = client.get(f"{NEXT}?count=5").json()
    client.post(ANSWERS, json={"answers": [_answer(each) for each in asked["questions"]]})
    later = client.get(f"{NEXT}?count=5").json()
    known = {each["anchor"]["id"]: each for each in asked["questions"]}
    first, second = asked["questions"][:2]
    again = client.post(
        ANSWERS,
        json={
            "answers": [_answer(first), _answer(second, first=False)],
            "asked_at": later["asked_at"],
        },
    ).json()
    assert (again["added"], again["repeats"], again["alike"]) == (0, 2, 1)
    told = client.get(f"{NEXT}?count=5").json()
    assert (told["repeated"], told["agreed"]) == (2, 1)
    # One in five was answered before.
    repeats = [each for each in told["questions"] if each["anchor"]["id"] in known]
    assert len(repeats) >= 1


def test_a_contradicting_answer_is_refused_by_entry(served: Served) -> None:
    asked = served.client.get(f"{NEXT}?count=1").json()
    question = asked["questions"][0]
    body = {"answers": [_answer(question)], "asked_at": asked["asked_at"]}
    held = served.client.post(ANSWERS, json=body).json()["ids"][0]
    body["answers"] = [_answer(question, first=False)]
    answer = served.client.post(ANSWERS, json=body)
    assert answer.status_code == 400
    (fault,) = answer.json()["entries"]
    assert fault["detail"] == f"contradicts number {held} of default in the catalogue"
    body["answers"] = [_answer(question)]
    assert served.client.post(ANSWERS, json=body).json()["unchanged"] == 1


def test_too_many_questions_and_unknown_images_are_refused(read_only: TestClient) -> None:
    assert read_only.get(f"{NEXT}?count=101").status_code == 400
    body = {"answers": [{"anchor": 1, "positive": 2, "negative": 98765}]}
    answer = read_only.post(ANSWERS, json=body)
    assert answer.status_code == 400
    assert answer.json()["entries"][0]["detail"] == "no indexed image has the id 98765"
