"""The catalogue's database: made, migrated, refused when it is damaged or newer."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tiefvision.errors import StoreError
from tiefvision.maths.boxes import Box
from tiefvision.store import database
from tiefvision.store.database import open_database
from tiefvision.store.encodings import Encodings
from tiefvision.store.records import RowKey
from tiefvision.store.tables import metadata


def test_migrations_make_the_tables_of_the_code(tmp_path: Path) -> None:
    opened = open_database(tmp_path)
    with opened.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    opened.close()


def test_head_is_the_newest_migration() -> None:
    folder = Path(database.__file__).with_name("migrations")
    assert ScriptDirectory(str(folder)).get_current_head() == database.HEAD


def test_a_catalogue_of_the_first_format_keeps_its_images(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / database.FILE_NAME}")
    config = Config()
    config.set_main_option("script_location", "tiefvision:store/migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in _FIRST_FORMAT:
            connection.exec_driver_sql(statement)
    engine.dispose()
    opened = open_database(tmp_path)
    found = {image.path: image for image in Encodings(opened, "s1").each()}
    own = found["a.jpg"].found
    assert own is not None and own.key == RowKey(1, "c1", 0, 2)
    assert (own.box, own.box_source, own.version) == (Box(0, 0, 4, 3), "whole", 7)
    assert found["b.jpg"].encoding is None and found["b.jpg"].state == "refused"
    with opened.read() as connection:
        states = connection.execute(sa.text("SELECT id, label, state FROM cell_spaces")).all()
        assert sorted(tuple(row) for row in states) == [("s0", "", "retired"), ("s1", "", "active")]
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    opened.close()


_IMAGE_COLUMNS = (
    "id, root_id, path, content_id, width, height, state, box_left, box_top, box_right, "
    "box_bottom, box_source, box_revision, attributes, attributes_revision, cell_space_id, "
    "version, todo, seen_run, vanished"
)
_FIRST_FORMAT = (
    "INSERT INTO roots VALUES (1, '/photos')",
    "INSERT INTO cell_spaces VALUES ('s0', '{}', 0), ('s1', '{}', 1)",
    f"INSERT INTO images ({_IMAGE_COLUMNS}) VALUES "
    "(1, 1, 'a.jpg', 'c1', 4, 3, 'indexed', 0, 0, 4, 3, 'whole', 0, '{}', 2, 's1', 7, 0, 1, 0), "
    "(2, 1, 'b.jpg', 'c2', NULL, NULL, 'refused', NULL, NULL, NULL, NULL, NULL, 0, '{}', 0, "
    "NULL, 8, 0, 1, 0)",
)


def test_opening_again_keeps_what_was_written(tmp_path: Path) -> None:
    first = open_database(tmp_path)
    with first.write() as connection:
        connection.execute(sa.text("INSERT INTO counters VALUES ('version', 7)"))
    first.close()
    second = open_database(tmp_path)
    with second.read() as connection:
        assert connection.scalar(sa.text("SELECT value FROM counters")) == 7
    second.close()


def test_a_failed_transaction_writes_nothing(tmp_path: Path) -> None:
    opened = open_database(tmp_path)
    with pytest.raises(ZeroDivisionError), opened.write() as connection:
        connection.execute(sa.text("INSERT INTO counters VALUES ('version', 7)"))
        _ = 1 / 0
    with opened.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM counters")) == 0
    opened.close()


def test_a_catalogue_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    opened = open_database(tmp_path)
    with opened.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    opened.close()
    with pytest.raises(StoreError, match="format 9999") as caught:
        open_database(tmp_path)
    assert "pip install --upgrade tiefvision" in caught.value.remedy


@pytest.mark.parametrize("keep", [0, 100])
def test_a_damaged_database_is_refused(tmp_path: Path, keep: int) -> None:
    open_database(tmp_path).close()
    file = tmp_path / database.FILE_NAME
    file.write_bytes(file.read_bytes()[:keep] + b"no database" * 500)
    with pytest.raises(StoreError, match=r"catalogue\.db cannot be used") as caught:
        open_database(tmp_path)
    assert "snapshot" in caught.value.remedy


def test_a_folder_without_a_database_file_that_can_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be used"):
        open_database(tmp_path / "nowhere")
