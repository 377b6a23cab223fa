"""The folder of thumbnails stays within its bound."""

from __future__ import annotations

import os
from pathlib import Path

from tiefvision.server.previews import remove_oldest


def test_the_oldest_go_until_a_fifth_is_free(tmp_path: Path) -> None:
    for age in range(10):
        file = tmp_path / f"{age % 3}" / f"{age}.jpg"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"x" * 100)
        os.utime(file, ns=(0, 1_000 - age))
    assert remove_oldest(tmp_path, limit=1_000) == 0
    # 1,000 bytes, 900 allowed: 700 of them are the most that is no more than four fifths of 900.
    assert remove_oldest(tmp_path, limit=900) == 3
    left = sorted(int(file.stem) for file in tmp_path.rglob("*.jpg"))
    assert left == [0, 1, 2, 3, 4, 5, 6]


def test_a_folder_that_is_not_there_yet_holds_nothing(tmp_path: Path) -> None:
    assert remove_oldest(tmp_path / "thumbnails", limit=1) == 0
