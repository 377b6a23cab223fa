"""Triplets of images by their ids, as a page or a program teaches them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import NamedTuple

from tiefvision.errors import EntryFault, InvalidEntries, InvalidInput
from tiefvision.store import models, registry, triplet_rows
from tiefvision.store.encodings import Encodings
from tiefvision.store.judgements import (
    DEFAULT_NAME,
    Clash,
    Judgements,
    NameCount,
    NewTriplet,
    Source,
    Triplet,
)
from tiefvision.store.records import Image
from tiefvision.tasks.keeping import gallery
from tiefvision.tasks.opened import Opened
from tiefvision.tasks.searching.search import file_of
from tiefvision.tasks.teaching.triplet_reading import MOST_TOLD, usable_name

# More are taught at once from a file: `tiefvision triplets import`.
MOST_TRIPLETS = 1_000


class ImageTriplet(NamedTuple):
    """The anchor is more similar to the positive than to the negative; ids of images."""

    anchor: int
    positive: int
    negative: int


@dataclass(frozen=True, slots=True)
class Taught:
    """How many triplets were added, and their ids in the order given."""

    added: int
    ids: Sequence[int]


@dataclass(frozen=True, slots=True)
class TaughtImage:
    """An image of a triplet. name: the last part of its file's path."""

    id: int
    name: str
    content_id: str


@dataclass(frozen=True, slots=True)
class TaughtTriplet:
    """A triplet of images; None for one that the catalogue no longer has.

    source: people, asked, imported, derived or mirrored. taught_at: seconds since 1970.
    """

    id: int
    anchor: TaughtImage | None
    positive: TaughtImage | None
    negative: TaughtImage | None
    mirrored: bool
    source: str
    taught_at: float


@dataclass(frozen=True, slots=True)
class TripletPage:
    """Some triplets of a ranker's name, the newest first.

    next: the id before which the next page begins; None: there is no more. names: how many
    judgements each name has. repeated: questions of this name that were asked once more; agreed:
    those of them that were answered the same.
    """

    name: str
    triplets: Sequence[TaughtTriplet]
    next: int | None
    names: Sequence[NameCount]
    repeated: int
    agreed: int


def teach(
    shop: Opened, given: Sequence[ImageTriplet], *, name: str = "", source: Source = "people"
) -> Taught:
    """Add triplets, all or none. name: of the ranker that shall learn them; "": "default".

    Raises InvalidInput for none or too many and for a name that is none; InvalidEntries, which
    says of each what is wrong, where images are unknown or one stands twice in a triplet, and for
    triplets that repeat or contradict one another or the catalogue's.
    """
    own_name = usable_name(name or DEFAULT_NAME)
    if not 1 <= len(given) <= MOST_TRIPLETS:
        raise InvalidInput(
            f"{len(given):,} triplets; expected 1 to {MOST_TRIPLETS:,}",
            remedy="tiefvision triplets import FILE takes any number",
        )
    known = contents_of(shop, given)
    added = triplet_rows.add(
        shop.database,
        own_name,
        [NewTriplet(known[a], known[p], known[n]) for a, p, n in given],
        source=source,
        now=time.time(),
        ranker=models.active(shop.database, kind="ranker", name=own_name),
    )
    refuse([_fault(clash, given, own_name) for clash in added.clashes])
    return Taught(len(added.ids), added.ids)


def taught(
    shop: Opened,
    *,
    name: str = "",
    anchor: int | None = None,
    before: int | None = None,
    limit: int = 60,
) -> TripletPage:
    """A page of the triplets of a ranker's name ("": "default").

    anchor: only those of this image. Raises InvalidInput for a name that is none, and NotFound
    for an unknown image.
    """
    own_name = usable_name(name or DEFAULT_NAME)
    content = None if anchor is None else gallery.row(shop, anchor).content_id or ""
    found = triplet_rows.newest(
        shop.database, own_name, anchor=content, before=before, limit=limit + 1
    )
    shown = found[:limit]
    images = _images(shop, shown)
    held = Judgements(shop.database)
    agreed, repeated = held.consistency(own_name)
    return TripletPage(
        own_name,
        [
            TaughtTriplet(
                each.id,
                images.get(each.anchor),
                images.get(each.positive),
                images.get(each.negative),
                each.mirrored,
                each.source,
                each.taught_at,
            )
            for each in shown
        ],
        shown[-1].id if len(found) > limit else None,
        held.names(),
        repeated,
        agreed,
    )


def contents_of(shop: Opened, given: Sequence[ImageTriplet]) -> Mapping[int, str]:
    """The content of each image. Raises InvalidEntries where one is not indexed."""
    images = shop.catalogue.get(sorted({id_ for each in given for id_ in each}))
    known = {id_: own.content_id for id_, own in images.items() if own.content_id is not None}
    refuse(
        [
            EntryFault(number, f"no indexed image has the id {', '.join(lost)}", _SEE_IMAGES)
            for number, each in enumerate(given)
            if (lost := [str(id_) for id_ in dict.fromkeys(each) if id_ not in known])
        ]
    )
    return known


def refuse(faults: Sequence[EntryFault]) -> None:
    """Raise InvalidEntries where there are any, with the first of them."""
    if not faults:
        return
    told = faults[:MOST_TOLD]
    more = "" if len(told) == len(faults) else f"; the first {MOST_TOLD} of them are told"
    one = len(faults) == 1
    raise InvalidEntries(
        f"nothing was taught: {len(faults):,} triplet{'' if one else 's'} cannot be taken over"
        f"{more}",
        told,
        remedy="send the others without " + ("it" if one else "them"),
    )


_SEE_IMAGES = "GET /api/v1/images lists all"


def _images(shop: Opened, shown: Sequence[Triplet]) -> Mapping[str, TaughtImage]:
    """The first indexed image of each content."""
    space = registry.active_cell_space(shop.database)
    encodings = Encodings(shop.database, "") if space is None else shop.encodings(space)
    contents = {id_ for each in shown for id_ in (each.anchor, each.positive, each.negative)}
    twins = encodings.twins(sorted(contents))
    return {id_: _image(own[0]) for id_, own in twins.items() if own}


def _image(image: Image) -> TaughtImage:
    return TaughtImage(image.id, PurePath(file_of(image)).name, image.content_id or "")


def _fault(clash: Clash, given: Sequence[ImageTriplet], name: str) -> EntryFault:
    """What is wrong with a triplet, as the command line says it of a line of a file."""
    if clash.kind == "self-referring":
        ids = ", ".join(map(str, given[clash.row]))
        return EntryFault(
            clash.row,
            f"one photograph stands twice in it, or two copies of it: {ids}",
            "name different photographs",
        )
    verb = "repeats" if clash.kind == "duplicate" else "contradicts"
    if clash.other is not None:
        return EntryFault(clash.row, f"{verb} entry {clash.other}", "remove one of the two")
    return EntryFault(
        clash.row,
        f"{verb} number {clash.held} of {name} in the catalogue",
        f"leave it out, or remove that one: tiefvision triplets remove {clash.held} --name {name}",
    )
