"""Rankers when other cells take over: kept where they still help, else put to rest with a note."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import made_up_rankers
from indexing import Indexing
from tiefvision import settings
from tiefvision.store import models, registry
from tiefvision.store.judgement_clashes import NewTriplet
from tiefvision.store.judgements import Judgements
from tiefvision.store.spaces import NamedRanker, SearchSpace
from tiefvision.tasks.indexing import growth
from tiefvision.tasks.indexing.rejudging import rejudge
from tiefvision.tasks.keeping.models import activate_model
from tiefvision.tasks.opened import Opened, opened
from tiefvision.tasks.searching.search import Searcher
from tiefvision.vision.ranker import Ranker

Draw = Callable[..., list[Path]]

_CHANNELS = 12
_FEW = made_up_rankers.dropping(_CHANNELS, 0, 1)


@pytest.fixture
def filled(shop: Indexing, tmp_path: Path, draw: Draw) -> Indexing:
    """A catalogue of thirty photographs."""
    draw(tmp_path / "photos", range(30))
    shop(tmp_path / "photos")
    return shop


def _space(shop: Opened, head: Ranker | None, name: str = "default") -> SearchSpace:
    cells = shop.search_space().cell_space
    ranker = None if head is None else NamedRanker(name, "a" * 64, head)
    return growth.fitted(shop, shop.vectors(cells), cells, 30, ranker=ranker)


def _teach(shop: Opened, space: SearchSpace, *, each: int = 4, name: str = "default") -> None:
    """Triplets that a search space orders as judged: of each image, `each` of them."""
    rows = [row for batch in shop.vectors(space.cell_space).each_cells() for row in
            zip(batch.keys, batch.cells, strict=True)]  # fmt: skip
    vectors = space.exact(np.stack([cells for _, cells in rows]))
    contents = [key.content_id for key, _ in rows]
    rng = np.random.default_rng(7)
    taught: list[NewTriplet] = []
    for anchor in range(len(rows)):
        others = [place for place in range(len(rows)) if place != anchor]
        pairs = rng.permutation(list(itertools.combinations(others, 2)))[:each]
        for one, two in pairs:
            near, far = sorted((one, two), key=lambda at: -float(vectors[at] @ vectors[anchor]))
            taught.append(NewTriplet(contents[anchor], contents[near], contents[far]))
    Judgements(shop.database).add_triplets(name, taught, source="people", now=0)


def _use(shop: Indexing, head: Ranker, name: str = "default") -> str:
    with opened(shop.catalogue) as catalogue:
        model_id = made_up_rankers.add(catalogue, head, name=name)
    activate_model(model_id, catalogue=shop.catalogue)
    return model_id


def _want_two_rows(shop: Indexing) -> None:
    file = shop.catalogue / settings.FILE_NAME
    file.write_text(file.read_text().replace("rows = 3", "rows = 2"))


def _active(shop: Indexing) -> set[str]:
    with opened(shop.catalogue) as catalogue:
        return set(registry.active_search_spaces(catalogue.database))


def test_the_figures_are_the_shares_of_triplets_in_the_right_order(filled: Indexing) -> None:
    with opened(filled.catalogue) as catalogue:
        base, ranked = _space(catalogue, None), _space(catalogue, _FEW)
        _teach(catalogue, ranked)
        store = catalogue.vectors(base.cell_space)
        found = rejudge(catalogue, store, base, ranked)
        assert (found.after, found.count, found.verdict) == (1.0, 120, "better")
        rows = [row for batch in store.each_cells() for row in
                zip(batch.keys, batch.cells, strict=True)]  # fmt: skip
        vectors = {key.content_id: base.exact(cells[None])[0] for key, cells in rows}
        right = [
            float(vectors[own.anchor] @ vectors[own.positive])
            > float(vectors[own.anchor] @ vectors[own.negative])
            for own in Judgements(catalogue.database).triplets("default")
        ]
        assert found.before == pytest.approx(np.mean(right)) and found.before < 0.9


def test_triplets_that_cannot_be_looked_at_are_left_out(filled: Indexing) -> None:
    with opened(filled.catalogue) as catalogue:
        base, ranked = _space(catalogue, None), _space(catalogue, _FEW)
        store = catalogue.vectors(base.cell_space)
        assert rejudge(catalogue, store, base, ranked).verdict == "too few to judge"
        _teach(catalogue, ranked, each=1)
        known = Judgements(catalogue.database).triplets("default")[0]
        more = [
            NewTriplet(known.anchor, known.positive, "f" * 64),
            NewTriplet(known.anchor, known.anchor, known.negative, mirrored=True),
        ]
        Judgements(catalogue.database).add_triplets("default", more, source="people", now=0)
        assert rejudge(catalogue, store, base, ranked).count == 30


def test_a_ranker_that_still_helps_goes_with_the_catalogue_to_other_cells(
    filled: Indexing, tmp_path: Path
) -> None:
    with opened(filled.catalogue) as catalogue:
        _teach(catalogue, _space(catalogue, _FEW))
    model_id = _use(filled, _FEW)
    _want_two_rows(filled)
    report = filled(tmp_path / "photos")
    assert report.reencoded == 30
    assert "default ranks the new cells too; its judgements: better" in report.notes[0]
    with opened(filled.catalogue) as catalogue:
        own = registry.search_space(
            catalogue.database,
            catalogue.home,
            registry.active_search_spaces(catalogue.database)["default"],
        )
        assert own.ranker is not None and (own.ranker.id, own.cell_space.rows) == (model_id, 2)
        result = Searcher(catalogue).search(tmp_path / "photos" / "003.png")
        assert (result.ranker, Path(result.hits[0].path).name) == ("default", "003.png")
    assert filled(tmp_path / "photos").notes == ()


def test_a_ranker_without_judgements_goes_with_the_catalogue_too(
    filled: Indexing, tmp_path: Path
) -> None:
    _use(filled, _FEW, "colour")
    _want_two_rows(filled)
    (note,) = filled(tmp_path / "photos").notes
    assert "colour" in note and "too few to judge (0)" in note
    assert _active(filled) == {"", "colour"}


def test_a_ranker_that_is_worse_on_other_cells_rests_with_a_note(
    filled: Indexing, tmp_path: Path
) -> None:
    with opened(filled.catalogue) as catalogue:
        _teach(catalogue, _space(catalogue, None))
    _use(filled, _FEW)
    _use(filled, made_up_rankers.turned(_CHANNELS, 6), "colour")
    _want_two_rows(filled)
    notes = filled(tmp_path / "photos").notes
    rests = next(note for note in notes if "rests" in note)
    assert "ranker default rests, on the new cells it is worse" in rests
    assert "tiefvision train ranker --name default" in rests
    assert _active(filled) == {"", "colour"}
    with opened(filled.catalogue) as catalogue:
        assert models.active_names(catalogue.database, kind="ranker") == ["colour"]
        assert Searcher(catalogue).search(tmp_path / "photos" / "003.png").ranker == "none"


def test_with_another_encoder_every_trained_ranker_rests(
    filled: Indexing, tmp_path: Path, tiny_network: Path
) -> None:
    import onnx
    from onnx import numpy_helper

    other = onnx.load(str(tiny_network))
    weight = numpy_helper.to_array(other.graph.initializer[0]) * np.float32(0.5)
    other.graph.initializer[0].CopyFrom(numpy_helper.from_array(weight[::-1].copy(), "weight"))
    onnx.save(other, str(tmp_path / "other.onnx"))
    model_id = _use(filled, _FEW)
    _use(filled, made_up_rankers.identity(_CHANNELS), "colour")
    filled.encoder = f"onnx:{tmp_path / 'other.onnx'}"
    (note,) = filled(tmp_path / "photos").notes
    assert "default was taught on another encoder's cells and rests" in note
    assert "tiefvision train ranker --name default" in note
    assert _active(filled) == {""}
    with opened(filled.catalogue) as catalogue:
        assert models.active(catalogue.database, kind="ranker", name="default") is None
        assert [model.id for model in models.each(catalogue.database) if model.name == "default"
                ] == [model_id], "it is kept"  # fmt: skip
        result = Searcher(catalogue).search(tmp_path / "photos" / "003.png", ranker="colour")
        assert result.ranker == "colour"
