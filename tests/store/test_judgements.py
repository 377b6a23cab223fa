"""Triplets, pairs and groups in the catalogue."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from tiefvision.errors import InvalidInput, NotFound
from tiefvision.store.database import Database, open_database
from tiefvision.store.judgements import (
    Clash,
    Group,
    JudgementChanges,
    Judgements,
    NameCount,
    NewPair,
    NewTriplet,
    Pair,
    Removed,
    Teaching,
    Triplet,
)
from tiefvision.store.tables import pairs as pairs_table

pytestmark = pytest.mark.usefixtures("either_database")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(tmp_path)
    yield database
    database.close()


@pytest.fixture
def judgements(database: Database) -> Judgements:
    return Judgements(database)


A, B, C, D = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)


def test_triplets_come_back_by_id_with_their_origin(judgements: Judgements) -> None:
    first = judgements.add_triplets("shape", [NewTriplet(A, B, C)], source="people", now=5.0)
    mirrored = [NewTriplet(A, A, C, mirrored=True), NewTriplet(D, B, C)]
    second = judgements.add_triplets("shape", mirrored, source="mirrored", now=6.0, ranker="f00d")
    judgements.add_triplets("colour", [NewTriplet(A, C, B)], source="asked", now=7.0)
    assert (first, second) == (JudgementChanges(1), JudgementChanges(2))
    assert judgements.triplets("shape") == [
        Triplet(1, "shape", A, B, C, False, "people", 5.0, None),
        Triplet(2, "shape", A, A, C, True, "mirrored", 6.0, "f00d"),
        Triplet(3, "shape", D, B, C, False, "mirrored", 6.0, "f00d"),
    ]
    assert judgements.triplets("none") == []


def test_pairs_have_one_row_whatever_their_order(judgements: Judgements) -> None:
    given = [NewPair(B, A, True), NewPair(A, B, True), NewPair(B, C, False)]
    changes = judgements.add_pairs("default", given, source="imported", now=5.0)
    assert changes == JudgementChanges(added=2, duplicates=1)
    assert judgements.pairs("default") == [
        Pair(1, "default", A, B, True, "imported", 5.0, None),
        Pair(2, "default", B, C, False, "imported", 5.0, None),
    ]
    opposite = judgements.add_pairs("default", [NewPair(C, B, True)], source="people", now=6.0)
    assert opposite == JudgementChanges(contradictions=1)
    assert judgements.pair_clashes("default", [NewPair(C, B, True), NewPair(D, A, True)]) == [
        Clash(0, "contradictory", held=2)
    ]


def test_what_is_there_or_contradicts_it_is_passed_over(judgements: Judgements) -> None:
    judgements.add_triplets("n", [NewTriplet(A, B, C)], source="people", now=5.0)
    given = [
        NewTriplet(A, B, C),  # there
        NewTriplet(A, C, B),  # the opposite of what is there
        NewTriplet(B, C, D),
        NewTriplet(B, D, C),  # the opposite of the one before
        NewTriplet(B, C, D),  # again
        NewTriplet(A, B, C, mirrored=True),  # another statement
    ]
    assert judgements.triplet_clashes("n", given) == [
        Clash(0, "duplicate", held=1),
        Clash(1, "contradictory", held=1),
        Clash(3, "contradictory", other=2),
        Clash(4, "duplicate", other=2),
    ]
    assert judgements.triplet_clashes("other", given[:1]) == []
    changes = judgements.add_triplets("n", given, source="derived", now=6.0)
    assert changes == JudgementChanges(added=2, duplicates=2, contradictions=2)
    assert judgements.triplets("n")[0].source == "people"


@pytest.mark.parametrize(
    "bad",
    [
        NewTriplet(A, A, B),
        NewTriplet(A, B, A),
        NewTriplet(A, B, B),
        NewTriplet(A, A, A, mirrored=True),
        NewTriplet(A, B, B, mirrored=True),
    ],
)
def test_an_image_with_itself_is_refused_and_nothing_is_written(
    judgements: Judgements, bad: NewTriplet
) -> None:
    assert judgements.triplet_clashes("n", [bad]) == [Clash(0, "self-referring")]
    with pytest.raises(InvalidInput, match="row 1 refers to one image twice"):
        judgements.add_triplets("n", [NewTriplet(A, B, C), bad], source="people", now=5.0)
    with pytest.raises(InvalidInput, match="row 0"):
        judgements.add_pairs("n", [NewPair(A, A, True)], source="people", now=5.0)
    assert judgements.names() == []


def test_an_exception_between_writes_leaves_nothing(
    judgements: Judgements, database: Database
) -> None:
    judgements.set_groups("n", {A: Group("old")})
    with database.write() as connection:
        connection.execute(sa.text("DROP TABLE pairs"))
    teaching = Teaching(
        "n", "people", [NewTriplet(A, B, C)], [NewPair(A, B, True)], {A: Group("new")}
    )
    with pytest.raises(sa.exc.DBAPIError, match=r"no such table|does not exist"):
        judgements.add([teaching], now=5.0)
    pairs_table.create(database.engine)
    assert judgements.triplets("n") == []
    assert judgements.groups("n") == {A: Group("old")}
    second_is_bad = Teaching("m", "people", [NewTriplet(A, A, B)])
    with pytest.raises(InvalidInput):
        judgements.add([teaching, second_is_bad], now=5.0)
    assert judgements.triplets("n") == [] and judgements.groups("n") == {A: Group("old")}


def test_groups_are_replaced_or_joined(judgements: Judgements) -> None:
    judgements.set_groups("n", {A: Group("dress", "Ann", "train"), B: Group("shirt")})
    judgements.set_groups("m", {C: Group("hat")})
    assert judgements.groups("n") == {A: Group("dress", "Ann", "train"), B: Group("shirt")}
    joined = Teaching("n", "people", groups={B: Group("hat"), C: Group("bag")}, keep_groups=True)
    judgements.add([joined], now=5.0)
    assert {id_: group.value for id_, group in judgements.groups("n").items()} == {
        A: "dress",
        B: "hat",
        C: "bag",
    }
    judgements.set_groups("n", {D: Group("sock")})
    assert judgements.groups("n") == {D: Group("sock")}
    judgements.set_groups("n", {})
    assert judgements.groups("n") == {} and judgements.groups("m") == {C: Group("hat")}


def test_names_are_counted_by_source(judgements: Judgements) -> None:
    judgements.add_triplets("n", [NewTriplet(A, B, C)], source="people", now=5.0)
    two = [NewTriplet(A, B, D), NewTriplet(A, C, D)]
    judgements.add_triplets("n", two, source="derived", now=5.0)
    judgements.add_pairs("p", [NewPair(A, B, True)], source="asked", now=5.0)
    judgements.set_groups("n", {A: Group("dress"), B: Group("hat")})
    assert judgements.names() == [
        NameCount("n", {"derived": 2, "people": 1}, {}, 2),
        NameCount("p", {}, {"asked": 1}, 0),
    ]


def test_removal_by_id_by_source_and_of_everything(judgements: Judgements) -> None:
    three = [NewTriplet(A, B, C), NewTriplet(A, B, D), NewTriplet(A, C, D)]
    judgements.add_triplets("n", three, source="people", now=5.0)
    judgements.add_triplets("n", [NewTriplet(B, C, D)], source="derived", now=5.0)
    judgements.add_triplets("m", three, source="people", now=5.0)
    judgements.add_pairs("n", [NewPair(A, B, True)], source="derived", now=5.0)
    judgements.set_groups("n", {A: Group("dress")})
    with pytest.raises(NotFound, match="n has no triplet 5, 99"):
        judgements.remove("n", ids=[1, 5, 99])  # 5 is one of m
    assert len(judgements.triplets("n")) == 4
    assert judgements.remove("n", ids=[1]) == Removed(triplets=1)
    assert judgements.remove("n", source="derived") == Removed(triplets=1, pairs=1)
    assert judgements.remove("n") == Removed(triplets=2, groups=1)
    assert judgements.names() == [NameCount("m", {"people": 3}, {}, 0)]


def test_consistency_counts_repeats_that_agreed(judgements: Judgements) -> None:
    assert judgements.consistency("n") == (0, 0)
    both = [NewTriplet(A, B, C), NewTriplet(A, B, D)]
    judgements.add_triplets("n", both, source="asked", now=5.0)
    judgements.add_repeat(1, True, 6.0)
    judgements.add_repeat(2, False, 7.0)
    judgements.add_repeat(2, True, 8.0)
    assert judgements.consistency("n") == (2, 3)
    assert judgements.consistency("m") == (0, 0)
    judgements.remove("n", ids=[2])
    assert judgements.consistency("n") == (1, 1)
    with pytest.raises(NotFound, match="there is no triplet 2"):
        judgements.add_repeat(2, True, 9.0)


def test_repeats_are_added_with_what_is_taught_or_not_at_all(judgements: Judgements) -> None:
    judgements.add_triplets("n", [NewTriplet(A, B, C)], source="asked", now=5.0)
    new = Teaching("n", "asked", [NewTriplet(A, B, D)])
    with pytest.raises(NotFound, match="there is no triplet 9"):
        judgements.add([new], now=6.0, again={1: True, 9: True})
    assert len(judgements.triplets("n")) == 1 and judgements.repeated("n") == {}
    judgements.add([new], now=7.0, again={1: False})
    judgements.add([], now=8.0, again={1: True})
    assert len(judgements.triplets("n")) == 2 and judgements.consistency("n") == (1, 2)
    assert judgements.repeated("n") == {1: 8.0} and judgements.repeated("m") == {}


@pytest.mark.slow
def test_a_hundred_thousand_triplets_are_added_in_seconds(judgements: Judgements) -> None:
    rng = np.random.default_rng(0)
    images = [f"{number:064x}" for number in range(40_000)]
    given = list(
        {
            NewTriplet(images[a], images[p], images[n]): None
            for a, p, n in rng.permuted(np.tile(np.arange(40_000), (3, 3)), axis=1).T.tolist()
            if len({a, p, n}) == 3
        }
    )[:100_000]
    # Without the run-time checks of every argument, 4 s.
    began = time.process_time()
    assert judgements.add_triplets("n", given, source="imported", now=5.0).added == 100_000
    again = judgements.add_triplets("n", given, source="imported", now=5.0)
    assert again == JudgementChanges(duplicates=100_000)
    assert time.process_time() - began < 40
