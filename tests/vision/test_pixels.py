"""The decode path: upright RGB within limits, reduced decoding, resize and crop."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from odd_bytes import encoded
from tiefvision.errors import NotFound, UnreadableImage
from tiefvision.maths.boxes import Box
from tiefvision.vision import colours, pixels

RED = (220, 30, 40)


def _smooth(width: int, height: int) -> Image.Image:
    """A picture without sharp edges: any good resize of it agrees with any other."""
    x = np.linspace(0, 3, width)[None, :]
    y = np.linspace(0, 2, height)[:, None]
    planes = [127 + 120 * np.sin(x * a + y * b) for a, b in ((2, 1), (1, 3), (3, 2))]
    return Image.fromarray(np.rint(np.stack(planes, axis=2)).astype(np.uint8))


def _mean_difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


def test_content_id_is_the_sha256_that_the_standard_gives_for_abc() -> None:
    # FIPS 180-2, appendix B.1
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert pixels.content_id(b"abc") == expected


def test_bytes_and_their_file_give_the_same_pixels(tmp_path: Path) -> None:
    data = encoded(_smooth(60, 40), "PNG")
    (tmp_path / "a.png").write_bytes(data)
    from_bytes = pixels.read(data)
    for source in (tmp_path / "a.png", str(tmp_path / "a.png")):
        assert np.array_equal(pixels.read(source).rgb, from_bytes.rgb)
    assert from_bytes.rgb.shape == (40, 60, 3)
    assert from_bytes.rgb.dtype == np.uint8
    assert np.array_equal(from_bytes.rgb, np.asarray(_smooth(60, 40)))


@pytest.mark.parametrize(
    ("shorter", "side", "decoded"),
    # decoded = shorter / the largest of 1, 2, 4, 8 that leaves at least 2 * side, rounded up
    [(800, 256, 800), (1023, 256, 1023), (1024, 256, 512), (2000, 256, 1000), (2048, 256, 512),
     (2047, 256, 1024), (1600, 50, 200), (9, 1, 3), (40, 256, 40)],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_reduced_decoding_never_goes_under_twice_the_side(
    kind: str, shorter: int, side: int, decoded: int
) -> None:
    image = Image.new("RGB", (shorter, shorter + 40), RED)
    found = pixels.read(encoded(image, kind), side=side)
    assert found.rgb.shape[1] == decoded
    assert (found.original_width, found.original_height) == (shorter, shorter + 40)


def test_reduced_jpeg_and_png_of_one_photograph_agree_after_the_resize() -> None:
    image = _smooth(1300, 1000)
    full = pixels.resize(np.asarray(image), width=260, height=200)
    for kind in ("JPEG", "PNG", "TIFF"):
        options = {"quality": 95} if kind == "JPEG" else {}
        found = pixels.read(encoded(image, kind, **options), side=200)
        assert found.rgb.shape == (500, 650, 3)
        assert _mean_difference(pixels.resize(found.rgb, width=260, height=200), full) < 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_original_size_is_that_of_the_upright_picture_also_when_reduced(
    kind: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    data = encoded(_smooth(641, 421), kind, exif=exif)
    upright = (641, 421) if orientation < 5 else (421, 641)
    whole, reduced = pixels.read(data), pixels.read(data, side=100)
    for found in (whole, reduced):
        assert (found.original_width, found.original_height) == upright
    assert whole.rgb.shape[:2] == upright[::-1]
    assert sorted(reduced.rgb.shape[:2]) == [211, 321]  # 421 / 2 and 641 / 2, rounded up
    again = pixels.resize(whole.rgb, width=reduced.rgb.shape[1], height=reduced.rgb.shape[0])
    assert _mean_difference(again, reduced.rgb) < 2  # both are turned the same way


def test_boxes_go_to_decoded_pixels_and_back() -> None:
    found = pixels.read(encoded(_smooth(999, 600), "JPEG"), side=100)
    assert found.scale == (500 / 999, 0.5)  # 999 / 2 is rounded up
    box = Box(99.9, 50, 333, 590)
    assert np.allclose(found.to_decoded(box).as_list(), [50, 25, 500 / 3, 295])
    again = found.to_original(found.to_decoded(box))
    assert np.allclose(again.as_list(), box.as_list())


def test_inks_of_cmyk_are_not_inverted() -> None:
    # 100 % cyan and magenta, nothing else, is blue; inverted it would be yellow with black.
    image = Image.new("CMYK", (16, 16), (255, 255, 0, 0))
    found = pixels.read(encoded(image, "JPEG", quality=95)).rgb[8, 8]
    assert np.abs(found.astype(int) - (0, 0, 255)).max() <= 3
    paper = Image.new("CMYK", (16, 16), (0, 0, 0, 0))
    assert pixels.read(encoded(paper, "JPEG", quality=95)).rgb.min() >= 253


def test_reduced_decoding_of_cmyk_keeps_the_colours() -> None:
    image = Image.new("CMYK", (800, 800), (255, 255, 0, 0))
    found = pixels.read(encoded(image, "JPEG", quality=95), side=100)
    assert found.rgb.shape == (200, 200, 3)
    assert np.abs(found.rgb.astype(int) - (0, 0, 255)).max() <= 3


def test_sixteen_bit_grey_is_divided_by_257_and_does_not_saturate() -> None:
    steps = (np.arange(256, dtype=np.uint16) * 257).reshape(16, 16)
    found = pixels.read(encoded(Image.fromarray(steps), "PNG")).rgb
    assert np.array_equal(found[:, :, 0].ravel(), np.arange(256))
    assert np.array_equal(found[:, :, 0], found[:, :, 2])


def test_half_transparent_red_on_the_white_page_is_pink() -> None:
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 128))
    # 128/255 of red and the rest of white: green = 255 * (1 - 128/255) = 127
    assert pixels.read(encoded(image, "PNG")).rgb[0, 0].tolist() == [255, 127, 127]


@pytest.mark.parametrize(
    "mode",
    ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB",
     "I", "I;16", "I;16B", "F"],
)  # fmt: skip
def test_every_mode_that_pillow_knows_becomes_rgb(mode: str) -> None:
    found = colours.to_rgb(Image.new(mode, (3, 2)), shown="it")
    assert (found.mode, found.size) == ("RGB", (3, 2))


@pytest.mark.parametrize("side", [None, 20])
@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_jpeg_cut_at_any_length_is_refused(side: int | None, options: dict[str, bool]) -> None:
    data = encoded(_smooth(97, 61), "JPEG", **options)
    for length in (*range(0, len(data), 7), *range(len(data) - 20, len(data))):
        with pytest.raises(UnreadableImage):
            pixels.read(data[:length], side=side)


def test_megapixel_limit_counts_the_original_and_not_the_reduced_size() -> None:
    data = encoded(Image.new("RGB", (1000, 1000), RED), "JPEG")
    assert pixels.read(data, side=100, limits=pixels.Limits(megapixels=1)).rgb.shape[0] == 250
    with pytest.raises(UnreadableImage, match="1000 x 1000 px") as caught:
        pixels.read(data, side=100, limits=pixels.Limits(megapixels=0.9))
    assert "limit" in caught.value.remedy


def test_megapixel_limit_does_not_depend_on_pillows_global(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = encoded(Image.new("L", (200, 200)), "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert pixels.read(data).rgb.shape == (200, 200, 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pytest.raises(UnreadableImage, match="megapixels"):
        pixels.read(data, limits=pixels.Limits(megapixels=0.01))


def test_file_size_limit_is_checked_before_the_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    with path.open("wb") as file:
        file.truncate(300_000_000_000)  # a sparse file: no disk is used
    with pytest.raises(UnreadableImage, match=r"300,000.0 MB; expected at most 200 MB"):
        pixels.read(path)
    with pytest.raises(UnreadableImage, match="MB"):
        pixels.read(bytes(2000), limits=pixels.Limits(file_bytes=1000))


@pytest.mark.parametrize("address", ["http://shop.example/a.jpg", "https://x/a", "s3://b/a.png",
                                     "file:///tmp/a.jpg"])  # fmt: skip
def test_addresses_are_refused_and_never_fetched(address: str) -> None:
    for source in (address, Path(address)):
        with pytest.raises(UnreadableImage, match="network") as caught:
            pixels.read(source)
        assert "download" in caught.value.remedy


def test_missing_file_is_not_found() -> None:
    with pytest.raises(NotFound, match=r"'nothing.jpg' does not exist"):
        pixels.read(Path("/nowhere/nothing.jpg"))


def test_path_with_a_zero_byte_is_refused() -> None:
    with pytest.raises(UnreadableImage, match="cannot be opened"):
        pixels.read("a\0b.jpg")


def test_file_without_permission_says_how_to_give_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locked.jpg").write_bytes(b"x")

    def denied(path: Path, flags: int) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", denied)  # root, who may run the tests, reads everything
    with pytest.raises(UnreadableImage, match="permission denied") as caught:
        pixels.read(tmp_path / "locked.jpg")
    assert "chmod" in caught.value.remedy


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_pipe_without_a_writer_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    done = threading.Event()

    def attempt() -> None:
        with pytest.raises(UnreadableImage, match="pipe"):
            pixels.read(tmp_path / "pipe.jpg")
        done.set()

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    assert done.wait(timeout=10)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_file_swapped_for_a_pipe_while_it_is_opened_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "file.jpg").write_bytes(b"x")
    regular = os.stat(tmp_path / "file.jpg")
    opened: list[int] = []
    monkeypatch.setattr(os, "stat", lambda path: regular)
    real_open = os.open

    def watched(path: Path, flags: int) -> int:
        assert flags & os.O_NONBLOCK  # else the next line would wait for ever
        opened.append(flags)
        return real_open(path, flags)

    monkeypatch.setattr(os, "open", watched)
    with pytest.raises(UnreadableImage, match="pipe"):
        pixels.file_bytes(str(tmp_path / "pipe.jpg"))
    assert opened


@pytest.mark.parametrize(
    "raised",
    [OSError, SyntaxError, ValueError, EOFError, IndexError, OverflowError, MemoryError, KeyError,
     RuntimeError, ZeroDivisionError, Image.DecompressionBombError, UserWarning],
)  # fmt: skip
def test_whatever_a_decoder_raises_is_a_refusal(
    raised: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: object) -> None:
        raise raised("broken on purpose")

    monkeypatch.setattr(ImageFile.ImageFile, "load", broken)
    with pytest.raises(UnreadableImage) as caught:
        pixels.read(encoded(Image.new("RGB", (4, 4)), "PNG"))
    assert caught.value.message and caught.value.remedy


def test_interrupt_is_not_taken_for_a_damaged_image(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ImageFile.ImageFile, "load", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pixels.read(encoded(Image.new("RGB", (4, 4)), "PNG"))


def test_heic_without_its_decoder_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("pi_heif", "pillow_heif"):
        monkeypatch.setitem(sys.modules, module, None)
        monkeypatch.setitem(sys.modules, f"{module}.as_plugin", None)
    data = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)
    with pytest.raises(UnreadableImage, match="HEIC") as caught:
        pixels.read(data)
    assert "tiefvision[heic]" in caught.value.remedy


def test_warnings_of_other_modules_are_heard_while_images_are_read() -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\x01\0\0\0"
    data = encoded(_smooth(400, 400), "JPEG", exif=exif)
    stop = threading.Event()

    def read_on() -> None:
        while not stop.is_set():
            pixels.read(data)

    threads = [threading.Thread(target=read_on) for _ in range(3)]
    before = list(warnings.filters)
    for thread in threads:
        thread.start()
    try:
        for _ in range(50):
            with pytest.raises(UserWarning, match="heard"):
                warnings.warn("heard", UserWarning, stacklevel=1)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert list(warnings.filters) == before


def test_importing_changes_no_global_of_pillow() -> None:
    program = (
        "import numpy, warnings  # numpy sets filters of its own\n"
        "from PIL import Image, ImageFile\n"
        "state = lambda: (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES,"
        " list(warnings.filters))\n"
        "before = state()\n"
        "import tiefvision.vision.pixels, sys\n"
        "assert state() == before\n"
        "assert 'pillow_heif' not in sys.modules and 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_photographs_decode_as_pillow_decodes_them(photos: Path) -> None:
    for path in sorted((photos / "clothing").rglob("*.jpg"))[:10]:
        data = path.read_bytes()
        assert pixels.content_id(data) == hashlib.sha256(data).hexdigest()
        with Image.open(io.BytesIO(data)) as image:
            assert image.getexif().get(274, 1) == 1
            assert np.array_equal(pixels.read(data).rgb, np.asarray(image.convert("RGB")))


def test_reduced_photographs_stay_close_to_the_full_decode(photos: Path) -> None:
    for path in sorted((photos / "clothing").rglob("*.jpg"))[:10]:
        whole, reduced = pixels.read(path), pixels.read(path, side=60)
        assert min(reduced.rgb.shape[:2]) >= 120
        a = pixels.resize(whole.rgb, width=60, height=80)
        b = pixels.resize(reduced.rgb, width=60, height=80)
        assert _mean_difference(a, b) < 1.5
