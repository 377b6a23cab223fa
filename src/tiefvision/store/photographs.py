"""Photographs of the catalogue, as files of boxes name them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from tiefvision.store.database import Database
from tiefvision.store.tables import images, roots

# Rows that are held at once while the table is read.
ROWS_HELD = 1_000


@dataclass(frozen=True, slots=True)
class Photograph:
    """A file of the catalogue. Its size in pixels is that of the upright photograph.

    content_id, width and height are None until it is indexed. reason: why it was refused.
    """

    id: int
    root: str
    path: str
    content_id: str | None
    width: int | None
    height: int | None
    state: str
    reason: str | None

    @property
    def file(self) -> str:
        """The path in full, with "/" between its parts."""
        return f"{self.root}/{self.path}"


def each(database: Database) -> Iterator[Photograph]:
    """Every photograph, those not indexed yet and those refused too, in bounded memory."""
    statement = (
        sa.select(
            images.c.id,
            roots.c.path,
            images.c.path,
            images.c.content_id,
            images.c.width,
            images.c.height,
            images.c.state,
            images.c.reason,
        )
        .join(roots)
        .where(images.c.state != "deleting")
        .order_by(images.c.id)
        .execution_options(yield_per=ROWS_HELD)
    )
    with database.read() as connection:
        for row in connection.execute(statement):
            yield Photograph(*row)


def names(database: Database, content_ids: Iterable[str]) -> dict[str, str]:
    """How files name the first photograph of each content: by its path below its root, in full
    where another root has that path too. Contents without a photograph are absent."""
    found: dict[str, str] = {}
    wanted = sorted(set(content_ids))
    with database.read() as connection:
        repeated = repeated_paths(connection)
        for start in range(0, len(wanted), ROWS_HELD):
            some = wanted[start : start + ROWS_HELD]
            statement = (
                sa.select(images.c.content_id, roots.c.path, images.c.path)
                .join_from(images, roots)
                .where(images.c.content_id.in_(some), images.c.state == "indexed")
                .order_by(roots.c.path, images.c.path)
            )
            for content_id, root, path in connection.execute(statement):
                found.setdefault(content_id, f"{root}/{path}" if path in repeated else path)
    return found


def repeated_paths(connection: Connection) -> set[str]:
    """Paths that photographs have below more than one root."""
    if (connection.scalar(sa.select(sa.func.count()).select_from(roots)) or 0) < 2:
        return set()
    statement = sa.select(images.c.path).group_by(images.c.path)
    return set(connection.scalars(statement.having(sa.func.count(images.c.root_id) > 1)))
