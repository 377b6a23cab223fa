"""What a catalogue holds, in a form in which two catalogues can be compared."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tiefvision.store import registry
from tiefvision.store.encodings import Encodings
from tiefvision.store.home import Home
from tiefvision.store.records import Image, RowKey
from tiefvision.tasks.opened import Opened, opened
from tiefvision.tasks.searching.search import file_of
from tiefvision.vision import pixels


@dataclass(frozen=True, slots=True)
class Row:
    """One image. cells: SHA-256 of its stored cells; "" where it has none."""

    path: str
    content_id: str | None
    box: tuple[float, ...] | None
    state: str
    reason: str | None
    attributes: tuple[tuple[str, object], ...]
    duplicate_of: str | None
    vanished: bool
    cells: str


def rows(catalogue: Path) -> list[Row]:
    """All images by path. Fails where rows of vectors are left over, doubled or missing."""
    with opened(catalogue) as shop:
        images = list(_images(shop))
        cells = _cells(shop)
        acknowledged = {image.encoding.key for image in images if image.encoding is not None}
        assert set(cells) == acknowledged, "vectors and catalogue disagree"
        paths = {image.id: file_of(image) for image in images}
        found = [
            Row(
                path=file_of(image),
                content_id=image.content_id,
                box=None if image.encoding is None else tuple(image.encoding.box.as_list()),
                state=image.state,
                reason=image.reason,
                attributes=tuple(sorted(image.attributes.items())),
                duplicate_of=None if image.duplicate_of is None else paths[image.duplicate_of],
                vanished=image.vanished,
                cells="" if image.encoding is None else cells[image.encoding.key],
            )
            for image in images
        ]
        assert shop.todo_count() == 0, "work is left"
    return sorted(found, key=lambda row: row.path)


def acknowledged_contents(catalogue: Path, *, cell_space_id: str) -> set[str]:
    """Contents that need not be encoded again for a cell space: acknowledged there by their newest
    box, and of a file that still holds them.

    Empty where there is no catalogue yet.
    """
    if not Home(catalogue).exists:
        return set()
    with opened(catalogue) as shop:
        acknowledged = [
            image
            for image in Encodings(shop.database, cell_space_id).each()
            if image.found is not None and image.found.box_revision == image.drawn_revision
        ]
    files = [(image.content_id or "", Path(file_of(image))) for image in acknowledged]
    return {
        content_id
        for content_id, file in files
        if file.is_file() and pixels.content_id(file.read_bytes()) == content_id
    }


def answering_cell_space(catalogue: Path) -> str:
    """The id of the cell space that queries use."""
    with opened(catalogue) as shop:
        return shop.search_space().cell_space.id


def _images(shop: Opened) -> Iterator[Image]:
    """All images, as the cell space sees them that queries use."""
    space = registry.active_cell_space(shop.database)
    return shop.catalogue.each() if space is None else shop.encodings(space).each()


def _cells(shop: Opened) -> dict[RowKey, str]:
    space = registry.active_cell_space(shop.database)
    if space is None:
        return {}
    found: dict[RowKey, str] = {}
    keys: Counter[RowKey] = Counter()
    for batch in shop.vectors(space).each_cells():
        keys.update(batch.keys)
        for key, cells in zip(batch.keys, batch.cells, strict=True):
            found[key] = hashlib.sha256(cells.tobytes()).hexdigest()
    assert max(keys.values(), default=1) == 1, "rows of vectors are doubled"
    return found
