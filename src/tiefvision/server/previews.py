"""Pictures of catalogue images for a browser: small ones kept on disk, large ones made anew.

Both come through the one decode path, so that whatever a file holds, a browser gets pixels and
nothing else of it.
"""

from __future__ import annotations

import io
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from PIL import Image as Picture

from tiefvision.errors import NotFound
from tiefvision.store.records import Image
from tiefvision.tasks.keeping import gallery
from tiefvision.tasks.opened import Opened
from tiefvision.tasks.photograph import bytes_of
from tiefvision.vision import pixels
from tiefvision.vision.pixels import Limits

# The longer side. A tile is about 240 px wide and a screen has up to two pixels for each.
THUMBNAIL_PX = 480
PHOTO_PX = 2000
_THUMBNAIL_QUALITY = 82
PHOTO_QUALITY = 90
# The folder is measured after so many new thumbnails, about 8 MB of them.
_WRITES_BETWEEN_LOOKS = 256
# What is left of the allowed bytes after the oldest thumbnails have gone.
_KEPT_SHARE = 0.8
_BYTES_PER_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Preview:
    """A JPEG, and the content id of the photograph that it shows."""

    jpeg: bytes
    content_id: str


class Previews:
    """Makes and keeps the previews of an open catalogue. Safe to share between threads."""

    def __init__(self, shop: Opened) -> None:
        self._shop = shop
        self._lock = threading.Lock()
        self._writes = 0

    def content_id(self, image_id: int) -> str:
        """What an image shows. Raises NotFound, also when it was never read."""
        return _content_id(gallery.row(self._shop, image_id))

    def thumbnail(self, image_id: int) -> Preview:
        """An image at most 480 px long; it is there even when the photograph is gone.

        Raises NotFound, Conflict, or UnreadableImage.
        """
        image = gallery.row(self._shop, image_id)
        content = _content_id(image)
        kept = self.kept_thumbnail(content)
        if kept is not None:
            return kept
        jpeg = self._jpeg(image, THUMBNAIL_PX, _THUMBNAIL_QUALITY)
        self._keep(self._file(content), jpeg)
        return Preview(jpeg, content)

    def kept_thumbnail(self, content_id: str) -> Preview | None:
        """A thumbnail that was made before; None where it must be made."""
        try:
            return Preview(self._file(content_id).read_bytes(), content_id)
        except FileNotFoundError:
            return None

    def photo(self, image_id: int) -> Preview:
        """An image at most 2,000 px long, upright. Raises as `thumbnail`."""
        image = gallery.row(self._shop, image_id)
        return Preview(self._jpeg(image, PHOTO_PX, PHOTO_QUALITY), _content_id(image))

    def _jpeg(self, image: Image, side: int, quality: int) -> bytes:
        return as_jpeg(bytes_of(image, limits=self._shop.limits), side, quality, self._shop.limits)

    def _file(self, content_id: str) -> Path:
        return self._shop.home.thumbnails / content_id[:2] / f"{content_id}.jpg"

    def _keep(self, file: Path, jpeg: bytes) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Two threads, or processes, may make the same one: each writes a file of its own, and
        # the last one stays.
        partial = file.with_name(f"{file.name}.{os.getpid()}.{threading.get_ident()}.partial")
        partial.write_bytes(jpeg)
        partial.replace(file)
        with self._lock:
            self._writes += 1
            is_due = self._writes % _WRITES_BETWEEN_LOOKS == 0
        if is_due:
            limit = self._shop.settings.serve.thumbnail_megabytes * _BYTES_PER_MEGABYTE
            remove_oldest(self._shop.home.thumbnails, limit=limit)


def as_jpeg(data: bytes, side: int, quality: int, limits: Limits) -> bytes:
    """An image file as a JPEG whose longer side has at most so many pixels, upright.

    Raises UnreadableImage.
    """
    decoded = pixels.read(data, side=side, limits=limits)
    width, height = decoded.original_width, decoded.original_height
    scale = min(1.0, side / max(width, height))
    small = pixels.resize(
        decoded.rgb, width=max(1, round(width * scale)), height=max(1, round(height * scale))
    )
    out = io.BytesIO()
    Picture.fromarray(small).save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()


def remove_oldest(folder: Path, *, limit: int) -> int:
    """Where the files of a folder take more bytes than the limit, remove the oldest until they
    take four fifths of it; how many went."""
    found: list[tuple[int, int, str]] = []
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            try:
                status = os.stat(path)
            except FileNotFoundError:  # another thread's, renamed since it was listed
                continue
            found.append((status.st_mtime_ns, status.st_size, path))
    total = sum(size for _, size, _ in found)
    if total <= limit:
        return 0
    removed = 0
    for _, size, path in sorted(found):
        if total <= limit * _KEPT_SHARE:
            break
        Path(path).unlink(missing_ok=True)
        total -= size
        removed += 1
    return removed


def _content_id(image: Image) -> str:
    if image.content_id is None or image.state != "indexed":
        raise NotFound(
            f"the image with the id {image.id} is not indexed, so it has no picture",
            remedy="tiefvision index reads it",
        )
    return image.content_id
