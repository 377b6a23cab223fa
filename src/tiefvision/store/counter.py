"""The change counter: every change that a reader can see gets the next number."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from tiefvision.store.tables import counters


def next_version(connection: Connection) -> int:
    """The change counter plus one. Its row serialises writers, so numbers commit in order."""
    statement = (
        sa.update(counters)
        .where(counters.c.name == "version")
        .values(value=counters.c.value + 1)
        .returning(counters.c.value)
    )
    value = connection.scalar(statement)
    if value is None:
        connection.execute(sa.insert(counters).values(name="version", value=1))
        return 1
    return value
