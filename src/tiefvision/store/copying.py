"""Makes one catalogue database equal to another, row by row, whatever engine each is on.

Both are walked in the order of their keys, and only what differs is written, each page in a
transaction of its own: a copy that was cut off goes on where it was, and one that is made again
brings over what changed. It ends with the counts and checksums of both.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from tiefvision.errors import InvalidInput, StoreError
from tiefvision.store.database import Database
from tiefvision.store.tables import images, leases, metadata

# Rows that are held at once.
_PAGE_ROWS = 1_000

# Bears the name of the source in the copy until that is whole. It never expires by itself.
_LEASE = "copy"
_NEVER = 1e12

# Parents before those that refer to them. Who is at work is no part of a copy.
TABLES = tuple(table for table in metadata.sorted_tables if table is not leases)

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Copied:
    """What is in both databases now. rows: by table; written: how many of them were new or other;
    checksum: SHA-256 of all of them."""

    rows: dict[str, int]
    written: int
    checksum: str


def copy(source: Database, target: Database, *, advance: Callable[[int], None]) -> Copied:
    """Make the rows of a target that was claimed those of the source. advance: told of rows as they
    are passed. Raises StoreError when the two differ in the end.
    """
    with source.read() as reader:
        for table in reversed(TABLES):
            _remove_extra(reader, target, table)
        written = 0
        for table in TABLES:
            for page in _pages(reader, table):
                written += _write(target, table, page)
                advance(len(page))
        _continue_numbers(reader, target)
        expected = {table.name: _checksum(reader, table) for table in TABLES}
    with target.read() as connection:
        found = {table.name: _checksum(connection, table) for table in TABLES}
    wrong = sorted(name for name in expected if expected[name] != found[name])
    if wrong:
        raise StoreError(
            f"{target.place} differs from {source.place} in: {', '.join(wrong)}",
            remedy="something writes to the copy; end that, then type the same again",
        )
    with target.write() as connection:
        connection.execute(sa.delete(leases).where(leases.c.name == _LEASE))
    whole = hashlib.sha256("".join(digest for _, digest in found.values()).encode()).hexdigest()
    return Copied({name: count for name, (count, _) in found.items()}, written, whole)


def row_count(database: Database) -> int:
    """How many rows there are to copy."""
    with database.read() as connection:
        return sum(
            connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in TABLES
        )


def claim(target: Database, *, owner: str) -> None:
    """Mark the target as a copy that is not whole yet. owner: what it is copied from.

    Raises InvalidInput, with nothing changed, where it holds something else already.
    """
    with target.write() as connection:
        begun = connection.scalar(sa.select(leases.c.owner).where(leases.c.name == _LEASE))
        if begun == f"{owner}:0:copy":
            return
        if begun is not None or any(
            connection.execute(sa.select(table).limit(1)).first() is not None for table in TABLES
        ):
            raise InvalidInput(
                f"{target.place} holds a catalogue already"
                if begun is None
                else f"{target.place} is the unfinished copy of another catalogue",
                remedy="name a new folder or an empty database",
            )
        row = {"name": _LEASE, "owner": f"{owner}:0:copy", "expires_at": _NEVER}
        connection.execute(sa.insert(leases).values(row))


def _pages(connection: Connection, table: sa.Table) -> Iterator[Sequence[Row]]:
    """All rows of a table by key, a page at a time."""
    key = sa.tuple_(*table.primary_key)
    statement = sa.select(table).order_by(*table.primary_key).limit(_PAGE_ROWS)
    page = _rows(connection, statement)
    while page:
        yield page
        last = _key_of(table, page[-1])
        page = _rows(connection, statement.where(key > last))


def _rows(connection: Connection, statement: sa.Select[Row]) -> list[Row]:
    return [tuple(row) for row in connection.execute(statement)]


def _key_of(table: sa.Table, row: Row) -> Row:
    columns = list(table.columns)
    return tuple(row[columns.index(column)] for column in table.primary_key)


def _of_keys(connection: Connection, table: sa.Table, page: Sequence[Row]) -> dict[Row, Row]:
    """A table's rows that have the keys of a page's, by key."""
    keys = [_key_of(table, row) for row in page]
    statement = sa.select(table).where(sa.tuple_(*table.primary_key).in_(keys))
    return {_key_of(table, row): row for row in _rows(connection, statement)}


def _remove_extra(reader: Connection, target: Database, table: sa.Table) -> None:
    """Remove the rows that the source no longer has, since a copy was cut off."""
    with target.read() as connection:
        for page in _pages(connection, table):
            wanted = _of_keys(reader, table, page)
            extra = [key for row in page if (key := _key_of(table, row)) not in wanted]
            if extra:
                own = sa.tuple_(*table.primary_key).in_(extra)
                with target.write() as writer:
                    writer.execute(sa.delete(table).where(own))


def _write(target: Database, table: sa.Table, page: Sequence[Row]) -> int:
    """Write the rows of a page that the target lacks or has otherwise; how many."""
    names = [column.name for column in table.columns]
    with target.read() as connection:
        there = _of_keys(connection, table, page)
    new = [row for row in page if _key_of(table, row) not in there]
    other = [
        row
        for row in page
        if (known := there.get(_key_of(table, row))) is not None and _text(known) != _text(row)
    ]
    if not new and not other:
        return 0
    with target.write() as connection:
        if new:
            rows = [dict(zip(names, row, strict=True)) for row in new]
            connection.execute(sa.insert(table), rows)
        for row in other:
            own = sa.tuple_(*table.primary_key).in_([_key_of(table, row)])
            values = dict(zip(names, row, strict=True))
            connection.execute(sa.update(table).where(own).values(values))
    return len(new) + len(other)


def _checksum(connection: Connection, table: sa.Table) -> tuple[int, str]:
    """How many rows a table has, and the sum of their SHA-256: the same in whatever order an engine
    gives them."""
    count, total = 0, 0
    for page in _pages(connection, table):
        for row in page:
            total += int.from_bytes(hashlib.sha256(_text(row).encode()).digest())
        count += len(page)
    return count, f"{total % 2**256:064x}"


def _text(row: Row) -> str:
    return json.dumps(row)


def _continue_numbers(reader: Connection, target: Database) -> None:
    """New rows of the target get numbers that no row of the source has or, of an image, had."""
    highest = _highest_image_id(reader)
    with target.write() as connection:
        if connection.dialect.name == "sqlite":
            # The other tables' next number is one above the highest that is there.
            connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'images'")
            statement = "INSERT INTO sqlite_sequence VALUES ('images', ?)"
            connection.exec_driver_sql(statement, (highest,))
            return
        for table in TABLES:
            key = next(iter(table.primary_key))
            name = sa.func.pg_get_serial_sequence(table.name, key.name)
            if len(table.primary_key) == 1 and connection.scalar(sa.select(name)):
                top = connection.scalar(sa.select(sa.func.max(key))) or 0
                top = max(top, highest) if table is images else top
                connection.execute(sa.select(sa.func.setval(name, top + 1, False)))


def _highest_image_id(connection: Connection) -> int:
    """The highest id that an image ever had."""
    if connection.dialect.name == "sqlite":
        statement = "SELECT max(seq) FROM sqlite_sequence WHERE name = 'images'"
    else:
        statement = (
            "SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM images_id_seq"
        )
    return connection.exec_driver_sql(statement).scalar() or 0
