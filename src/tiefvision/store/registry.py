"""Which cell space a catalogue uses for each label, and which search spaces of it: the base and one
for each active ranker. They are read once per query."""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Sequence

import sqlalchemy as sa

from tiefvision.errors import NotFound, NotReady, StoreError
from tiefvision.store import spaces
from tiefvision.store.database import Database
from tiefvision.store.home import Home
from tiefvision.store.spaces import CellSpace, SearchSpace
from tiefvision.store.tables import cell_spaces, encodings, search_spaces


def active_cell_space(database: Database, *, label: str = "") -> CellSpace | None:
    """The cell space that queries for a label use; None before the first run."""
    return _cell_space(database, state="active", label=label)


def filling_cell_space(database: Database, *, label: str = "") -> CellSpace | None:
    """The cell space that is being filled to take the active one's place; None mostly."""
    return _cell_space(database, state="filling", label=label)


def _cell_space(database: Database, *, state: str, label: str) -> CellSpace | None:
    statement = sa.select(cell_spaces.c.definition).where(
        cell_spaces.c.state == state, cell_spaces.c.label == label
    )
    with database.read() as connection:
        definition = connection.scalar(statement)
    return None if definition is None else CellSpace.parse(definition)


def labels(database: Database) -> list[str]:
    """The labels that have a cell space which is used or filled, "" among them once indexed."""
    statement = sa.select(cell_spaces.c.label).where(cell_spaces.c.state != "retired")
    with database.read() as connection:
        return sorted(connection.scalars(statement.distinct()))


def active_search_spaces(database: Database, *, label: str = "") -> dict[str, str]:
    """The search spaces that answer queries for a label: ranker's name -> id, "" for the base."""
    statement = (
        sa.select(search_spaces.c.ranker, search_spaces.c.id)
        .join(cell_spaces)
        .where(search_spaces.c.state == "active", cell_spaces.c.label == label)
        .order_by(search_spaces.c.ranker)
    )
    with database.read() as connection:
        return {row.ranker: row.id for row in connection.execute(statement)}


def answering(database: Database) -> set[str]:
    """The ids of all search spaces that answer queries, of whatever label and ranker."""
    statement = sa.select(search_spaces.c.id).where(search_spaces.c.state == "active")
    with database.read() as connection:
        return set(connection.scalars(statement))


def search_space(database: Database, home: Home, search_space_id: str) -> SearchSpace:
    """A search space with its arrays. Raises StoreError when they are damaged or gone."""
    with database.read() as connection:
        row = connection.execute(
            sa.select(search_spaces, cell_spaces.c.definition.label("cell_definition"))
            .join(cell_spaces)
            .where(search_spaces.c.id == search_space_id)
        ).first()
    if row is None:
        raise StoreError(
            f"the search space {search_space_id} was just replaced", remedy="search again"
        )
    cell_space = CellSpace.parse(row.cell_definition)
    return spaces.load(row.definition, cell_space, home.space(row.id), name=row.ranker)


def active_search_space(database: Database, home: Home, *, label: str = "") -> SearchSpace:
    """The base space that answers queries for a label, with its arrays.

    Raises NotReady when the catalogue has none yet.
    """
    search_space_id = active_search_spaces(database, label=label).get("")
    if search_space_id is not None:
        return search_space(database, home, search_space_id)
    if label:
        raise _no_such_label(label, labels(database), home)
    raise NotReady("this catalogue is empty", remedy=f"tiefvision index PHOTOS -c {home.folder}")


def has_search_space(database: Database, cell_space_id: str) -> bool:
    """Whether the active base space compares the cells of that cell space."""
    statement = sa.select(search_spaces.c.id).where(
        search_spaces.c.state == "active",
        search_spaces.c.ranker == "",
        search_spaces.c.cell_space_id == cell_space_id,
    )
    with database.read() as connection:
        return connection.scalar(statement) is not None


def declare_cell_space(database: Database, space: CellSpace) -> None:
    """Say which cell space is wanted for its label.

    The first one of a label is active from the start. Another one is filled while the active one
    answers, and takes its place by `activate`; wanting the active one gives up what was filling.
    """
    same_label = cell_spaces.c.label == space.label
    with database.write() as connection:
        active = connection.scalar(
            sa.select(cell_spaces.c.id).where(same_label, cell_spaces.c.state == "active")
        )
        state = "active" if active in (None, space.id) else "filling"
        connection.execute(
            sa.update(cell_spaces)
            .where(same_label, cell_spaces.c.state == "filling")
            .values(state="retired")
        )
        known = connection.scalar(sa.select(cell_spaces.c.id).where(cell_spaces.c.id == space.id))
        if known is None:
            row = {
                "id": space.id,
                "definition": space.definition(),
                "label": space.label,
                "state": state,
            }
            connection.execute(sa.insert(cell_spaces).values(row))
        else:
            connection.execute(
                sa.update(cell_spaces).where(cell_spaces.c.id == space.id).values(state=state)
            )


def withdraw_label(database: Database, label: str) -> None:
    """A label is no longer looked for: its cell spaces are retired."""
    with database.write() as connection:
        own = sa.select(cell_spaces.c.id).where(cell_spaces.c.label == label)
        connection.execute(
            sa.update(search_spaces)
            .where(search_spaces.c.cell_space_id.in_(own))
            .values(state="retired")
        )
        connection.execute(
            sa.update(cell_spaces).where(cell_spaces.c.label == label).values(state="retired")
        )


def activate(database: Database, home: Home, *new: SearchSpace) -> None:
    """Switch queries to search spaces of one cell space whose arrays and vectors are whole, all at
    once. Each takes the place of its ranker's former one; those of another cell space retire."""
    for space in new:
        spaces.save(space, home.space(space.id))
    cell_space_id, label = new[0].cell_space.id, new[0].cell_space.label
    same_label = sa.select(cell_spaces.c.id).where(cell_spaces.c.label == label)
    replaced = sa.or_(
        search_spaces.c.ranker.in_([space.name for space in new]),
        search_spaces.c.cell_space_id != cell_space_id,
    )
    with database.write() as connection:
        connection.execute(
            sa.update(search_spaces)
            .where(
                search_spaces.c.state == "active",
                search_spaces.c.cell_space_id.in_(same_label),
                replaced,
            )
            .values(state="retired")
        )
        ids = [space.id for space in new]
        connection.execute(sa.delete(search_spaces).where(search_spaces.c.id.in_(ids)))
        rows = [
            {
                "id": space.id,
                "cell_space_id": cell_space_id,
                "definition": space.definition(),
                "ranker": space.name,
                "state": "active",
            }
            for space in new
        ]
        connection.execute(sa.insert(search_spaces), rows)
        connection.execute(
            sa.update(cell_spaces)
            .where(cell_spaces.c.label == label, cell_spaces.c.state == "active")
            .values(state="retired")
        )
        connection.execute(
            sa.update(cell_spaces).where(cell_spaces.c.id == cell_space_id).values(state="active")
        )


def retire(database: Database, search_space_ids: Sequence[str]) -> None:
    """Let search spaces answer no longer; their files stay until they are forgotten."""
    with database.write() as connection:
        connection.execute(
            sa.update(search_spaces)
            .where(search_spaces.c.id.in_(search_space_ids))
            .values(state="retired")
        )


def retired(database: Database) -> list[str]:
    """Ids of the search spaces that no longer answer queries."""
    statement = sa.select(search_spaces.c.id).where(search_spaces.c.state == "retired")
    with database.read() as connection:
        return list(connection.scalars(statement))


def retired_cell_spaces(database: Database) -> list[str]:
    """Ids of the cell spaces that are neither used nor filled."""
    statement = sa.select(cell_spaces.c.id).where(cell_spaces.c.state == "retired")
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
        connection.execute(sa.delete(encodings).where(encodings.c.cell_space_id == cell_space_id))
        connection.execute(sa.delete(cell_spaces).where(cell_spaces.c.id == cell_space_id))


def forget(database: Database, home: Home, search_space_id: str) -> None:
    """Remove a retired search space's row and its derived files."""
    with database.write() as connection:
        connection.execute(sa.delete(search_spaces).where(search_spaces.c.id == search_space_id))
    shutil.rmtree(home.space(search_space_id), ignore_errors=True)


def _no_such_label(label: str, known: list[str], home: Home) -> NotFound:
    named = [name for name in known if name]
    near = difflib.get_close_matches(label, named, n=1)
    if near:
        remedy = f"did you mean {near[0]}?"
    else:
        remedy = f"teach it: tiefvision train locator --label {label} -c {home.folder}"
    shown = ", ".join(named) or "none yet"
    return NotFound(f"nothing is located by the label {label}; there are: {shown}", remedy=remedy)
