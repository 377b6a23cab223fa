"""Finds which new judgements cannot stand: beside one another, or beside the catalogue's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from tiefvision.maths.triplets import FaultKind, faults
from tiefvision.store.tables import pairs, triplets

# Contents or ids that are asked for at once; SQLite takes at most 32,766 parameters in one
# statement.
_AT_ONCE = 1_000

_T = TypeVar("_T")


class NewTriplet(NamedTuple):
    """A triplet of content ids to be added."""

    anchor: str
    positive: str
    negative: str
    mirrored: bool = False


class NewPair(NamedTuple):
    """A pair of content ids to be added, in either order."""

    first: str
    second: str
    same: bool


@dataclass(frozen=True, slots=True)
class Clash:
    """Why a row of new judgements cannot be added.

    other: the earlier row that it repeats or contradicts; held: the id of the one in the
    catalogue; both None where it refers to one image twice.
    """

    row: int
    kind: FaultKind
    other: int | None = None
    held: int | None = None


def of_triplets(connection: Connection, name: str, new: Sequence[NewTriplet]) -> list[Clash]:
    """The triplets that cannot be added under a name, by row."""
    held_ids: list[int] = []
    rows: list[NewTriplet] = []
    columns = (triplets.c.id, *(triplets.c[name] for name in NewTriplet._fields))
    for anchors in chunks(sorted({triplet.anchor for triplet in new})):
        own = sa.and_(triplets.c.name == name, triplets.c.anchor.in_(anchors))
        for id_, *row in connection.execute(sa.select(*columns).where(own)):
            held_ids.append(id_)
            rows.append(NewTriplet(*row))
    rows.extend(new)
    numbers: dict[tuple[str, bool], int] = {}
    placed = [
        [
            numbers.setdefault(image, len(numbers))
            for image in (
                (row.anchor, False),
                (row.positive, row.mirrored),
                (row.negative, False),
            )
        ]
        for row in rows
    ]
    found = [
        _clash(fault.row, fault.kind, fault.other, held_ids)
        for fault in faults(np.array(placed, np.int64).reshape(-1, 3))
        if fault.row >= len(held_ids)
    ]
    told = {clash.row for clash in found}
    twice = [
        # For the function above a mirrored image is another one.
        Clash(number, "self-referring")
        for number, row in enumerate(new)
        if row.positive == row.negative and number not in told
    ]
    return sorted([*found, *twice], key=lambda clash: clash.row)


def of_pairs(connection: Connection, name: str, given: Sequence[NewPair]) -> list[Clash]:
    """The pairs that cannot be added under a name, by row."""
    new = [ordered(pair) for pair in given]
    seen: dict[tuple[str, str], tuple[int | None, int | None, bool]] = {}
    for firsts in chunks(sorted({pair.first for pair in new})):
        own = sa.and_(pairs.c.name == name, pairs.c.first.in_(firsts))
        for row in connection.execute(sa.select(pairs).where(own)):
            seen[row.first, row.second] = None, row.id, row.same
    found: list[Clash] = []
    for number, pair in enumerate(new):
        if pair.first == pair.second:
            found.append(Clash(number, "self-referring"))
        elif (pair.first, pair.second) in seen:
            other, held, same = seen[pair.first, pair.second]
            kind: FaultKind = "duplicate" if same == pair.same else "contradictory"
            found.append(Clash(number, kind, other, held))
        else:
            seen[pair.first, pair.second] = number, None, pair.same
    return found


def _clash(row: int, kind: FaultKind, other: int | None, held_ids: Sequence[int]) -> Clash:
    """A fault of rows that follow those of the catalogue."""
    own = row - len(held_ids)
    if other is None:
        return Clash(own, kind)
    if other < len(held_ids):
        return Clash(own, kind, held=held_ids[other])
    return Clash(own, kind, other=other - len(held_ids))


def ordered(pair: NewPair) -> NewPair:
    """A pair as the catalogue holds it: the smaller content id first."""
    first, second = sorted((pair.first, pair.second))
    return NewPair(first, second, pair.same)


def chunks(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """The items, as many at a time as one statement may ask for."""
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
