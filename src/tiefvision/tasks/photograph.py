"""The photograph behind a catalogue image: where it lies, and its bytes."""

from __future__ import annotations

from pathlib import Path

from tiefvision.errors import Conflict, NotFound
from tiefvision.store.records import Image
from tiefvision.tasks.indexing.walk import as_path
from tiefvision.vision import pixels
from tiefvision.vision.pixels import Limits


def file_of(image: Image) -> str:
    """The file of a catalogue image, as the operating system names it."""
    return str(Path(as_path(image.root)) / as_path(image.path))


def bytes_of(image: Image, *, limits: Limits) -> bytes:
    """The photograph's file, as it was indexed.

    Raises NotFound where it is gone, Conflict where it has changed since, UnreadableImage.
    """
    path = Path(file_of(image))
    try:
        data = pixels.file_bytes(path, limits=limits)
    except NotFound as error:
        raise NotFound(
            f"the photograph {path.name!r} is no longer where it was indexed",
            remedy="put it back, or index again with --prune",
        ) from error
    if pixels.content_id(data) != image.content_id:
        raise Conflict(
            f"the photograph {path.name!r} has changed since it was indexed",
            remedy="run tiefvision index",
        )
    return data
