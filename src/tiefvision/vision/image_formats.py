"""Which image format some bytes are, by their first bytes, and a decoder for that format only.

Pillow's own `Image.open` is not used: it tries every registered plugin (EPS starts ghostscript)
and its bomb check depends on a global. Here the list is short, closed and asked in a fixed order.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib import import_module
from typing import cast

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    ImageFile,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
    features,
)

from tiefvision.errors import UnreadableImage

# What a folder is searched for; a file of another extension counts as no image. The content
# decides how a file is read: a PNG called photo.jpg is read as PNG.
IMAGE_EXTENSIONS = frozenset(
    ".jpg .jpeg .jpe .jfif .png .apng .webp .gif .bmp .dib .tif .tiff .avif .heic .heif .hif "
    ".jp2 .j2k .ppm .pgm .pbm .pnm .pfm".split()
)
READABLE = "JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF, HEIC, JPEG 2000 or PPM"
EXPORT_AGAIN = "open it in its own program and export it as JPEG or PNG"

_HEAD_BYTES = 64
_Opener = Callable[[io.BytesIO], ImageFile.ImageFile]

# First bytes of a file, and the format they announce (each format's specification).
_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"BM", "BMP"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    *((b"P%c" % kind, "PPM") for kind in b"123456fF"),
)
_OPENERS: dict[str, _Opener] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "JPEG 2000": Jpeg2KImagePlugin.Jpeg2KImageFile,
    "PPM": PpmImagePlugin.PpmImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
}
# Pillow may be built without these; its name for each.
_OPTIONAL_CODECS = {"AVIF": "avif", "WebP": "webp", "JPEG 2000": "jpg_2000"}

# ISO 14496-12 brands of still images; `mif1` alone does not tell AVIF from HEIC.
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset(
    {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"}
)

_DOWNLOAD_AGAIN = "open the page in a browser and save the picture itself"
_NO_PICTURE = "put the picture in its place, or delete the file"

# What is often found under an image's name: its first bytes (lower case, no leading blanks), what
# it is, and what to do.
_STRANGERS = (
    (b"%pdf", "a PDF document", EXPORT_AGAIN),
    (b"%!ps", "a PostScript file", EXPORT_AGAIN),
    (b"8bps", "a Photoshop file", EXPORT_AGAIN),
    (b"pk\x03\x04", "a ZIP archive", "unpack it and index what is inside"),
    (b"<svg", "an SVG drawing", EXPORT_AGAIN),
    (b"<?xml", "an XML file (perhaps an SVG drawing)", EXPORT_AGAIN),
    (b"<!doctype html", "a web page, not the picture that it shows", _DOWNLOAD_AGAIN),
    (b"<html", "a web page, not the picture that it shows", _DOWNLOAD_AGAIN),
)


def image_format(data: bytes) -> str | None:
    """The format that the first bytes announce, for example "JPEG"; None when it is not ours."""
    head = data[:_HEAD_BYTES]
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp":
        return _boxed_format(head)
    for magic, name in _MAGIC:
        if head.startswith(magic):
            # "P6" also begins words; in a PPM a blank or a comment follows.
            if name == "PPM" and head[2:3] not in (b" ", b"\t", b"\n", b"\r", b"#"):
                continue
            return name
    return None


def open_header(data: bytes, *, shown: str) -> tuple[ImageFile.ImageFile, str]:
    """The image with its header read but no pixel decoded, and its format.

    shown: how messages name the image. Raises UnreadableImage for anything that is none of our
    formats; what a decoder itself raises on a damaged header passes through.
    """
    name = image_format(data)
    if name is None:
        what, remedy = _stranger(data)
        raise UnreadableImage(f"{shown} is {what}", remedy=remedy)
    if name == "HEIC":
        return _heic_opener(shown)(io.BytesIO(data)), name
    codec = _OPTIONAL_CODECS.get(name)
    if codec is not None and not features.check(codec):
        raise UnreadableImage(
            f"{shown} is a {name} image, which this build of Pillow does not read",
            remedy="pip install --upgrade pillow, or export it as JPEG or PNG",
        )
    return _OPENERS[name](io.BytesIO(data)), name


def _boxed_format(head: bytes) -> str | None:
    """AVIF or HEIC by the brands of the leading ftyp box; None for films."""
    size = int.from_bytes(head[:4], "big")
    brands = {head[at : at + 4] for at in (8, *range(16, min(size, len(head)) - 3, 4))}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIC" if brands & _HEIC_BRANDS else None


def _heic_opener(shown: str) -> _Opener:
    """The plugin class of pi_heif or pillow_heif, without registering it with Pillow."""
    # Imported here: an optional extra, and 50 ms that only HEIC photographs need.
    for module in ("pi_heif", "pillow_heif"):
        try:
            return cast("_Opener", import_module(f"{module}.as_plugin").HeifImageFile)
        except ImportError:
            continue
    raise UnreadableImage(
        f"{shown} is a HEIC photograph and no HEIC decoder is installed",
        remedy='pip install "tiefvision[heic]", or export it as JPEG',
    )


def _stranger(data: bytes) -> tuple[str, str]:
    """What bytes are that are no image, in words, and what to do about it."""
    if not data:
        return "empty (0 bytes)", "copy or download the picture again, or delete the file"
    head = data[:_HEAD_BYTES]
    if head[4:8] == b"ftyp":
        return "a film or a container of an unknown kind", "save a still picture of it as JPEG"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for magic, words, remedy in _STRANGERS:
        if start.startswith(magic):
            return words, remedy
    if all(byte >= 0x20 or byte in b"\t\n\r" for byte in head) and _is_text(head):
        return "text, not an image", _NO_PICTURE
    return f"not an image of a format that is read here; expected {READABLE}", EXPORT_AGAIN


def _is_text(head: bytes) -> bool:
    # A character may be cut by the end of the head: ignoring undecodable bytes drops at most 3.
    return len(head.decode("utf-8", "ignore").encode()) >= len(head) - 3
