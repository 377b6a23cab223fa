"""Heads of one set of judgements: what they are fitted on and judged by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from rank_samples import CHANNELS, judged, torch_or_skip
from tiefvision.maths.judging import triplet_gaps
from tiefvision.maths.triplets import mirrored_cells
from tiefvision.teach.rank_data import RankData

torch = torch_or_skip()

from tiefvision.teach.rank_fitting import Recipe  # noqa: E402
from tiefvision.teach.rank_heads import Heads  # noqa: E402
from tiefvision.teach.rank_networks import RankHead  # noqa: E402

RECIPE = Recipe(steps=20, batch=60)


def _heads(data: RankData, *, channels: int | None = 12) -> Heads:
    return Heads(data, RECIPE, "linear", channels, 0, torch.device("cpu"))


def _all_steps(head: RankHead, steps: Iterator[tuple[int, float]]) -> RankHead:
    for _ in steps:
        pass
    return head


def _fitted(heads: Heads) -> RankHead:
    everything = np.ones(len(heads.rows), bool)
    return _all_steps(*heads.fit(everything, steps=20))


@pytest.mark.parametrize("channels", [12, None])
def test_vectors_are_those_of_the_exported_ranker(channels: int | None) -> None:
    data = judged()
    heads = _heads(data, channels=channels)
    head = _fitted(heads)
    images = np.array([3, 50, 7])
    ranked = head.export(data.mean)(data.centred(images)).reshape(3, -1)
    np.testing.assert_allclose(heads.vectors(head, images), ranked / 2, atol=1e-5)
    np.testing.assert_allclose(heads.vectors(None, images), data.vectors(images))


def test_gaps_are_those_of_the_vectors_plain_and_with_the_anchor_mirrored() -> None:
    data = judged()
    heads = _heads(data)
    everything = np.arange(len(data.cells))
    vectors = data.vectors(everything)
    mirrored = mirrored_cells(vectors, rows=data.rows, cols=data.cols)
    np.testing.assert_allclose(
        heads.gaps(None, data.triplets)[0], triplet_gaps(vectors, data.triplets), atol=1e-6
    )
    turned = data.triplets + np.array([len(vectors), 0, 0])
    np.testing.assert_allclose(
        heads.gaps(None, data.triplets, both_ways=True)[1],
        triplet_gaps(np.concatenate([vectors, mirrored]), turned),
        atol=1e-6,
    )


def test_a_head_of_all_channels_keeps_them() -> None:
    data = judged()
    head = _fitted(_heads(data, channels=None))
    assert head.export(data.mean).channels == CHANNELS


def test_pairs_are_learned_from_as_they_are_and_by_the_triplets_they_imply() -> None:
    pairs = np.array([[0, 1], [0, 2], [5, 6]])
    same = np.array([True, False, True])
    data = replace(judged(), triplets=np.empty((0, 3), np.int64), pairs=pairs, same=same)
    heads = _heads(data)
    assert heads.rows.tolist() == [[0, 1, 2], [0, 1, 0], [5, 6, 5], [0, 0, 2]]
    assert heads.whole.tolist() == [True, False, False, False]


def test_derived_triplets_are_judged_by_others_from_held_out_images_alone() -> None:
    data = judged()
    inside = np.arange(len(data.cells)) % 3 == 0
    derived = np.arange(len(data.triplets)) % 2 == 0
    heads = _heads(replace(data, derived=derived))
    held_out = inside[heads.rows[:, 0]]
    found = set(map(tuple, heads.judging(held_out, inside).tolist()))
    people = {
        tuple(row)
        for row, made in zip(data.triplets.tolist(), derived, strict=True)
        if not made and inside[row[0]]
    }
    assert people <= found and len(found) >= held_out.sum() - 2  # a few may be drawn twice
    assert data.classes is not None
    for anchor, positive, negative in found - people:
        assert inside[[anchor, positive, negative]].all()
        assert data.classes[anchor] == data.classes[positive] != data.classes[negative]


def test_nothing_held_out_touches_the_fit() -> None:
    """Images outside the training rows may be anything: the head stays the same."""
    data = judged(known=False)
    directions = np.eye(CHANNELS, dtype=np.float32)
    trained = (data.triplets < 60).all(axis=1)
    heads: list[dict[str, torch.Tensor]] = []
    for noise in (0.0, 5.0):
        cells = data.cells.copy()
        cells[60:] += np.float16(noise)
        own = _heads(replace(data, cells=cells))
        own._directions, own._cells = (
            directions,
            torch.from_numpy(replace(data, cells=cells).along(directions)),
        )
        rows = (own.rows < 60).all(axis=1)
        assert rows.sum() == trained.sum() > 10
        heads.append(_all_steps(*own.fit(rows, steps=20)).state_dict())
    assert all(torch.equal(heads[0][name], heads[1][name]) for name in heads[0])
