"""The catalogue of images: what is known, what is to do, and the acknowledgement of work done.

Nothing counts as done before `acknowledge` commits. Vectors are written before that, and old
vectors are removed after it, so that a process killed at any line leaves a state from which the
next run finishes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from tiefvision.store.database import Database
from tiefvision.store.records import (
    Acknowledgement,
    FileSeen,
    Image,
    Refusal,
    Registered,
    RowKey,
)
from tiefvision.store.rows import acknowledged_row, image_of, new_row, refused_row, seen_again
from tiefvision.store.tables import counters, images, roots

# SQLite takes at most 32,766 parameters in one statement; other engines take fewer.
_MOST_PARAMETERS = 1_000

# Keys are read in pages whose cells fit into a few megabytes.
_KEYS_PER_PAGE = 128
_KEY_COLUMNS = ("id", "content_id", "box_revision", "attributes_revision")

_IMAGE = sa.select(images, roots.c.path.label("root")).join(roots)
# Asked once for each new file, so it is built once.
_WITH_CONTENT = (
    sa.select(images.c.id)
    .where(
        images.c.content_id == sa.bindparam("content"),
        images.c.state == "indexed",
        images.c.cell_space_id == sa.bindparam("space"),
    )
    .limit(1)
)
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

    # --- work to do --------------------------------------------------------------------------

    def todo(self, *, after_id: int = 0, limit: int = 256) -> list[Image]:
        """The next images that wait for work, by id."""
        return self._select(
            _IMAGE.where(images.c.todo, images.c.id > after_id).order_by(images.c.id).limit(limit)
        )

    def todo_count(self) -> int:
        """How many images wait for work."""
        with self.database.read() as connection:
            count = sa.select(sa.func.count()).select_from(images).where(images.c.todo)
            return connection.scalar(count) or 0

    def report_lost(self, image_ids: Sequence[int]) -> None:
        """Images whose acknowledged vectors are missing: they become work to do."""
        with self.database.write() as connection:
            for some in _chunks(image_ids):
                connection.execute(
                    sa.update(images)
                    .where(images.c.id.in_(some), images.c.state == "indexed")
                    .values(todo=True, cell_space_id=None)
                )

    def request_other_spaces(self, cell_space_id: str) -> int:
        """Make every image whose cells are of another cell space work to do; how many."""
        with self.database.write() as connection:
            result = connection.execute(
                sa.update(images)
                .where(
                    images.c.state == "indexed",
                    images.c.cell_space_id.is_distinct_from(cell_space_id),
                    images.c.vanished.is_(False),
                )
                .values(todo=True)
            )
            return result.rowcount

    # --- acknowledging work done -----------------------------------------------------------------

    def acknowledge(self, done: Sequence[Acknowledgement], *, cell_space_id: str) -> int:
        """Commit that these images' vectors are written. Returns the new change number."""
        with self.database.write() as connection:
            version = _next_version(connection)
            connection.execute(
                _UPDATE_BY_ID,
                [
                    acknowledged_row(item, cell_space_id=cell_space_id, version=version)
                    for item in done
                ],
            )
            return version

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

    def refuse(self, refusals: Sequence[Refusal]) -> None:
        """Commit that these files cannot be indexed; their old vectors no longer count."""
        with self.database.write() as connection:
            version = _next_version(connection)
            connection.execute(
                _UPDATE_BY_ID,
                [refused_row(item, version=version) for item in refusals],
            )

    # --- deleting --------------------------------------------------------------------------------

    def bury(self, image_ids: Sequence[int]) -> None:
        """Put up tombstones: from now on no search returns these images."""
        with self.database.write() as connection:
            version = _next_version(connection)
            for some in _chunks(image_ids):
                connection.execute(
                    sa.update(images)
                    .where(images.c.id.in_(some))
                    .values(state="deleting", todo=False, version=version)
                )

    def forget(self, image_ids: Sequence[int]) -> None:
        """Remove buried images' rows, once their vectors are gone."""
        with self.database.write() as connection:
            for some in _chunks(image_ids):
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
        for some in _chunks(image_ids):
            for image in self._select(_IMAGE.where(images.c.id.in_(some))):
                found[image.id] = image
        return found

    def with_content(self, content_id: str, *, cell_space_id: str) -> int | None:
        """The id of an image of that content whose cells are acknowledged in that cell space."""
        wanted = {"content": content_id, "space": cell_space_id}
        with self.database.read() as connection:
            return connection.scalar(_WITH_CONTENT, wanted)

    def twins(self, content_ids: Sequence[str]) -> dict[str, list[Image]]:
        """All indexed images of each content, by root and path."""
        found: dict[str, list[Image]] = {content_id: [] for content_id in content_ids}
        for some in _chunks(content_ids):
            statement = _IMAGE.where(images.c.content_id.in_(some), images.c.state == "indexed")
            for image in self._select(statement.order_by(roots.c.path, images.c.path)):
                found[image.content_id or ""].append(image)
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

    def keys_where(self, *conditions: sa.ColumnElement[bool]) -> Iterator[list[tuple[RowKey, int]]]:
        """Pages of (key of the acknowledged vectors, version) of the images that satisfy all."""
        columns = [images.c[name] for name in _KEY_COLUMNS]
        after = -1
        while True:
            statement = (
                sa.select(*columns, images.c.version)
                .where(images.c.id > after, *conditions)
                .order_by(images.c.id)
                .limit(_KEYS_PER_PAGE)
            )
            with self.database.read() as connection:
                rows = connection.execute(statement).mappings().all()
            page = [(RowKey(*(row[c] for c in columns)), row[images.c.version]) for row in rows]
            if page:
                yield page
            if len(page) < _KEYS_PER_PAGE:
                return
            after = page[-1][0].image_id

    def version(self) -> int:
        """The newest change number."""
        with self.database.read() as connection:
            return connection.scalar(sa.select(counters.c.value)) or 0

    def indexed_count(self, *, cell_space_id: str | None = None) -> int:
        """How many images can be found: indexed ones, duplicates included.

        cell_space_id: only those whose cells are of that cell space.
        """
        statement = sa.select(sa.func.count()).select_from(images)
        statement = statement.where(images.c.state == "indexed")
        if cell_space_id is not None:
            statement = statement.where(images.c.cell_space_id == cell_space_id)
        with self.database.read() as connection:
            return connection.scalar(statement) or 0

    def count_by_state(self) -> dict[str, int]:
        """How many images are pending, indexed, duplicate, refused, vanished, deleting."""
        state = sa.case(
            (images.c.vanished, "vanished"),
            (images.c.duplicate_of.is_not(None), "duplicate"),
            else_=images.c.state,
        )
        with self.database.read() as connection:
            rows = connection.execute(sa.select(state, sa.func.count()).group_by(state))
            return {name: count for name, count in rows}

    def smallest_content_ids(self, count: int, *, cell_space_id: str) -> list[tuple[str, int]]:
        """The N smallest content ids of a cell space, each with one of its images.

        The sample that fits means and projections: the same whatever the order of work was.
        """
        statement = (
            sa.select(images.c.content_id, sa.func.min(images.c.id))
            .where(images.c.state == "indexed", images.c.cell_space_id == cell_space_id)
            .group_by(images.c.content_id)
            .order_by(images.c.content_id)
            .limit(count)
        )
        with self.database.read() as connection:
            return [(content, id_) for content, id_ in connection.execute(statement)]

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
    for some in _chunks(paths):
        found = connection.execute(
            sa.select(images).where(images.c.root_id == root_id, images.c.path.in_(some))
        )
        rows.update({row.path: row for row in found})
    return rows


def _next_version(connection: Connection) -> int:
    """The change counter plus one. Its row serialises writers, so numbers commit in order."""
    statement = (
        sa.update(counters)
        .where(counters.c.name == "version")
        .values(value=counters.c.value + 1)
        .returning(counters.c.value)
    )
    value = connection.scalar(statement)
    if value is None:
        connection.execute(sa.insert(counters).values(name="version", value=1))
        return 1
    return value


def _below(folder: str) -> sa.ColumnElement[bool]:
    """Paths under a folder of the root; "" is the root itself."""
    if not folder:
        return sa.true()
    return sa.or_(images.c.path == folder, images.c.path.startswith(f"{folder}/", autoescape=True))


_Item = TypeVar("_Item")


def _chunks(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), _MOST_PARAMETERS):
        yield items[start : start + _MOST_PARAMETERS]
