"""Single triplets: added only when none of them clashes, listed page by page, removed by id."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from tiefvision.errors import NotFound
from tiefvision.store.database import Database
from tiefvision.store.judgement_clashes import Clash, NewTriplet, chunks, of_triplets
from tiefvision.store.judgements import Source, Triplet
from tiefvision.store.tables import triplets


@dataclass(frozen=True, slots=True)
class Added:
    """The ids of triplets that were added, in the order given; none where some of them clash."""

    ids: Sequence[int]
    clashes: Sequence[Clash]


def add(
    database: Database,
    name: str,
    new: Sequence[NewTriplet],
    *,
    source: Source,
    now: float,
    ranker: str | None = None,
) -> Added:
    """Add triplets to a name, or none of them where one clashes with another, with itself or with
    the catalogue's."""
    origin = {"name": name, "source": source, "taught_at": now, "ranker": ranker}
    statement = sa.insert(triplets).returning(triplets.c.id, sort_by_parameter_order=True)
    with database.write() as connection:
        clashes = of_triplets(connection, name, new)
        if clashes or not new:
            return Added([], clashes)
        rows = [{**triplet._asdict(), **origin} for triplet in new]
        return Added(list(connection.scalars(statement, rows)), [])


def newest(
    database: Database,
    name: str,
    *,
    anchor: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[Triplet]:
    """The triplets of a name, the newest first.

    anchor: only those with this content id. before: only those older than this id.
    """
    statement = sa.select(triplets).where(triplets.c.name == name)
    if anchor is not None:
        statement = statement.where(triplets.c.anchor == anchor)
    if before is not None:
        statement = statement.where(triplets.c.id < before)
    statement = statement.order_by(triplets.c.id.desc()).limit(limit)
    with database.read() as connection:
        return [Triplet(*row) for row in connection.execute(statement)]


def remove(database: Database, ids: Collection[int]) -> int:
    """Remove triplets of any name by id; how many there were.

    Raises NotFound, with nothing removed, for an id that no triplet has.
    """
    wanted = sorted(set(ids))
    gone: set[int] = set()
    with database.write() as connection:
        for some in chunks(wanted):
            statement = sa.delete(triplets).where(triplets.c.id.in_(some))
            gone.update(connection.scalars(statement.returning(triplets.c.id)))
        missing = [str(id_) for id_ in wanted if id_ not in gone]
        if missing:
            raise NotFound(
                f"there is no triplet {', '.join(missing)}",
                remedy="tiefvision triplets list --name NAME shows their ids",
            )
    return len(gone)
