"""Folders of photographs: the outermost one is the root of all below it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tiefvision.errors import Conflict, InvalidInput, NotFound
from tiefvision.store import roots
from tiefvision.store.catalogue import Catalogue
from tiefvision.store.database import Database, open_database
from tiefvision.store.records import FileSeen

pytestmark = pytest.mark.usefixtures("either_database")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path)
    yield opened
    opened.close()


def _add(database: Database, root_id: int, *paths: str) -> None:
    Catalogue(database).register(root_id, [FileSeen(path, 1, 1) for path in paths], run_id=1)


def _paths(database: Database) -> list[str]:
    return sorted(f"{image.root}/{image.path}" for image in Catalogue(database).each())


def test_a_folder_below_a_root_belongs_to_it(database: Database) -> None:
    root_id, below = roots.containing(database, Path("/photos"))
    assert below == ""
    assert roots.containing(database, Path("/photos")) == (root_id, "")
    assert roots.containing(database, Path("/photos/a/b")) == (root_id, "a/b")
    other, below = roots.containing(database, Path("/photos2"))
    assert (other != root_id, below) == (True, "")


def test_a_folder_above_roots_takes_them_in_with_their_images(database: Database) -> None:
    for folder in ("/x/one", "/x/two/deep", "/y"):
        root_id, _ = roots.containing(database, Path(folder))
        _add(database, root_id, "1.jpg", "a/2.jpg")
    before = _paths(database)
    outer, below = roots.containing(database, Path("/x"))
    assert below == ""
    assert _paths(database) == before
    assert [(root.path, root.images) for root in roots.each(database)] == [("/x", 4), ("/y", 2)]
    assert roots.containing(database, Path("/x/one/a")) == (outer, "one/a")
    roots.containing(database, Path("/"))
    assert _paths(database) == ["//x/one/1.jpg", "//x/one/a/2.jpg", "//x/two/deep/1.jpg",
                                "//x/two/deep/a/2.jpg", "//y/1.jpg", "//y/a/2.jpg"]  # fmt: skip


def test_a_moved_root_keeps_its_images(database: Database, tmp_path: Path) -> None:
    root_id, _ = roots.containing(database, Path("/gone"))
    _add(database, root_id, "1.jpg")
    assert roots.move(database, "/gone", tmp_path) == 1
    assert _paths(database) == [f"{tmp_path}/1.jpg"]
    with pytest.raises(NotFound, match="/gone") as caught:
        roots.move(database, "/gone", tmp_path)
    assert str(tmp_path) in caught.value.remedy
    with pytest.raises(InvalidInput, match="no folder"):
        roots.move(database, str(tmp_path), tmp_path / "nowhere")
    (tmp_path / "inner").mkdir()
    roots.containing(database, Path("/other"))
    with pytest.raises(Conflict, match="already"):
        roots.move(database, "/other", tmp_path)


@pytest.mark.parametrize("place", ["inner", ".."])
def test_a_root_cannot_move_into_or_above_another(
    database: Database, tmp_path: Path, place: str
) -> None:
    (tmp_path / "root" / "inner").mkdir(parents=True)
    roots.containing(database, tmp_path / "root")
    roots.containing(database, Path("/other"))
    with pytest.raises(Conflict, match="one in the other"):
        roots.move(database, "/other", (tmp_path / "root" / place).resolve())
