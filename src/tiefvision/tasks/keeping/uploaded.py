"""Photographs that are sent to a catalogue: kept in its own folder, which is indexed like any."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tiefvision.errors import Conflict, InvalidInput
from tiefvision.tasks.keeping import gallery
from tiefvision.tasks.opened import Opened
from tiefvision.tasks.photograph import file_of
from tiefvision.vision import pixels
from tiefvision.vision.artefacts import sync_folder
from tiefvision.vision.pixels import IMAGE_EXTENSIONS

# Names stay far below the 255 bytes that file systems take, whatever letters they have.
_MOST_LETTERS = 60
# Of the content's hash, where another photograph has the name already.
_DIGITS = 12
_WINDOWS_FORBIDS = frozenset('<>:"|?*')


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A photograph that is kept. name: its file; is_new: whether it was not there before."""

    name: str
    is_new: bool


def keep(shop: Opened, name: str, data: bytes) -> Uploaded:
    """Keep a photograph under a name like its own, on disk when this returns; not indexed yet.

    The same photograph under the same name is kept once. Raises InvalidInput for a name that is
    no image's, UnreadableImage for what is none.
    """
    shown = _safe(name)
    pixels.check_header(data, shown=shown)
    folder = shop.home.uploads
    folder.mkdir(parents=True, exist_ok=True)
    stem, suffix = os.path.splitext(shown)
    digits = hashlib.sha256(data).hexdigest()[:_DIGITS]
    # Hidden, so that no walk takes it for a photograph before it is whole.
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as partial:
        try:
            partial.write(data)
            partial.flush()
            os.fsync(partial.fileno())
            for file in (folder / shown, folder / f"{stem}-{digits}{suffix}"):
                # A link, since it never replaces what is there: two may be sent at once.
                with contextlib.suppress(FileExistsError):
                    os.link(partial.name, file)
                    sync_folder(folder)
                    return Uploaded(file.name, is_new=True)
                if file.read_bytes() == data:
                    return Uploaded(file.name, is_new=False)
        finally:
            os.unlink(partial.name)
    raise Conflict(f"{stem}-{digits}{suffix} is another photograph", remedy="rename yours")


def delete(shop: Opened, image_id: int) -> None:
    """Delete an image that was sent here, and its file; no search finds it from now on.

    Raises NotFound for no image, and Conflict for one of a folder that is not the catalogue's own.
    """
    image = gallery.row(shop, image_id)
    file = Path(file_of(image))
    if not file.is_relative_to(shop.home.uploads.absolute()):
        raise Conflict(
            f"{image.path} lies in {image.root}; only photographs that were sent to the server are "
            "deleted by it",
            remedy="remove the file, then: tiefvision index --prune",
        )
    # The file first: what is left of it in the catalogue vanishes by itself when this is cut off.
    file.unlink(missing_ok=True)
    shop.catalogue.bury([image_id])


def _safe(name: str) -> str:
    """The last part of a name, as any file system takes it. Raises InvalidInput."""
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(each for each in last if each.isprintable() and each not in _WINDOWS_FORBIDS)
    stem, _, end = kept.strip().rpartition(".")
    suffix = f".{end}"
    if suffix.lower() not in IMAGE_EXTENSIONS:
        raise InvalidInput(
            f"the file's name is {name!r}; expected one that ends like an image's, such as .jpg",
            remedy=f"taken are {', '.join(sorted(IMAGE_EXTENSIONS))}",
        )
    return f"{stem.strip(' .')[:_MOST_LETTERS] or 'photograph'}{suffix}"
