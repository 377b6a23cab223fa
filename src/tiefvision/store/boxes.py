"""Boxes that people drew on photographs.

They belong to a photograph's content, so that exact duplicates share them. The boxes of one
content and label are a set: the same box twice is one box.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from tiefvision.maths.boxes import Box
from tiefvision.store.box_formats.annotations import BoxedPhotograph, LabelledBox, held
from tiefvision.store.counter import next_version
from tiefvision.store.database import Database
from tiefvision.store.photographs import ROWS_HELD, repeated_paths
from tiefvision.store.tables import boxes, cell_spaces, encodings, images, roots

# Contents that are asked for at once; SQLite takes at most 32,766 parameters in one statement.
_CONTENTS_AT_ONCE = 1_000

# The label under which a locator's box of the product is written.
PRODUCT = "product"

Labelled = tuple[str, Box]

_PHOTOGRAPH = (roots.c.path.label("root"), images.c.path, images.c.width, images.c.height)


@dataclass(frozen=True, slots=True)
class HumanBox:
    """A box that somebody drew, in pixels of the upright photograph.

    revision: the change number at which its content's boxes last changed.
    """

    label: str
    box: Box
    revision: int
    created_at: float


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How many boxes bear a label, on how many contents."""

    label: str
    boxes: int
    contents: int


@dataclass(frozen=True, slots=True)
class BoxChanges:
    """What a change of boxes did: boxes that are new, that went, that were there already.

    contents: how many contents changed. revision: the change number; None when nothing changed.
    """

    added: int = 0
    removed: int = 0
    unchanged: int = 0
    contents: int = 0
    revision: int | None = None


class Boxes:
    """The boxes of an open catalogue database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- changing --------------------------------------------------------------------------------

    def replace(
        self,
        wanted: Mapping[str, Collection[Labelled]],
        *,
        now: float,
        add: bool = False,
        every_label: bool = False,
    ) -> BoxChanges:
        """Give contents their boxes, all or (after an exception, or when killed) none.

        wanted: labelled boxes by content id; edges are kept to a millionth of a pixel. For every
        label that a content has in it, these take the place of the content's boxes of that label;
        with `add` they join them; with `every_label` they are all that the content has from then
        on. What is there already stays as it is, and with it its revision.
        """
        done = BoxChanges()
        with self._database.write() as connection:
            for some in _chunks(list(wanted)):
                given = {id_: wanted[id_] for id_ in some}
                pairs = list(_pairs(connection, given, add=add, every_label=every_label))
                changed = [pair for pair in pairs if pair.target.keys() != pair.old.keys()]
                if every_label:
                    # A label that goes leaves no row to carry the revision: the others carry it.
                    touched = {pair.content_id for pair in changed}
                    changed = [pair for pair in pairs if pair.content_id in touched]
                revision = done.revision
                if changed:
                    revision = revision or next_version(connection)
                    _rewrite(connection, changed, revision=revision, now=now)
                done = BoxChanges(
                    added=done.added + sum(len(p.target.keys() - p.old.keys()) for p in pairs),
                    removed=done.removed + sum(len(p.old.keys() - p.target.keys()) for p in pairs),
                    unchanged=done.unchanged + sum(len(p.new.keys() & p.old.keys()) for p in pairs),
                    contents=done.contents + len({pair.content_id for pair in changed}),
                    revision=revision,
                )
        return done

    def remove(
        self,
        *,
        content_ids: Collection[str] | None = None,
        labels: Collection[str] | None = None,
    ) -> BoxChanges:
        """Remove the boxes of these contents (None: of all) that bear these labels (None: any).

        What remains of a content gets a new revision: with fewer boxes it shows something else.
        """
        removed, changed = 0, 0
        revision = None
        with self._database.write() as connection:
            if content_ids is None:
                with_boxes = sa.select(boxes.c.content_id).distinct()
                if labels is not None:
                    with_boxes = with_boxes.where(boxes.c.label.in_(labels))
                content_ids = list(connection.scalars(with_boxes))
            for some in _chunks(list(content_ids)):
                condition = boxes.c.content_id.in_(some)
                if labels is not None:
                    condition &= boxes.c.label.in_(labels)
                gone = connection.scalars(
                    sa.delete(boxes).where(condition).returning(boxes.c.content_id)
                ).all()
                if gone:
                    revision = revision or next_version(connection)
                    touched = set(gone)
                    removed, changed = removed + len(gone), changed + len(touched)
                    connection.execute(
                        sa.update(boxes)
                        .where(boxes.c.content_id.in_(touched))
                        .values(revision=revision)
                    )
        return BoxChanges(removed=removed, contents=changed, revision=revision)

    # --- reading ---------------------------------------------------------------------------------

    def of(self, content_ids: Iterable[str]) -> dict[str, list[HumanBox]]:
        """The boxes of contents, as they were drawn; contents without any are absent."""
        found: dict[str, list[HumanBox]] = {}
        with self._database.read() as connection:
            for some in _chunks(list(content_ids)):
                statement = sa.select(boxes).where(boxes.c.content_id.in_(some))
                for row in connection.execute(statement.order_by(boxes.c.id)):
                    box = Box(row.left, row.top, row.right, row.bottom)
                    drawn = HumanBox(row.label, box, row.revision, row.created_at)
                    found.setdefault(row.content_id, []).append(drawn)
        return found

    def shown(self, content_id: str, *, label: str = "") -> tuple[Box, int] | None:
        """As the function `shown`, of a content's boxes."""
        return shown(self.of([content_id]).get(content_id, []), label=label)

    def count(self) -> int:
        """How many boxes there are."""
        with self._database.read() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(boxes)) or 0

    def orphans(self) -> int:
        """How many boxes are of contents that no photograph of the catalogue has now."""
        held_contents = sa.select(images.c.content_id).where(images.c.state == "indexed")
        lost = boxes.c.content_id.not_in(held_contents)
        with self._database.read() as connection:
            statement = sa.select(sa.func.count()).select_from(boxes).where(lost)
            return connection.scalar(statement) or 0

    def labels(self) -> list[LabelCount]:
        """Every label with its counts, by name."""
        statement = (
            sa.select(
                boxes.c.label,
                sa.func.count(),
                sa.func.count(boxes.c.content_id.distinct()),
            )
            .group_by(boxes.c.label)
            .order_by(boxes.c.label)
        )
        with self._database.read() as connection:
            return [LabelCount(*row) for row in connection.execute(statement)]

    def photographs(self) -> int:
        """How many contents have boxes, those that no photograph of the catalogue has now too."""
        with self._database.read() as connection:
            return connection.scalar(sa.select(sa.func.count(boxes.c.content_id.distinct()))) or 0

    def each(
        self, *, labels: Collection[str] | None = None, include_model: bool = False
    ) -> Iterator[BoxedPhotograph]:
        """Every photograph that has boxes, by root and path, in bounded memory.

        labels: only such boxes. include_model: also the boxes, labelled `product`, that a locator
        found in photographs on which nobody drew one.
        """
        drawn = _drawn(labels)
        with_model = include_model and (labels is None or PRODUCT in labels)
        parts = [drawn, _located()] if with_model else [drawn]
        rows = sa.union_all(*parts).subquery()
        statement = sa.select(rows).order_by(rows.c.root, rows.c.path, rows.c.box_id)
        with self._database.read() as connection:
            repeated = repeated_paths(connection)
            found = connection.execution_options(yield_per=ROWS_HELD).execute(statement)
            for (root, path, width, height), group in groupby(found, key=lambda row: row[:4]):
                yield BoxedPhotograph(
                    f"{root}/{path}" if path in repeated else path,
                    width,
                    height,
                    [
                        LabelledBox(
                            row.label, Box(row.left, row.top, row.right, row.bottom), row.confidence
                        )
                        for row in group
                    ],
                )


def shown(drawn: Sequence[HumanBox], *, label: str = "") -> tuple[Box, int] | None:
    """Where people say that something is, with the newest revision; None where they do not.

    label: the largest box of that label; "" the product: what encloses all boxes.
    """
    fitting = [each for each in drawn if not label or each.label == label]
    if not fitting:
        return None
    found = [each.box for each in fitting]
    revision = max(each.revision for each in fitting)
    if label:
        return max(found, key=lambda box: box.area), revision
    enclosing = Box(
        min(box.left for box in found),
        min(box.top for box in found),
        max(box.right for box in found),
        max(box.bottom for box in found),
    )
    return enclosing, revision


class _Stored(NamedTuple):
    id: int
    created_at: float


class _Pair(NamedTuple):
    """The boxes of one content and label: what is stored, what is given, what shall be."""

    content_id: str
    label: str
    old: Mapping[Box, _Stored]
    new: Mapping[Box, None]
    target: Mapping[Box, object]


def _pairs(
    connection: Connection,
    wanted: Mapping[str, Collection[Labelled]],
    *,
    add: bool,
    every_label: bool,
) -> Iterator[_Pair]:
    known: dict[tuple[str, str], dict[Box, _Stored]] = {}
    stored = sa.select(boxes).where(boxes.c.content_id.in_(wanted)).order_by(boxes.c.id)
    for row in connection.execute(stored):
        box = Box(row.left, row.top, row.right, row.bottom)
        known.setdefault((row.content_id, row.label), {})[box] = _Stored(row.id, row.created_at)
    for content_id, labelled in wanted.items():
        by_label: dict[str, dict[Box, None]] = {}
        if every_label:
            by_label = {label: {} for id_, label in known if id_ == content_id}
        for label, box in labelled:
            by_label.setdefault(label, {})[_held(box)] = None
        for label, new in by_label.items():
            old = known.get((content_id, label), {})
            yield _Pair(content_id, label, old, new, {**old, **new} if add else new)


def _rewrite(connection: Connection, pairs: Sequence[_Pair], *, revision: int, now: float) -> None:
    """Write the boxes of pairs anew, all with the new revision: without that, removing another
    box than the newest would leave the newest revision of the rest as it was."""
    stale = [{"box_id": drawn.id} for pair in pairs for drawn in pair.old.values()]
    if stale:
        connection.execute(sa.delete(boxes).where(boxes.c.id == sa.bindparam("box_id")), stale)
    fresh = [
        {
            "content_id": pair.content_id,
            "label": pair.label,
            "left": box.left,
            "top": box.top,
            "right": box.right,
            "bottom": box.bottom,
            "created_at": pair.old[box].created_at if box in pair.old else now,
            "revision": revision,
        }
        for pair in pairs
        for box in pair.target
    ]
    if fresh:
        connection.execute(sa.insert(boxes), fresh)


def _held(box: Box) -> Box:
    edges = (box.left, box.top, box.right, box.bottom)
    rounded = held(edges)
    return box if rounded == edges else Box(*rounded)


def _drawn(labels: Collection[str] | None) -> sa.SelectBase:
    """Rows of `each`: boxes that people drew."""
    statement = (
        sa.select(
            *_PHOTOGRAPH,
            boxes.c.id.label("box_id"),
            boxes.c.label,
            boxes.c.left,
            boxes.c.top,
            boxes.c.right,
            boxes.c.bottom,
            sa.null().label("confidence"),
        )
        .join_from(images, roots)
        .join(boxes, boxes.c.content_id == images.c.content_id)
        .where(images.c.state == "indexed")
    )
    return statement if labels is None else statement.where(boxes.c.label.in_(labels))


def _located() -> sa.SelectBase:
    """Rows of `each`: what a locator found where nobody drew a box."""
    return (
        sa.select(
            *_PHOTOGRAPH,
            sa.literal(0),
            sa.literal(PRODUCT),
            encodings.c.box_left,
            encodings.c.box_top,
            encodings.c.box_right,
            encodings.c.box_bottom,
            encodings.c.box_confidence,
        )
        .join_from(images, roots)
        .join(encodings, encodings.c.image_id == images.c.id)
        .join(cell_spaces, cell_spaces.c.id == encodings.c.cell_space_id)
        .where(
            images.c.state == "indexed",
            cell_spaces.c.state == "active",
            cell_spaces.c.label == "",
            encodings.c.content_id == images.c.content_id,
            encodings.c.box_source.in_(("model", "guess")),
            images.c.content_id.not_in(sa.select(boxes.c.content_id)),
        )
    )


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), _CONTENTS_AT_ONCE):
        yield items[start : start + _CONTENTS_AT_ONCE]
