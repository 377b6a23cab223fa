"""Searching through rankers: which of them answers, and what that does to the hits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import made_up_rankers
from indexing import Indexing
from tiefvision import settings
from tiefvision.errors import InvalidInput, NotFound, NotReady
from tiefvision.maths.grids import unit_cells
from tiefvision.store import models, registry
from tiefvision.tasks.indexing import growth
from tiefvision.tasks.keeping.models import activate_model, deactivate
from tiefvision.tasks.opened import Opened, opened
from tiefvision.tasks.searching.ranker_choice import check_name, parse
from tiefvision.tasks.searching.search import Hit, Searcher, SearchResult
from tiefvision.vision.ranker import Ranker

Draw = Callable[..., list[Path]]

_CHANNELS = 12


@pytest.fixture
def folder(tmp_path: Path, draw: Draw) -> Path:
    """Thirty photographs, named 000.png to 029.png: above the first rung."""
    draw(tmp_path / "photos", range(30))
    return tmp_path / "photos"


@pytest.fixture
def filled(shop: Indexing, folder: Path) -> Indexing:
    shop(folder)
    return shop


@pytest.fixture
def catalogue(filled: Indexing) -> Iterator[Opened]:
    with opened(filled.catalogue) as found:
        yield found


def _use(shop: Opened, head: Ranker, name: str = "default") -> str:
    model_id = made_up_rankers.add(shop, head, name=name)
    assert activate_model(model_id, catalogue=shop.home.folder).notes == ()
    return model_id


def _search(shop: Opened, query: Path | int, ranker: str = "", **options: object) -> SearchResult:
    return Searcher(shop).search(query, ranker=ranker, **{"k": 99, **options})


def _similarities(hits: list[Hit]) -> dict[int, float]:
    return {hit.id: hit.similarity for hit in hits}


def _oracle(shop: Opened, head: Ranker, query: int, weights: np.ndarray) -> dict[int, float]:
    """Mean over cells of the cosine of centred and ranked cells, cell by cell."""
    own = shop.search_space().cell_space
    shape = (own.rows, own.cols, own.channels)
    cells = {
        key.image_id: row.reshape(shape).astype(np.float32)
        for batch in shop.vectors(own).each_cells()
        for key, row in zip(batch.keys, batch.cells, strict=True)
    }
    found = {}
    for id_, other in cells.items():
        total = 0.0
        for place in np.ndindex(own.rows, own.cols):
            a, b = (head(unit_cells(grid[place] - head.mean)) for grid in (cells[query], other))
            total += float(a @ b) / float(np.linalg.norm(a) * np.linalg.norm(b)) * weights[place]
        found[id_] = total / weights.sum()
    return found


# --- one ranker ----------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [None, [[1, 0, 0], [0, 5, 0], [0, 0, 2]]])
@pytest.mark.parametrize(
    "head",
    [
        made_up_rankers.dropping(_CHANNELS, 0, 3, 5),
        made_up_rankers.turned(_CHANNELS, 7),
        made_up_rankers.residual(_CHANNELS),
    ],
    ids=["dropping", "turned", "residual"],
)
def test_similarity_is_the_mean_cosine_of_ranked_cells(
    catalogue: Opened, folder: Path, head: Ranker, weights: list[list[int]] | None
) -> None:
    _use(catalogue, head)
    given = None if weights is None else np.array(weights, np.float64)
    result = _search(catalogue, folder / "003.png", cell_weights=given)
    assert result.ranker == "default"
    best = result.hits[0]
    assert (Path(best.path).name, best.similarity) == ("003.png", pytest.approx(1, abs=2e-3))
    expected = _oracle(catalogue, head, best.id, np.ones((3, 3)) if given is None else given)
    assert _similarities(result.hits) == pytest.approx(expected, abs=3e-3)
    assert len(result.hits) == 30


def test_untrained_ranker_leaves_ranking_unchanged(catalogue: Opened, folder: Path) -> None:
    before = _search(catalogue, folder / "003.png")
    _use(catalogue, made_up_rankers.identity(_CHANNELS))
    _use(catalogue, made_up_rankers.identity(_CHANNELS), name="colour")
    for asked, answered in (("", "default"), ("colour", "colour"), ("default", "default")):
        after = _search(catalogue, folder / "003.png", ranker=asked)
        assert (after.hits, after.space, after.ranker) == (before.hits, before.space, answered)
    assert registry.active_search_spaces(catalogue.database) == {"": before.space}
    mixed = _search(catalogue, folder / "003.png", ranker="colour=0.5,none=0.5")
    assert mixed.hits == before.hits
    assert (before.ranker, mixed.ranker) == ("none", "colour=0.5,none=0.5")


def test_a_ranker_changes_the_order_only_where_it_is_asked(catalogue: Opened, folder: Path) -> None:
    query = folder / "003.png"
    base = _search(catalogue, query)
    _use(catalogue, made_up_rankers.dropping(_CHANNELS, 1, 2), name="colour")
    assert _search(catalogue, query).hits == base.hits
    colour = _search(catalogue, query, ranker="colour")
    assert [hit.id for hit in colour.hits] != [hit.id for hit in base.hits]
    _use(catalogue, made_up_rankers.dropping(_CHANNELS, 4, 5))
    default = _search(catalogue, query)
    assert (default.ranker, default.space) != (base.ranker, base.space)
    assert _search(catalogue, query, ranker="default").hits == default.hits
    assert _search(catalogue, query, ranker="colour").hits == colour.hits
    none = _search(catalogue, query, ranker="none")
    assert (none.hits, none.ranker) == (base.hits, "none")


def test_an_image_of_the_catalogue_is_ranked_as_its_file_is(
    catalogue: Opened, folder: Path
) -> None:
    _use(catalogue, made_up_rankers.turned(_CHANNELS, 4))
    by_file = _search(catalogue, folder / "005.png")
    assert _search(catalogue, by_file.hits[0].id).hits == by_file.hits


def test_a_head_of_few_channels_makes_short_vectors(catalogue: Opened, folder: Path) -> None:
    _use(catalogue, made_up_rankers.turned(_CHANNELS, 2), name="colour")
    space_id = registry.active_search_spaces(catalogue.database)["colour"]
    _search(catalogue, folder / "000.png", ranker="colour")
    space = registry.search_space(catalogue.database, catalogue.home, space_id)
    assert space.exact_length == 3 * 3 * 2
    (exact,) = catalogue.home.space(space_id).glob("exact.*.bin")
    assert exact.stat().st_size == 30 * 3 * 3 * 2 * 2


# --- names ---------------------------------------------------------------------------------------


def test_an_unknown_ranker_is_told_with_those_there_are(catalogue: Opened, folder: Path) -> None:
    with pytest.raises(NotFound, match="none yet"):
        _search(catalogue, folder / "000.png", ranker="colour")
    _use(catalogue, made_up_rankers.turned(_CHANNELS, 3), name="colour")
    _use(catalogue, made_up_rankers.identity(_CHANNELS), name="shape")
    with pytest.raises(NotFound, match="no ranker called color .* are: colour, shape") as caught:  # noqa: RUF043
        _search(catalogue, folder / "000.png", ranker="color")
    assert caught.value.remedy == "did you mean colour?"
    idle = made_up_rankers.add(catalogue, made_up_rankers.turned(_CHANNELS, 3), name="style")
    with pytest.raises(NotFound, match="style") as caught:
        _search(catalogue, folder / "000.png", ranker="style=0.5,colour=0.5")
    assert f"models activate {idle[:12]}" in caught.value.remedy


def test_a_ranker_that_is_wanted_and_not_filled_says_so(catalogue: Opened, folder: Path) -> None:
    base = _search(catalogue, folder / "000.png")
    for name in ("default", "colour"):
        head = made_up_rankers.turned(_CHANNELS, 3, seed=len(name))
        model_id = made_up_rankers.add(catalogue, head, name=name)
        # What a switch leaves that was cut off right after it began.
        models.activate(catalogue.database, kind="ranker", name=name, model_id=model_id)
    result = _search(catalogue, folder / "000.png")
    assert (result.hits, result.ranker) == (base.hits, "none")
    assert "default is not filled yet; tiefvision models activate" in result.notes[0]
    with pytest.raises(NotReady, match="colour is not filled"):
        _search(catalogue, folder / "000.png", ranker="colour")


def test_a_label_goes_without_rankers(catalogue: Opened, folder: Path) -> None:
    _use(catalogue, made_up_rankers.turned(_CHANNELS, 3))
    own = replace(catalogue.search_space().cell_space, label="bag", locator="b")
    registry.declare_cell_space(catalogue.database, own)
    registry.activate(catalogue.database, catalogue.home, growth.first_space(own))
    with pytest.raises(InvalidInput, match="label bag"):
        _search(catalogue, folder / "000.png", ranker="default", label="bag")
    with pytest.raises(NotFound, match="label bags"):
        _search(catalogue, folder / "000.png", label="bags")


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("colour", {"colour": 1.0}),
        ("colour=3", {"colour": 1.0}),
        (" colour = 0.7, shape = 0.3", {"colour": 0.7, "shape": 0.3}),
        ("a=1,b=1,none=2", {"a": 0.25, "b": 0.25, "none": 0.5}),
    ],
)
def test_weights_of_a_mix_sum_to_one(text: str, weights: dict[str, float]) -> None:
    assert parse(text) == pytest.approx(weights)


@pytest.mark.parametrize(
    "text", ["", "a,b", "a=", "=1", "a=1,", "a=x,b=1", "a=0,b=1", "a=-1,b=2", "a=nan", "a=inf",
             "a=1,a=2", "a=1=2"],
)  # fmt: skip
def test_what_is_no_mix_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="not understood") as caught:
        parse(text)
    assert "colour=0.7,shape=0.3" in caught.value.remedy


def test_a_name_must_be_one_that_can_be_asked_for() -> None:
    for name in ("colour", "my colour", "default"):
        check_name(name)
        assert parse(name) == {name: 1.0}
    for name in ("", "none", "a,b", "a=b", " a"):
        with pytest.raises(InvalidInput):
            check_name(name)


# --- a mix ---------------------------------------------------------------------------------------


@pytest.fixture
def two(catalogue: Opened) -> Opened:
    """A catalogue with the rankers colour and shape."""
    _use(catalogue, made_up_rankers.dropping(_CHANNELS, 0, 1, 2), name="colour")
    _use(catalogue, made_up_rankers.turned(_CHANNELS, 5), name="shape")
    return catalogue


def test_a_mix_is_the_weighted_mean_of_both_similarities(two: Opened, folder: Path) -> None:
    query = folder / "004.png"
    colour, shape = (_search(two, query, ranker=name) for name in ("colour", "shape"))
    ours, theirs = _similarities(colour.hits), _similarities(shape.hits)
    expected = {id_: 0.7 * ours[id_] + 0.3 * theirs[id_] for id_ in ours}
    mixed = _search(two, query, ranker="colour=7,shape=3")
    assert _similarities(mixed.hits) == pytest.approx(expected, abs=1e-5)
    assert [hit.id for hit in mixed.hits] == sorted(expected, key=lambda id_: -expected[id_])
    assert mixed.ranker == "colour=0.7,shape=0.3"
    assert mixed.space == f"{colour.space}+{shape.space}"
    again = _search(two, query, ranker=mixed.ranker)
    assert again.hits == mixed.hits
    few = _search(two, query, ranker=mixed.ranker, k=3)
    assert few.hits == mixed.hits[:3]


def test_a_mix_leans_towards_the_heavier_ranker(two: Opened, folder: Path) -> None:
    query = folder / "004.png"
    colour = _search(two, query, ranker="colour").hits
    nearly = _search(two, query, ranker="colour=0.999,shape=0.001").hits
    assert [hit.id for hit in nearly[:5]] == [hit.id for hit in colour[:5]]


def test_a_mirrored_mix_takes_the_better_of_both_views(two: Opened, folder: Path) -> None:
    from PIL import Image

    query, flipped = folder / "004.png", folder.parent / "flipped.png"
    Image.open(query).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(flipped)
    mix = "colour=0.4,shape=0.6"
    views = [_similarities(_search(two, file, ranker=mix).hits) for file in (query, flipped)]
    expected = {id_: max(view[id_] for view in views) for id_ in views[0]}
    found = _similarities(_search(two, query, ranker=mix, mirror=True).hits)
    assert found == pytest.approx(expected, abs=1e-5)


def _engine_answers(shop: Indexing) -> None:
    own = settings.read(shop.catalogue)
    settings.write(shop.catalogue, replace(own, search=replace(own.search, scan_up_to=0)))


def test_the_engine_gives_the_hits_of_the_scan_for_rankers_and_mixes(
    shop: Indexing, folder: Path, draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "PROJECT_FROM", 20)
    monkeypatch.setattr(growth, "DIMENSIONS", 16)
    table = tmp_path / "a.csv"
    table.write_text("path,price\n" + "".join(f"{i:03}.png,{i}\n" for i in range(0, 60, 2)))
    shop(folder, attributes=table)
    with opened(shop.catalogue) as catalogue:
        _use(catalogue, made_up_rankers.dropping(_CHANNELS, 0, 1, 2), name="colour")
        _use(catalogue, made_up_rankers.turned(_CHANNELS, 5), name="shape")
    # Written while rankers are active: with compact vectors of all of them.
    draw(folder, range(30, 60))
    shop(folder, attributes=table)
    options: list[dict[str, object]] = [
        {"ranker": ranker, **more}
        for ranker in ("none", "colour", "shape", "colour=0.7,shape=0.3", "shape=1,none=1")
        for more in ({"k": 10}, {"k": 10, "where": "price < 40"}, {"mirror": True}, {})
    ]
    query = folder / "050.png"
    with opened(shop.catalogue) as catalogue:
        scanned = [_search(catalogue, query, **more).hits for more in options]
        spaces = [
            registry.search_space(catalogue.database, catalogue.home, id_)
            for id_ in registry.active_search_spaces(catalogue.database).values()
        ]
        assert [space.dimensions for space in spaces] == [16, 16, 16]
        store = catalogue.vectors(spaces[0].cell_space)
        assert sorted(store.search_space_ids()) == sorted(space.id for space in spaces)
    _engine_answers(shop)
    with opened(shop.catalogue) as catalogue:
        for more, expected in zip(options, scanned, strict=True):
            hits = _search(catalogue, query, **more).hits
            # By image, since the engine's rounding may swap neighbours.
            assert _similarities(hits) == pytest.approx(_similarities(expected), abs=1e-3), more
            assert hits[0].id == expected[0].id and len(hits) in (10, 60)


def test_one_searcher_sees_rankers_come_and_go(catalogue: Opened, folder: Path) -> None:
    searcher, query = Searcher(catalogue), folder / "003.png"
    base = searcher.search(query)
    _use(catalogue, made_up_rankers.turned(_CHANNELS, 4))
    ranked = searcher.search(query)
    assert (ranked.ranker, ranked.space) != (base.ranker, base.space)
    deactivate(kind="ranker", name="default", catalogue=catalogue.home.folder)
    after = searcher.search(query)
    assert (after.hits, after.space, after.ranker) == (base.hits, base.space, "none")
