"""The catalogue's database: opening, migrating, and the two kinds of transaction.

SQLite by default, one file; PostgreSQL where tiefvision.toml names one. In both, every write is a
transaction that holds the catalogue's write lock from its start, so that two processes never meet
half way.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DatabaseError, DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from tiefvision import settings
from tiefvision.errors import StoreError, TiefVisionError

FILE_NAME = "catalogue.db"

# The newest migration; a test compares it with migrations/versions.
HEAD = "0004"

# How long a writer waits for another one before it gives up.
_BUSY_TIMEOUT_MS = 60_000


@dataclass(frozen=True, slots=True)
class Database:
    """An open catalogue database. Safe to share between threads.

    place: where it lies, for messages. write_options: what a connection needs to write. fault: the
    error for a failure that the caller can act on, such as a server that is gone; None for others.
    """

    engine: Engine
    place: str
    write_options: Mapping[str, str | bool] = field(
        default_factory=lambda: {"tiefvision_writes": True}
    )
    fault: Callable[[DBAPIError], TiefVisionError | None] = lambda _: None

    @contextmanager
    def read(self) -> Generator[Connection]:
        """A connection that sees one consistent state."""
        with self._connection() as connection:
            yield connection

    @contextmanager
    def write(self) -> Generator[Connection]:
        """A transaction that commits at the end of the block, or not at all."""
        with self._connection() as connection:
            connection = connection.execution_options(**self.write_options)
            with connection.begin():
                yield connection

    @contextmanager
    def _connection(self) -> Generator[Connection]:
        try:
            with self.engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            fault = self.fault(error)
            if fault is None:
                raise
            raise fault from error

    def close(self) -> None:
        self.engine.dispose()


def open_database(folder: Path) -> Database:
    """The database of a catalogue folder, created or migrated to this version when needed.

    Raises StoreError when it is damaged, cannot be reached or was written by a newer version.
    """
    address = settings.read(folder).store.catalogue
    if address:
        return open_address(address, given_as=f"{folder / settings.FILE_NAME}: [store] catalogue")
    file = folder / FILE_NAME
    return _ready(Database(_sqlite_engine(file), place=str(file)))


def open_address(address: str, *, given_as: str = "the address") -> Database:
    """The database on a PostgreSQL server, created or migrated as `open_database` says."""
    # Its driver takes longer to import than a search in a folder takes.
    from tiefvision.store import postgresql

    url = postgresql.checked(address, given_as=given_as)
    return _ready(
        Database(
            postgresql.engine(url),
            place=postgresql.shown(url),
            write_options=postgresql.WRITE_OPTIONS,
            fault=lambda error: postgresql.fault(error, url),
        )
    )


def _ready(database: Database) -> Database:
    try:
        revision = _revision(database)
        if revision == HEAD:
            return database
        if revision is not None and revision > HEAD:
            raise StoreError(
                f"the catalogue in {database.place} has format {revision}; "
                f"this program knows up to {HEAD}",
                remedy="upgrade with: pip install --upgrade tiefvision",
            )
        _migrate(database)
    except DatabaseError as error:
        database.close()
        raise StoreError(
            f"{database.place} cannot be used: {error.orig}",
            remedy="restore it from a snapshot (tiefvision catalogue snapshot)",
        ) from error
    except TiefVisionError:
        database.close()
        raise
    return database


def _sqlite_engine(file: Path) -> Engine:
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(file)), connect_args={"check_same_thread": False}
    )
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(raw: object, _entry: ConnectionPoolEntry) -> None:
    # SQLAlchemy's own recipe for SQLite: the driver must not begin transactions by itself.
    raw.isolation_level = None  # pyright: ignore[reportAttributeAccessIssue]
    cursor = raw.cursor()  # pyright: ignore[reportAttributeAccessIssue]
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    # FULL: an acknowledged image survives a power cut, not only a killed process.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("tiefvision_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _revision(database: Database) -> str | None:
    with database.read() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        return connection.scalar(sa.text("SELECT version_num FROM alembic_version"))


def _migrate(database: Database) -> None:
    # Alembic takes longer to import than a search takes, and is needed once in a format's life.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "tiefvision:store/migrations")
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
