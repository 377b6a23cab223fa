"""What is PostgreSQL's own: several writers, a killed server, order, odd texts, clear errors."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from postgresql_server import PASSWORD, Server, name_database
from tiefvision.errors import Conflict, InvalidInput, InvalidSettings, NotReady, StoreError
from tiefvision.maths.boxes import Box
from tiefvision.store import database as database_module
from tiefvision.store import leases, models, roots
from tiefvision.store import postgresql as module
from tiefvision.store.boxes import Boxes
from tiefvision.store.catalogue import Catalogue
from tiefvision.store.counter import next_version
from tiefvision.store.database import Database, open_database
from tiefvision.store.records import FileSeen, Registered
from tiefvision.store.tables import images, metadata

_SQLITE_AND_SERVER = pytest.mark.usefixtures("either_database")


@pytest.fixture
def on_server(postgresql: Server, tmp_path: Path) -> Iterator[Database]:
    url = postgresql.new_catalogue()
    name_database(tmp_path, url)
    opened = open_database(tmp_path)
    yield opened
    opened.close()
    postgresql.drop(url)


def test_migrations_make_the_tables_of_the_code(postgresql: Server, tmp_path: Path) -> None:
    name_database(tmp_path, postgresql.new_database())
    opened = open_database(tmp_path)
    with opened.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        collations = connection.exec_driver_sql(
            "SELECT DISTINCT collation_name FROM information_schema.columns "
            "WHERE table_schema = 'public' AND data_type = 'character varying'"
        )
        assert collations.scalars().all() == ["C"]
    opened.close()
    assert not (tmp_path / database_module.FILE_NAME).exists()


def test_paths_come_in_the_order_of_code_points(on_server: Database) -> None:
    catalogue = Catalogue(on_server)
    root_id, _ = roots.containing(on_server, Path("/photos"))
    paths = ["b.jpg", "C.jpg", "a-b.jpg", "aa.jpg", "é.jpg", "_.jpg", "\uf7ff.jpg"]
    catalogue.register(root_id, [FileSeen(path, 1, 1) for path in paths], run_id=1)
    with on_server.read() as connection:
        found = connection.scalars(sa.select(images.c.path).order_by(images.c.path)).all()
    assert found == sorted(paths)


# --- several writers ---------------------------------------------------------------------------

_WRITER = """
import sys
from pathlib import Path
from tiefvision.maths.boxes import Box
from tiefvision.store import roots
from tiefvision.store.boxes import Boxes
from tiefvision.store.catalogue import Catalogue
from tiefvision.store.counter import next_version
from tiefvision.store.database import open_database
from tiefvision.store.records import FileSeen
own = sys.argv[2]
with_open = open_database(Path(sys.argv[1]))
catalogue, boxes = Catalogue(with_open), Boxes(with_open)
for turn in range(20):
    root_id, _ = roots.containing(with_open, Path("/photos"))
    files = [FileSeen(f"{turn}-{number}.jpg", 1, 1) for number in range(10)]
    catalogue.register(root_id, files, run_id=1)
    boxes.replace({"c" * 64: [("bag", Box(int(own), turn, 200, 300))]}, now=1.0, add=True)
    with with_open.write() as connection:
        print(next_version(connection))
"""


@_SQLITE_AND_SERVER
def test_processes_that_write_at_once_lose_and_double_nothing(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path), str(number)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    numbers = [
        int(line) for writer in writers for line in writer.communicate(timeout=120)[0].split()
    ]
    assert [writer.returncode for writer in writers] == [0] * 4
    opened = open_database(tmp_path)
    # Every change has a number of its own: 20 of the loop's and one for each box, of each process.
    assert len(set(numbers)) == len(numbers) == 80
    assert Catalogue(opened).version() == 160
    assert len(roots.each(opened)) == 1
    paths = [image.path for image in Catalogue(opened).each()]
    assert len(paths) == len(set(paths)) == 200
    assert Boxes(opened).count() == 80
    opened.close()


@_SQLITE_AND_SERVER
def test_a_writer_sees_what_was_committed_while_it_waited(tmp_path: Path) -> None:
    opened = open_database(tmp_path)
    begun = threading.Event()
    seen: list[int] = []

    def second() -> None:
        begun.wait()
        with opened.write() as connection:
            seen.append(next_version(connection))

    thread = threading.Thread(target=second)
    thread.start()
    with opened.write() as connection:
        begun.set()
        time.sleep(0.2)
        assert next_version(connection) == 1
    thread.join()
    assert seen == [2]
    opened.close()


@_SQLITE_AND_SERVER
def test_a_reader_sees_one_state_and_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    opened = open_database(tmp_path)
    with opened.read() as reader:
        count = sa.select(sa.func.count()).select_from(images)
        assert reader.scalar(count) == 0
        root_id, _ = roots.containing(opened, Path("/photos"))
        Catalogue(opened).register(root_id, [FileSeen("1.jpg", 1, 1)], run_id=1)
        assert reader.scalar(count) == 0
    with opened.write(), opened.read() as reader:
        assert reader.scalar(count) == 1
    opened.close()


def test_a_writer_that_takes_too_long_is_told_of(
    postgresql: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TAKE_LOCK", module._TAKE_LOCK.replace("'60000'", "'200'", 1))
    name_database(tmp_path, postgresql.new_catalogue())
    one, other = open_database(tmp_path), open_database(tmp_path)
    with one.write(), pytest.raises(Conflict, match="another process has been writing"):
        with other.write():
            pass
    one.close()
    other.close()


def test_leases_end_by_the_clock_of_the_server(
    on_server: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_time = time.time() + 365 * 24 * 3600
    with leases.hold(on_server, "index"):
        monkeypatch.setattr(leases.time, "time", lambda: other_time)
        with pytest.raises(Conflict, match="already at work"), leases.hold(on_server, "index"):
            pass


# --- a server that goes away -------------------------------------------------------------------


def test_what_was_acknowledged_survives_a_killed_server(
    postgresql: Server, on_server: Database
) -> None:
    root_id, _ = roots.containing(on_server, Path("/photos"))
    catalogue = Catalogue(on_server)
    assert catalogue.register(root_id, [FileSeen("1.jpg", 1, 1)], run_id=1) == Registered(new=1)
    with pytest.raises(StoreError, match="cannot be reached"), on_server.write() as connection:
        connection.execute(sa.update(images).values(path="2.jpg"))
        postgresql.kill()
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        catalogue.buried()
    assert "type the same again" in caught.value.remedy
    postgresql.start()
    assert [image.path for image in catalogue.each()] == ["1.jpg"]


def test_a_lease_is_renewed_again_once_its_server_is_back(
    postgresql: Server, on_server: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE_S", 2.0)
    with leases.hold(on_server, "index"):
        postgresql.kill()
        time.sleep(0.6)
        postgresql.start()
        time.sleep(2.5)
        assert leases.holder(on_server, "index") is not None


# --- texts ---------------------------------------------------------------------------------------


@_SQLITE_AND_SERVER
@pytest.mark.parametrize("text", ["nul\0in it", "'\"%_\\", "😀 ß é e\u0301", "\uf7ff", "\u202e"])
def test_any_text_comes_back_as_it_was(tmp_path: Path, text: str) -> None:
    opened = open_database(tmp_path)
    boxes = Boxes(opened)
    boxes.replace({"c" * 64: [(text, Box(1, 2, 3, 4))]}, now=1.0)
    assert [each.label for each in boxes.labels()] == [text]
    assert boxes.remove(labels=[text]).removed == 1
    report = {"note": f"{text}\ud800"}
    models.add(opened, model_id="m", kind="ranker", name=text, report=report)
    (model,) = models.each(opened)
    assert (model.name, model.report) == (text, report)
    opened.close()


def test_a_path_too_long_for_the_server_is_told(on_server: Database) -> None:
    root_id, _ = roots.containing(on_server, Path("/photos"))
    # Characters that do not repeat, which cannot be compressed into an index.
    long = "".join(chr(0x4E00 + 7919 * number % 20_000) for number in range(3_000))
    with pytest.raises(InvalidInput, match="longer than"):
        Catalogue(on_server).register(root_id, [FileSeen(long, 1, 1)], run_id=1)
    assert list(Catalogue(on_server).each()) == []


# --- errors --------------------------------------------------------------------------------------


def _open(folder: Path, url: str) -> None:
    name_database(folder, url)
    open_database(folder).close()


def test_a_wrong_password_is_told_without_showing_any(postgresql: Server, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="password authentication failed") as caught:
        _open(tmp_path, postgresql.url(password="wrong-one"))
    assert "mend the password" in caught.value.remedy
    assert "wrong-one" not in str(caught.value) and PASSWORD not in str(caught.value)


def test_a_database_that_is_not_there_is_told_with_what_makes_it(
    postgresql: Server, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="does not exist") as caught:
        _open(tmp_path, postgresql.url("nowhere"))
    assert caught.value.remedy.startswith("make it: createdb")
    assert "nowhere" in caught.value.remedy


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        _open(tmp_path, "postgresql://somebody:hidden@127.0.0.1:1/shop")
    assert "[store] catalogue" in caught.value.remedy
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("mysql://a@b/c", "an address of mysql"),
        ("my catalogue", "no address"),
        ("postgresql+asyncpg://a@b/c", r"an address of postgresql\+asyncpg"),
    ],
)
def test_an_address_of_something_else_is_refused(
    tmp_path: Path, address: str, expected: str
) -> None:
    with pytest.raises(InvalidSettings, match=expected) as caught:
        _open(tmp_path, address)
    assert module.EXAMPLE in caught.value.remedy


def test_without_its_driver_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(NotReady, match="psycopg is not installed") as caught:
        _open(tmp_path, "postgresql://a@b/c")
    assert caught.value.remedy == "pip install 'tiefvision[cluster]'"


def test_a_catalogue_of_a_newer_version_is_refused(on_server: Database, tmp_path: Path) -> None:
    with on_server.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="format 9999") as caught:
        open_database(tmp_path)
    assert "pip install --upgrade tiefvision" in caught.value.remedy


def test_a_database_of_another_encoding_is_refused(postgresql: Server, tmp_path: Path) -> None:
    postgresql.execute(
        "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
    )
    with pytest.raises(StoreError, match="encoding LATIN1"):
        _open(tmp_path, postgresql.url("latin"))


def test_a_user_who_may_not_make_tables_is_told(postgresql: Server, tmp_path: Path) -> None:
    url = sa.make_url(postgresql.new_database())
    postgresql.execute("DROP ROLE IF EXISTS reader")
    postgresql.execute("CREATE ROLE reader LOGIN PASSWORD 'r'")
    reader = url.set(username="reader", password="r").render_as_string(hide_password=False)
    with pytest.raises(StoreError, match="permission denied") as caught:
        _open(tmp_path, reader)
    assert "GRANT" in caught.value.remedy
