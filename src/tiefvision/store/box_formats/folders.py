"""Formats that have a file for each photograph."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from tiefvision.errors import InvalidInput


def new_file(folder: Path, place: PurePosixPath) -> Path:
    """An empty file below a folder, with the folders on its way.

    Raises InvalidInput when another photograph has it already.
    """
    if place.is_absolute() or Path(place).is_absolute():
        raise InvalidInput(
            f"photographs of two folders of the catalogue are both named like {place}, and this "
            "format has a file for each name",
            remedy="use --format coco or --format csv",
        )
    file = folder / place
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        file.touch(exist_ok=False)
    except FileExistsError:
        raise InvalidInput(
            f"two photographs would both be written to {place}: their names differ in nothing "
            "that this format keeps",
            remedy="use --format coco or --format csv",
        ) from None
    return file
