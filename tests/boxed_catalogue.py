"""A catalogue whose photographs are only rows: boxes need no pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from tiefvision.store.database import open_database
from tiefvision.store.tables import counters, images, roots

ROOT = "/photos"

# What rows must hold besides what these tests are about.
_REST = {
    "attributes": {},
    "attributes_revision": 0,
    "box_revision": 0,
    "version": 0,
    "todo": False,
    "seen_run": 1,
    "vanished": False,
}


@dataclass(frozen=True)
class Row:
    """A photograph; without a content of its own, it has one made from its place."""

    path: str
    width: int = 800
    height: int = 1200
    content: str = ""
    root: str = ROOT
    state: str = "indexed"
    reason: str | None = None

    @property
    def content_id(self) -> str:
        return content_id(self.content or f"{self.root}/{self.path}")


def content_id(content: str) -> str:
    """64 characters, as real ones have."""
    return hashlib.sha256(content.encode()).hexdigest()


def make(folder: Path, rows: Iterable[Row]) -> Path:
    """Write a catalogue into a folder; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = list(rows)
    root_ids = {root: id_ for id_, root in enumerate(dict.fromkeys(r.root for r in rows), start=1)}
    database = open_database(folder)
    rest = {name: value for name, value in _REST.items() if name in images.c}
    with database.write() as connection:
        for root, id_ in root_ids.items():
            connection.execute(sa.insert(roots).values(id=id_, path=root))
        for row in rows:
            is_read = row.state == "indexed"
            connection.execute(
                sa.insert(images).values(
                    root_id=root_ids[row.root],
                    path=row.path,
                    content_id=row.content_id if is_read else None,
                    width=row.width if is_read else None,
                    height=row.height if is_read else None,
                    state=row.state,
                    reason=row.reason,
                    **rest,
                )
            )
    database.close()
    return folder


def change_number(catalogue: Path) -> int:
    """The catalogue's change counter."""
    database = open_database(catalogue)
    with database.read() as connection:
        value = connection.scalar(sa.select(counters.c.value)) or 0
    database.close()
    return value
