"""Frozen sets of judged images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rank_samples import CHANNELS, PARTS, judged
from tiefvision.errors import InvalidInput
from tiefvision.maths.centring import centre
from tiefvision.maths.similarity import mean_cosine


def test_its_vectors_compare_as_search_does() -> None:
    data = replace(judged(), mean=np.linspace(-0.2, 0.3, CHANNELS).astype(np.float32))
    vectors = data.vectors(np.array([5, 17]))
    grids = data.cells[[5, 17]].reshape(2, data.rows, data.cols, -1)
    a, b = centre(grids, mean=data.mean, parts=PARTS)
    assert vectors[0] @ vectors[1] == pytest.approx(mean_cosine(a, b), abs=1e-6)


def test_directions_hold_the_most_of_what_there_is() -> None:
    data = judged()
    directions = data.directions(5)
    np.testing.assert_allclose(directions @ directions.T, np.eye(5), atol=1e-5)
    cells = data.centred(np.arange(len(data.cells))).reshape(-1, CHANNELS)
    best = np.linalg.eigvalsh(cells.T @ cells)[-5:].sum() / (cells**2).sum()
    held = ((cells @ directions.T) ** 2).sum() / (cells**2).sum()
    assert held == pytest.approx(best, rel=1e-3)
    np.testing.assert_allclose(
        data.along(directions)[7], data.centred(np.array([7]))[0] @ directions.T, atol=1e-5
    )


def test_sound_data_passes() -> None:
    judged().check()


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"groups": ("one",)}, "cells of 120 images, but 1 groups"),
        ({"triplets": np.empty((0, 3), np.int64)}, "nothing to learn from"),
        ({"triplets": np.array([[0, 1, 120]])}, "outside the 120"),
        ({"triplets": np.array([[0, 1, -1]])}, "outside the 120"),
        ({"triplets": np.array([[0, 1, 2], [0, 2, 1]])}, "row 1 is contradictory"),
        ({"pairs": np.array([[0, 500]]), "same": np.array([True])}, "outside the 120"),
    ],
)
def test_what_does_not_belong_together_is_refused(changed: dict, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        replace(judged(), **changed).check()


def test_data_without_judgements_says_how_to_get_some() -> None:
    with pytest.raises(InvalidInput) as caught:
        replace(judged(), triplets=np.empty((0, 3), np.int64)).check()
    assert "triplets derive --by COLUMN" in caught.value.remedy
