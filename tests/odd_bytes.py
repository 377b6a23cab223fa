"""Image bytes that Pillow cannot write itself, put together by hand from the formats' rules."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes that Pillow writes."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_chunk(name: bytes, body: bytes) -> bytes:
    """One PNG chunk: length, name, body, CRC-32 (PNG specification, 5.3)."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(
    rows: np.ndarray, *, colour_type: int, bits: int = 16, extra: tuple[bytes, ...] = ()
) -> bytes:
    """A PNG of (height, width, samples) numbers without row filters."""
    height, width = rows.shape[:2]
    big_endian = rows.astype(">u2" if bits == 16 else "u1").reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in big_endian)
    head = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    chunks = (png_chunk(b"IHDR", head), *extra, png_chunk(b"IDAT", zlib.compress(raw)))
    return PNG_MAGIC + b"".join(chunks) + png_chunk(b"IEND", b"")


def png_bomb(width: int, height: int, *, bits: int, colour_type: int, data: bytes) -> bytes:
    """A small PNG file that claims to be large; `data` is its compressed image data."""
    head = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    return PNG_MAGIC + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


def black_rows(width: int, height: int) -> bytes:
    """Compressed 1-bit black rows of a whole picture, made without holding the picture."""
    packer = zlib.compressobj(1)
    row = b"\0" * (1 + (width + 7) // 8)
    parts = [packer.compress(row * 100) for _ in range(height // 100)]
    return b"".join(parts) + packer.flush()


def ycck_jpeg(cmyk: Image.Image) -> bytes:
    """A JPEG in Adobe's YCCK: YCbCr made of the three inks, K inverted, APP14 transform 2."""
    cyan, magenta, yellow, black = cmyk.split()
    inks = Image.merge("RGB", (cyan, magenta, yellow)).convert("YCbCr").split()
    # Pillow inverts all four planes when it writes CMYK; inverting first leaves the inks as given.
    planes = [plane.point(lambda value: 255 - value) for plane in inks]
    data = bytearray(encoded(Image.merge("CMYK", (*planes, black)), "JPEG", quality=95))
    data[data.index(b"Adobe") + 11] = 2
    return bytes(data)


def jpeg_claiming(data: bytes, *, width: int, height: int) -> bytes:
    """A baseline JPEG whose frame header claims another size."""
    changed = bytearray(data)
    at = changed.index(b"\xff\xc0") + 5
    changed[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(changed)


def tiff_claiming(width: int, height: int) -> bytes:
    """A little-endian TIFF of one empty strip that claims to be large, 8-bit grey."""
    entries = (
        (256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1),
        (262, 3, 1), (273, 4, 8), (278, 4, height), (279, 4, width * height % 2**32),
    )  # fmt: skip
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + struct.pack("<I", 0)


def webp_claiming(width: int, height: int) -> bytes:
    """An extended WebP header (RIFF container specification, VP8X) without image data."""
    body = b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def bmp_claiming(width: int, height: int) -> bytes:
    """A 24-bit BMP header without rows."""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + info


def gif_claiming(width: int, height: int) -> bytes:
    """A GIF of one frame as large as its screen, with a colour table of two."""
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\x00;"
    return b"GIF89a" + screen + frame
