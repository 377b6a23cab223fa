"""A catalogue database on a PostgreSQL server (psycopg 3), for many machines at once.

The tables, statements and migrations are SQLite's. What differs is here: how to connect, the lock
that lets one writer in at a time, and what a failing server means to whoever runs the command.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import ArgumentError, DBAPIError

from tiefvision.errors import (
    Conflict,
    InvalidInput,
    InvalidSettings,
    NotReady,
    StoreError,
    TiefVisionError,
)

EXAMPLE = "postgresql://USER@HOST:5432/DATABASE"

# Readers see one state for the length of their transaction. A writer must see what was committed
# until it got the lock, so each of its statements looks anew.
_READ_ISOLATION = "REPEATABLE READ"
WRITE_OPTIONS = {"tiefvision_writes": True, "isolation_level": "READ COMMITTED"}

_CONNECT_TIMEOUT_S = 10
# How long a writer waits for another one; and after how long a writer that says nothing, such as a
# machine that lost its network, is taken to be gone.
_LOCK_TIMEOUT_MS = 60_000
_SILENT_WRITER_MS = 60_000

# "TVis": tells this program's locks from those of others in the same database. The second number
# tells the catalogues of one database apart, which lie in schemas of their own.
_LOCK = 0x54566973
_TAKE_LOCK = (
    f"SELECT set_config('lock_timeout', '{_LOCK_TIMEOUT_MS}', true), "
    f"set_config('idle_in_transaction_session_timeout', '{_SILENT_WRITER_MS}', true), "
    f"pg_advisory_xact_lock({_LOCK}, hashtext(current_schema()))"
)

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_LOCK_NOT_AVAILABLE = "55P03"
_INSUFFICIENT_PRIVILEGE = "42501"
_DISK_FULL = "53100"
_TOO_LONG_FOR_AN_INDEX = "54000"
_CONNECTION_LOST = ("57P", "08", "53300")


def checked(address: str, *, given_as: str) -> URL:
    """An address as SQLAlchemy takes it. given_as: where it stands, for messages.

    Raises InvalidSettings for one that is none of PostgreSQL.
    """
    try:
        url = sa.make_url(address)
    except ArgumentError:
        url = None
    if url is None or url.drivername not in ("postgresql", "postgresql+psycopg", "postgres"):
        given = "no address" if url is None else f"an address of {url.drivername}"
        raise InvalidSettings(
            f"{given_as} is {given}; expected one of PostgreSQL",
            remedy=f"write it as {EXAMPLE}",
        )
    return url.set(drivername="postgresql+psycopg")


def shown(url: URL) -> str:
    """An address for people and logs: without its password."""
    return url.set(drivername="postgresql").render_as_string(hide_password=True)


def engine(url: URL) -> Engine:
    """Connections to a server. Raises NotReady when psycopg is not installed."""
    try:
        made = sa.create_engine(
            url,
            isolation_level=_READ_ISOLATION,
            # A server that was restarted since is connected to again.
            pool_pre_ping=True,
            connect_args=_connect_arguments(url),
        )
    except ImportError as error:
        raise NotReady(
            f"the catalogue is in {shown(url)}, and psycopg is not installed",
            remedy="pip install 'tiefvision[cluster]'",
        ) from error
    event.listen(made, "begin", _on_begin)
    return made


def _connect_arguments(url: URL) -> dict[str, int | None]:
    # The plan of a prepared statement ignores its parameters: asking for a thousand contents at
    # once took 20 times as long (measured), and poolers such as PgBouncer refuse it.
    own: dict[str, int | None] = {"prepare_threshold": None}
    if "connect_timeout" not in url.query:
        own["connect_timeout"] = _CONNECT_TIMEOUT_S
    return own


def _on_begin(connection: Connection) -> None:
    if connection.get_execution_options().get("tiefvision_writes", False):
        connection.exec_driver_sql(_TAKE_LOCK)


def fault(error: DBAPIError, url: URL) -> TiefVisionError | None:
    """What a failing server means; None for a mistake of this program."""
    code = getattr(error.orig, "sqlstate", None) or ""
    reason = _reason(error)
    if code == _LOCK_NOT_AVAILABLE:
        return Conflict(
            f"another process has been writing to {shown(url)} for {_LOCK_TIMEOUT_MS // 1000} s",
            remedy="wait until it ends, then type the same again",
        )
    if code == _INSUFFICIENT_PRIVILEGE:
        return StoreError(
            f"{shown(url)} refuses: {reason}",
            remedy=f"let its owner type: GRANT ALL ON SCHEMA public TO {url.username or 'USER'}",
        )
    if code == _DISK_FULL:
        return StoreError(
            f"the disk of {shown(url)} is full: {reason}",
            remedy="make room there, then type the same again; nothing is half written",
        )
    if code == _TOO_LONG_FOR_AN_INDEX:
        return InvalidInput(
            f"a path or a name is longer than {shown(url)} can look up: {reason}",
            remedy="rename it to less than 2,700 bytes, or keep this catalogue in a folder",
        )
    if error.connection_invalidated or not code or code.startswith(_CONNECTION_LOST):
        return StoreError(f"{shown(url)} cannot be reached: {reason}", remedy=_remedy(reason, url))
    return None


def _reason(error: DBAPIError) -> str:
    """The server's or the driver's own words, on one line, without the password."""
    lines = [line.strip() for line in str(error.orig).splitlines() if line.strip()]
    return " ".join(lines[:2])


def _remedy(reason: str, url: URL) -> str:
    if "password" in reason:
        return (
            "mend the password: in ~/.pgpass, in PGPASSWORD, or in [store] catalogue of "
            "tiefvision.toml"
        )
    if "does not exist" in reason and url.database and f'"{url.database}"' in reason:
        host = f" --host {url.host}" if url.host else ""
        return f"make it: createdb{host} {url.database}"
    return (
        f"check that the server runs and that [store] catalogue names it ({EXAMPLE}), then type "
        "the same again; nothing is half written"
    )


def check_encoding(connection: Connection) -> None:
    """Raises StoreError for a database that cannot hold every name."""
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
    if encoding != "UTF8":
        raise StoreError(
            f"the database has the encoding {encoding}; expected UTF8",
            remedy="make another one: createdb --encoding UTF8 --template template0 NAME",
        )


def compare_by_code_point(connection: Connection) -> None:
    """Have every text column ordered as SQLite and Python order it, whatever the server's language
    is: paths, and so originals and duplicates, come in one order everywhere."""
    statement = (
        "SELECT table_name, column_name, character_maximum_length FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND data_type = 'character varying' "
        "AND collation_name IS DISTINCT FROM 'C'"
    )
    quote = connection.dialect.identifier_preparer.quote
    for table, column, length in connection.exec_driver_sql(statement).all():
        kind = "VARCHAR" if length is None else f"VARCHAR({length})"
        connection.exec_driver_sql(
            f'ALTER TABLE {quote(table)} ALTER COLUMN {quote(column)} TYPE {kind} COLLATE "C"'
        )
