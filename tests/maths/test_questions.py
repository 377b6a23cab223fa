"""What is worth asking: uncertain orders of near images, spread over all of them."""

from __future__ import annotations

import numpy as np
import pytest
from jaxtyping import Float32

from tiefvision.maths.questions import Question, questions


def _vectors(count: int = 300, length: int = 12, seed: int = 4) -> Float32[np.ndarray, "n length"]:
    drawn = np.random.default_rng(seed).normal(size=(count, length)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def _rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_each_question_is_about_three_images_and_another_anchor() -> None:
    found = questions(_vectors(), count=40, rng=_rng())
    assert len(found) == 40
    assert len({question.anchor for question in found}) == 40
    assert all(len({q.anchor, q.first, q.second}) == 3 for q in found)


def test_the_two_candidates_stand_close_in_the_ranking_of_the_anchor() -> None:
    vectors = _vectors()
    for question in questions(vectors, count=60, rng=_rng()):
        similarities = vectors @ vectors[question.anchor]
        ranks = np.argsort(np.argsort(-np.delete(similarities, question.anchor)))
        # Positions after the anchor's own row was taken out.
        first, second = (
            ranks[image - (image > question.anchor)] for image in (question.first, question.second)
        )
        assert abs(int(first) - int(second)) <= 5
        assert question.gap == pytest.approx(
            similarities[question.first] - similarities[question.second], abs=1e-6
        )


def test_the_order_of_what_is_asked_is_less_certain_than_that_of_random_images() -> None:
    vectors = _vectors()
    asked = [abs(question.gap) for question in questions(vectors, count=100, rng=_rng())]
    anchors, first, second = _rng().integers(0, len(vectors), (3, 100))
    random = np.abs(np.einsum("tl,tl->t", vectors[anchors], vectors[first] - vectors[second]))
    assert np.mean(asked) < np.mean(random) / 3


def test_what_another_head_orders_otherwise_is_preferred_and_said() -> None:
    vectors, other = _vectors(), _vectors(seed=9)

    def contradicted(question: Question) -> bool:
        gap = other[question.anchor] @ (other[question.first] - other[question.second])
        return bool((gap > 0) != (question.gap > 0))

    # One seed proposes the same pairs to either.
    alone = questions(vectors, count=200, rng=_rng())
    both = questions(vectors, count=200, rng=_rng(), heads=[other])
    assert sum(map(contradicted, both)) > sum(map(contradicted, alone))
    for question in both:
        assert question.disagreement == (0.5 if contradicted(question) else 0.0)
        assert question.reason == ("disagreement" if contradicted(question) else "new")
    agreed = questions(vectors, count=50, rng=_rng(), heads=[vectors] * 6)
    assert {question.disagreement for question in agreed} == {0.0}
    assert {question.reason for question in agreed} == {"new"}


def test_the_two_candidates_differ_more_than_others_as_close_in_the_ranking() -> None:
    vectors = _vectors()
    more: list[float] = []
    for question in questions(vectors, count=100, rng=_rng()):
        contrast = 1 - vectors @ vectors[question.first]
        assert question.contrast == pytest.approx(contrast[question.second], abs=1e-5)
        order = np.argsort(-(vectors @ vectors[question.anchor]))
        order = order[order != question.anchor]
        place = int(np.flatnonzero(order == question.first)[0])
        near = np.delete(order, place)[max(0, place - 5) : place + 5]
        more.append(question.contrast - float(contrast[near].mean()))
    assert np.mean(more) > 0.2


def test_candidates_stand_farther_down_where_many_images_are_like_the_anchor() -> None:
    def mean_rank(vectors: Float32[np.ndarray, "n length"]) -> float:
        ranks = np.argsort(np.argsort(-(vectors @ vectors.T)))
        return float(np.mean([ranks[q.anchor, q.first] for q in asked(vectors)]))

    def asked(vectors: Float32[np.ndarray, "n length"]) -> list[Question]:
        return questions(vectors, count=100, rng=_rng())

    # In more dimensions random vectors are all but equally alike.
    assert mean_rank(_vectors(length=200)) > 3 * mean_rank(_vectors(length=4))


def test_anchors_that_were_never_judged_come_first() -> None:
    judged = np.stack([np.arange(290), (np.arange(290) + 1) % 300, (np.arange(290) + 2) % 300], 1)
    found = questions(_vectors(), count=20, rng=_rng(), asked=judged.astype(np.int64))
    assert {question.anchor for question in found[:10]} == set(range(290, 300))
    assert [question.reason for question in found] == ["new"] * 10 + ["uncertain"] * 10


def test_the_images_of_a_question_are_of_three_groups_and_anchors_of_as_many_as_there_are() -> None:
    groups = np.arange(300) // 10
    found = questions(_vectors(), count=30, rng=_rng(), groups=groups)
    for question in found:
        of = groups[[question.anchor, question.first, question.second]]
        assert len(set(of.tolist())) == 3
    assert len({int(groups[question.anchor]) for question in found}) == 30


def test_copies_of_the_anchor_are_no_candidates() -> None:
    vectors = _vectors(count=3)
    noise = np.random.default_rng(1).normal(scale=0.01, size=vectors.shape).astype(np.float32)
    # Short vectors of a projection have any length.
    both = np.concatenate([vectors, vectors + noise]) * np.float32(0.6)

    def copied(question: Question) -> bool:
        return question.anchor % 3 in (question.first % 3, question.second % 3)

    assert any(map(copied, questions(both, count=6, rng=_rng())))
    apart = questions(both, count=6, rng=_rng(), alike=0.98)
    assert len(apart) == 6 and not any(map(copied, apart))


def test_nothing_is_asked_twice() -> None:
    vectors = _vectors(count=4)
    asked = np.empty((0, 3), np.int64)
    rounds = 0
    rng = _rng()
    # Four images have twelve questions: three pairs of candidates for each anchor.
    while len(asked) < 12 and rounds < 200:
        rows = [
            (q.anchor, q.second, q.first) for q in questions(vectors, count=4, rng=rng, asked=asked)
        ]
        asked = np.concatenate([asked, np.array(rows, np.int64).reshape(-1, 3)])
        rounds += 1
    pairs = {(anchor, *sorted(pair)) for anchor, *pair in asked.tolist()}
    assert len(pairs) == len(asked) == 12
    assert questions(vectors, count=4, rng=rng, asked=asked) == []


def test_too_few_images_or_groups_give_no_question() -> None:
    assert questions(_vectors(count=2), count=5, rng=_rng()) == []
    two_groups = np.arange(20) % 2
    assert questions(_vectors(count=20), count=5, rng=_rng(), groups=two_groups) == []


def test_the_same_seed_asks_the_same() -> None:
    vectors = _vectors()
    assert questions(vectors, count=9, rng=_rng()) == questions(vectors, count=9, rng=_rng())
