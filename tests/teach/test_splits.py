"""Splits that do not leak, and stay."""

from __future__ import annotations

import numpy as np
import pytest

from rank_samples import COLS, ROWS
from tiefvision.errors import InvalidInput
from tiefvision.maths.triplets import mirrored_cells
from tiefvision.teach import splits


def _vectors(count: int, *, seed: int = 0) -> np.ndarray:
    """float32 (count, ROWS * COLS * 6) of length 1."""
    vectors = np.random.default_rng(seed).normal(size=(count, ROWS * COLS * 6))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _clusters(vectors: np.ndarray, at_least: float = splits.NEAR_DUPLICATE) -> list[int]:
    found = splits.near_duplicates(
        lambda images: vectors[images], len(vectors), rows=ROWS, cols=COLS, at_least=at_least
    )
    return found.tolist()


def test_a_changed_copy_and_a_mirror_belong_to_their_original() -> None:
    vectors = _vectors(5)
    copy = vectors[1] + 0.02 * _vectors(1, seed=9)[0]
    mirror = mirrored_cells(vectors[3:4], rows=ROWS, cols=COLS)[0]
    assert _clusters(np.stack([*vectors, copy, mirror])) == [0, 1, 2, 3, 4, 1, 3]


def test_near_duplicates_are_those_of_comparing_every_pair() -> None:
    rng = np.random.default_rng(2)
    vectors = _vectors(24)[rng.integers(0, 24, 600)] + 0.3 * _vectors(600, seed=3)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    turned = rng.random(600) < 0.5
    vectors[turned] = mirrored_cells(vectors[turned], rows=ROWS, cols=COLS)
    alike = np.maximum(
        vectors @ vectors.T, mirrored_cells(vectors, rows=ROWS, cols=COLS) @ vectors.T
    )
    for at_least in (0.97, 0.93, 0.9):
        slow = np.arange(600)
        for _ in range(600):
            spread = np.where(alike >= at_least, slow[None], 600).min(axis=1)
            spread = np.minimum(spread, slow)
            if (spread == slow).all():
                break
            slow = spread
        assert _clusters(vectors, at_least) == slow.tolist()
        assert 24 <= len(set(slow.tolist())) < 600


def test_many_copies_of_one_picture_are_one_cluster() -> None:
    assert set(_clusters(np.repeat(_vectors(1), 1_000, axis=0))) == {0}


def test_groups_are_joined_by_any_column_and_through_others() -> None:
    keys = ["e", "d", "c", "b", "a"]
    senders = ["ann", "ann", "bob", None, None]
    clusters = [1, 2, 2, 3, 4]
    # e and d by ann, d and c by cluster 2.
    assert splits.group_keys(keys, senders, clusters) == ("c", "c", "c", "b", "a")


def test_a_column_of_another_length_is_refused() -> None:
    with pytest.raises(InvalidInput, match="2 images, but 1 values"):
        splits.group_keys(["a", "b"], ["x"])


def test_folds_are_fixed_by_the_hash_of_the_key() -> None:
    keys = [f"group {number}" for number in range(500)]
    folds = splits.folds(keys)
    np.testing.assert_array_equal(splits.folds(keys[::-1]), folds[::-1])
    np.testing.assert_array_equal(splits.folds(keys[:7]), folds[:7])
    assert np.bincount(folds, minlength=5).min() > 70
    # The SHA-256 of "a", as sha256sum prints it.
    expected = int("ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb", 16) % 5
    assert splits.folds(["a"]).tolist() == [expected]


def test_kinds_are_dealt_whole_and_evenly() -> None:
    kinds = np.random.default_rng(0).integers(-1, 12, 300)
    folds = splits.of_kinds(kinds)
    assert ((folds == -1) == (kinds == -1)).all()
    held = [set(kinds[folds == fold].tolist()) for fold in range(5)]
    assert sorted(map(len, held)) == [2, 2, 2, 3, 3]
    assert len(set().union(*held)) == 12


def test_a_few_kinds_make_fewer_folds() -> None:
    for count, folds in ((1, 1), (2, 2), (3, 2), (4, 2), (9, 4), (10, 5), (40, 5)):
        kinds = np.arange(count)
        assert len(set(splits.of_kinds(kinds).tolist())) == folds, count


@pytest.mark.parametrize("seed", range(20))
def test_nothing_of_a_held_out_group_trains(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(5, 60))
    keys = [f"image {number}" for number in range(count)]
    senders = [f"sender {rng.integers(count)}" for _ in keys]
    clusters = [f"cluster {rng.integers(count)}" for _ in keys]
    groups = splits.group_keys(keys, senders, clusters)
    folds = splits.folds(groups)
    triplets = rng.integers(0, count, (200, 3))
    judged: list[int] = []
    for fold, sides in splits.by_anchor(triplets, folds):
        learned, asked = triplets[sides.train], triplets[sides.held_out, 0]
        assert (folds[asked] == fold).all() and (folds[learned] != fold).all()
        for column in (senders, clusters, groups):
            trained = {column[image] for image in learned.ravel()}
            assert trained.isdisjoint(column[image] for image in asked)
        judged += np.flatnonzero(sides.held_out).tolist()
    assert len(judged) == len(set(judged)), "each triplet judges once"
