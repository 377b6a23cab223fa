"""The search spaces of rankers while a catalogue lives: switched, undone, grown, mended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import made_up_rankers
from indexing import Indexing
from tiefvision.errors import Conflict, InvalidInput, NotReady
from tiefvision.store import leases, models, registry
from tiefvision.tasks.indexing import growth, update
from tiefvision.tasks.keeping.doctor import doctor
from tiefvision.tasks.keeping.models import Activation, activate_model, deactivate, remove_model
from tiefvision.tasks.keeping.status import status
from tiefvision.tasks.opened import Opened, opened
from tiefvision.tasks.progress import Advance, silent
from tiefvision.tasks.searching.search import Searcher, SearchResult
from tiefvision.vision.embedder import Embedder

Draw = Callable[..., list[Path]]

_CHANNELS = 12
_FIRST = made_up_rankers.dropping(_CHANNELS, 0, 1, 2)
_SECOND = made_up_rankers.turned(_CHANNELS, 5)


@pytest.fixture
def folder(tmp_path: Path, draw: Draw) -> Path:
    """Twelve photographs, named 000.png to 011.png."""
    draw(tmp_path / "photos", range(12))
    return tmp_path / "photos"


@pytest.fixture
def filled(shop: Indexing, folder: Path) -> Indexing:
    shop(folder)
    return shop


def _add(shop: Indexing, head: object, name: str = "default", **more: str) -> str:
    with opened(shop.catalogue) as catalogue:
        return made_up_rankers.add(catalogue, head, name=name, **more)  # type: ignore[arg-type]


def _use(shop: Indexing, head: object, name: str = "default") -> str:
    model_id = _add(shop, head, name)
    assert activate_model(model_id, catalogue=shop.catalogue).notes == ()
    return model_id


def _search(shop: Indexing, query: Path, ranker: str = "", k: int = 99) -> SearchResult:
    with opened(shop.catalogue) as catalogue:
        return Searcher(catalogue).search(query, ranker=ranker, k=k)


def _active(shop: Opened) -> dict[str, str]:
    return registry.active_search_spaces(shop.database)


def test_rankers_are_switched_without_any_photograph(
    filled: Indexing, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Embedder, "embed", None)
    first, second = _add(filled, _FIRST), _add(filled, _SECOND)
    done = activate_model(first, catalogue=filled.catalogue)
    assert (done.kind, done.name, done.model_id, done.previous_id) == (
        "ranker", "default", first, None,
    )  # fmt: skip
    done = activate_model(second, catalogue=filled.catalogue)
    assert (done.model_id, done.previous_id, done.encoded) == (second, first, 0)


def test_an_undo_brings_the_previous_ranker_back(filled: Indexing, folder: Path) -> None:
    query = folder / "003.png"
    base = _search(filled, query)
    first = _use(filled, _FIRST)
    by_first = _search(filled, query)
    second = _use(filled, _SECOND)
    by_second = _search(filled, query)
    assert len({result.space for result in (base, by_first, by_second)}) == 3
    done = deactivate(kind="ranker", name="default", back=True, catalogue=filled.catalogue)
    assert (done.model_id, done.previous_id) == (first, second)
    assert (_search(filled, query).hits, _search(filled, query).space) == (
        by_first.hits, by_first.space,
    )  # fmt: skip
    deactivate(kind="ranker", name="default", catalogue=filled.catalogue)
    after = _search(filled, query)
    assert (after.hits, after.space, after.ranker) == (base.hits, base.space, "none")
    with pytest.raises(InvalidInput, match="no ranker is active for default"):
        deactivate(kind="ranker", name="default", catalogue=filled.catalogue)


def test_going_back_at_once_lays_nothing_out_anew(filled: Indexing, folder: Path) -> None:
    _use(filled, _FIRST)
    before = _search(filled, folder / "003.png")
    laid_out = filled.catalogue / "spaces" / before.space / "exact.1.bin"
    marked = np.full(3 * 3 * 3, np.float16(0.25)).tobytes()
    _use(filled, _SECOND)
    with laid_out.open("r+b") as file:
        file.write(marked)
    deactivate(kind="ranker", name="default", back=True, catalogue=filled.catalogue)
    assert laid_out.read_bytes().startswith(marked)
    assert _search(filled, folder / "003.png").space == before.space


def test_an_identity_in_the_place_of_a_ranker_leads_back_to_the_base(
    filled: Indexing, folder: Path
) -> None:
    base = _search(filled, folder / "003.png")
    _use(filled, _FIRST)
    _use(filled, made_up_rankers.identity(_CHANNELS))
    after = _search(filled, folder / "003.png")
    assert (after.hits, after.space, after.ranker) == (base.hits, base.space, "default")


def test_old_spaces_are_removed_by_the_next_switch_or_run(filled: Indexing, folder: Path) -> None:
    for head in (_FIRST, _SECOND, made_up_rankers.turned(_CHANNELS, 3)):
        _use(filled, head)
    with opened(filled.catalogue) as catalogue:
        assert len(_active(catalogue)) == 2
        assert len(registry.retired(catalogue.database)) == 1
    filled(folder)
    with opened(filled.catalogue) as catalogue:
        assert registry.retired(catalogue.database) == []
        kept = {place.name for place in (filled.catalogue / "spaces").iterdir()}
        assert kept == set(_active(catalogue).values())


def test_a_ranker_in_use_is_not_removed(filled: Indexing, folder: Path) -> None:
    first, second = _use(filled, _FIRST, "colour"), _use(filled, _SECOND, "colour")
    with pytest.raises(Conflict, match="in use") as caught:
        remove_model(second, catalogue=filled.catalogue)
    assert "models undo --ranker colour" in caught.value.remedy
    remove_model(first, catalogue=filled.catalogue)
    filled(folder)
    assert _search(filled, folder / "003.png", ranker="colour").ranker == "colour"


def test_new_photographs_are_found_through_every_ranker(
    filled: Indexing, folder: Path, draw: Draw
) -> None:
    _use(filled, _FIRST)
    _use(filled, _SECOND, "shape")
    draw(folder, [40])
    filled(folder)
    for ranker in ("default", "shape", "none"):
        result = _search(filled, folder / "040.png", ranker)
        assert Path(result.hits[0].path).name == "040.png" and len(result.hits) == 13


def test_a_catalogue_that_grows_answers_as_one_that_was_ranked_at_once(
    shop: Indexing,
    folder: Path,
    draw: Draw,
    tiny_encoder: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(growth, "PROJECT_FROM", 20)
    monkeypatch.setattr(growth, "DIMENSIONS", 16)
    shop(folder)
    model_id = _use(shop, _SECOND)
    small = _search(shop, folder / "003.png")
    draw(folder, range(12, 30))
    shop(folder)
    grown = _search(shop, folder / "003.png")
    with opened(shop.catalogue) as catalogue:
        own = registry.search_space(
            catalogue.database, catalogue.home, _active(catalogue)["default"]
        )
        assert own.ranker is not None and (own.ranker.id, own.name) == (model_id, "default")
        assert (own.fitted_on, own.dimensions, grown.space) == (20, 16, own.id)
        np.testing.assert_array_equal(own.mean, _SECOND.mean)
    assert grown.space != small.space
    whole = Indexing(tmp_path / "whole", tiny_encoder)
    whole(folder)
    _use(whole, _SECOND)
    made = _search(whole, folder / "003.png")
    assert (made.space, made.hits) == (grown.space, grown.hits)


def test_a_ranker_without_a_projection_is_filled_once_however_the_catalogue_grows(
    filled: Indexing, folder: Path, draw: Draw
) -> None:
    _use(filled, _FIRST)
    before = _search(filled, folder / "003.png").space
    base = _search(filled, folder / "003.png", "none").space
    draw(folder, range(12, 24))
    filled(folder)
    assert _search(filled, folder / "003.png").space == before
    assert _search(filled, folder / "003.png", "none").space != base


def test_a_ranker_can_be_chosen_before_anything_is_indexed(
    shop: Indexing, folder: Path, tmp_path: Path
) -> None:
    shop(folder)
    model_id = _use(shop, _FIRST)
    expected = _search(shop, folder / "003.png")
    with opened(shop.catalogue) as catalogue:
        # As after a switch that was killed before it began to fill.
        registry.retire(catalogue.database, [_active(catalogue)["default"]])
        assert models.active(catalogue.database, kind="ranker", name="default") == model_id
    assert _search(shop, folder / "003.png").ranker == "none"
    assert shop(folder).notes == ()
    assert _search(shop, folder / "003.png").hits == expected.hits


def test_damaged_arrays_are_made_anew_by_the_next_run(filled: Indexing, folder: Path) -> None:
    _use(filled, _FIRST)
    expected = _search(filled, folder / "003.png")
    (filled.catalogue / "spaces" / expected.space / "space.npz").write_bytes(b"PK no archive")
    filled(folder)
    after = _search(filled, folder / "003.png")
    assert (after.space, after.hits) == (expected.space, expected.hits)


def test_a_space_needs_no_model_folder_and_a_new_one_says_what_is_gone(
    filled: Indexing, folder: Path
) -> None:
    _use(filled, _FIRST)
    expected = _search(filled, folder / "003.png")
    (filled.catalogue / "models" / "ranker").rename(filled.catalogue / "elsewhere")
    assert _search(filled, folder / "003.png").hits == expected.hits
    assert filled(folder).notes == ()
    with opened(filled.catalogue) as catalogue:
        registry.retire(catalogue.database, [expected.space])
    (note,) = filled(folder).notes
    assert "weights of the ranker default" in note and "models undo --ranker default" in note
    with pytest.raises(NotReady, match="weights"):
        _search(filled, folder / "003.png", ranker="default")


def test_a_ranker_of_another_encoder_is_refused_before_anything_changes(
    filled: Indexing,
) -> None:
    wrong = [
        _add(filled, made_up_rankers.identity(_CHANNELS + 1)),
        _add(filled, _FIRST, encoder="another"),
    ]
    for model_id in wrong:
        with pytest.raises(InvalidInput, match="another encoder") as caught:
            activate_model(model_id, catalogue=filled.catalogue)
        assert "train ranker --name default" in caught.value.remedy
    with opened(filled.catalogue) as catalogue:
        assert models.active(catalogue.database, kind="ranker", name="default") is None
        own = catalogue.search_space().cell_space.fingerprint
    fitting = _add(filled, _SECOND, encoder=own)
    assert activate_model(fitting, catalogue=filled.catalogue).model_id == fitting


def test_a_ranker_is_switched_when_the_index_run_at_work_has_ended(filled: Indexing) -> None:
    model_id, stop, waiting = _add(filled, _FIRST), threading.Event(), threading.Event()

    @contextmanager
    def progress(stage: str, _total: int | None, /, *, unit: str = "") -> Generator[Advance]:
        if stage == "waiting for another run":
            waiting.set()
        with silent(stage, None, unit=unit) as advance:
            yield advance

    def switched() -> Activation:
        return activate_model(model_id, catalogue=filled.catalogue, progress=progress, stop=stop)

    def active() -> str | None:
        return models.active(catalogue.database, kind="ranker", name="default")

    with opened(filled.catalogue) as catalogue, ThreadPoolExecutor(1) as other:
        with leases.hold(catalogue.database, update.LEASE):
            first = other.submit(switched)
            assert waiting.wait(10)
            stop.set()
            with pytest.raises(Conflict, match="already at work"):
                first.result(10)
            stop.clear()
            second = other.submit(switched)
            assert active() is None
        second.result(30)
        assert active() == model_id


# --- status and doctor ----------------------------------------------------------------------------


def test_status_and_doctor_name_the_active_rankers(filled: Indexing, folder: Path) -> None:
    assert status(filled.catalogue).rankers == []
    first = _use(filled, _FIRST, "colour")
    second = _use(filled, made_up_rankers.identity(_CHANNELS))
    found = status(filled.catalogue).rankers
    assert [(one.name, one.model_id) for one in found] == [("colour", first), ("default", second)]
    own = _search(filled, folder / "003.png", "colour").space
    assert [one.search_space for one in found] == [own, None]
    diagnosis = doctor(filled.catalogue)
    assert diagnosis.healthy and diagnosis.notes == ("rankers in use: colour, default",)


def test_doctor_finds_a_ranker_whose_space_is_not_whole(filled: Indexing, folder: Path) -> None:
    _use(filled, _FIRST)
    with opened(filled.catalogue) as catalogue:
        registry.retire(catalogue.database, [_active(catalogue)["default"]])
    (finding,) = doctor(filled.catalogue).findings
    assert "ranker default is wanted" in finding.message
    assert finding.remedy.startswith("tiefvision index")
    (filled.catalogue / "models" / "ranker").rename(filled.catalogue / "elsewhere")
    (finding,) = doctor(filled.catalogue).findings
    assert "weights of the ranker default" in finding.message
    (filled.catalogue / "elsewhere").rename(filled.catalogue / "models" / "ranker")
    filled(folder)
    assert doctor(filled.catalogue).healthy
