"""What a catalogue holds, in a form in which two catalogues can be compared."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tiefvision.store import registry
from tiefvision.store.records import RowKey
from tiefvision.tasks.opened import Opened, opened
from tiefvision.tasks.search import file_of
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
        images = list(shop.catalogue.each())
        cells = _cells(shop)
        acknowledged = {image.key for image in images if image.state == "indexed"}
        assert set(cells) == acknowledged, "vectors and catalogue disagree"
        paths = {image.id: file_of(image) for image in images}
        found = [
            Row(
                path=file_of(image),
                content_id=image.content_id,
                box=None if image.box is None else tuple(image.box.as_list()),
                state=image.state,
                reason=image.reason,
                attributes=tuple(sorted(image.attributes.items())),
                duplicate_of=None if image.duplicate_of is None else paths[image.duplicate_of],
                vanished=image.vanished,
                cells=cells.get(image.key, "") if image.state == "indexed" else "",
            )
            for image in images
        ]
        assert shop.catalogue.todo_count() == 0, "work is left"
    return sorted(found, key=lambda row: row.path)


def acknowledged_contents(catalogue: Path) -> set[str]:
    """Contents that need not be encoded again: acknowledged, and of a file that still holds them.

    Empty where there is no catalogue yet.
    """
    if not (catalogue / "catalogue.db").is_file():
        return set()
    with opened(catalogue) as shop:
        acknowledged = [
            image
            for image in shop.catalogue.each()
            if image.state == "indexed" and image.cell_space_id is not None
        ]
    files = [(image.content_id or "", Path(file_of(image))) for image in acknowledged]
    return {
        content_id
        for content_id, file in files
        if file.is_file() and pixels.content_id(file.read_bytes()) == content_id
    }


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
