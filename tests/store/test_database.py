"""The catalogue's database: made, migrated, refused when it is damaged or newer."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tiefvision.errors import StoreError
from tiefvision.store import database
from tiefvision.store.database import open_database
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
