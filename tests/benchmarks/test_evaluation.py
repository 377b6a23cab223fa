"""The protocol that the quality benchmark judges by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluation import (
    FAST_CLOTHING,
    FAST_GROCERY,
    Task,
    clothing,
    difference,
    grocery,
    score,
    score_rankings,
)


def _task(allowed: list[list[int]], relevant: list[list[int]]) -> Task:
    queries, gallery = np.arange(len(allowed)), np.arange(len(allowed[0]))
    return Task(
        "two queries",
        queries,
        gallery,
        np.array(allowed, bool),
        np.array(relevant, bool),
        queries,
    )


def _clothing_folder(folder: Path) -> Path:
    rows = ["a.jpg,Hat,1", "b.jpg,Hat,1", "c.jpg,Hat,2", "d.jpg,Skirt,2", "e.jpg,Shoes,3"]
    (folder / "labels.csv").write_text("\n".join(["path,label,sender", *rows]) + "\n")
    return folder


def test_scores_by_hand() -> None:
    task = _task([[1, 1, 1, 1], [1, 1, 1, 1]], [[0, 1, 0, 1], [1, 0, 0, 0]])
    # The first query ranks 2, 1, 3, 0: right at ranks 2 and 3. The second ranks 0 first.
    similarities = np.array([[0.1, 0.8, 0.9, 0.7], [0.9, 0.2, 0.3, 0.4]], np.float32)
    found = score(task, similarities)
    assert found.recall_1.tolist() == [0, 1]
    assert found.recall_5.tolist() == [1, 1]
    assert found.map_10.tolist() == pytest.approx([(1 / 2 + 2 / 3) / 2, 1])


def test_photos_that_a_query_may_not_find_are_no_results() -> None:
    task = _task([[0, 1, 1], [1, 0, 1]], [[0, 0, 1], [0, 0, 1]])
    # Each query is most similar to itself, which is not allowed.
    similarities = np.array([[1.0, 0.2, 0.5], [0.2, 1.0, 0.5]], np.float32)
    found = score(task, similarities)
    assert found.recall_1.tolist() == [1, 1] and found.map_10.tolist() == [1, 1]


def test_rankings_score_as_the_similarities_that_made_them() -> None:
    rng = np.random.default_rng(0)
    relevant = rng.random((20, 50)) < 0.1
    relevant[:, 0] = True
    task = _task(np.ones((20, 50), int).tolist(), relevant.tolist())
    similarities = rng.random((20, 50)).astype(np.float32)
    ranked = score_rankings(task, list(np.argsort(-similarities, axis=1)[:, :10]))
    assert ranked.means() == score(task, similarities).means()


def test_a_similarity_that_knows_the_labels_scores_one_and_its_opposite_less() -> None:
    relevant = np.random.default_rng(1).random((20, 50)) < 0.1
    relevant[:, 0] = True
    task = _task(np.ones((20, 50), int).tolist(), relevant.tolist())
    assert score(task, relevant.astype(np.float32)).means() == (1, 1, 1)
    assert max(score(task, -relevant.astype(np.float32)).means()) < 0.5


def test_clothing_is_searched_among_other_senders_only(tmp_path: Path) -> None:
    (task,) = clothing(_clothing_folder(tmp_path)).tasks
    # d and e are the only ones of their kind, so they are no queries; a finds c, not b.
    assert task.queries.tolist() == [0, 1, 2]
    assert task.relevant.astype(int).tolist() == [[0, 0, 1, 0, 0], [0, 0, 1, 0, 0], [1, 1, 0, 0, 0]]
    assert task.allowed[0].astype(int).tolist() == [0, 0, 1, 1, 1]


def test_grocery_photos_find_other_photos_and_icons(tmp_path: Path) -> None:
    rows = ["1.jpg,Kiwi,photo", "2.jpg,Kiwi,photo", "k.jpg,Kiwi,icon", "m.jpg,Milk,icon"]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label,kind", *rows]) + "\n")
    photo, icon = grocery(tmp_path).tasks
    assert photo.relevant.astype(int).tolist() == [[0, 1], [1, 0]]
    assert icon.gallery.tolist() == [2, 3]
    assert icon.relevant.astype(int).tolist() == [[1, 0], [1, 0]]


def test_the_fast_part_is_the_same_each_time_and_takes_senders_whole(photos: Path) -> None:
    drawn = [clothing(photos / "clothing", few=np.random.default_rng(1)) for _ in range(2)]
    assert drawn[0].files == drawn[1].files
    assert FAST_CLOTHING * 0.9 < len(drawn[0].files) <= FAST_CLOTHING
    everything = clothing(photos / "clothing")
    assert set(drawn[0].files) < set(everything.files)
    shop = grocery(photos / "grocery", few=np.random.default_rng(1))
    assert len(shop.tasks[0].gallery) == FAST_GROCERY
    assert len(shop.tasks[1].gallery) == len(grocery(photos / "grocery").tasks[1].gallery)


def test_every_labelled_photo_is_there(photos: Path) -> None:
    for photo_set in (clothing(photos / "clothing"), grocery(photos / "grocery")):
        assert all(file.is_file() for file in photo_set.files)
        assert all(task.relevant.any(axis=1).all() for task in photo_set.tasks)


def test_a_difference_has_the_sign_of_the_gain_and_an_interval_around_it() -> None:
    rng = np.random.default_rng(2)
    worse = (rng.random(400) < 0.5).astype(float)
    better = np.maximum(worse, rng.random(400) < 0.2)
    gain = difference(better, worse, np.arange(400), rng=rng)
    assert 0 < gain.low < gain.mean < gain.high
    assert gain.mean == pytest.approx((better - worse).mean())
    loss = difference(worse, better, np.arange(400), rng=rng)
    assert loss.low < loss.mean < loss.high < 0
    # Independent queries: the interval is about 1.96 standard errors to each side.
    error = (better - worse).std() / 400**0.5
    assert gain.high - gain.low == pytest.approx(2 * 1.96 * error, rel=0.2)


def test_queries_of_one_group_say_less_than_as_many_of_their_own() -> None:
    rng = np.random.default_rng(3)
    gain = np.repeat(rng.normal(size=20), 20)
    nothing = np.zeros(400)
    alone = difference(gain, nothing, np.arange(400), rng=rng)
    grouped = difference(gain, nothing, np.repeat(np.arange(20), 20), rng=rng)
    # Twenty groups of equal queries are twenty observations: sqrt(20) times the interval.
    ratio = (grouped.high - grouped.low) / (alone.high - alone.low)
    assert ratio == pytest.approx(20**0.5, rel=0.25)
