"""Which cell space and which search space a catalogue uses: one row each, read once per query."""

from __future__ import annotations

import shutil

import sqlalchemy as sa

from tiefvision.errors import NotReady
from tiefvision.store import spaces
from tiefvision.store.database import Database
from tiefvision.store.home import Home
from tiefvision.store.spaces import CellSpace, SearchSpace
from tiefvision.store.tables import cell_spaces, images, search_spaces


def active_cell_space(database: Database) -> CellSpace | None:
    """The cell space that indexing fills; None before the first run."""
    with database.read() as connection:
        row = connection.execute(sa.select(cell_spaces).where(cell_spaces.c.active)).first()
    return None if row is None else CellSpace.parse(row.definition)


def active_search_space_id(database: Database) -> str | None:
    """The id of the search space that answers queries; None for an empty catalogue."""
    statement = sa.select(search_spaces.c.id).where(search_spaces.c.state == "active")
    with database.read() as connection:
        return connection.scalar(statement)


def active_search_space(database: Database, home: Home) -> SearchSpace:
    """The search space that answers queries, with its arrays.

    Raises NotReady when the catalogue has none yet.
    """
    with database.read() as connection:
        row = connection.execute(
            sa.select(search_spaces, cell_spaces.c.definition.label("cell_definition"))
            .join(cell_spaces)
            .where(search_spaces.c.state == "active")
        ).first()
    if row is None:
        raise NotReady(
            "this catalogue is empty", remedy=f"tiefvision index PHOTOS -c {home.folder}"
        )
    cell_space = CellSpace.parse(row.cell_definition)
    return spaces.load(row.definition, cell_space, home.space(row.id))


def has_search_space(database: Database, cell_space_id: str) -> bool:
    """Whether the active search space compares the cells of that cell space."""
    statement = sa.select(search_spaces.c.id).where(
        search_spaces.c.state == "active", search_spaces.c.cell_space_id == cell_space_id
    )
    with database.read() as connection:
        return connection.scalar(statement) is not None


def declare_cell_space(database: Database, space: CellSpace) -> None:
    """Make a cell space the one that indexing fills."""
    with database.write() as connection:
        connection.execute(sa.update(cell_spaces).values(active=False))
        known = connection.scalar(sa.select(cell_spaces.c.id).where(cell_spaces.c.id == space.id))
        if known is None:
            row = {"id": space.id, "definition": space.definition(), "active": True}
            connection.execute(sa.insert(cell_spaces).values(row))
        else:
            connection.execute(
                sa.update(cell_spaces).where(cell_spaces.c.id == space.id).values(active=True)
            )


def activate(database: Database, home: Home, space: SearchSpace) -> None:
    """Switch queries to a search space whose arrays and vectors are whole."""
    spaces.save(space, home.space(space.id))
    with database.write() as connection:
        connection.execute(
            sa.update(search_spaces)
            .where(search_spaces.c.state == "active")
            .values(state="retired")
        )
        connection.execute(sa.delete(search_spaces).where(search_spaces.c.id == space.id))
        connection.execute(
            sa.insert(search_spaces).values(
                id=space.id,
                cell_space_id=space.cell_space.id,
                definition=space.definition(),
                state="active",
            )
        )


def retired(database: Database) -> list[str]:
    """Ids of the search spaces that no longer answer queries."""
    statement = sa.select(search_spaces.c.id).where(search_spaces.c.state == "retired")
    with database.read() as connection:
        return list(connection.scalars(statement))


def unused_cell_spaces(database: Database) -> list[str]:
    """Ids of former cell spaces that hold no image's acknowledged cells but vanished ones'."""
    used = sa.select(images.c.cell_space_id).where(
        images.c.state == "indexed", images.c.vanished.is_(False)
    )
    statement = sa.select(cell_spaces.c.id).where(
        cell_spaces.c.active.is_(False), cell_spaces.c.id.not_in(used.distinct())
    )
    with database.read() as connection:
        return list(connection.scalars(statement))


def forget_cell_space(database: Database, home: Home, cell_space_id: str) -> None:
    """Remove a former cell space: its search spaces, its row, its stored cells."""
    own = sa.select(search_spaces.c.id).where(search_spaces.c.cell_space_id == cell_space_id)
    with database.read() as connection:
        search_space_ids = list(connection.scalars(own))
    for search_space_id in search_space_ids:
        forget(database, home, search_space_id)
    shutil.rmtree(home.cells(cell_space_id), ignore_errors=True)
    with database.write() as connection:
        connection.execute(
            sa.update(images)
            .where(images.c.cell_space_id == cell_space_id)
            .values(cell_space_id=None)
        )
        connection.execute(sa.delete(cell_spaces).where(cell_spaces.c.id == cell_space_id))


def forget(database: Database, home: Home, search_space_id: str) -> None:
    """Remove a retired search space's row and its derived files."""
    with database.write() as connection:
        connection.execute(sa.delete(search_spaces).where(search_spaces.c.id == search_space_id))
    shutil.rmtree(home.space(search_space_id), ignore_errors=True)
