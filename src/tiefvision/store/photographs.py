"""Photographs of the catalogue, as files of boxes name them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

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
