"""The catalogue of images: which files there are, and what became of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from tiefvision.store.counter import next_version
from tiefvision.store.database import Database
from tiefvision.store.records import FileSeen, Image, Registered
from tiefvision.store.rows import image_of, new_row, seen_again
from tiefvision.store.tables import counters, encodings, images, roots

# SQLite takes at most 32,766 parameters in one statement; other engines take fewer.
_MOST_PARAMETERS = 1_000

# What an image is to people, each image one thing.
STATE = sa.case(
    (images.c.vanished, "vanished"),
    (images.c.duplicate_of.is_not(None), "duplicate"),
    else_=images.c.state,
)

_IMAGE = sa.select(images, roots.c.path.label("root")).join(roots)
_UPDATE_BY_ID = sa.update(images).where(images.c.id == sa.bindparam("image_id"))


class Catalogue:
    """The image rows of an open database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # --- registering what is on disk -----------------------------------------------------------

    def register(self, root_id: int, files: Sequence[FileSeen], *, run_id: int) -> Registered:
        """Take note of files that a walk found; new and changed ones become work to do.

        A file is changed when its size or time of change differs from what was acknowledged, or
        when `attributes` differ. Whether its content differs is found when it is read.
        """
        with self.database.write() as connection:
            known = _known(connection, root_id, [file.path for file in files])
            inserts = [
                new_row(file, root_id=root_id, run_id=run_id)
                for file in files
                if file.path not in known
            ]
            if inserts:
                connection.execute(sa.insert(images), inserts)
            result = Registered(new=len(inserts))
            updates: list[dict[str, object]] = []
            for file in files:
                row = known.get(file.path)
                if row is not None:
                    values, outcome = seen_again(row, file, run_id=run_id)
                    updates.append(values)
                    result += outcome
            if updates:
                connection.execute(_UPDATE_BY_ID, updates)
        return result

    def mark_vanished(
        self, root_id: int, *, under: str, run_id: int, unopened: Sequence[str] = ()
    ) -> int:
        """Mark the images under a folder of a root that this run did not see; how many.

        unopened: folders of the root that could not be looked into: theirs stay as they are.
        """
        unknown = sa.or_(sa.false(), *(_below(folder) for folder in unopened))
        place = sa.and_(images.c.root_id == root_id, _below(under), ~unknown)
        with self.database.write() as connection:
            result = connection.execute(
                sa.update(images)
                .where(place, images.c.seen_run != run_id, images.c.state != "deleting")
                .values(vanished=True, todo=False)
            )
            return result.rowcount

    def confirm_unchanged(self, seen: Sequence[tuple[int, int, int]]) -> None:
        """Images whose file was touched but holds the same bytes: (id, file_bytes, modified_ns)."""
        with self.database.write() as connection:
            connection.execute(
                _UPDATE_BY_ID,
                [
                    {"image_id": id_, "file_bytes": size, "modified_ns": time, "todo": False}
                    for id_, size, time in seen
                ],
            )

    # --- deleting --------------------------------------------------------------------------------

    def bury(self, image_ids: Sequence[int]) -> None:
        """Put up tombstones: from now on no search returns these images."""
        with self.database.write() as connection:
            next_version(connection)
            for some in chunks(image_ids):
                connection.execute(
                    sa.update(images)
                    .where(images.c.id.in_(some))
                    .values(state="deleting", todo=False)
                )

    def forget(self, image_ids: Sequence[int]) -> None:
        """Remove buried images' rows, once their vectors are gone."""
        with self.database.write() as connection:
            for some in chunks(image_ids):
                buried = sa.select(images.c.id).where(
                    images.c.id.in_(some), images.c.state == "deleting"
                )
                connection.execute(sa.delete(encodings).where(encodings.c.image_id.in_(buried)))
                connection.execute(
                    sa.delete(images).where(images.c.id.in_(some), images.c.state == "deleting")
                )

    def vanished(self) -> list[Image]:
        """Images whose file a walk no longer found."""
        return self._select(_IMAGE.where(images.c.vanished).order_by(images.c.id))

    def buried(self) -> list[int]:
        """Ids under a tombstone, whose vectors are still to be removed."""
        with self.database.read() as connection:
            return list(
                connection.scalars(sa.select(images.c.id).where(images.c.state == "deleting"))
            )

    # --- reading -----------------------------------------------------------------------------

    def get(self, image_ids: Sequence[int]) -> dict[int, Image]:
        """Images by id; ids that do not exist are absent."""
        found: dict[int, Image] = {}
        for some in chunks(image_ids):
            for image in self._select(_IMAGE.where(images.c.id.in_(some))):
                found[image.id] = image
        return found

    def each(self, *, where: sa.ColumnElement[bool] | None = None) -> Iterator[Image]:
        """Every image by id, in bounded memory."""
        after = -1
        while True:
            statement = _IMAGE.where(images.c.id > after)
            if where is not None:
                statement = statement.where(where)
            page = self._select(statement.order_by(images.c.id).limit(_MOST_PARAMETERS))
            yield from page
            if len(page) < _MOST_PARAMETERS:
                return
            after = page[-1].id

    def version(self) -> int:
        """The newest change number."""
        with self.database.read() as connection:
            return connection.scalar(sa.select(counters.c.value)) or 0

    def count_by_state(self) -> dict[str, int]:
        """How many images are pending, indexed, duplicate, refused, vanished, deleting."""
        with self.database.read() as connection:
            rows = connection.execute(sa.select(STATE, sa.func.count()).group_by(STATE))
            return {name: count for name, count in rows}

    def name_duplicates(self) -> None:
        """Say of each image which other one, first by root and path, has the same content."""
        first = sa.func.first_value(images.c.id).over(
            partition_by=images.c.content_id, order_by=(roots.c.path, images.c.path)
        )
        ranked = (
            sa.select(images.c.id, first.label("first"))
            .join(roots)
            .where(images.c.state == "indexed")
            .subquery()
        )
        original = sa.case((ranked.c.first != ranked.c.id, ranked.c.first), else_=sa.null())
        with self.database.write() as connection:
            differing = connection.execute(
                sa.select(images.c.id, original)
                .join(ranked, ranked.c.id == images.c.id)
                .where(images.c.duplicate_of.is_distinct_from(original))
            ).all()
            if differing:
                connection.execute(
                    _UPDATE_BY_ID,
                    [{"image_id": id_, "duplicate_of": of} for id_, of in differing],
                )

    def _select(self, statement: sa.Select[tuple[object, ...]]) -> list[Image]:
        with self.database.read() as connection:
            return [image_of(dict(row)) for row in connection.execute(statement).mappings()]


def _known(
    connection: Connection, root_id: int, paths: Sequence[str]
) -> dict[str, Row[tuple[object, ...]]]:
    rows: dict[str, Row[tuple[object, ...]]] = {}
    for some in chunks(paths):
        found = connection.execute(
            sa.select(images).where(images.c.root_id == root_id, images.c.path.in_(some))
        )
        rows.update({row.path: row for row in found})
    return rows


def _below(folder: str) -> sa.ColumnElement[bool]:
    """Paths under a folder of the root; "" is the root itself."""
    if not folder:
        return sa.true()
    return sa.or_(images.c.path == folder, images.c.path.startswith(f"{folder}/", autoescape=True))


_Item = TypeVar("_Item")


def chunks(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """Runs of as many items as one statement takes parameters."""
    for start in range(0, len(items), _MOST_PARAMETERS):
        yield items[start : start + _MOST_PARAMETERS]
