"""Pages of the catalogue's images, in an order to look at them."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from tiefvision.store.catalogue import STATE
from tiefvision.store.database import Database
from tiefvision.store.tables import boxes, encodings, images

# Below every confidence, so that photographs in which no locator found anything come first.
_NOTHING_FOUND = -1.0
# Hexadecimal digits of a content id that a float holds exactly.
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ends: what its last image is ordered by, and its id."""

    rank: float
    image_id: int


def by_id(database: Database, *, state: str | None, after: Place | None, limit: int) -> list[Place]:
    """Images of a state (None: of any), by id."""
    condition = STATE != "deleting" if state is None else STATE == state
    statement = sa.select(images.c.id).where(condition).order_by(images.c.id).limit(limit)
    if after is not None:
        statement = statement.where(images.c.id > after.image_id)
    with database.read() as connection:
        return [Place(0.0, id_) for id_ in connection.scalars(statement)]


def mixed(database: Database, *, after: Place | None, limit: int) -> list[Place]:
    """Indexed images in an order that says nothing of them: that of their contents' hashes.

    Exact duplicates share a hash, so one of them stands for all.
    """
    statement = (
        sa.select(images.c.content_id, images.c.id)
        .where(STATE == "indexed")
        .order_by(images.c.content_id)
        .limit(limit)
    )
    if after is not None:
        # "g" comes after every hexadecimal digit: all contents that begin alike are passed.
        statement = statement.where(images.c.content_id > f"{int(after.rank):0{_DIGITS}x}g")
    with database.read() as connection:
        rows = connection.execute(statement)
        return [Place(float(int(content_id[:_DIGITS], 16)), id_) for content_id, id_ in rows]


def least_certain(
    database: Database, cell_space_id: str, *, after: Place | None, limit: int
) -> list[Place]:
    """Indexed images on which nobody drew a box, those first whose box is the least certain.

    Exact duplicates share their boxes, so one of them stands for all.
    """
    rank = sa.func.coalesce(encodings.c.box_confidence, _NOTHING_FOUND)
    statement = (
        sa.select(rank, images.c.id)
        .join_from(images, encodings, encodings.c.image_id == images.c.id)
        .where(
            encodings.c.cell_space_id == cell_space_id,
            STATE == "indexed",
            images.c.content_id.not_in(sa.select(boxes.c.content_id)),
        )
        .order_by(rank, images.c.id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(sa.tuple_(rank, images.c.id) > (after.rank, after.image_id))
    with database.read() as connection:
        return [Place(*row) for row in connection.execute(statement)]
