"""Every odd file ends as the table predicts: right pixels, or a refusal one can act on."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import psutil
import pytest

from odd_files import Look, OddFile, write
from tiefvision.errors import TiefVisionError, UnreadableImage
from tiefvision.vision import pixels

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="makes pipes and POSIX names")

# Decoding a bomb of the table would take 2.5 GB and more.
_MOST_EXTRA_MEMORY_BYTES = 300_000_000


@pytest.fixture(scope="module")
def odd_files(tmp_path_factory: pytest.TempPathFactory) -> list[OddFile]:
    return write(tmp_path_factory.mktemp("odd"))


def _colours(rgb: np.ndarray) -> list[list[int]]:
    """The middle of each quadrant: top left, top right, bottom left, bottom right."""
    height, width = rgb.shape[:2]
    return [
        rgb[row, col].tolist()
        for row in (height // 4, height * 3 // 4)
        for col in (width // 4, width * 3 // 4)
    ]


def _check_look(file: OddFile, look: Look) -> None:
    found = pixels.read(file.path)
    size = found.original_width, found.original_height
    assert size == (look.width, look.height), file.path
    assert found.rgb.shape == (look.height, look.width, 3), file.path
    wrong = np.abs(np.subtract(_colours(found.rgb), look.quadrants)).max()
    assert wrong <= look.tolerance, (file.path, _colours(found.rgb), look.quadrants)


def _check_refusal(error: TiefVisionError, file: OddFile) -> None:
    assert isinstance(error, UnreadableImage), (file.path, error)
    assert error.message and error.remedy, file.path
    assert (file.reason_contains or "") in error.message, (file.path, error.message)
    error.message.encode()  # can be printed and stored whatever bytes the name holds
    assert "\n" not in error.message, error.message


def test_table_holds_two_hundred_files(odd_files: list[OddFile]) -> None:
    assert len(odd_files) >= 200
    assert len({file.path for file in odd_files}) == len(odd_files)


def test_each_content_is_in_the_table_once_but_for_the_duplicates(
    odd_files: list[OddFile],
) -> None:
    indexed = [file.path.read_bytes() for file in odd_files if file.expected == "indexed"]
    assert len({pixels.content_id(data) for data in indexed}) == len(indexed)


def test_every_odd_file_ends_as_the_table_predicts(odd_files: list[OddFile]) -> None:
    for file in odd_files:
        if file.expected == "skipped" and file.reason_contains is None:
            continue
        for side in (None, 32):
            try:
                pixels.read(file.path, side=side)
            except TiefVisionError as error:
                assert file.expected in ("refused", "either", "skipped"), (file.path, error)
                _check_refusal(error, file)
            else:
                assert file.expected in ("indexed", "either", "duplicate"), file.path


def test_readable_odd_files_have_the_right_pixels(odd_files: list[OddFile]) -> None:
    looks = [(file, file.look) for file in odd_files if file.look is not None]
    assert len(looks) > 90
    for file, look in looks:
        _check_look(file, look)


def test_reduced_decoding_shows_the_same_quadrants(odd_files: list[OddFile]) -> None:
    for file in odd_files:
        if file.look is None or min(file.look.width, file.look.height) < 240:
            continue
        found = pixels.read(file.path, side=30)
        assert min(found.rgb.shape[:2]) == 60, file.path  # 240 / 4: a further half is under 2 * 30
        assert (found.original_width, found.original_height) == (320, 240)
        wrong = np.abs(np.subtract(_colours(found.rgb), file.look.quadrants)).max()
        assert wrong <= file.look.tolerance + 4, (file.path, _colours(found.rgb))


def test_only_known_extensions_are_tried(odd_files: list[OddFile]) -> None:
    for file in odd_files:
        known = file.path.suffix.lower() in pixels.IMAGE_EXTENSIONS
        assert known or file.expected == "skipped", file.path


def test_odd_files_raise_no_warning_and_leave_the_filters_alone(
    odd_files: list[OddFile],
) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        before = list(warnings.filters)
        for file in odd_files:
            if file.expected in ("indexed", "either", "refused"):
                try:
                    pixels.read(file.path)
                except TiefVisionError:
                    continue
        assert list(warnings.filters) == before
    assert [str(warning.message) for warning in seen] == []


def test_bombs_are_refused_before_they_take_memory(odd_files: list[OddFile]) -> None:
    bombs = [file for file in odd_files if Path(file.path).parent.name == "bombs"]
    assert len(bombs) >= 10
    process = psutil.Process()
    before = process.memory_info().rss
    for file in bombs:
        with pytest.raises(UnreadableImage):
            pixels.read(file.path)
        assert process.memory_info().rss - before < _MOST_EXTRA_MEMORY_BYTES, file.path
