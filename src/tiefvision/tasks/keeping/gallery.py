"""The images of a catalogue, to look at: one by its id, or page by page."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal, get_args

from tiefvision.errors import InvalidInput, NotFound
from tiefvision.store import columns, listing, registry
from tiefvision.store.boxes import Boxes, HumanBox
from tiefvision.store.encodings import Encodings
from tiefvision.store.filters import parse
from tiefvision.store.listing import Place
from tiefvision.store.records import Attributes, Image
from tiefvision.store.spaces import CellSpace
from tiefvision.store.vectors import Matching
from tiefvision.tasks.opened import Opened
from tiefvision.tasks.searching.search import file_of

State = Literal["indexed", "duplicate", "refused", "pending", "vanished"]
Order = Literal["id", "mixed", "least_certain"]

STATES: tuple[State, ...] = get_args(State)
ORDERS: tuple[Order, ...] = get_args(Order)

MOST_IMAGES = 200
# Rows that are looked at together when a filter leaves few of them.
_ROWS_AT_ONCE = 500
_CURSOR = re.compile(r"(-?\d+(?:\.\d+)?(?:e-?\d+)?):(\d+)")


@dataclass(frozen=True, slots=True)
class DrawnBox:
    """A box that somebody drew: left, top, right, bottom in pixels of the upright photograph."""

    label: str
    box: Sequence[float]


@dataclass(frozen=True, slots=True)
class CatalogueImage:
    """One image of the catalogue.

    path: its file in full; name: the last part of it. state: indexed, duplicate, refused, pending
    or vanished. width, height: of the upright photograph in pixels. box: where queries see the
    product; box_source: human, model, guess or whole; None until it is indexed. boxes: what people
    drew. reason, remedy: why it was refused, and what to do.
    """

    id: int
    path: str
    name: str
    state: str
    width: int | None
    height: int | None
    box: Sequence[float] | None
    box_source: str | None
    box_confidence: float | None
    boxes: Sequence[DrawnBox]
    attributes: Attributes
    duplicate_of: int | None
    reason: str | None
    remedy: str | None


@dataclass(frozen=True, slots=True)
class ImagePage:
    """Some images, and the cursor from which the next page goes on; None: there is no more."""

    images: Sequence[CatalogueImage]
    next: str | None


def one(shop: Opened, image_id: int) -> CatalogueImage:
    """An image by its id. Raises NotFound."""
    image = row(shop, image_id)
    drawn = Boxes(shop.database).of([image.content_id or ""])
    return _described(image, drawn.get(image.content_id or "", []))


def row(shop: Opened, image_id: int) -> Image:
    """An image's row, with its encoding where queries look. Raises NotFound."""
    image = _encodings(shop, registry.active_cell_space(shop.database)).get([image_id])
    if image_id not in image or image[image_id].state == "deleting":
        raise NotFound(f"no image has the id {image_id}", remedy="tiefvision doctor lists all")
    return image[image_id]


def page(
    shop: Opened,
    *,
    state: State | None = None,
    where: str | None = None,
    order: Order = "id",
    after: str | None = None,
    limit: int = 60,
) -> ImagePage:
    """The next images after a cursor.

    state: only such images. where: a filter on attributes, which only indexed images satisfy.
    order: by id; mixed: indexed images, whatever they show and are called; or least_certain:
    indexed images without a drawn box, the least certain box first.
    Raises InvalidInput, InvalidFilter.
    """
    if not 1 <= limit <= MOST_IMAGES:
        raise InvalidInput(f"limit is {limit}; expected 1 to {MOST_IMAGES}")
    space = registry.active_cell_space(shop.database)
    allowed = None if where is None else _matching(shop, space, where)
    encodings = _encodings(shop, space)
    following = _following(shop, space, state=state, order=order)
    found: list[tuple[Place, Image]] = []
    place = None if after is None else _place(after)
    rows = limit + 1 if where is None else _ROWS_AT_ONCE
    while len(found) <= limit:
        places = following(place, rows)
        images = encodings.get([each.image_id for each in places])
        found += [
            (each, images[each.image_id])
            for each in places
            if each.image_id in images and _fits(images[each.image_id], where, allowed)
        ]
        if len(places) < rows:
            break
        place = places[-1]
    shown = found[:limit]
    drawn = Boxes(shop.database).of({image.content_id or "" for _, image in shown})
    return ImagePage(
        [_described(image, drawn.get(image.content_id or "", [])) for _, image in shown],
        _cursor(shown[-1][0]) if len(found) > limit else None,
    )


_Following = Callable[[Place | None, int], list[Place]]


def _following(
    shop: Opened, space: CellSpace | None, *, state: State | None, order: Order
) -> _Following:
    """What gives the places after one, at most so many."""
    if order == "id":
        return lambda after, limit: listing.by_id(
            shop.database, state=state, after=after, limit=limit
        )
    if state not in (None, "indexed"):
        raise InvalidInput(
            f"the order {order} is of indexed images, not of those of the state {state}",
            remedy="leave the state out, or order by id",
        )
    if order == "mixed":
        return lambda after, limit: listing.mixed(shop.database, after=after, limit=limit)
    space_id = "" if space is None else space.id
    return lambda after, limit: listing.least_certain(
        shop.database, space_id, after=after, limit=limit
    )


def _encodings(shop: Opened, space: CellSpace | None) -> Encodings:
    return Encodings(shop.database, "") if space is None else shop.encodings(space)


def _matching(shop: Opened, space: CellSpace | None, where: str) -> Matching | None:
    """The rows that a filter leaves; None in an empty catalogue. Raises InvalidFilter."""
    condition = parse(where, columns.read(shop.database))
    return None if space is None else shop.vectors(space).matching(condition)


def _fits(image: Image, where: str | None, allowed: Matching | None) -> bool:
    if where is None:
        return True
    return allowed is not None and image.found is not None and allowed.holds(image.found.key)


def _described(image: Image, drawn: Sequence[HumanBox]) -> CatalogueImage:
    found = image.found
    path = file_of(image)
    return CatalogueImage(
        id=image.id,
        path=path,
        name=PurePath(path).name,
        state=_state(image),
        width=image.width,
        height=image.height,
        box=None if found is None else found.box.as_list(),
        box_source=None if found is None else found.box_source,
        box_confidence=None if found is None else found.box_confidence,
        boxes=[DrawnBox(each.label, each.box.as_list()) for each in drawn],
        attributes=dict(image.attributes),
        duplicate_of=image.duplicate_of,
        reason=image.reason,
        remedy=image.remedy,
    )


def _state(image: Image) -> str:
    if image.vanished:
        return "vanished"
    return image.state if image.duplicate_of is None else "duplicate"


def _cursor(place: Place) -> str:
    return f"{place.rank!r}:{place.image_id}"


def _place(cursor: str) -> Place:
    parts = _CURSOR.fullmatch(cursor)
    if parts is None:
        raise InvalidInput(
            f"after is {cursor!r}; expected what `next` of the page before says",
            remedy="leave it out to begin at the first page",
        )
    return Place(float(parts[1]), int(parts[2]))
