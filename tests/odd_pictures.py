"""Readable pictures of every odd kind: shapes, colour modes, alpha, animation, rotation, notes."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
from PIL import ExifTags, Image, ImageCms

import odd_bytes as by_hand
from odd_bytes import encoded
from odd_table import (
    BLACK,
    BLUE,
    GREEN,
    HEIC_WRITTEN,
    HEIGHT,
    RED,
    WHITE,
    WIDTH,
    WRITERS,
    YELLOW,
    Folder,
    Look,
    animation,
    heic,
)


def write(files: Folder) -> None:
    """All of them."""
    for part in (_shapes, _colours, _deep, _alpha, _animated, _turned, _notes):
        part(files)


def _shapes(files: Folder) -> None:
    for width, height in ((1, 1), (1, 20_000), (20_000, 1), (2, 2), (3, 500)):
        for ending in ("jpg", "png"):
            image = Image.new("RGB", (width, height), RED)
            look = Look((RED, RED, RED, RED), width, height)
            files.add(f"shapes/{width}x{height}.{ending}", WRITERS[ending](image), look=look)
    for ending in ("gif", "webp", "bmp"):
        data = WRITERS[ending](Image.new("RGB", (1, 1), GREEN))
        files.add(f"shapes/1x1.{ending}", data, look=Look((GREEN,) * 4, 1, 1))


def _colours(files: Folder) -> None:
    def add(name: str, data: bytes, tolerance: int = 12) -> None:
        files.add(f"colours/{name}", data, look=Look(tolerance=tolerance))

    add("cmyk.jpg", encoded(files.image().convert("CMYK"), "JPEG", quality=95))
    add("ycck.jpg", by_hand.ycck_jpeg(files.image().convert("CMYK")))
    add("cmyk.tif", encoded(files.image().convert("CMYK"), "TIFF"))
    add("ycbcr.tif", encoded(files.image().convert("YCbCr"), "TIFF"))
    lab = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    add("lab.tif", encoded(lab.apply(files.image()), "TIFF"))
    add("palette.png", encoded(files.image().quantize(64), "PNG"))
    add("palette.tif", encoded(files.image().quantize(64), "TIFF"))
    add("palette.bmp", encoded(files.image().quantize(64), "BMP"))
    add("no-subsampling.jpg", encoded(files.image(), "JPEG", subsampling=0, quality=100))
    add("worst.jpg", encoded(files.image(), "JPEG", quality=5), tolerance=40)
    add("restarts.jpg", encoded(files.image(), "JPEG", restart_marker_rows=1))
    add("lossless.webp", encoded(files.image(), "WEBP", lossless=True))
    add("deflate.tif", encoded(files.image(), "TIFF", compression="tiff_adobe_deflate"))
    add("jpeg.tif", encoded(files.image(), "TIFF", compression="jpeg", quality=95))
    add("plain.ppm", encoded(files.image(), "PPM"))
    add("stream.j2k", encoded(files.image(), "JPEG2000", no_jp2=True))
    grey = Look((BLACK, (85,) * 3, (170,) * 3, WHITE))
    for name, kind in (("grey.jpg", "JPEG"), ("grey.png", "PNG"), ("grey.pgm", "PPM")):
        image = Image.fromarray(files.quadrants(grey.quadrants)).convert("L")
        files.add(f"colours/{name}", encoded(image, kind), look=grey)
    one_bit = Look((BLACK, WHITE, WHITE, BLACK))
    for name, kind, options in (
        ("one-bit.png", "PNG", {}), ("one-bit.pbm", "PPM", {}), ("one-bit.bmp", "BMP", {}),
        ("fax.tif", "TIFF", {"compression": "group4"}),
    ):  # fmt: skip
        image = Image.fromarray(files.quadrants(one_bit.quadrants)).convert("1")
        files.add(f"colours/{name}", encoded(image, kind, **options), look=one_bit)


def _deep(files: Folder) -> None:
    grey = Look((BLACK, (85,) * 3, (170,) * 3, WHITE), tolerance=1)

    def deep() -> np.ndarray:
        return files.quadrants(grey.quadrants)[:, :, 0].astype(np.uint16) * 257

    def add(name: str, data: bytes, look: Look = grey) -> None:
        files.add(f"deep/{name}", data, look=look)

    add("grey16.png", encoded(Image.fromarray(deep()), "PNG"))
    add("grey16.tif", encoded(Image.fromarray(deep()), "TIFF"))
    big_endian = Image.frombytes("I;16B", (WIDTH, HEIGHT), deep().astype(">u2").tobytes())
    add("grey16-big-endian.tif", encoded(big_endian, "TIFF"))
    add("grey16.pgm", b"P5 %d %d 65535\n" % (WIDTH, HEIGHT) + deep().astype(">u2").tobytes())
    add("grey32.tif", encoded(Image.fromarray(deep().astype(np.int32)), "TIFF"))
    add("float.tif", encoded(Image.fromarray((deep() / 65535).astype(np.float32)), "TIFF"))
    clear = by_hand.png_chunk(b"tRNS", b"\0\0")
    add(
        "grey16-transparent.png",
        by_hand.png(deep()[:, :, None], colour_type=0, extra=(clear,)),
        Look((WHITE, *grey.quadrants[1:]), tolerance=1),
    )
    add("rgb16.png", by_hand.png(files.quadrants().astype(np.uint16) * 257, colour_type=2), Look())
    opaque = np.full((HEIGHT, WIDTH, 1), 255, np.uint8)
    rgba = np.concatenate([files.quadrants(), opaque], axis=2).astype(np.uint16) * 257
    add("rgba16.png", by_hand.png(rgba, colour_type=6), Look())
    for name, values in (
        ("counts.tif", deep().astype(np.int32) * 1000),
        ("negative.tif", deep().astype(np.int32) - 40_000),
        ("bright-float.tif", deep().astype(np.float32)),
        ("not-a-number.tif", np.full((HEIGHT, WIDTH), np.nan, np.float32)),
    ):
        data = encoded(Image.fromarray(values), "TIFF")
        files.add(f"deep/{name}", data, "refused", reason="expected brightness")


def _alpha(files: Folder) -> None:
    half = tuple((255 + channel) // 2 for channel in YELLOW)
    look = Look((RED, GREEN, WHITE, half))  # pyright: ignore[reportArgumentType]

    def rgba() -> Image.Image:
        mask = files.quadrants(((255,) * 3, (255,) * 3, (0,) * 3, (128,) * 3))[:, :, :1]
        return Image.fromarray(np.concatenate([files.quadrants(), mask], axis=2))

    for name, kind, options in (
        ("rgba.png", "PNG", {}), ("rgba.webp", "WEBP", {"lossless": True}),
        ("rgba.tif", "TIFF", {}), ("rgba.avif", "AVIF", {"quality": 90}),
        ("rgba.jp2", "JPEG2000", {}),
    ):  # fmt: skip
        files.add(f"alpha/{name}", encoded(rgba(), kind, **options), look=look)
    grey = (BLACK, (85,) * 3, (170,) * 3, WHITE)
    la = Image.merge("LA", (Image.fromarray(files.quadrants(grey)).convert("L"), rgba().split()[3]))
    files.add("alpha/la.png", encoded(la, "PNG"), look=Look((BLACK, (85,) * 3, WHITE, WHITE)))
    hole = Look((WHITE, GREEN, BLUE, YELLOW))
    for name, kind in (("palette.png", "PNG"), ("palette.gif", "GIF")):
        image = files.image().quantize(16)
        data = encoded(image, kind, transparency=image.getpixel((10, 10)))
        files.add(f"alpha/{name}", data, look=hole)
    image = files.image().quantize(16)
    partial = bytes(0 if n == image.getpixel((10, 10)) else 255 for n in range(16))
    files.add("alpha/palette-bytes.png", encoded(image, "PNG", transparency=partial), look=hole)
    files.add("alpha/rgb-key.png", encoded(files.image(), "PNG", transparency=RED), look=hole)
    grey_image = Image.fromarray(files.quadrants(grey)).convert("L")
    data = encoded(grey_image, "PNG", transparency=0)
    files.add("alpha/grey-key.png", data, look=Look((WHITE, *grey[1:])))


def _animated(files: Folder) -> None:
    for kind, ending in (
        ("GIF", "gif"), ("PNG", "png"), ("WEBP", "webp"), ("AVIF", "avif"), ("MPO", "jpg"),
    ):  # fmt: skip
        data = animation(files, kind)
        files.add(f"animated/{kind}.{ending}", data, look=Look(tolerance=20))


def _turned(files: Folder) -> None:
    """EXIF 2.32, 4.6.4, by array moves: where row 0 and column 0 of the upright picture are."""
    moves: dict[int, Callable[[np.ndarray], np.ndarray]] = {
        1: lambda upright: upright,
        2: lambda upright: upright[:, ::-1],
        3: lambda upright: upright[::-1, ::-1],
        4: lambda upright: upright[::-1],
        5: lambda upright: upright.swapaxes(0, 1),
        6: lambda upright: np.rot90(upright, 1),
        7: lambda upright: np.rot90(upright, 2).swapaxes(0, 1),
        8: lambda upright: np.rot90(upright, -1),
    }

    def add(orientation: int, kind: str, ending: str) -> None:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        stored = moves.get(orientation, moves[1])(files.quadrants())
        data = encoded(Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif)
        files.add(f"turned/{orientation}.{ending}", data, look=Look(tolerance=20))

    for orientation in (*moves, 0, 9):
        add(orientation, "JPEG", "jpg")
    for kind, ending in (("PNG", "png"), ("WEBP", "webp"), ("TIFF", "tif"), ("AVIF", "avif")):
        for orientation in (3, 6, 7):
            add(orientation, kind, ending)
    if HEIC_WRITTEN:
        stored = Image.fromarray(np.ascontiguousarray(moves[6](files.quadrants())))
        files.add("turned/6.heic", heic(stored, orientation=6), look=Look(tolerance=20))
        files.add("turned/heic.jpg", heic(files.image()), look=Look(tolerance=20))


def _notes(files: Folder) -> None:
    """Odd things beside the pixels, none of which makes a picture unreadable."""

    def add(name: str, data: bytes) -> None:
        files.add(f"notes/{name}", data, look=Look(tolerance=20))

    jpeg = WRITERS["jpg"]
    noise = random.Random(2).randbytes
    add("garbage-after-end.jpg", jpeg(files.image()) + noise(5000))
    add("two-in-one.jpg", jpeg(files.image()) + jpeg(files.image()))
    add("garbage-after-end.png", WRITERS["png"](files.image()) + noise(5000))
    add("broken-profile.jpg", encoded(files.image(), "JPEG", icc_profile=noise(400)))
    add("broken-profile.png", encoded(files.image(), "PNG", icc_profile=noise(400)))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    add("profile.jpg", encoded(files.image(), "JPEG", icc_profile=srgb))
    add("broken-exif.jpg", encoded(files.image(), "JPEG", exif=b"Exif\0\0" + noise(300)))
    short = b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01\x03\0\x01\0\0\0"
    add("short-exif.jpg", encoded(files.image(), "JPEG", exif=short))
    add("broken-exif.png", encoded(files.image(), "PNG", exif=noise(300)))
    exif = Image.Exif()
    exif[ExifTags.Base.MakerNote] = noise(60_000)
    add("huge-exif.jpg", encoded(files.image(), "JPEG", exif=exif))
    add("comment.jpg", encoded(files.image(), "JPEG", comment=noise(60_000)))
    crc = bytearray(WRITERS["png"](files.image()))
    crc[crc.index(b"IDAT") + 10] ^= 0xFF
    files.add("notes/wrong-checksum.png", bytes(crc), "refused")
