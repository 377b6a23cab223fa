"""A search space laid out for scanning: what counts, whatever happened to its writer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tiefvision.maths.centring import PartLayout
from tiefvision.maths.projection import Projection
from tiefvision.store import scan
from tiefvision.store.scan import ScanRows
from tiefvision.store.spaces import CellSpace, SearchSpace

_LENGTH = 2 * 2 * 3


@pytest.fixture(params=[False, True], ids=["exact", "projected"])
def space(request: pytest.FixtureRequest) -> SearchSpace:
    cells = CellSpace("e", "f" * 64, "fp32", "p", 2, 2, "max", (PartLayout(3, 1.0),))
    projection = None
    if request.param:
        basis = np.linalg.qr(np.random.default_rng(1).normal(size=(_LENGTH, 5)))[0].T
        projection = Projection(np.ascontiguousarray(basis, np.float32))
    return SearchSpace(cells, np.full(3, 0.1, np.float32), projection, 0, "")


def _rows(ids: range, *, version: int = 1) -> ScanRows:
    """Rows whose cells follow from their ids."""
    cells = [np.random.default_rng(id_).normal(size=_LENGTH) for id_ in ids]
    return ScanRows(
        image_ids=np.array(ids, np.int64),
        versions=np.full(len(ids), version, np.int64),
        content_keys=np.array(ids, np.uint64) << np.uint64(40),
        cells=np.array(cells, np.float16).reshape(len(ids), _LENGTH),
    )


def _same(a: scan.Scan | None, b: scan.Scan | None) -> None:
    assert a is not None and b is not None
    np.testing.assert_array_equal(a.image_ids, b.image_ids)
    np.testing.assert_array_equal(a.versions, b.versions)
    np.testing.assert_array_equal(a.content_keys, b.content_keys)
    np.testing.assert_array_equal(a.exact, b.exact)
    if a.compact is not None and b.compact is not None:
        np.testing.assert_array_equal(a.compact, b.compact)
    assert (a.compact is None) == (b.compact is None)


def test_there_is_no_scan_before_the_first(space: SearchSpace, tmp_path: Path) -> None:
    assert scan.open_scan(space, tmp_path / "nowhere") is None


def test_growing_in_steps_equals_laying_out_anew(space: SearchSpace, tmp_path: Path) -> None:
    grown, whole = tmp_path / "grown", tmp_path / "whole"
    scan.extend(space, grown, [_rows(range(3))], version=1, anew=True)
    scan.extend(space, grown, [_rows(range(3, 3)), _rows(range(3, 9))], version=2, anew=False)
    scan.extend(space, grown, [], version=3, anew=False)
    scan.extend(space, whole, [_rows(range(9))], version=3, anew=True)
    _same(scan.open_scan(space, grown), scan.open_scan(space, whole))
    opened = scan.open_scan(space, grown)
    assert opened is not None and opened.version == 3
    exact = space.exact(_rows(range(9)).cells)
    np.testing.assert_allclose(opened.exact, exact, atol=1e-3)


def test_several_threads_lay_out_the_same_in_the_same_order(
    space: SearchSpace, tmp_path: Path
) -> None:
    one, several = tmp_path / "one", tmp_path / "several"
    batches = [_rows(range(200)), _rows(range(200, 300))]  # parts of 32 rows
    scan.extend(space, one, batches, version=1, anew=True)
    scan.extend(space, several, batches, version=1, anew=True, threads=4)
    _same(scan.open_scan(space, one), scan.open_scan(space, several))


def test_the_newest_compact_vector_of_each_image_is_looked_up(
    space: SearchSpace, tmp_path: Path
) -> None:
    batches = [_rows(range(5, 9)), _rows(range(3)), _rows(range(6, 8), version=2)]
    batches[2].cells[:] *= -2  # the newer rows of two images hold other cells
    scan.extend(space, tmp_path, batches, version=2, anew=True)
    opened = scan.open_scan(space, tmp_path)
    assert opened is not None
    look_up = opened.compact_by_image()
    if space.projection is None:
        assert look_up is None
        return
    assert look_up is not None
    found = look_up(np.array([7, 4, 0, 99, 5], np.int64))
    cells = [_rows(range(at, at + 1)).cells for at in (7, 0, 5)]
    expected = space.compact(np.concatenate([cells[0] * np.float16(-2), *cells[1:]]))
    np.testing.assert_allclose(found[[0, 2, 4]], expected, atol=2e-3)
    assert not found[[1, 3]].any()


def test_a_shortlist_is_the_rows_with_the_largest_dot_products(
    space: SearchSpace, tmp_path: Path
) -> None:
    scan.extend(space, tmp_path, [_rows(range(50))], version=1, anew=True)
    opened = scan.open_scan(space, tmp_path)
    assert opened is not None
    query = space.exact(_rows(range(7, 8)).cells)[0]
    compact = query if space.projection is None else space.projection(query)
    matrix = opened.exact if opened.compact is None else opened.compact
    scores = matrix.astype(np.float32) @ compact
    found = opened.shortlist(query, compact, limit=10)
    assert opened.compact is not None or found[0] == 7
    np.testing.assert_allclose(scores[found], np.sort(scores)[::-1][:10], atol=2e-3)
    among = np.arange(0, 50, 5)
    assert set(opened.shortlist(query, compact, limit=99, among=among)) == set(among)


def _killed(batch: ScanRows) -> Iterator[ScanRows]:
    yield batch
    raise KeyboardInterrupt


def test_a_writer_that_was_cut_off_leaves_nothing_that_counts(
    space: SearchSpace, tmp_path: Path
) -> None:
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    scan.extend(space, cut, [_rows(range(4))], version=1, anew=True)
    for anew in (False, True):
        with pytest.raises(KeyboardInterrupt):
            scan.extend(space, cut, _killed(_rows(range(90, 99))), version=2, anew=anew)
        opened = scan.open_scan(space, cut)
        assert opened is not None and opened.image_ids.tolist() == [0, 1, 2, 3]
    scan.extend(space, cut, [_rows(range(4, 6))], version=3, anew=False)
    scan.extend(space, whole, [_rows(range(6))], version=3, anew=True)
    _same(scan.open_scan(space, cut), scan.open_scan(space, whole))


def test_a_reader_keeps_its_rows_while_others_are_written(
    space: SearchSpace, tmp_path: Path
) -> None:
    scan.extend(space, tmp_path, [_rows(range(6))], version=1, anew=True)
    reader = scan.open_scan(space, tmp_path)
    assert reader is not None
    before = np.array(reader.exact)
    scan.extend(space, tmp_path, [_rows(range(6, 9))], version=2, anew=False)
    scan.extend(space, tmp_path, [_rows(range(20, 24))], version=3, anew=True)
    np.testing.assert_array_equal(reader.exact, before)
    newest = scan.open_scan(space, tmp_path)
    assert newest is not None and newest.image_ids.tolist() == [20, 21, 22, 23]
    assert len(list(tmp_path.glob("exact.*.bin"))) == 1


@pytest.mark.parametrize("name", ["rows", "exact", "scan.json"])
def test_a_damaged_scan_is_none_and_is_laid_out_anew_beside_open_maps(
    space: SearchSpace, tmp_path: Path, name: str
) -> None:
    scan.extend(space, tmp_path, [_rows(range(6))], version=1, anew=True)
    reader = scan.open_scan(space, tmp_path)
    assert reader is not None
    before = np.array(reader.exact)
    file = next(tmp_path.glob(f"{name}*"))
    if name == "exact":
        file.rename(tmp_path / "lost")
    else:
        file.write_bytes(file.read_bytes()[:10])
    assert scan.open_scan(space, tmp_path) is None
    scan.extend(space, tmp_path, [_rows(range(9))], version=2, anew=True)
    opened = scan.open_scan(space, tmp_path)
    assert opened is not None and len(opened.image_ids) == 9
    np.testing.assert_array_equal(reader.exact, before)


def test_a_generation_that_is_replaced_while_it_is_opened_is_opened_again(
    space: SearchSpace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan.extend(space, tmp_path, [_rows(range(6))], version=1, anew=True)
    real, calls = scan._read_header, []

    def read_header(folder: Path, own: SearchSpace) -> object:
        header = real(folder, own)
        calls.append(header)
        if len(calls) == 1:  # just after the first reading another process lays out anew
            monkeypatch.setattr(scan, "_read_header", real)
            scan.extend(space, tmp_path, [_rows(range(9))], version=2, anew=True)
        return header

    monkeypatch.setattr(scan, "_read_header", read_header)
    opened = scan.open_scan(space, tmp_path)
    assert opened is not None and len(opened.image_ids) == 9


def test_a_scan_of_another_space_does_not_count(space: SearchSpace, tmp_path: Path) -> None:
    scan.extend(space, tmp_path, [_rows(range(6))], version=1, anew=True)
    other = SearchSpace(space.cell_space, space.mean, space.projection, 20, "other")
    assert scan.open_scan(other, tmp_path) is None
