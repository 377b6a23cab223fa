"""Roots: the folders that photographs lie in. An image is a root plus a relative path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from tiefvision.errors import Conflict, InvalidInput, NotFound
from tiefvision.store.database import Database
from tiefvision.store.tables import images, roots


@dataclass(frozen=True, slots=True)
class Root:
    """A folder of photographs and how many of its images the catalogue holds."""

    id: int
    path: str
    images: int


def each(database: Database) -> list[Root]:
    """All roots, by path."""
    statement = (
        sa.select(roots.c.id, roots.c.path, sa.func.count(images.c.id))
        .outerjoin(images)
        .group_by(roots.c.id)
        .order_by(roots.c.path)
    )
    with database.read() as connection:
        return [Root(*row) for row in connection.execute(statement)]


def emptied(database: Database) -> list[Root]:
    """Roots that hold images, of which not one was found where it was."""
    statement = (
        sa.select(roots.c.id, roots.c.path, sa.func.count(images.c.id))
        .join(images)
        .where(images.c.state != "deleting")
        .group_by(roots.c.id)
        .having(sa.func.sum(sa.cast(images.c.vanished, sa.Integer)) == sa.func.count(images.c.id))
        .order_by(roots.c.path)
    )
    with database.read() as connection:
        return [Root(*row) for row in connection.execute(statement)]


def containing(database: Database, folder: Path) -> tuple[int, str]:
    """The root that holds a folder, and the folder's path below it ("" for the root itself).

    A new root where there is none. A folder above existing roots takes them in: their images keep
    everything and get longer paths.
    """
    with database.write() as connection:
        known = {row.path: row.id for row in connection.execute(sa.select(roots))}
        for path, root_id in known.items():
            if folder.is_relative_to(path):
                below = folder.relative_to(path).as_posix()
                return root_id, "" if below == "." else below
        root_id = connection.scalar(sa.insert(roots).values(path=str(folder)).returning(roots.c.id))
        assert root_id is not None
        for path, inner_id in known.items():
            if Path(path).is_relative_to(folder):
                _take_in(connection, inner_id, root_id, Path(path).relative_to(folder).as_posix())
        return root_id, ""


def move(database: Database, old: str, new: Path) -> int:
    """Say that a root's folder is somewhere else now; how many images it holds.

    Raises NotFound for an unknown root and Conflict when the new place is another root, or lies in
    or above one.
    """
    with database.write() as connection:
        known = {row.path: row.id for row in connection.execute(sa.select(roots))}
        if old not in known:
            raise NotFound(
                f"{old} is no root of this catalogue",
                remedy=f"its roots are {', '.join(sorted(known)) or 'none'}",
            )
        if not new.is_dir():
            raise InvalidInput(f"{new} is no folder; expected where the photographs are now")
        if str(new) in known:
            raise Conflict(f"{new} is a root of this catalogue already")
        for other in known:
            if other != old and (new.is_relative_to(other) or Path(other).is_relative_to(new)):
                raise Conflict(
                    f"{new} and the root {other} lie one in the other",
                    remedy=f"index it as a part of that: tiefvision index {new}",
                )
        connection.execute(sa.update(roots).where(roots.c.id == known[old]).values(path=str(new)))
        count = sa.select(sa.func.count()).select_from(images)
        return connection.scalar(count.where(images.c.root_id == known[old])) or 0


def _take_in(connection: Connection, inner_id: int, outer_id: int, prefix: str) -> None:
    connection.execute(
        sa.update(images)
        .where(images.c.root_id == inner_id)
        .values(root_id=outer_id, path=f"{prefix}/" + images.c.path)
    )
    connection.execute(sa.delete(roots).where(roots.c.id == inner_id))
