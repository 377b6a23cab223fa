"""The table of odd files: what one line of it says, and the folder that collects the lines."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import ExifTags, Image

from odd_bytes import encoded

RGB = tuple[int, int, int]
RED, GREEN, BLUE, YELLOW = (220, 30, 40), (30, 170, 60), (40, 60, 200), (240, 210, 50)
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
WIDTH, HEIGHT = 320, 240

# indexed: decodes; refused: a row with reason and remedy; either: one of the two; duplicate: the
# content of another file of the table; skipped: never becomes a row of a catalogue (where a reason
# is given, reading it by name is refused with that reason).
Expected = Literal["indexed", "refused", "either", "duplicate", "skipped"]


@dataclass(frozen=True, slots=True)
class Look:
    """What the decoded picture must be: its size and the colours in the middle of its quadrants.

    quadrants: top left, top right, bottom left, bottom right. tolerance: per channel, 0..255.
    """

    quadrants: tuple[RGB, RGB, RGB, RGB] = (RED, GREEN, BLUE, YELLOW)
    width: int = WIDTH
    height: int = HEIGHT
    tolerance: int = 12


@dataclass(frozen=True, slots=True)
class OddFile:
    """One file of the table."""

    path: Path
    expected: Expected
    reason_contains: str | None = None
    look: Look | None = None


class Folder:
    """Collects the table while the files are written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.table: list[OddFile] = []
        self._stamps = 0

    def quadrants(
        self,
        colours: tuple[RGB, RGB, RGB, RGB] = (RED, GREEN, BLUE, YELLOW),
        width: int = WIDTH,
        height: int = HEIGHT,
    ) -> np.ndarray:
        """uint8 (height, width, 3), unique by its stamp of 16 x 16 px."""
        picture = np.empty((height, width, 3), np.uint8)
        middle_row, middle_col = height // 2, width // 2
        picture[:middle_row, :middle_col], picture[:middle_row, middle_col:] = colours[:2]
        picture[middle_row:, :middle_col], picture[middle_row:, middle_col:] = colours[2:]
        self._stamps += 1
        bits = np.array([self._stamps >> bit & 1 for bit in range(16)], bool).reshape(4, 4)
        stamp = np.kron(bits, np.ones((4, 4), bool))[:, :, None] * np.uint8(255)
        picture[middle_row - 8 : middle_row + 8, middle_col - 8 : middle_col + 8] = stamp
        return picture

    def image(self) -> Image.Image:
        return Image.fromarray(self.quadrants())

    def add(
        self,
        name: str,
        data: bytes,
        expected: Expected = "indexed",
        *,
        reason: str | None = None,
        look: Look | None = None,
    ) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return self.note(path, expected, reason=reason, look=look)

    def note(
        self,
        path: Path,
        expected: Expected,
        *,
        reason: str | None = None,
        look: Look | None = None,
    ) -> Path:
        self.table.append(OddFile(path, expected, reason, look))
        return path


# pi-heif only reads; the pictures are written where the development extra is installed.
HEIC_WRITTEN = find_spec("pillow_heif") is not None


def heic(image: Image.Image, *, orientation: int = 1) -> bytes:
    """A HEIC photograph; the orientation becomes a rotation that its container asks for."""
    import pillow_heif

    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    file = pillow_heif.from_bytes("RGB", image.size, image.tobytes())
    file[0].info["exif"] = exif.tobytes()
    buffer = io.BytesIO()
    file.save(buffer, quality=90)
    return buffer.getvalue()


WRITERS: dict[str, Callable[[Image.Image], bytes]] = {
    "jpg": lambda image: encoded(image, "JPEG"),
    "progressive.jpg": lambda image: encoded(image, "JPEG", progressive=True),
    "png": lambda image: encoded(image, "PNG"),
    "webp": lambda image: encoded(image, "WEBP"),
    "gif": lambda image: encoded(image, "GIF"),
    "tif": lambda image: encoded(image, "TIFF", compression="tiff_lzw"),
    "bmp": lambda image: encoded(image, "BMP"),
    "jp2": lambda image: encoded(image, "JPEG2000"),
    "avif": lambda image: encoded(image, "AVIF", quality=90),
    "heic": heic,
}


def _frames(files: Folder) -> list[Image.Image]:
    return [files.image(), *(Image.new("RGB", (WIDTH, HEIGHT), (n, 0, 0)) for n in (10, 90, 170))]


def animation(files: Folder, kind: str) -> bytes:
    first, *others = _frames(files)
    return encoded(first, kind, save_all=True, append_images=others, duration=100)
