"""About 200 odd files and a table that predicts what becomes of each.

`write(folder)` makes them and returns the table. Pictures are four quadrants of known colours with
a small stamp in the middle, different in every file, so that no two files have one content unless
the table says so.
"""

from __future__ import annotations

import os
import random
import zlib
from pathlib import Path

import odd_bytes as by_hand
import odd_pictures
from odd_table import HEIC_WRITTEN, WRITERS, Folder, Look, OddFile, animation

__all__ = ["Look", "OddFile", "write"]


def write(folder: Path) -> list[OddFile]:
    """The files, made in a new or empty folder, and what must become of each."""
    files = Folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for part in (_truncated, _flipped, _misnamed, _bombs, _strange_names, _not_files, _skipped):
        part(files)
    odd_pictures.write(files)
    return files.table


def _truncated(files: Folder) -> None:
    for ending in ("jpg", "progressive.jpg", "png", "webp", "gif", "tif"):
        data = WRITERS[ending](files.image())
        for tenth in range(1, 10):
            files.add(f"truncated/{tenth}0.{ending}", data[: len(data) * tenth // 10], "refused")
    for ending in ("avif", "jp2", "bmp", *(["heic"] if HEIC_WRITTEN else [])):
        data = WRITERS[ending](files.image())
        files.add(f"truncated/50.{ending}", data[: len(data) // 2], "refused")
    # The end marker tells a whole JPEG from a cut one; in PNG and GIF the pixels are whole without.
    for ending, missing, expected in (
        ("jpg", 2, "refused"), ("progressive.jpg", 2, "refused"),
        ("png", 12, "indexed"), ("gif", 1, "indexed"), ("webp", 1, "refused"),
    ):  # fmt: skip
        look = Look() if expected == "indexed" else None
        data = WRITERS[ending](files.image())[:-missing]
        files.add(f"truncated/end.{ending}", data, expected, look=look)
    # What follows the first frame is not needed, except that WebP states its length up front.
    for kind, ending, expected in (
        ("GIF", "gif", "indexed"), ("PNG", "apng", "indexed"), ("MPO", "jpg", "indexed"),
        ("WEBP", "webp", "refused"),
    ):  # fmt: skip
        look = Look() if expected == "indexed" else None
        data = animation(files, kind)[:-40]
        files.add(f"truncated/animated-{kind}.{ending}", data, expected, look=look)


def _flipped(files: Folder) -> None:
    endings = ("jpg", "png", "webp", "gif", "tif")
    for seed in range(20):
        rng = random.Random(seed)
        ending = endings[seed % len(endings)]
        data = bytearray(WRITERS[ending](files.image()))
        for _ in range(8):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        files.add(f"flipped/{seed}.{ending}", bytes(data), "either")


def _misnamed(files: Folder) -> None:
    for ending in ("png", "webp", "gif", "tif", "bmp", "avif", "jp2"):
        files.add(f"misnamed/{ending}.jpg", WRITERS[ending](files.image()), look=Look())
    files.add("misnamed/jpg.png", WRITERS["jpg"](files.image()), look=Look())
    strangers = {
        "text.jpg": (b"Dear customer, the picture follows.\n", "text"),
        "web-page.jpg": (b"<!DOCTYPE html><html><body>404</body></html>", "a web page"),
        "drawing.png": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        "drawing-xml.png": (b'<?xml version="1.0"?><svg/>', "SVG"),
        "document.jpg": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document"),
        "script.jpg": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        "archive.jpg": (b"PK\x03\x04" + bytes(60), "ZIP"),
        "layers.jpg": (b"8BPS\0\1" + bytes(60), "Photoshop"),
        "film.jpg": (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(60), "a film"),
        "zeros.jpg": (bytes(4096), "not an image"),
        "noise.jpg": (random.Random(1).randbytes(4096), "not an image"),
        "magic-only.jpg": (b"\xff\xd8\xff", ""),
        "magic-only.png": (by_hand.PNG_MAGIC, ""),
        "magic-only.webp": (b"RIFF\0\0\0\0WEBP", ""),
        "bm-word.bmp": (b"BMW sells cars, and this is a text about it, not a picture.", ""),
        "empty.jpg": (b"", "empty"),
        "empty.png": (b"", "empty"),
    }
    for name, (data, reason) in strangers.items():
        files.add(f"misnamed/{name}", data, "refused", reason=reason or None)


def _bombs(files: Folder) -> None:
    def bomb(name: str, data: bytes) -> None:
        files.add(f"bombs/{name}", data, "refused", reason="megapixels")

    one_bit = by_hand.black_rows(50_000, 50_000)
    bomb("black.png", by_hand.png_bomb(50_000, 50_000, bits=1, colour_type=0, data=one_bit))
    bomb("deep.png", by_hand.png_bomb(2**30, 2**30, bits=16, colour_type=6, data=one_bit[:100]))
    bomb("just-over.png", by_hand.png_bomb(10_001, 10_000, bits=1, colour_type=0, data=b""))
    jpeg = WRITERS["jpg"](files.image())
    bomb("claim.jpg", by_hand.jpeg_claiming(jpeg, width=65_500, height=65_500))
    bomb("claim.tif", by_hand.tiff_claiming(100_000, 100_000))
    bomb("claim.bmp", by_hand.bmp_claiming(60_000, 60_000))
    bomb("claim.gif", by_hand.gif_claiming(65_535, 65_535))
    bomb("claim.ppm", b"P6 99999 99999 255\n")
    files.add("bombs/claim.webp", by_hand.webp_claiming(16_384, 16_384), "refused")
    text = b"comment\0\0" + zlib.compress(bytes(200_000_000), 1)
    whole = WRITERS["png"](files.image())
    at = len(by_hand.PNG_MAGIC) + 25  # behind the header chunk: 12 bytes around 13
    data = whole[:at] + by_hand.png_chunk(b"zTXt", text) + whole[at:]
    files.add("bombs/text.png", data, "refused")


def _strange_names(files: Folder) -> None:
    names: list[str | bytes] = [
        "UPPER.JPG", "Mixed.JpEg", "two.dots.jpg", "emoji 👗.jpg", "été ünïcödé.jpg",
        "e\u0301.jpg", "\u202egpj.exe.jpg", "line\nbreak.jpg", "tab\there.jpg", " leading.jpg",
        "inner  blanks.jpg", "-rf.jpg", "--help.jpg", "'quotes' \"both\".jpg", ";rm -rf ~.jpg",
        "$(touch x).jpg", "%s%d%00.jpg", "back\\slash.jpg", "*?[a].jpg", "#hash&amp;.jpg",
        "n" * 246 + ".jpg", "con.jpg", b"\xff.jpg", b"caf\xe9.jpg",
    ]  # fmt: skip
    for name in names:
        data = WRITERS["jpg"](files.image())
        try:
            files.add(f"names/{os.fsdecode(name)}", data, look=Look())
        except OSError:
            continue  # this file system does not allow such a name
    # With a blank at its end the extension is no known one.
    files.add("names/trailing.jpg ", WRITERS["jpg"](files.image()), "skipped")


def _not_files(files: Folder) -> None:
    place = files.folder / "not-files"
    inside = files.add("not-files/folder.jpg/inside.jpg", WRITERS["jpg"](files.image()))
    files.note(inside.parent, "skipped", reason="a folder")
    (place / "empty-folder.png").mkdir()
    files.note(place / "empty-folder.png", "skipped", reason="a folder")
    os.mkfifo(place / "pipe.jpg")
    files.note(place / "pipe.jpg", "refused", reason="a pipe")
    for name, target, expected, reason in (
        ("loop.jpg", "loop.jpg", "refused", "back to itself"),
        ("ping.jpg", "pong.jpg", "refused", "back to itself"),
        ("pong.jpg", "ping.jpg", "refused", "back to itself"),
        ("broken.jpg", "nowhere.jpg", "refused", "does not exist"),
        ("link.jpg", "folder.jpg/inside.jpg", "duplicate", None),
        ("device.jpg", "/dev/zero", "refused", "device"),
        ("up", "..", "skipped", "a folder"),
    ):
        (place / name).symlink_to(target)
        files.note(place / name, expected, reason=reason)
    locked = files.add("not-files/locked.jpg", WRITERS["jpg"](files.image()), "skipped")
    locked.chmod(0)
    files.table.pop()
    if os.access(locked, os.R_OK):  # root reads everything
        files.note(locked, "indexed", look=Look())
    else:
        files.note(locked, "refused", reason="permission")


def _skipped(files: Folder) -> None:
    for name in (
        "photo.txt", "photo.jpg.part", "photo.jpg~", "photo.psd", "photo.svg", "photo.pdf",
        "photo.eps", "photo.tga", "photo", ".hidden.jpg", "._resource.jpg", ".hidden/inside.jpg",
        "__MACOSX/photo.jpg", "__MACOSX/._photo.jpg", "Thumbs.db", ".DS_Store", "desktop.ini",
        "labels.csv",
    ):  # fmt: skip
        files.add(f"skipped/{name}", WRITERS["jpg"](files.image()), "skipped")
