"""From a photograph to the most similar ones: what counts as a hit, and in which order."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexing import Indexing, picture
from tiefvision import settings
from tiefvision.errors import Conflict, InvalidFilter, InvalidInput, NotFound, NotReady
from tiefvision.maths.boxes import Box
from tiefvision.store import leases, registry, scan
from tiefvision.store.boxes import Boxes
from tiefvision.store.records import Acknowledgement
from tiefvision.store.vectors import VectorRows
from tiefvision.tasks.indexing import growth
from tiefvision.tasks.opened import Opened, opened
from tiefvision.tasks.searching.search import Hit, Searcher, SearchResult
from tiefvision.vision.pixels import content_id

Draw = Callable[..., list[Path]]


@pytest.fixture
def folder(tmp_path: Path, draw: Draw) -> Path:
    """Twelve photographs, named 000.png to 011.png."""
    draw(tmp_path / "photos", range(12))
    return tmp_path / "photos"


def _search(shop: Indexing, query: Path | bytes | int, **options: object) -> SearchResult:
    with opened(shop.catalogue) as catalogue:
        return Searcher(catalogue).search(query, **options)


def _names(hits: list[Hit]) -> list[str]:
    return [Path(hit.path).name for hit in hits]


@pytest.fixture
def filled(shop: Indexing, folder: Path) -> Indexing:
    shop(folder)
    return shop


# --- ranking -----------------------------------------------------------------------------------


def _oracle(catalogue: Opened, query: int, weights: np.ndarray | None = None) -> dict[int, float]:
    """Mean over cells of the cosine of centred cells, one image and one cell at a time."""
    space = catalogue.search_space()
    own = space.cell_space
    shape = (own.rows, own.cols, own.channels)
    cells = {
        key.image_id: row.reshape(shape).astype(np.float64)
        for batch in catalogue.vectors(own).each_cells()
        for key, row in zip(batch.keys, batch.cells, strict=True)
    }
    if weights is None:
        weights = np.ones((own.rows, own.cols))
    found = {}
    for id_, other in cells.items():
        total = 0.0
        for row in range(own.rows):
            for col in range(own.cols):
                a, b = cells[query][row, col] - space.mean, other[row, col] - space.mean
                cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
                total += cosine * weights[row, col] / weights.sum()
        found[id_] = total
    return found


@pytest.mark.parametrize("weights", [None, [[1, 0, 0], [0, 5, 0], [0, 0, 2]]])
def test_similarity_is_the_weighted_mean_cosine_of_the_cells(
    shop: Indexing, folder: Path, draw: Draw, weights: list[list[int]] | None
) -> None:
    draw(folder, range(12, 24))  # above the first rung: cells are centred
    shop(folder)
    given = None if weights is None else np.array(weights, np.float64)
    query = folder / "003.png"
    hits = _search(shop, query, k=24, cell_weights=given).hits
    assert hits[0].path == str(query)
    with opened(shop.catalogue) as catalogue:
        expected = _oracle(catalogue, hits[0].id, given)
    assert {hit.id: hit.similarity for hit in hits} == pytest.approx(expected, abs=2e-3)
    similarities = [hit.similarity for hit in hits]
    assert similarities == sorted(similarities, reverse=True)
    assert hits[0].similarity == pytest.approx(1, abs=2e-3)


def test_cell_weights_of_another_shape_or_sign_are_refused(filled: Indexing, folder: Path) -> None:
    for weights in (np.ones((2, 3)), np.zeros((3, 3)), -np.ones((3, 3))):
        with pytest.raises(InvalidInput, match="3 rows of 3 numbers"):
            _search(filled, folder / "000.png", cell_weights=weights)


def test_a_catalogue_image_finds_what_its_file_finds(filled: Indexing, folder: Path) -> None:
    by_file = _search(filled, folder / "005.png", k=12).hits
    by_id = _search(filled, by_file[0].id, k=12).hits
    by_bytes = _search(filled, (folder / "005.png").read_bytes(), k=12).hits
    assert by_id == by_file == by_bytes


def test_an_unknown_id_is_not_found(filled: Indexing) -> None:
    with pytest.raises(NotFound, match="4711"):
        _search(filled, 4711)


def test_a_box_searches_with_what_lies_in_it(filled: Indexing, folder: Path) -> None:
    product = Image.open(folder / "007.png")
    shown = Image.new("RGB", (300, 200), (250, 250, 250))
    shown.paste(product, (150, 50))
    shown.save(folder.parent / "query.png")
    whole = Box(150, 50, 270, 146)
    # The catalogue's embeddings are of the middle of a picture, three quarters of its longer side.
    middle = Box(150 + 12, 50, 270 - 12, 146)
    best = _search(filled, folder.parent / "query.png", box=middle).hits[0]
    assert (Path(best.path).name, best.similarity) == ("007.png", pytest.approx(1, abs=2e-3))
    result = _search(filled, folder.parent / "query.png", box=whole)
    assert result.query_box == whole.as_list()


def test_a_photograph_with_drawn_boxes_is_searched_by_what_encloses_them(
    filled: Indexing, folder: Path
) -> None:
    query = folder / "003.png"
    with opened(filled.catalogue) as shop:
        drawn = [("bag", Box(10, 10, 30, 40)), ("dress", Box(20, 20, 50, 60))]
        Boxes(shop.database).replace({content_id(query.read_bytes()): drawn}, now=1.0)
        searcher = Searcher(shop)
        found = searcher.search(query)
        assert (found.query_box, found.query_box_source) == ([10, 10, 50, 60], "human")
        assert searcher.search(query, box=Box(0, 0, 20, 20)).query_box == [0, 0, 20, 20]
        assert searcher.search(query, whole=True).query_box_source == "whole"
        assert searcher.search(folder / "004.png").query_box_source == "whole"
    given = _search(filled, query, box=Box(10, 10, 50, 60))
    assert [hit.similarity for hit in found.hits] == [hit.similarity for hit in given.hits]


def test_a_mirrored_photograph_finds_the_original_only_with_mirror(
    filled: Indexing, folder: Path
) -> None:
    Image.fromarray(picture(4)[:, ::-1].copy()).save(folder.parent / "mirrored.png")
    query = folder.parent / "mirrored.png"
    best = _search(filled, query, mirror=True).hits[0]
    assert (Path(best.path).name, best.similarity) == ("004.png", pytest.approx(1, abs=2e-3))
    plain = {hit.path: hit.similarity for hit in _search(filled, query, k=12).hits}
    assert plain[best.path] < best.similarity - 0.01


def test_more_hits_than_images_are_all_images(filled: Indexing, folder: Path) -> None:
    assert len(_search(filled, folder / "000.png", k=1_000_000).hits) == 12
    assert len(_search(filled, folder / "000.png").hits) == 5
    assert len(_search(filled, folder / "000.png", k=1).hits) == 1
    with pytest.raises(InvalidInput, match="k is 0"):
        _search(filled, folder / "000.png", k=0)


def test_an_empty_catalogue_names_the_command_to_type(
    shop: Indexing, tmp_path: Path, folder: Path
) -> None:
    (tmp_path / "none").mkdir()
    shop(tmp_path / "none")
    with pytest.raises(NotReady) as caught:
        _search(shop, folder / "000.png")
    assert "no images" in caught.value.message
    assert f"tiefvision index PHOTOS -c {shop.catalogue}" in caught.value.remedy
    with pytest.raises(NotFound), opened(tmp_path / "nowhere"):
        pass


# --- the engine's path --------------------------------------------------------------------------


@pytest.fixture
def projected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catalogues of 20 images have compact vectors of 16 numbers."""
    monkeypatch.setattr(growth, "PROJECT_FROM", 20)
    monkeypatch.setattr(growth, "DIMENSIONS", 16)


@pytest.mark.usefixtures("projected")
def test_the_engine_gives_the_hits_of_the_scan(
    shop: Indexing, folder: Path, draw: Draw, tmp_path: Path
) -> None:
    draw(folder, range(12, 60))
    shutil.copy(folder / "030.png", folder / "zz.png")
    table = tmp_path / "a.csv"
    table.write_text("path,price\n" + "".join(f"{i:03}.png,{i}\n" for i in range(0, 60, 2)))
    shop(folder, attributes=table)
    query = folder / "030.png"
    options: list[dict[str, object]] = [
        {"k": 10},
        {"k": 1_000},
        {"k": 10, "where": "price < 40"},
        {"k": 10, "mirror": True},
        {"k": 10, "cell_weights": np.eye(3)},
    ]
    scanned = [_search(shop, query, **more).hits for more in options]
    own = settings.read(shop.catalogue)
    settings.write(shop.catalogue, replace(own, search=replace(own.search, scan_up_to=0)))
    with opened(shop.catalogue) as catalogue:
        assert not growth.scans(catalogue, catalogue.search_space())
    for more, expected in zip(options, scanned, strict=True):
        hits = _search(shop, query, **more).hits
        assert _names(hits) == _names(expected), more
        assert [h.similarity for h in hits] == pytest.approx(
            [h.similarity for h in expected], abs=1e-3
        )
        assert [h.also for h in hits] == [h.also for h in expected]


def test_a_small_catalogue_is_scanned_whatever_the_settings_say(
    filled: Indexing, folder: Path
) -> None:
    expected = _search(filled, folder / "001.png").hits
    own = settings.read(filled.catalogue)
    settings.write(filled.catalogue, replace(own, search=replace(own.search, scan_up_to=0)))
    assert _search(filled, folder / "001.png").hits == expected


# --- duplicates and filters ------------------------------------------------------------------


def test_exact_duplicates_are_one_hit_with_the_other_paths(shop: Indexing, folder: Path) -> None:
    for name in ("003-again.png", "z.png"):
        shutil.copy(folder / "003.png", folder / name)
    shop(folder)
    hits = _search(shop, folder / "z.png", k=20).hits
    assert len(hits) == 12
    assert hits[0].path == str(folder / "003-again.png")
    assert hits[0].also == [str(folder / "003.png"), str(folder / "z.png")]
    assert all(hit.also == [] for hit in hits[1:])


def test_a_duplicate_is_shown_when_the_original_is_gone(shop: Indexing, folder: Path) -> None:
    shutil.copy(folder / "003.png", folder / "z.png")
    shop(folder)
    (folder / "003.png").unlink()
    shop(folder)
    best = _search(shop, folder / "z.png").hits[0]
    assert (best.path, best.also) == (str(folder / "z.png"), [str(folder / "003.png")])
    shop(folder, prune=True)
    best = _search(shop, folder / "z.png").hits[0]
    assert (best.path, best.also) == (str(folder / "z.png"), [])


def test_a_filter_shows_the_duplicate_that_satisfies_it(
    shop: Indexing, folder: Path, tmp_path: Path
) -> None:
    shutil.copy(folder / "003.png", folder / "z.png")
    table = tmp_path / "a.csv"
    table.write_text("path,label,price\n003.png,Dress,10\nz.png,Coat,20\n005.png,Coat,30\n")
    shop(folder, attributes=table)
    hits = _search(shop, folder / "003.png", where="label = 'Coat'").hits
    assert _names(hits) == ["z.png", "005.png"]
    assert hits[0].attributes == {"label": "Coat", "price": 20}
    assert hits[0].also == [str(folder / "003.png")]
    assert _names(_search(shop, folder / "003.png", where="price > 15 AND price < 25").hits) == [
        "z.png"
    ]
    assert _search(shop, folder / "003.png", where="label = 'Hat'").hits == []
    with pytest.raises(InvalidFilter, match="label"):
        _search(shop, folder / "003.png", where="labl = 'Hat'")


def test_a_filter_counts_only_acknowledged_attributes(
    shop: Indexing, folder: Path, tmp_path: Path
) -> None:
    table = tmp_path / "a.csv"
    table.write_text("path,label\n003.png,Dress\n")
    shop(folder, attributes=table)
    # What a run leaves that was killed after it wrote vectors and before it acknowledged them.
    with opened(shop.catalogue) as catalogue:
        store = catalogue.vectors(catalogue.search_space().cell_space)
        rows = store.fetch(range(1, 100))
        place = next(i for i, key in enumerate(rows.keys) if key.attributes_revision == 1)
        key = replace(rows.keys[place], attributes_revision=2)
        store.append(VectorRows([key], rows.cells[place : place + 1], [{"label": "Coat"}]))
    assert _names(_search(shop, folder / "003.png", where="label = 'Dress'").hits) == ["003.png"]
    assert _search(shop, folder / "003.png", where="label = 'Coat'").hits == []


# --- while a catalogue changes -------------------------------------------------------------------


def test_one_searcher_sees_what_is_added_changed_and_removed(
    shop: Indexing, folder: Path, draw: Draw
) -> None:
    shop(folder)
    with opened(shop.catalogue) as catalogue:
        searcher = Searcher(catalogue)
        assert len(searcher.search(folder / "000.png", k=99).hits) == 12
        draw(folder, range(12, 30))  # crosses a rung: another search space
        shop(folder)
        assert len(searcher.search(folder / "000.png", k=99).hits) == 30
        assert searcher.search(folder / "020.png").hits[0].path == str(folder / "020.png")
        draw(folder, [100])[0].replace(folder / "020.png")
        (folder / "021.png").unlink()
        shop(folder, prune=True)
        hits = searcher.search(folder / "020.png", k=99).hits
        assert len(hits) == 29 and hits[0].path == str(folder / "020.png")
        assert hits[0].similarity == pytest.approx(1, abs=2e-3)


@pytest.mark.usefixtures("projected")
def test_a_catalogue_that_grows_in_steps_answers_as_one_that_was_made_at_once(
    shop: Indexing, folder: Path, draw: Draw, tiny_encoder: str, tmp_path: Path
) -> None:
    shop(folder)
    draw(folder, range(12, 40))
    shop(folder)
    whole = Indexing(tmp_path / "whole", tiny_encoder)
    whole(folder)
    for query in ("000.png", "025.png"):
        grown = _search(shop, folder / query, k=40)
        made = _search(whole, folder / query, k=40)
        assert grown.space == made.space
        assert _names(grown.hits) == _names(made.hits)
        assert [h.similarity for h in grown.hits] == [h.similarity for h in made.hits]


def test_a_tombstone_hides_an_image_at_once(filled: Indexing, folder: Path) -> None:
    best = _search(filled, folder / "003.png").hits[0]
    with opened(filled.catalogue) as catalogue:
        catalogue.catalogue.bury([best.id])
    assert best.path not in {hit.path for hit in _search(filled, folder / "003.png", k=99).hits}


def test_a_hit_of_another_revision_is_dropped(filled: Indexing, folder: Path) -> None:
    best = _search(filled, folder / "003.png").hits[0]
    with opened(filled.catalogue) as catalogue:
        searcher = Searcher(catalogue)
        searcher.search(folder / "003.png")
        encodings = catalogue.encodings(catalogue.search_space().cell_space)
        own = encodings.get([best.id])[best.id].encoding
        assert own is not None
        # The catalogue says revision 1 of the box; the vectors are of revision 0.
        again = Acknowledgement(
            best.id, own.content_id, 1, 1, 120, 96, own.box, "human", None, 1, {}, 0
        )
        encodings.acknowledge([again])
        hits = searcher.search(folder / "003.png", k=99).hits
        assert best.path not in {hit.path for hit in hits} and len(hits) == 11
        with pytest.raises(NotReady, match="just being indexed"):
            searcher.search(best.id)


def test_a_search_goes_on_with_what_it_had_while_another_process_lays_out(
    filled: Indexing, folder: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    _search(filled, folder / "000.png")
    with opened(filled.catalogue) as catalogue:
        space = catalogue.search_space()
        catalogue.catalogue.bury([1])  # the catalogue moves on
        monkeypatch.setattr(leases, "LEASE_S", 0.2)
        with leases.hold(catalogue.database, f"scan {space.id}"):
            hits = Searcher(catalogue).search(folder / "000.png", k=99).hits
        assert len(hits) == 11


@pytest.fixture
def slow_run(
    tmp_path: Path, tiny_encoder: str, tiny_cache: Path, draw: Draw
) -> Iterator[subprocess.Popen[str]]:
    """A run in another process that indexes 60 photographs, 20 a second, in batches of four."""
    draw(tmp_path / "many", range(60))
    job = {
        "folders": [str(tmp_path / "many")],
        "catalogue": str(tmp_path / "shop"),
        "encoder": tiny_encoder,
        "log": str(tmp_path / "encoded"),
        "pause_s": 0.1,
        "batch": 4,
    }
    process = subprocess.Popen(
        [
            sys.executable,
            str(Path(__file__).parents[1] / "indexing" / "index_server.py"),
            json.dumps(job),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TIEFVISION_CACHE": str(tiny_cache)},
    )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.slow
def test_a_search_while_an_index_run_goes_on_answers_and_says_how_far_it_is(
    shop: Indexing, tmp_path: Path, slow_run: subprocess.Popen[str]
) -> None:
    query = tmp_path / "many" / "000.png"
    counts: list[int] = []
    notes: set[str] = set()
    while slow_run.poll() is None:
        try:
            result = _search(shop, query, k=99)
        except (NotFound, NotReady) as error:
            assert not counts, error  # only before the first batch
            time.sleep(0.02)
            continue
        counts.append(len(result.hits))
        notes.update(result.notes)
        with_run = slow_run.poll() is None
        if with_run and len(counts) == 3:
            with pytest.raises(Conflict, match=str(slow_run.pid)):
                shop(tmp_path / "many")
    assert slow_run.returncode == 0
    assert counts == sorted(counts) and len(set(counts)) > 3
    assert any("of 60 files are done" in note for note in notes)
    final = _search(shop, query, k=99)
    assert len(final.hits) == 60 and final.notes == []


# --- elsewhere -------------------------------------------------------------------------------


def test_a_copied_catalogue_is_searched_by_upload_without_photographs_or_cache(
    filled: Indexing, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = (folder / "008.png").read_bytes()
    expected = _search(filled, upload, k=12)
    copied = Indexing(tmp_path / "elsewhere" / "copy", "")
    shutil.copytree(filled.catalogue, copied.catalogue)
    shutil.rmtree(folder)
    shutil.rmtree(filled.catalogue)
    monkeypatch.setenv("TIEFVISION_CACHE", str(tmp_path / "no-cache"))
    monkeypatch.setattr(scan, "extend", None)  # what was laid out is used as it is
    result = _search(copied, upload, k=12)
    assert result.hits == expected.hits
    with opened(copied.catalogue) as catalogue:
        assert registry.active_search_spaces(catalogue.database)[""] == expected.space
