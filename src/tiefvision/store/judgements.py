"""What people, or a catalogue's attributes, call similar: triplets, pairs and groups.

They belong to contents, so that exact duplicates share them, and bear the name of the ranker that
is to learn them. A triplet says that its anchor is more similar to the positive than to the
negative. Nothing is held twice, and nothing beside its opposite.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from tiefvision.errors import InvalidInput, NotFound
from tiefvision.store.database import Database
from tiefvision.store.judgement_clashes import (
    Clash,
    NewPair,
    NewTriplet,
    chunks,
    of_pairs,
    of_triplets,
    ordered,
)
from tiefvision.store.tables import groups, pairs, repeats, triplets

# The ranker that is meant when none is named.
DEFAULT_NAME = "default"

# people: given as they are; asked: answers to questions; derived: from attributes; mirrored: an
# image and its own mirror image.
Source = Literal["people", "asked", "imported", "derived", "mirrored"]
SOURCES: tuple[Source, ...] = ("people", "asked", "imported", "derived", "mirrored")


_LISTED = "tiefvision triplets list --name NAME shows their ids"
_Row = TypeVar("_Row", NewTriplet, NewPair)


@dataclass(frozen=True, slots=True)
class Triplet:
    """A triplet of content ids. mirrored: the positive is shown mirrored.

    taught_at: seconds since 1970. ranker: the id of the one that was active then; None without.
    """

    id: int
    name: str
    anchor: str
    positive: str
    negative: str
    mirrored: bool
    source: str
    taught_at: float
    ranker: str | None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two contents, `first` the smaller id, that are the same or different."""

    id: int
    name: str
    first: str
    second: str
    same: bool
    source: str
    taught_at: float
    ranker: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """What a content belongs to: those of one value are similar.

    apart: contents that share it, such as a sender, say nothing about similarity; "" for none.
    split: train, validation, or "" where nothing says.
    """

    value: str
    apart: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True)
class Teaching:
    """What is taught at once under one name, all from one source.

    groups: of contents; None leaves those of the name as they are. keep_groups: contents that
    `groups` does not name keep theirs.
    """

    name: str
    source: Source
    triplets: Sequence[NewTriplet] = ()
    pairs: Sequence[NewPair] = ()
    groups: Mapping[str, Group] | None = None
    keep_groups: bool = False
    ranker: str | None = None


@dataclass(frozen=True, slots=True)
class JudgementChanges:
    """How many judgements were added, were there already, and were left out as contradictory."""

    added: int = 0
    duplicates: int = 0
    contradictions: int = 0


@dataclass(frozen=True, slots=True)
class NameCount:
    """How many judgements bear a name; triplets and pairs by source."""

    name: str
    triplets: Mapping[str, int] = field(default_factory=dict[str, int])
    pairs: Mapping[str, int] = field(default_factory=dict[str, int])
    groups: int = 0


@dataclass(frozen=True, slots=True)
class Removed:
    """How many judgements were removed."""

    triplets: int = 0
    pairs: int = 0
    groups: int = 0


class Judgements:
    """The judgements of an open catalogue database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- changing --------------------------------------------------------------------------------

    def add_triplets(
        self,
        name: str,
        triplets: Sequence[NewTriplet],
        *,
        source: Source,
        now: float,
        ranker: str | None = None,
    ) -> JudgementChanges:
        """Add triplets, all or (after an exception, or when killed) none.

        Duplicates of what is there, or of an earlier one of these, are passed over, and so is
        what contradicts them. Raises InvalidInput for one that refers to an image twice.
        """
        teaching = Teaching(name, source, triplets=triplets, ranker=ranker)
        return self.add([teaching], now=now)[0]

    def add_pairs(
        self,
        name: str,
        pairs: Sequence[NewPair],
        *,
        source: Source,
        now: float,
        ranker: str | None = None,
    ) -> JudgementChanges:
        """Add pairs, as `add_triplets` adds triplets."""
        return self.add([Teaching(name, source, pairs=pairs, ranker=ranker)], now=now)[0]

    def set_groups(self, name: str, groups: Mapping[str, Group]) -> None:
        """Say to which group each content belongs; the name's earlier groups go."""
        self.add([Teaching(name, "people", groups=groups)], now=0)

    def add(
        self, teachings: Sequence[Teaching], *, now: float, again: Mapping[int, bool] | None = None
    ) -> list[JudgementChanges]:
        """Add several teachings in one transaction, as `add_triplets` adds triplets; what each
        did.

        again: triplets that were asked once more, by id, as `add_repeat` notes them.
        """
        done: list[JudgementChanges] = []
        with self._database.write() as connection:
            for each in teachings:
                origin = {
                    "name": each.name,
                    "source": each.source,
                    "taught_at": now,
                    "ranker": each.ranker,
                }
                clashes = of_triplets(connection, each.name, each.triplets)
                new_triplets = _sound(each.triplets, clashes)
                rows = [{**triplet._asdict(), **origin} for triplet in new_triplets]
                if rows:
                    connection.execute(sa.insert(triplets), rows)
                pair_clashes = of_pairs(connection, each.name, each.pairs)
                new_pairs = _sound(each.pairs, pair_clashes)
                rows = [{**ordered(pair)._asdict(), **origin} for pair in new_pairs]
                if rows:
                    connection.execute(sa.insert(pairs), rows)
                kinds = Counter(clash.kind for clash in (*clashes, *pair_clashes))
                added = len(new_triplets) + len(new_pairs)
                done.append(JudgementChanges(added, kinds["duplicate"], kinds["contradictory"]))
                if each.groups is not None:
                    _write_groups(connection, each.name, each.groups, keep=each.keep_groups)
            for triplet_id, agreed in (again or {}).items():
                _write_repeat(connection, triplet_id, agreed, now)
        return done

    def remove(
        self, name: str, *, ids: Collection[int] | None = None, source: Source | None = None
    ) -> Removed:
        """Remove triplets by id, triplets and pairs by source, or (neither given) all of a name.

        Raises NotFound, with nothing removed, for an id that no triplet of the name has.
        """
        with self._database.write() as connection:
            if ids is not None:
                return _remove_ids(connection, name, sorted(set(ids)))
            counts: list[int] = []
            for table in (triplets, pairs):
                own = table.c.name == name
                if source is not None:
                    own &= table.c.source == source
                counts.append(connection.execute(sa.delete(table).where(own)).rowcount)
            gone = 0
            if source is None:
                own_groups = sa.delete(groups).where(groups.c.name == name)
                gone = connection.execute(own_groups).rowcount
            return Removed(*counts, groups=gone)

    def add_repeat(self, triplet_id: int, agreed: bool, now: float) -> None:
        """Note that a triplet was asked once more, and whether the answer was the same.

        Raises NotFound for a triplet that is not there.
        """
        with self._database.write() as connection:
            _write_repeat(connection, triplet_id, agreed, now)

    # --- reading ---------------------------------------------------------------------------------

    def triplets(self, name: str) -> list[Triplet]:
        """The triplets of a name, by id."""
        statement = sa.select(triplets).where(triplets.c.name == name).order_by(triplets.c.id)
        with self._database.read() as connection:
            return [Triplet(*row) for row in connection.execute(statement)]

    def pairs(self, name: str) -> list[Pair]:
        """The pairs of a name, by id."""
        statement = sa.select(pairs).where(pairs.c.name == name).order_by(pairs.c.id)
        with self._database.read() as connection:
            return [Pair(*row) for row in connection.execute(statement)]

    def groups(self, name: str) -> dict[str, Group]:
        """The groups of a name, by content id."""
        own = groups.c.name == name
        statement = sa.select(groups).where(own).order_by(groups.c.content_id)
        with self._database.read() as connection:
            return {
                row.content_id: Group(row.value, row.apart, row.split)
                for row in connection.execute(statement)
            }

    def names(self) -> list[NameCount]:
        """Every name that has any judgements, with how many of each, by name."""
        with self._database.read() as connection:
            by_kind = [_by_source(connection, table) for table in (triplets, pairs)]
            counted = sa.select(groups.c.name, sa.func.count()).group_by(groups.c.name)
            grouped: dict[str, int] = {name: n for name, n in connection.execute(counted)}
        own_triplets, own_pairs = by_kind
        return [
            NameCount(
                name, own_triplets.get(name, {}), own_pairs.get(name, {}), grouped.get(name, 0)
            )
            for name in sorted({*own_triplets, *own_pairs, *grouped})
        ]

    def consistency(self, name: str) -> tuple[int, int]:
        """Of how many repeated questions the teacher gave the same answer: (agreed, asked)."""
        statement = (
            sa.select(sa.func.count().filter(repeats.c.agreed), sa.func.count())
            .join_from(repeats, triplets)
            .where(triplets.c.name == name)
        )
        with self._database.read() as connection:
            agreed, asked = connection.execute(statement).one()
        return agreed, asked

    def repeated(self, name: str) -> dict[int, float]:
        """When each triplet that was asked once more was so last, in seconds since 1970, by id."""
        statement = (
            sa.select(repeats.c.triplet_id, sa.func.max(repeats.c.taught_at))
            .join_from(repeats, triplets)
            .where(triplets.c.name == name)
            .group_by(repeats.c.triplet_id)
        )
        with self._database.read() as connection:
            return {id_: last for id_, last in connection.execute(statement)}

    def triplet_clashes(self, name: str, new: Sequence[NewTriplet]) -> list[Clash]:
        """The triplets that cannot be added: with themselves, one another, or the catalogue."""
        with self._database.read() as connection:
            return of_triplets(connection, name, new)

    def pair_clashes(self, name: str, new: Sequence[NewPair]) -> list[Clash]:
        """The pairs that cannot be added, as `triplet_clashes`."""
        with self._database.read() as connection:
            return of_pairs(connection, name, new)


def _sound(given: Sequence[_Row], clashes: Sequence[Clash]) -> list[_Row]:
    """The rows that can be added.

    Raises InvalidInput for a row that refers to an image twice.
    """
    for clash in clashes:
        if clash.kind == "self-referring":
            raise InvalidInput(
                f"row {clash.row} refers to one image twice: {tuple(given[clash.row])}",
                remedy="name different images",
            )
    bad = {clash.row for clash in clashes}
    return [row for number, row in enumerate(given) if number not in bad]


def _write_groups(
    connection: Connection, name: str, wanted: Mapping[str, Group], *, keep: bool
) -> None:
    own = groups.c.name == name
    if keep:
        for some in chunks(list(wanted)):
            connection.execute(sa.delete(groups).where(own, groups.c.content_id.in_(some)))
    else:
        connection.execute(sa.delete(groups).where(own))
    rows = [
        {
            "name": name,
            "content_id": content_id,
            "value": group.value,
            "apart": group.apart,
            "split": group.split,
        }
        for content_id, group in wanted.items()
    ]
    if rows:
        connection.execute(sa.insert(groups), rows)


def _write_repeat(connection: Connection, triplet_id: int, agreed: bool, now: float) -> None:
    if not connection.scalar(sa.select(triplets.c.id).where(triplets.c.id == triplet_id)):
        raise NotFound(f"there is no triplet {triplet_id}", remedy=_LISTED)
    values = {"triplet_id": triplet_id, "agreed": agreed, "taught_at": now}
    connection.execute(sa.insert(repeats).values(values))


def _remove_ids(connection: Connection, name: str, ids: Sequence[int]) -> Removed:
    gone: set[int] = set()
    for some in chunks(ids):
        own = sa.and_(triplets.c.name == name, triplets.c.id.in_(some))
        gone.update(connection.scalars(sa.delete(triplets).where(own).returning(triplets.c.id)))
    missing = [str(id_) for id_ in ids if id_ not in gone]
    if missing:
        raise NotFound(f"{name} has no triplet {', '.join(missing)}", remedy=_LISTED)
    return Removed(triplets=len(gone))


def _by_source(connection: Connection, table: sa.Table) -> dict[str, dict[str, int]]:
    columns = (table.c.name, table.c.source)
    statement = sa.select(*columns, sa.func.count()).group_by(*columns).order_by(*columns)
    found: dict[str, dict[str, int]] = {}
    for name, source, count in connection.execute(statement):
        found.setdefault(name, {})[source] = count
    return found
