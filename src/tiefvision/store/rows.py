"""Rows of the images table from and to the records that the rest of the house sees."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Row

from tiefvision.maths.boxes import Box
from tiefvision.store.records import Acknowledgement, FileSeen, Image, Refusal, Registered


def image_of(values: dict[Any, Any]) -> Image:
    """The record of a row of `images` joined with its root's path. Uses `values` up."""
    edges = [values.pop(f"box_{edge}") for edge in ("left", "top", "right", "bottom")]
    for unused in ("root_id", "todo", "seen_run"):
        del values[unused]
    box = None if None in edges else Box(*edges)
    return Image(box=box, **values)


def new_row(file: FileSeen, *, root_id: int, run_id: int) -> dict[str, object]:
    """The row of a file that was never seen before: work to do."""
    return {
        "root_id": root_id,
        "path": file.path,
        "state": "pending",
        "attributes": {},
        "wanted_attributes": file.attributes or None,
        "attributes_revision": 0,
        "box_revision": 0,
        "version": 0,
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


def acknowledged_row(
    item: Acknowledgement, *, cell_space_id: str, version: int
) -> dict[str, object]:
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
        "box_left": item.box.left,
        "box_top": item.box.top,
        "box_right": item.box.right,
        "box_bottom": item.box.bottom,
        "box_source": item.box_source,
        "box_revision": item.box_revision,
        "attributes": dict(item.attributes),
        "wanted_attributes": None,
        "attributes_revision": item.attributes_revision,
        "cell_space_id": cell_space_id,
        "version": version,
        "todo": False,
    }


def refused_row(item: Refusal, *, version: int) -> dict[str, object]:
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
        "cell_space_id": None,
        "todo": False,
        "version": version,
    }
