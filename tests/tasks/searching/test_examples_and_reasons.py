"""Searching with several pictures, searching again, and what each cell adds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import made_up_rankers
from indexing import Indexing, picture
from tiefvision.errors import InvalidInput, NotFound
from tiefvision.maths import grids, similarity
from tiefvision.maths.boxes import Box
from tiefvision.tasks.keeping.models import activate_model
from tiefvision.tasks.opened import Opened, opened
from tiefvision.tasks.searching.search import Hit, Searcher

Draw = Callable[..., list[Path]]

_CHANNELS = 12


@pytest.fixture
def folder(tmp_path: Path, draw: Draw) -> Path:
    """Twenty-four photographs: above the first rung, so that cells are centred."""
    draw(tmp_path / "photos", range(24))
    return tmp_path / "photos"


@pytest.fixture
def catalogue(shop: Indexing, folder: Path) -> Iterator[Opened]:
    shop(folder)
    with opened(shop.catalogue) as found:
        yield found


def _by_name(hits: list[Hit]) -> dict[str, Hit]:
    return {Path(hit.path).name: hit for hit in hits}


# --- several examples ---------------------------------------------------------------------------


def _centred(catalogue: Opened, image_id: int) -> np.ndarray:
    space = catalogue.search_space()
    own = space.cell_space
    stored = catalogue.vectors(own).fetch([image_id]).cells
    return grids.unit_cells(stored.reshape(own.rows, own.cols, -1).astype(np.float64) - space.mean)


def test_several_examples_are_compared_as_their_combined_cells(
    catalogue: Opened, folder: Path
) -> None:
    searcher = Searcher(catalogue)
    ids = {name: hit.id for name, hit in _by_name(searcher.search(1, k=24).hits).items()}
    a, b, c = (ids[f"{number:03}.png"] for number in (3, 7, 11))
    result = searcher.search(folder / "003.png", positive=[b], negative=[folder / "011.png"], k=24)
    query = similarity.combined(
        np.stack([_centred(catalogue, a), _centred(catalogue, b)]), _centred(catalogue, c)[None]
    )
    expected = {
        id_: similarity.mean_cosine(query, _centred(catalogue, id_)) for id_ in ids.values()
    }
    assert {hit.id: hit.similarity for hit in result.hits} == pytest.approx(expected, abs=2e-3)
    assert {result.hits[0].id, result.hits[1].id} == {a, b}
    assert result.hits[-1].id == c
    assert result.query_image == a


def test_examples_are_mirrored_with_the_query(catalogue: Opened, folder: Path) -> None:
    searcher = Searcher(catalogue)
    for number in (3, 7):
        flipped = Image.fromarray(np.ascontiguousarray(picture(number)[:, ::-1]))
        flipped.save(folder.parent / f"flipped{number}.png")
    straight = searcher.search(folder / "003.png", positive=[folder / "007.png"], k=9)
    files = [folder.parent / f"flipped{number}.png" for number in (3, 7)]
    mirrored = searcher.search(files[0], positive=[files[1]], mirror=True, k=9)
    assert [hit.id for hit in mirrored.hits[:2]] == [hit.id for hit in straight.hits[:2]]
    assert mirrored.hits[0].similarity == pytest.approx(straight.hits[0].similarity, abs=2e-3)
    with pytest.raises(InvalidInput, match="needs the photograph"):
        searcher.search(folder / "003.png", positive=[1], mirror=True)


# --- again --------------------------------------------------------------------------------------


def test_a_remembered_photograph_is_not_encoded_again(catalogue: Opened, folder: Path) -> None:
    searcher = Searcher(catalogue, remembered=2)
    weights = np.eye(3)
    query = (folder / "003.png").read_bytes()
    first = searcher.search(query, k=24)
    again = searcher.search(query, k=24, cell_weights=weights)
    assert "encode" in first.milliseconds and "encode" not in again.milliseconds
    anew = Searcher(catalogue).search(query, k=24, cell_weights=weights)
    assert again.hits == anew.hits != first.hits
    assert first.query == again.query == anew.query
    # Another box is another picture; of three only the last two are kept.
    assert "encode" in searcher.search(query, box=Box(10, 10, 90, 90)).milliseconds
    assert "encode" in searcher.search(folder / "004.png").milliseconds
    assert "encode" not in searcher.search(query, box=Box(10, 10, 90, 90)).milliseconds
    assert "encode" in searcher.search(query).milliseconds


def test_the_answer_knows_the_photograph_in_the_catalogue(catalogue: Opened, folder: Path) -> None:
    searcher = Searcher(catalogue)
    known = searcher.search(folder / "003.png")
    assert known.query_image == known.hits[0].id and len(known.query) == 32
    by_id = searcher.search(known.hits[0].id)
    assert by_id.query_image == known.query_image and by_id.query == ""
    Image.fromarray(picture(99)).save(folder.parent / "other.png")
    assert searcher.search(folder.parent / "other.png").query_image is None


# --- why ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ranker", ["none", "turned", "none=0.3,turned=0.7"])
@pytest.mark.parametrize("mirror", [False, True])
def test_what_the_cells_add_sums_to_the_similarity(
    catalogue: Opened, folder: Path, ranker: str, mirror: bool
) -> None:
    head = made_up_rankers.turned(_CHANNELS, 6)
    model_id = made_up_rankers.add(catalogue, head, name="turned")
    activate_model(model_id, catalogue=catalogue.home.folder)
    weights = np.array([[1, 0, 2], [1, 1, 1], [0, 3, 1]], np.float64)
    result = Searcher(catalogue).search(
        folder / "003.png", ranker=ranker, mirror=mirror, cell_weights=weights, explain=True, k=24
    )
    assert len(result.hits) == 24
    for hit in result.hits:
        added = np.array(hit.contributions)
        assert added.shape == (3, 3)
        assert added.sum() == pytest.approx(hit.similarity, abs=2e-3)
        assert added[0, 1] == added[2, 0] == 0
    # A photograph adds to itself what its cells weigh.
    np.testing.assert_allclose(result.hits[0].contributions, weights / 10, atol=2e-3)
    np.testing.assert_allclose(result.query_contributions, weights / 10, atol=1e-6)


def test_without_being_asked_no_cell_is_explained(catalogue: Opened) -> None:
    result = Searcher(catalogue).search(1)
    assert result.query_contributions is None and result.hits[0].contributions is None


def test_a_hit_is_explained_with_more_cells_than_are_compared(
    catalogue: Opened, folder: Path
) -> None:
    # The lower half of this picture is that of photograph 003, its upper half is not.
    mixed = picture(3).copy()
    mixed[:48] = picture(9)[:48]
    Image.fromarray(mixed).save(folder.parent / "mixed.png")
    searcher = Searcher(catalogue, remembered=8)
    hits = _by_name(searcher.search(folder.parent / "mixed.png", k=24).hits)
    why = searcher.explain(hits["003.png"].id, folder.parent / "mixed.png")
    added = np.array(why.contributions)
    assert why.dense and added.shape == (7, 7)
    assert added.sum() == pytest.approx(why.similarity, abs=1e-4)
    assert added[5:].mean() == pytest.approx(1 / 49, abs=2e-3)
    assert added[:2].mean() < 0.5 / 49
    # The middle of a picture without a product: three quarters of its longer side.
    assert why.query_part == why.image_part == [12, 0, 108, 96]


def test_weights_and_mirror_images_are_explained_too(catalogue: Opened, folder: Path) -> None:
    searcher = Searcher(catalogue, remembered=8)
    flipped = Image.fromarray(np.ascontiguousarray(picture(3)[:, ::-1]))
    flipped.save(folder.parent / "flipped.png")
    hits = _by_name(searcher.search(folder / "003.png", k=1).hits)
    weights = np.array([[1, 1, 1], [0, 0, 0], [0, 0, 0]], np.float64)
    why = searcher.explain(
        hits["003.png"].id, folder.parent / "flipped.png", mirror=True, cell_weights=weights
    )
    added = np.array(why.contributions)
    # Of seven rows those with their middle in the first third: two.
    np.testing.assert_allclose(added[:2], 1 / 14, atol=2e-3)
    assert why.mirrored and np.all(added[2:] == 0)
    straight = searcher.explain(hits["003.png"].id, folder / "003.png", mirror=True)
    assert not straight.mirrored and straight.similarity == pytest.approx(1, abs=2e-3)


def test_a_hit_whose_photograph_is_gone_is_explained_by_its_stored_cells(
    catalogue: Opened, folder: Path
) -> None:
    searcher = Searcher(catalogue)
    query = (folder / "003.png").read_bytes()
    hits = _by_name(searcher.search(query, k=24).hits)
    (folder / "007.png").unlink()
    why = searcher.explain(hits["007.png"].id, query)
    assert not why.dense and np.array(why.contributions).shape == (3, 3)
    assert why.similarity == pytest.approx(hits["007.png"].similarity, abs=2e-3)
    with pytest.raises(NotFound, match="4711"):
        searcher.explain(4711, query)
