"""A catalogue copied between SQLite and PostgreSQL and back is the same catalogue."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from catalogue_rows import rows
from indexing import Indexing
from postgresql_server import Server, name_database
from tiefvision.errors import InvalidInput, NotFound, StoreError
from tiefvision.maths.boxes import Box
from tiefvision.store import copying, roots
from tiefvision.store.boxes import Boxes
from tiefvision.store.catalogue import Catalogue
from tiefvision.store.database import open_database
from tiefvision.store.judgements import Group, Judgements, NewPair, NewTriplet
from tiefvision.store.records import FileSeen
from tiefvision.store.tables import images, runs
from tiefvision.tasks.keeping import copy_catalogue as module
from tiefvision.tasks.keeping.copy_catalogue import copy_catalogue
from tiefvision.tasks.opened import opened
from tiefvision.tasks.searching.search import Searcher

Draw = Callable[..., list[Path]]


@pytest.fixture
def filled(shop: Indexing, draw: Draw, tmp_path: Path) -> Path:
    """A catalogue with a bit of everything, from which one image was removed again."""
    photos = tmp_path / "photos"
    files = draw(photos, range(25))
    shop(photos)
    files[-1].unlink()
    shop(photos, prune=True)
    ids = [f"{number:064x}" for number in range(4)]
    with closing(open_database(shop.catalogue)) as database:
        boxes, judgements = Boxes(database), Judgements(database)
        boxes.replace(
            {ids[0]: [("nul\0 é", Box(1.5, 2, 3.25, 4)), ("b", Box(1, 2, 3, 4))]}, now=1.0
        )
        judgements.add_triplets("t", [NewTriplet(*ids[:3])], source="people", now=1.1)
        judgements.add_pairs("t", [NewPair(*ids[:2], same=True)], source="asked", now=1.2)
        judgements.set_groups("a\0b", {ids[0]: Group("x"), ids[1]: Group("y", "nul\0", "train")})
    return shop.catalogue


def _hits(catalogue: Path, photograph: Path) -> list[tuple[str, float]]:
    with opened(catalogue) as shop:
        return [(hit.path, hit.similarity) for hit in Searcher(shop).search(photograph).hits]


def test_to_a_server_and_back_everything_is_the_same(
    filled: Path, postgresql: Server, tmp_path: Path
) -> None:
    on_server, back = tmp_path / "on-server", tmp_path / "back"
    on_server.mkdir()
    name_database(on_server, postgresql.new_database())
    there = copy_catalogue(filled, on_server)
    again = copy_catalogue(on_server, back)
    assert there.checksum == again.checksum
    assert there.rows == again.rows
    assert there.rows["images"] == 24 and there.rows["groups"] == 2
    assert there.written == sum(there.rows.values())
    assert there.files == again.files > 0
    photograph = tmp_path / "photos" / "003.png"
    for copy in (on_server, back):
        assert rows(copy) == rows(filled)
        assert _hits(copy, photograph) == _hits(filled, photograph)
    with opened(on_server) as shop, opened(filled) as original:
        assert shop.settings.encoder == original.settings.encoder
        assert shop.settings.store.catalogue.startswith("postgresql://")


@pytest.mark.parametrize("on_server", [False, True])
def test_a_copy_goes_on_counting_images_where_the_source_was(
    filled: Path, postgresql: Server, tmp_path: Path, on_server: bool
) -> None:
    target = tmp_path / "copy"
    if on_server:
        target.mkdir()
        name_database(target, postgresql.new_database())
    copy_catalogue(filled, target)
    for folder in (filled, target):
        with closing(open_database(folder)) as database:
            root_id, _ = roots.containing(database, tmp_path / "more")
            Catalogue(database).register(root_id, [FileSeen("new.png", 1, 1)], run_id=9)
            # 25 images were counted, the last of which is gone.
            assert max(image.id for image in Catalogue(database).each()) == 26
            Boxes(database).replace({"c" * 64: [("b", Box(1, 2, 3, 4))]}, now=2.0)
            assert Boxes(database).count() == 3


def test_a_database_alone_is_copied_to_an_address_and_back(
    filled: Path, postgresql: Server, tmp_path: Path
) -> None:
    url = postgresql.new_database()
    report = copy_catalogue(filled, url)
    assert report.files == 0
    assert "write catalogue =" in report.remedy and str(filled) in report.remedy
    before = rows(filled)
    name_database(filled, url)
    assert rows(filled) == before
    assert copy_catalogue(url, tmp_path / "back").checksum == report.checksum


def test_a_copy_that_was_cut_off_goes_on_and_brings_over_what_changed(
    filled: Path, postgresql: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = postgresql.new_database()
    real = copying._write

    def cut(database: object, table: sa.Table, page: object) -> int:
        if table is runs:
            raise KeyboardInterrupt
        return real(database, table, page)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(copying, "_write", cut)
        with pytest.raises(KeyboardInterrupt):
            copy_catalogue(filled, target)
    with pytest.raises(InvalidInput, match="unfinished copy of another"):
        copy_catalogue(_other(filled), target)
    with closing(open_database(filled)) as database:
        Catalogue(database).bury([3])
        Catalogue(database).forget([3])
        with database.write() as connection:
            own = images.c.id == 5
            connection.execute(sa.update(images).where(own).values(attributes={"a": 1}))
    report = copy_catalogue(filled, target)
    assert report.rows["images"] == 23
    assert 0 < report.written < sum(report.rows.values())
    assert copy_catalogue(target, tmp_path / "back").checksum == report.checksum


def _other(catalogue: Path) -> Path:
    """A copy of a catalogue at another place."""
    return Path(shutil.copytree(catalogue, catalogue.with_name("other")))


def test_a_copy_over_something_else_is_refused_and_changes_nothing(
    filled: Path, tmp_path: Path
) -> None:
    other = _other(filled)
    (other / "tiefvision.toml").write_text("[search]\nk = 7\n")
    before = sorted(path.name for path in other.rglob("*"))
    with pytest.raises(InvalidInput, match="holds a catalogue already"):
        copy_catalogue(filled, other)
    assert (other / "tiefvision.toml").read_text() == "[search]\nk = 7\n"
    assert sorted(path.name for path in other.rglob("*")) == before
    with pytest.raises(InvalidInput, match="one in the other"):
        copy_catalogue(filled, filled / "copy")
    with pytest.raises(NotFound):
        copy_catalogue(tmp_path / "nowhere", tmp_path / "copy")


def test_files_that_are_there_already_are_compared_and_not_copied(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "copy"
    with monkeypatch.context() as patch:

        def cut(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(copying, "copy", cut)
        with pytest.raises(KeyboardInterrupt):
            copy_catalogue(filled, target)
    damaged = next((target / "cells").glob("*/data/*.lance"))
    damaged.write_bytes(b"half")
    (target / "cells" / "extra.lance").write_bytes(b"of before")
    report = copy_catalogue(filled, target)
    assert report.copied_bytes == damaged.stat().st_size
    assert not (target / "cells" / "extra.lance").exists()
    assert rows(target) == rows(filled)


def test_a_file_that_cannot_be_read_back_is_told(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(_: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"torn")

    monkeypatch.setattr(module, "_copy_file", torn)
    with pytest.raises(StoreError, match="differs from"):
        copy_catalogue(filled, tmp_path / "copy")


def test_a_row_that_changes_under_the_copy_is_told(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = copying._continue_numbers

    def meddling(reader: object, target: object) -> None:
        real(reader, target)  # type: ignore[arg-type]
        with target.write() as connection:  # type: ignore[attr-defined]
            connection.execute(sa.update(images).values(width=1))

    monkeypatch.setattr(copying, "_continue_numbers", meddling)
    with pytest.raises(StoreError, match="in: images"):
        copy_catalogue(filled, tmp_path / "copy")
