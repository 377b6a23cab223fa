"""Odd files among good ones: each ends as predicted, and the good ones do not notice."""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from catalogue_rows import Row, rows
from indexing import Indexing
from odd_files import OddFile, write
from tiefvision.demo import folder as demo
from tiefvision.tasks.indexing.index import IndexReport
from tiefvision.tasks.opened import opened
from tiefvision.tasks.searching.search import Searcher, file_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="makes pipes and POSIX names"),
]

_GOOD = 50
# Decoding one bomb of the table would take 2.5 GB and more.
_MOST_EXTRA_MEMORY_BYTES = 500_000_000


@dataclass(frozen=True, slots=True)
class Indexed:
    """A catalogue of good and odd files, and one of the same good files alone."""

    catalogue: Path
    photos: Path
    table: list[OddFile]
    report: IndexReport
    rows: dict[str, Row]
    alone: dict[str, Row]
    extra_memory_bytes: int


class _Watch(threading.Thread):
    """Watches how much memory this process takes at most."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.before = self.most = psutil.Process().memory_info().rss
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            self.most = max(self.most, psutil.Process().memory_info().rss)
            time.sleep(0.01)


@pytest.fixture(scope="module")
def indexed(
    tmp_path_factory: pytest.TempPathFactory, tiny_network: Path, tiny_cache: Path
) -> Indexed:
    place = tmp_path_factory.mktemp("odd-index")
    photos = place / "photos"
    demo.write(photos / "good", count=_GOOD)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIEFVISION_CACHE", str(tiny_cache))
        alone = Indexing(place / "alone", f"onnx:{tiny_network}")
        alone(photos)
        table = write(photos / "odd")
        watch = _Watch()
        watch.start()
        both = Indexing(place / "both", f"onnx:{tiny_network}")
        report = both(photos)
        watch.ended.set()
        watch.join()
    return Indexed(
        catalogue=both.catalogue,
        photos=photos,
        table=table,
        report=report,
        rows={row.path: row for row in rows(both.catalogue)},
        alone={row.path: row for row in rows(alone.catalogue)},
        extra_memory_bytes=watch.most - watch.before,
    )


def test_every_odd_file_ends_in_the_state_that_the_table_predicts(indexed: Indexed) -> None:
    assert len(indexed.table) >= 200
    for file in indexed.table:
        row = indexed.rows.get(str(file.path))
        if file.expected == "skipped":
            assert row is None, file.path
            continue
        assert row is not None, file.path
        if file.expected == "either":
            assert row.state in ("indexed", "refused"), file.path
        elif file.expected == "duplicate":
            assert row.state == "indexed", file.path
        else:
            assert row.state == file.expected, (file.path, row.reason)


def test_a_linked_file_and_its_target_are_duplicates(indexed: Indexed) -> None:
    doubled = [file for file in indexed.table if file.expected == "duplicate"]
    assert doubled
    for file in doubled:
        row = indexed.rows[str(file.path)]
        others = [
            other
            for other in indexed.rows.values()
            if other.content_id == row.content_id and other is not row
        ]
        assert others
        assert {other.cells for other in others} == {row.cells}
        assert sum(other.duplicate_of is None for other in (row, *others)) == 1


def test_every_refusal_says_why_and_what_to_do(indexed: Indexed) -> None:
    with opened(indexed.catalogue) as shop:
        images = {file_of(image): image for image in shop.catalogue.each()}
    refused = [file for file in indexed.table if images.get(str(file.path)) is not None]
    refused = [file for file in refused if images[str(file.path)].state == "refused"]
    assert len(refused) > 80
    for file in refused:
        image = images[str(file.path)]
        assert image.reason and image.remedy, file.path
        assert (file.reason_contains or "") in image.reason, (file.path, image.reason)


def test_counts_of_the_report_add_up(indexed: Indexed) -> None:
    report = indexed.report
    assert report.indexed + report.duplicates + report.refused == len(indexed.rows)
    assert report.total == sum(row.state == "indexed" for row in indexed.rows.values())
    # The link `up` leads to the folder above; the others stand in the table's part "skipped".
    assert report.skipped["links that lead back to a folder above"] == 1
    assert report.skipped["files that are no images"] >= 9
    assert report.skipped["hidden and system files"] >= 6
    assert len(report.refusals) == 20


def test_good_files_have_the_vectors_that_they_have_alone(indexed: Indexed) -> None:
    assert len(indexed.alone) == _GOOD
    for path, row in indexed.alone.items():
        assert indexed.rows[path] == row


def test_memory_stays_bounded(indexed: Indexed) -> None:
    assert indexed.extra_memory_bytes < _MOST_EXTRA_MEMORY_BYTES


def test_a_rerun_over_odd_files_encodes_nothing(
    indexed: Indexed, tiny_encoder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tiefvision.vision.embedder import Embedder

    def fail(self: Embedder, source: bytes) -> None:
        raise AssertionError("encoded again")

    monkeypatch.setattr(Embedder, "embed", fail)
    report = Indexing(indexed.catalogue, tiny_encoder)(indexed.photos)
    assert (report.indexed, report.updated, report.duplicates) == (0, 0, 0)
    assert report.refused == indexed.report.refused
    assert {row.path: row for row in rows(indexed.catalogue)} == indexed.rows


def test_hits_with_odd_names_lead_to_their_files(indexed: Indexed, tiny_encoder: str) -> None:
    names = [
        file
        for file in indexed.table
        if file.path.parent.name == "names" and file.expected == "indexed"
    ]
    assert len(names) > 10
    with opened(indexed.catalogue) as shop:
        hits = Searcher(shop).search(names[0].path, k=1_000).hits
    found = {path for hit in hits for path in (hit.path, *hit.also)}
    for file in names:
        assert str(file.path) in found, file.path
    for path in found:
        assert os.path.isfile(path), path
