"""Triplets from classes, pairs and mirrors, and what is wrong with some."""

from __future__ import annotations

import numpy as np

from tiefvision.maths.triplets import (
    Fault,
    derive,
    derive_mirrored,
    faults,
    mirrored_cells,
    of_pairs,
)

CLASSES = np.array([0, 0, 0, 1, 1, 1, 2, 2, -1, -1])


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_derived_triplets_hold_by_their_classes_and_differ() -> None:
    found = derive(CLASSES, count=50, rng=_rng())
    anchor, positive, negative = found.T
    assert len(found) == len(set(map(tuple, found.tolist()))) == 50
    assert (CLASSES[found] >= 0).all()
    assert (CLASSES[anchor] == CLASSES[positive]).all() and (anchor != positive).all()
    assert (CLASSES[anchor] != CLASSES[negative]).all()


def test_all_that_there_are_is_all_that_is_given() -> None:
    # 3 anchors x 2 positives x 5 negatives, twice, and 2 x 1 x 6.
    assert len(derive(CLASSES, count=10_000, rng=_rng())) == 3 * 2 * 5 * 2 + 2 * 1 * 6


def test_every_anchor_comes_once_before_any_comes_again() -> None:
    found = derive(CLASSES, count=8, rng=_rng())
    assert sorted(found[:, 0].tolist()) == list(range(8))


def test_positives_are_apart_and_all_three_are_within() -> None:
    rng = _rng(3)
    classes, senders, kinds = rng.integers(0, 4, 80), rng.integers(0, 9, 80), rng.integers(0, 3, 80)
    found = derive(classes, count=200, rng=rng, apart=senders, within=kinds)
    assert len(found) == 200
    assert (senders[found[:, 0]] != senders[found[:, 1]]).all()
    assert (kinds[found] == kinds[found[:, :1]]).all()


def test_hard_triplets_are_those_that_the_order_gets_wrong() -> None:
    rng = _rng(5)
    vectors = rng.normal(size=(90, 6)).astype(np.float32)
    classes = rng.integers(0, 5, 90)

    def wrong(triplets: np.ndarray) -> float:
        a, p, n = vectors[triplets].transpose(1, 0, 2)
        return float(((a * n).sum(1) > (a * p).sum(1)).mean())

    plain = derive(classes, count=200, rng=_rng(), vectors=None)
    hard = derive(classes, count=200, rng=_rng(), vectors=vectors)
    assert 0.4 < wrong(plain) < 0.6 and wrong(hard) > 0.9


def test_nothing_to_derive_gives_no_triplets() -> None:
    for classes in (np.full(5, -1), np.zeros(5, np.int64), np.arange(5)):
        assert derive(classes, count=9, rng=_rng()).shape == (0, 3)


def test_one_seed_derives_the_same() -> None:
    first, again = (derive(CLASSES, count=30, rng=_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_pairs_imply_triplets_of_what_is_the_same_and_what_is_not() -> None:
    pairs = np.array([[0, 1], [0, 2], [0, 3], [4, 5]])
    found = of_pairs(pairs, np.array([True, False, False, True]))
    assert sorted(map(tuple, found.tolist())) == [(0, 1, 2), (0, 1, 3)]


def test_pairs_of_one_side_imply_nothing() -> None:
    assert of_pairs(np.array([[0, 1], [2, 3]]), np.array([True, False])).shape == (0, 3)


def test_mirrored_triplets_name_the_closest_other_image() -> None:
    turned = np.radians([0, 10, 35, 90])
    vectors = np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)
    found = derive_mirrored(vectors, count=4, rng=_rng())
    assert found.tolist() == [[0, 4, 1], [1, 5, 0], [2, 6, 1], [3, 7, 2]]
    assert len(derive_mirrored(vectors, count=2, rng=_rng())) == 2
    assert derive_mirrored(vectors[:1], count=2, rng=_rng()).shape == (0, 3)


def test_mirroring_exchanges_columns_and_twice_is_nothing() -> None:
    cells = np.arange(2 * 2 * 3 * 2, dtype=np.float32).reshape(2, -1)
    mirrored = mirrored_cells(cells, rows=2, cols=3)
    # The first row of the first image holds the cells (0, 1), (2, 3), (4, 5).
    assert mirrored[0, :6].tolist() == [4, 5, 2, 3, 0, 1]
    np.testing.assert_array_equal(mirrored_cells(mirrored, rows=2, cols=3), cells)


def test_faults_are_told_by_row_with_the_row_they_clash_with() -> None:
    rows = [[0, 1, 2], [0, 1, 1], [0, 1, 2], [0, 2, 1], [0, 0, 1], [1, 0, 2], [2, 1, 0]]
    assert faults(np.array(rows)) == [
        Fault(1, "self-referring"),
        Fault(2, "duplicate", 0),
        Fault(3, "contradictory", 0),
        Fault(4, "self-referring"),
    ]
    assert faults(np.array(rows[-2:])) == []
