"""The only decode path: bytes or a file -> upright RGB, within limits; and the only resize.

Every image that the project ever sees goes through `read`, so indexing, queries and evaluation
cannot disagree about orientation, alpha, deep grey or broken files.
"""

from __future__ import annotations

import errno
import hashlib
import math
import os
import re
import stat
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from jaxtyping import UInt8
from PIL import ExifTags, Image, ImageFile

from tiefvision.errors import InvalidInput, NotFound, UnreadableImage
from tiefvision.maths.boxes import Box, pixel_window
from tiefvision.vision.colours import to_rgb
from tiefvision.vision.image_formats import EXPORT_AGAIN, IMAGE_EXTENSIONS, open_header

try:
    import cykooz_resizer as _cykooz
except ImportError:  # no wheel for this platform: Pillow's slower bicubic is the same kernel
    _cykooz = None

__all__ = [
    "DEFAULT_LIMITS",
    "IMAGE_EXTENSIONS",
    "Limits",
    "Pixels",
    "content_id",
    "crop",
    "file_bytes",
    "read",
    "resize",
]

# The underscores: the picture that goes into a function and the one that it gives differ in size.
RGB = UInt8[np.ndarray, "_height _width 3"]

# Decoding stops at this many times the wanted side, so that the final resize still has two pixels
# to average for each one that it makes.
_SPARE = 2
# libjpeg scales by these while decoding; other formats are averaged by the same factors, so that
# one photograph gives nearly the same pixels as JPEG and as PNG.
_REDUCTIONS = (8, 4, 2)
# EXIF tag Orientation -> what makes the picture upright (EXIF 2.32, section 4.6.4).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPS_SIDES = frozenset({5, 6, 7, 8})
_JPEG_END = b"\xff\xd9"
_URL = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)
_COPY_AGAIN = "copy or download it again from where it came"


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused before it costs memory: images and files larger than this."""

    megapixels: float = 100.0
    file_bytes: int = 200_000_000


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """An upright picture, perhaps decoded at a reduced size.

    rgb: uint8 (height, width, 3), as decoded. original_width, original_height: pixels of the
    upright picture before any reduction; boxes that people draw are in these.
    """

    rgb: RGB
    original_width: int
    original_height: int

    @property
    def scale(self) -> tuple[float, float]:
        """Decoded pixels per original pixel, along x and y; in (0, 1]."""
        height, width = self.rgb.shape[:2]
        return width / self.original_width, height / self.original_height

    def to_decoded(self, box: Box) -> Box:
        """A box of original pixels as a box of `rgb`."""
        x, y = self.scale
        return Box(box.left * x, box.top * y, box.right * x, box.bottom * y)

    def to_original(self, box: Box) -> Box:
        """A box of `rgb` as a box of original pixels; the inverse of `to_decoded`."""
        x, y = self.scale
        return Box(box.left / x, box.top / y, box.right / x, box.bottom / y)


def content_id(data: bytes) -> str:
    """The identity of an image file's content: the hex SHA-256 of its bytes."""
    return hashlib.sha256(data).hexdigest()


def read(
    source: bytes | str | Path, *, side: int | None = None, limits: Limits = DEFAULT_LIMITS
) -> Pixels:
    """The upright RGB pixels of an image file or of its bytes.

    side: pixels that the shorter side will be resized to. The image is then decoded at 1/2, 1/4
    or 1/8 of its size where its shorter side stays at least twice that. None: full size.
    Of an animation the first frame, of a document the first page; alpha lies on white.
    Raises UnreadableImage, with the reason and what to do, for everything that is no whole image
    within the limits; NotFound when there is no such file; InvalidInput for a side below 1.
    """
    if side is not None and side < 1:
        raise InvalidInput(f"side is {side}; expected at least 1 pixel")
    shown = "the image" if isinstance(source, bytes) else _shown(source)
    data = source if isinstance(source, bytes) else file_bytes(source, limits=limits)
    _check_file_size(len(data), shown=shown, limits=limits)
    try:
        with _quiet_pillow:
            return _decode(data, side=side, shown=shown, limits=limits)
    except UnreadableImage:
        raise
    except Exception as error:
        # Decoders raise whatever a damaged file provokes (OSError, SyntaxError, struct.error,
        # zlib.error, OverflowError, MemoryError, ...): all of it means that the file is refused.
        raise _refusal(error, shown=shown) from error


def check_header(data: bytes, *, shown: str) -> None:
    """Raise UnreadableImage where the first bytes are no image's; no pixel is decoded.

    shown: how the message names the image.
    """
    try:
        with _quiet_pillow:
            open_header(data, shown=shown)
    except UnreadableImage:
        raise
    except Exception as error:  # as in `read`
        raise _refusal(error, shown=shown) from error


def file_bytes(path: str | Path, *, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """All bytes of a regular file of at most the limit; never waits for a pipe or a device.

    Raises UnreadableImage for anything else (URL, folder, pipe, no permission, loop of links,
    too large), NotFound when nothing is there.
    """
    shown = _shown(path)
    try:
        _check_regular(os.stat(path), shown=shown)
        # The file may be swapped for a pipe between the two calls: O_NONBLOCK returns at once.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            _check_regular(status, shown=shown)
            _check_file_size(status.st_size, shown=shown, limits=limits)
            # One byte more shows a file that grows; asking for the limit would allocate all of it.
            return file.read(status.st_size + 1)
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        raise _not_opened(error, path, shown=shown) from error


def resize(rgb: RGB, *, width: int, height: int) -> RGB:
    """The picture at another size, by Catmull-Rom convolution over all pixels that each one covers.

    Raises InvalidInput for a size below 1 x 1. Read-only; `rgb` itself when the size is the same.
    Source: Keys (1981), a = -0.5; cykooz_resizer where installed, else Pillow's BICUBIC, which
    differs by at most rounding.
    """
    if width < 1 or height < 1:
        raise InvalidInput(f"cannot resize to {width} x {height} px; expected at least 1 x 1")
    if rgb.shape[:2] == (height, width):
        return rgb
    if _cykooz is None:
        return _resize_pillow(rgb, width, height)
    return _resize_cykooz(rgb, width, height)


def crop(rgb: RGB, box: Box) -> RGB:
    """The pixels of `rgb` that a box (in pixels of `rgb`) touches; a view, never empty.

    Raises InvalidBox when the box lies outside.
    """
    height, width = rgb.shape[:2]
    left, top, right, bottom = pixel_window(box, width=width, height=height)
    return rgb[top:bottom, left:right]


def _decode(data: bytes, *, side: int | None, shown: str, limits: Limits) -> Pixels:
    image, name = open_header(data, shown=shown)
    width, height = image.size
    _check_megapixels(width, height, shown=shown, limits=limits)
    if name == "JPEG":
        _check_jpeg_end(data, image, shown=shown)
        if side is not None:
            image.draft("RGB", (_SPARE * side, _SPARE * side))
    reduced = image.size != (width, height)
    image.load()
    orientation = _orientation(image)
    rgb = to_rgb(image, shown=shown)
    if orientation in _UPRIGHT:
        rgb = rgb.transpose(_UPRIGHT[orientation])
    if not reduced:
        width, height = rgb.size
    elif orientation in _SWAPS_SIDES:
        width, height = height, width
    if side is not None and not reduced:
        rgb = _reduce(rgb, side)
    return Pixels(np.asarray(rgb), original_width=width, original_height=height)


def _check_jpeg_end(data: bytes, image: ImageFile.ImageFile, *, shown: str) -> None:
    """Refuses a JPEG without an end marker behind the start of its scan, where the header ends.

    libjpeg notices most cuts by itself, but one just before the marker only sometimes. Coded
    pixels cannot hold the marker (T.81, B.1.1.5: a 0xFF among them is followed by 0).
    """
    scan = image.fp.tell() if image.fp is not None else 0
    if data.rfind(_JPEG_END, scan) < 0:
        raise UnreadableImage(
            f"{shown} is cut short (its JPEG end marker is missing)", remedy=_COPY_AGAIN
        )


def _reduce(image: Image.Image, side: int) -> Image.Image:
    """The image averaged by 2, 4 or 8 where its shorter side stays at least twice `side`."""
    for factor in _REDUCTIONS:
        if min(image.size) >= _SPARE * side * factor:
            return image.reduce(factor)
    return image


def _orientation(image: ImageFile.ImageFile) -> int:
    """The EXIF orientation, 1 to 8; 1 (upright) when there is none or the EXIF is damaged."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # as in `read`; a broken note beside the picture is no reason to refuse it
        return 1
    return value if isinstance(value, int) else 1


def _resize_cykooz(rgb: RGB, width: int, height: int) -> RGB:
    assert _cykooz is not None
    options = _cykooz.ResizeOptions(
        _cykooz.ResizeAlg.convolution(_cykooz.FilterType.catmull_rom), use_alpha=False
    )
    kind = _cykooz.PixelType.U8x3
    source = _cykooz.ImageData(rgb.shape[1], rgb.shape[0], kind, rgb.tobytes())
    target = _cykooz.ImageData(width, height, kind)
    _cykooz.Resizer().resize(source, target, options)
    return np.frombuffer(target.get_buffer(), dtype=np.uint8).reshape(height, width, 3)


def _resize_pillow(rgb: RGB, width: int, height: int) -> RGB:
    image = Image.fromarray(rgb)
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))


def _check_file_size(size: int, *, shown: str, limits: Limits) -> None:
    if size > limits.file_bytes:
        raise UnreadableImage(
            f"{shown} has {_rounded_up(size / 1e6)} MB; "
            f"expected at most {limits.file_bytes / 1e6:g} MB",
            remedy="export it smaller, or raise the file size limit in the settings",
        )


def _check_megapixels(width: int, height: int, *, shown: str, limits: Limits) -> None:
    megapixels = width * height / 1e6
    if megapixels > limits.megapixels:
        raise UnreadableImage(
            f"{shown} is {width} x {height} px ({_rounded_up(megapixels)} megapixels); "
            f"expected at most {limits.megapixels:g} megapixels",
            remedy="export it smaller, or raise the megapixel limit in the settings",
        )


def _rounded_up(number: float) -> str:
    """With one decimal and never less than it is, so that it reads as more than a limit."""
    return f"{math.ceil(number * 10) / 10:,.1f}"


def _check_regular(status: os.stat_result, *, shown: str) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    what = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe, socket or device"
    raise UnreadableImage(f"{shown} is {what}; expected an image file", remedy="give an image file")


def _not_opened(error: OSError | ValueError, path: str | Path, *, shown: str) -> Exception:
    """Why the operating system gave no file, in words."""
    number = error.errno if isinstance(error, OSError) else None
    if _URL.match(str(path)):
        return UnreadableImage(
            f"{shown} is an address on the network, and nothing is ever fetched from there",
            remedy="download the picture first, then name the file",
        )
    if number == errno.ELOOP:
        return UnreadableImage(f"{shown} is a link that leads back to itself", remedy="delete it")
    if number in (errno.EACCES, errno.EPERM):
        return UnreadableImage(
            f"{shown} may not be read by this user (permission denied)",
            remedy="give yourself permission, for example: chmod u+r FILE",
        )
    if number in (errno.ENOENT, errno.ENOTDIR):
        if Path(path).is_symlink():
            return UnreadableImage(
                f"{shown} is a link to a file that does not exist",
                remedy="bring the file back, or delete the link",
            )
        return NotFound(f"{shown} does not exist", remedy="check the path")
    return UnreadableImage(f"{shown} cannot be opened: {error}", remedy="check the path")


def _refusal(error: Exception, *, shown: str) -> UnreadableImage:
    """What a decoder raised, as a reason and a remedy."""
    words = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, MemoryError):
        return UnreadableImage(
            f"{shown} needs more memory than there is", remedy="export it smaller"
        )
    if isinstance(error, Image.DecompressionBombError):
        return UnreadableImage(
            f"{shown} has more megapixels than Pillow allows ({words})", remedy="export it smaller"
        )
    if isinstance(error, EOFError) or "truncated" in words.lower():
        return UnreadableImage(f"{shown} is cut short ({words})", remedy=_COPY_AGAIN)
    return UnreadableImage(
        f"{shown} is damaged or incomplete ({words})", remedy=f"{_COPY_AGAIN}, or {EXPORT_AGAIN}"
    )


def _shown(path: str | Path) -> str:
    """A path's last part, quoted and printable whatever bytes it holds."""
    text = str(path)
    name = text if _URL.match(text) else Path(text).name or text
    return repr(name.encode("utf-8", "backslashreplace").decode())


class _QuietPillow:
    """Silences the warnings that Pillow raises about odd metadata, for all threads inside.

    Python's filters are global and `catch_warnings` alone mixes them up between threads, so the
    first thread in installs the filter, the last one out removes it. Only Pillow's own modules
    are silenced. Without this a damaged EXIF note would print, or refuse the image under -W error.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._filters = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
            self._inside += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.__exit__(kind, error, trace)


_quiet_pillow = _QuietPillow()
