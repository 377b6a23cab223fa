"""Which triplets of a batch are judged."""

from __future__ import annotations

from itertools import islice

import numpy as np

from tiefvision.teach.rank_batches import Batch, of_classes, of_triplets


def _triplets(batch: Batch) -> set[tuple[int, int, int]]:
    """All triplets that a batch judges, as positions in the set."""
    return {
        (int(batch.images[a]), int(batch.images[p]), int(batch.images[n]))
        for pair, (a, p) in enumerate(zip(batch.anchors, batch.positives, strict=True))
        for n in np.flatnonzero(batch.negatives[pair])
    }


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_batches_of_triplets_hold_those_and_no_others() -> None:
    rows = _rng().integers(0, 30, (40, 3))
    rows = rows[[len(set(row)) == 3 for row in rows.tolist()]]
    size = 12
    once = -(-len(rows) // (size // 3))
    seen = [_triplets(batch) for batch in islice(of_triplets(rows, size=size, rng=_rng()), once)]
    assert set.union(*seen) == set(map(tuple, rows.tolist())), "all before any comes again"
    assert all(len(some) <= size // 3 for some in seen)


def test_a_pair_without_a_third_image_judges_no_triplet() -> None:
    rows = np.array([[4, 7, 4], [5, 5, 9]])  # 4 and 7 are the same, 5 and 9 are not
    batch = next(of_triplets(rows, size=9, rng=_rng()))
    assert batch.images.tolist() == [4, 5, 7, 9]
    assert _triplets(batch) == {(5, 5, 9)}


def test_batches_of_classes_judge_every_valid_triplet() -> None:
    rng = _rng()
    classes, senders = rng.integers(-1, 5, 80), rng.integers(0, 20, 80)
    among = np.flatnonzero(rng.random(80) < 0.7)
    for batch in islice(of_classes(classes, senders, among=among, size=24, rng=rng), 5):
        images = batch.images.tolist()
        assert set(images) <= set(among.tolist()) and (classes[images] >= 0).all()
        slow = {
            (a, p, n)
            for a in images
            for p in images
            for n in images
            if classes[a] == classes[p] != classes[n] and senders[a] != senders[p]
        }
        assert _triplets(batch) == slow and slow


def test_rare_classes_are_drawn_less_often_than_common_ones_but_more_than_their_share() -> None:
    classes = np.repeat([0, 1], [900, 100])
    batches = of_classes(classes, None, among=np.arange(1_000), size=40, rng=_rng())
    drawn = np.concatenate([classes[batch.images] for batch in islice(batches, 200)])
    # Square roots of 9 : 1 are 3 : 1; repeated images of the smaller class count once.
    assert 0.2 < (drawn == 1).mean() < 0.26
