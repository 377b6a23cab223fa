"""The catalogue as one cell space sees it: which images have acknowledged vectors there, and
which wait for work.

Nothing counts as done before `acknowledge` commits. Vectors are written before that, and old
vectors are removed after it, so that a process killed at any line leaves a state from which the
next run finishes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from tiefvision.store.catalogue import Catalogue, chunks
from tiefvision.store.counter import next_version
from tiefvision.store.database import Database
from tiefvision.store.records import Acknowledgement, Attributes, Image, Refusal, RowKey
from tiefvision.store.rows import encoding_row, image_of, indexed_row, refused_row
from tiefvision.store.tables import boxes, encodings, images, roots

# Above every id that a database gives.
_LARGEST_ID = 2**63 - 1
# Keys are read in pages whose cells fit into a few megabytes.
_KEYS_PER_PAGE = 128
# Rows of attributes that are held at once.
_ROWS_HELD = 1_000

_UPDATE_BY_ID = sa.update(images).where(images.c.id == sa.bindparam("image_id"))


class Encodings:
    """What was acknowledged in one cell space.

    label: what its boxes show; "" for the product. The box that people drew for it decides
    whether an image's vectors are out of date.
    """

    def __init__(self, database: Database, cell_space_id: str, *, label: str = "") -> None:
        self.database = database
        self.catalogue = Catalogue(database)
        self.label = label
        self.cell_space_id = cell_space_id
        own = encodings.c.cell_space_id == cell_space_id
        drawn = (
            sa.select(sa.func.coalesce(sa.func.max(boxes.c.revision), 0))
            .where(boxes.c.content_id == images.c.content_id)
            .where(sa.true() if label == "" else boxes.c.label == label)
            .scalar_subquery()
        )
        joined = images.join(roots).outerjoin(
            encodings, sa.and_(encodings.c.image_id == images.c.id, own)
        )
        # Vectors count while they are of the content that the file had when it was last read.
        self._found = sa.and_(
            images.c.state == "indexed", encodings.c.content_id == images.c.content_id, own
        )
        # What does not show what the label names is no answer to a search for it.
        self._shown = (
            self._found if not label else sa.and_(self._found, encodings.c.box_source != "whole")
        )
        self._due = sa.and_(
            images.c.vanished.is_(False),
            sa.or_(
                images.c.todo,
                sa.and_(
                    images.c.state == "indexed",
                    sa.or_(
                        encodings.c.content_id.is_distinct_from(images.c.content_id),
                        encodings.c.attributes_revision != images.c.attributes_revision,
                        encodings.c.box_revision != drawn,
                    ),
                ),
            ),
        )
        self._image = sa.select(
            images, roots.c.path.label("root"), drawn.label("drawn_revision"), *_OWN_COLUMNS
        ).select_from(joined)
        self._joined = joined
        # Asked once for each new file, so it is built once. The images of the content come first:
        # as a join, SQLite would walk the whole cell space.
        self._with_content = (
            sa.select(images.c.id)
            .where(
                images.c.content_id == sa.bindparam("content"),
                images.c.state == "indexed",
                sa.exists().where(
                    own,
                    encodings.c.image_id == images.c.id,
                    encodings.c.content_id == images.c.content_id,
                    encodings.c.box_revision == sa.bindparam("drawn"),
                ),
            )
            .limit(1)
        )

    # --- work to do --------------------------------------------------------------------------

    def todo(self, *, after_id: int = 0, limit: int = 256) -> list[Image]:
        """The next images that wait for work here, by id: new, changed, never encoded in this
        space, or with newer boxes or attributes than their vectors."""
        return self._select(
            self._image.where(self._due, images.c.id > after_id).order_by(images.c.id).limit(limit)
        )

    def todo_count(self) -> int:
        """How many images wait for work here."""
        count = sa.select(sa.func.count()).select_from(self._joined).where(self._due)
        with self.database.read() as connection:
            return connection.scalar(count) or 0

    def report_lost(self, image_ids: Sequence[int]) -> None:
        """Images whose acknowledged vectors are missing: they become work to do."""
        with self.database.write() as connection:
            for some in chunks(image_ids):
                connection.execute(sa.delete(encodings).where(self._these(some)))

    # --- acknowledging work done -----------------------------------------------------------------

    def acknowledge(self, done: Sequence[Acknowledgement]) -> int:
        """Commit that these images' vectors are written. Returns the new change number."""
        with self.database.write() as connection:
            version = next_version(connection)
            connection.execute(_UPDATE_BY_ID, [indexed_row(item) for item in done])
            for some in chunks([item.image_id for item in done]):
                connection.execute(sa.delete(encodings).where(self._these(some)))
            connection.execute(
                sa.insert(encodings),
                [
                    encoding_row(item, cell_space_id=self.cell_space_id, version=version)
                    for item in done
                ],
            )
            return version

    def refuse(self, refusals: Sequence[Refusal]) -> None:
        """Commit that these files cannot be indexed; their old vectors count in no space."""
        with self.database.write() as connection:
            next_version(connection)
            connection.execute(_UPDATE_BY_ID, [refused_row(item) for item in refusals])
            for some in chunks([item.image_id for item in refusals]):
                connection.execute(sa.delete(encodings).where(encodings.c.image_id.in_(some)))

    # --- reading -----------------------------------------------------------------------------

    def get(self, image_ids: Sequence[int]) -> dict[int, Image]:
        """Images by id; ids that do not exist are absent."""
        found: dict[int, Image] = {}
        for some in chunks(image_ids):
            for image in self._select(self._image.where(images.c.id.in_(some))):
                found[image.id] = image
        return found

    def with_content(self, content_id: str, *, box_revision: int) -> int | None:
        """The id of an image of that content whose vectors, made at that revision of its human
        box, are acknowledged here."""
        wanted = {"content": content_id, "drawn": box_revision}
        with self.database.read() as connection:
            return connection.scalar(self._with_content, wanted)

    def twins(self, content_ids: Sequence[str]) -> dict[str, list[Image]]:
        """All indexed images of each content, by root and path."""
        found: dict[str, list[Image]] = {content_id: [] for content_id in content_ids}
        for some in chunks(content_ids):
            # Which are found is decided here: a condition on their encodings would make SQLite
            # walk the whole cell space.
            statement = self._image.where(images.c.content_id.in_(some))
            for image in self._select(statement.order_by(roots.c.path, images.c.path)):
                if image.found is not None:
                    found[image.content_id or ""].append(image)
        return found

    def each(self) -> Iterator[Image]:
        """Every image of the catalogue by id, in bounded memory."""
        after = -1
        while True:
            page = self._select(
                self._image.where(images.c.id > after).order_by(images.c.id).limit(1_000)
            )
            if not page:
                return
            yield from page
            after = page[-1].id

    def keys(
        self,
        *,
        first_id: int | None = None,
        last_id: int | None = None,
        since: int | None = None,
        up_to: int | None = None,
        shown: bool = False,
    ) -> Iterator[list[tuple[RowKey, int]]]:
        """Pages of (key of the acknowledged vectors, change number), by image id, or of what
        changed in the order of the changes.

        first_id, last_id: only these images, both included. since, up_to: only what was
        acknowledged after the one change number and not after the other. shown: only images that
        a search can find, as `shows` says.
        """
        conditions = [self._shown if shown else self._found]
        if first_id is not None:
            conditions.append(encodings.c.image_id >= first_id)
        if last_id is not None:
            conditions.append(encodings.c.image_id <= last_id)
        if up_to is not None:
            conditions.append(encodings.c.version <= up_to)
        # Each order is that of an index, so a page costs only what it holds.
        place = (
            [encodings.c.image_id] if since is None else [encodings.c.version, encodings.c.image_id]
        )
        after = [-1] if since is None else [since, _LARGEST_ID]
        statement = (
            sa.select(
                encodings.c.image_id,
                encodings.c.content_id,
                encodings.c.box_revision,
                encodings.c.attributes_revision,
                encodings.c.version,
            )
            .select_from(encodings.join(images))
            .where(*conditions)
            .order_by(*place)
            .limit(_KEYS_PER_PAGE)
        )
        while True:
            with self.database.read() as connection:
                rows = connection.execute(
                    statement.where(sa.tuple_(*place) > sa.tuple_(*after))
                ).all()
            page = [(RowKey(*row[:-1]), row[-1]) for row in rows]
            if page:
                yield page
            if len(page) < _KEYS_PER_PAGE:
                return
            last, version = page[-1]
            after = [last.image_id] if since is None else [version, last.image_id]

    def shows(self, image: Image) -> bool:
        """Whether searches can find an image: its vectors count, and where this is about a label,
        something of that label was found in it."""
        found = image.found
        return found is not None and (not self.label or found.box_source != "whole")

    def count(self, *, shown: bool = False) -> int:
        """How many images are encoded here: indexed ones, duplicates included. shown: only those
        that a search can find, as `shows` says."""
        statement = sa.select(sa.func.count()).select_from(encodings.join(images))
        with self.database.read() as connection:
            return connection.scalar(statement.where(self._shown if shown else self._found)) or 0

    def smallest_content_ids(self, count: int) -> list[tuple[str, int]]:
        """The N smallest content ids, each with one of its images.

        The sample that fits means and projections: the same whatever the order of work was.
        """
        statement = (
            sa.select(images.c.content_id, sa.func.min(images.c.id))
            .select_from(encodings.join(images))
            .where(self._found)
            .group_by(images.c.content_id)
            .order_by(images.c.content_id)
            .limit(count)
        )
        with self.database.read() as connection:
            return [(content, id_) for content, id_ in connection.execute(statement)]

    def by_content(self) -> Iterator[tuple[str, int, Attributes]]:
        """(content id, image id, attributes) of every image that can be found here, by content id
        and id, in bounded memory."""
        statement = (
            sa.select(images.c.content_id, images.c.id, images.c.attributes)
            .select_from(encodings.join(images))
            .where(self._found)
            .order_by(images.c.content_id, images.c.id)
            .execution_options(yield_per=_ROWS_HELD)
        )
        with self.database.read() as connection:
            for row in connection.execute(statement):
                yield row.content_id, row.id, row.attributes

    def lacking(self, other: Encodings) -> int:
        """How many images can be found in another cell space and not here."""
        theirs = encodings.alias("theirs")
        statement = (
            sa.select(sa.func.count())
            .select_from(
                images.join(theirs, theirs.c.image_id == images.c.id).outerjoin(
                    encodings,
                    sa.and_(
                        encodings.c.image_id == images.c.id,
                        encodings.c.cell_space_id == self.cell_space_id,
                    ),
                )
            )
            .where(
                theirs.c.cell_space_id == other.cell_space_id,
                images.c.state == "indexed",
                encodings.c.image_id.is_(None),
            )
        )
        with self.database.read() as connection:
            return connection.scalar(statement) or 0

    def _these(self, image_ids: Sequence[int]) -> sa.ColumnElement[bool]:
        return sa.and_(
            encodings.c.cell_space_id == self.cell_space_id, encodings.c.image_id.in_(image_ids)
        )

    def _select(self, statement: sa.Select[tuple[object, ...]]) -> list[Image]:
        with self.database.read() as connection:
            return [image_of(dict(row)) for row in connection.execute(statement).mappings()]


# The columns of an encoding, apart from the image's own of the same name.
_OWN_COLUMNS = [
    encodings.c[name].label(f"encoded_{name}")
    for name in (
        "content_id",
        "box_left",
        "box_top",
        "box_right",
        "box_bottom",
        "box_source",
        "box_confidence",
        "box_revision",
        "attributes_revision",
        "version",
    )
]
