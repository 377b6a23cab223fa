"""The attribute columns of a catalogue and their types, in the order in which they came."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from tiefvision.store.database import Database
from tiefvision.store.filters import ColumnType
from tiefvision.store.tables import attribute_columns


def read(database: Database) -> dict[str, ColumnType]:
    """Attribute columns by name."""
    statement = sa.select(attribute_columns).order_by(attribute_columns.c.position)
    with database.read() as connection:
        return {row.name: ColumnType(row.type) for row in connection.execute(statement)}


def declare(database: Database, columns: Mapping[str, ColumnType]) -> None:
    """Say what the columns are: new ones are added, known ones take the type given."""
    known = read(database)
    new = [name for name in columns if name not in known]
    rows = [
        {"position": len(known) + place, "name": name, "type": columns[name].value}
        for place, name in enumerate(new)
    ]
    with database.write() as connection:
        for name in known.keys() & columns.keys():
            connection.execute(
                sa.update(attribute_columns)
                .where(attribute_columns.c.name == name)
                .values(type=columns[name].value)
            )
        if rows:
            connection.execute(sa.insert(attribute_columns), rows)
