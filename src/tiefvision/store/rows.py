"""Rows of the images table from and to the records that the rest of the house sees."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Row

from tiefvision.maths.boxes import Box
from tiefvision.store.records import (
    Acknowledgement,
    Encoding,
    FileSeen,
    Image,
    Refusal,
    Registered,
)

# How a query names the columns of an encoding beside those of its image.
_ENCODED = "encoded_"
_EDGES = ("left", "top", "right", "bottom")


def image_of(values: dict[Any, Any]) -> Image:
    """The record of a row of `images` joined with its root's path, and with its encoding in a
    cell space where one was asked. Uses `values` up."""
    for unused in ("root_id", "todo", "seen_run"):
        del values[unused]
    own = {
        name.removeprefix(_ENCODED): values.pop(name)
        for name in list(values)
        if name.startswith(_ENCODED)
    }
    if own.get("version") is None:
        return Image(**values)
    box = Box(*(own.pop(f"box_{edge}") for edge in _EDGES))
    return Image(encoding=Encoding(image_id=values["id"], box=box, **own), **values)


def new_row(file: FileSeen, *, root_id: int, run_id: int) -> dict[str, object]:
    """The row of a file that was never seen before: work to do."""
    return {
        "root_id": root_id,
        "path": file.path,
        "state": "pending",
        "attributes": {},
        "wanted_attributes": file.attributes or None,
        "attributes_revision": 0,
        "todo": True,
        "seen_run": run_id,
        "vanished": False,
    }


def seen_again(
    row: Row[tuple[object, ...]], file: FileSeen, *, run_id: int
) -> tuple[dict[str, object], Registered]:
    """What changes in the row of a file that is seen again, and whether that is work to do."""
    same_file = (row.file_bytes, row.modified_ns) == (file.file_bytes, file.modified_ns)
    wanted = row.wanted_attributes
    if file.attributes is not None:
        wanted = None if file.attributes == row.attributes else dict(file.attributes)
    indexed_with_new = row.state == "indexed" and wanted is not None
    # A refused file that could not even be read may be readable now, with the same size and time.
    unread = row.state == "refused" and row.content_id is None
    todo = row.todo or not same_file or indexed_with_new or unread
    values: dict[str, object] = {
        "image_id": row.id,
        "todo": todo,
        "wanted_attributes": wanted,
        "seen_run": run_id,
        "vanished": False,
    }
    if row.state == "pending":
        return values, Registered(new=1)
    if todo:
        return values, Registered(changed=1)
    if row.state == "refused":
        return values, Registered(refused=1)
    return values, Registered(unchanged=1)


def indexed_row(item: Acknowledgement) -> dict[str, object]:
    """What changes in the row of an image whose vectors are written."""
    return {
        "image_id": item.image_id,
        "content_id": item.content_id,
        "file_bytes": item.file_bytes,
        "modified_ns": item.modified_ns,
        "width": item.width,
        "height": item.height,
        "state": "indexed",
        "reason": None,
        "remedy": None,
        "attributes": dict(item.attributes),
        "wanted_attributes": None,
        "attributes_revision": item.attributes_revision,
        "todo": False,
    }


def encoding_row(item: Acknowledgement, *, cell_space_id: str, version: int) -> dict[str, object]:
    """The row that says that an image's vectors are written in a cell space."""
    return {
        "cell_space_id": cell_space_id,
        "image_id": item.image_id,
        "content_id": item.content_id,
        "box_left": item.box.left,
        "box_top": item.box.top,
        "box_right": item.box.right,
        "box_bottom": item.box.bottom,
        "box_source": item.box_source,
        "box_confidence": item.box_confidence,
        "box_revision": item.box_revision,
        "attributes_revision": item.attributes_revision,
        "version": version,
    }


def refused_row(item: Refusal) -> dict[str, object]:
    """What changes in the row of a file that cannot be indexed."""
    return {
        "image_id": item.image_id,
        "content_id": item.content_id,
        "file_bytes": item.file_bytes,
        "modified_ns": item.modified_ns,
        "state": "refused",
        "reason": item.reason,
        "remedy": item.remedy,
        "duplicate_of": None,
        "todo": False,
    }
