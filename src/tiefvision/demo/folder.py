"""The demo's catalogue as files: JPEG photographs, attributes.csv and boxes.csv."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tiefvision.demo.scene import DEFAULT_SEED, Scene, catalogue
from tiefvision.errors import InvalidInput
from tiefvision.maths.boxes import Box

ATTRIBUTES_FILE = "attributes.csv"
BOXES_FILE = "boxes.csv"
ATTRIBUTE_COLUMNS = ("path", "kind", "pattern", "colour", "background", "product", "price")
BOX_COLUMNS = ("path", "left", "top", "right", "bottom", "label")

# Fine enough that a print keeps its edges, at about 50 KB a photograph.
_JPEG_QUALITY = 90


@dataclass(frozen=True, slots=True)
class Photograph:
    """What is known of a photograph that was written; path is relative to its folder."""

    path: str
    kind: str
    pattern: str
    colour: str
    background: str
    product: str
    price: float
    box: Box


def write(
    folder: Path,
    *,
    count: int = 300,
    seed: int = DEFAULT_SEED,
    background: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Photograph]:
    """The first `count` photographs of a seed's catalogue in a folder, with both CSV files.

    The same arguments write the same bytes. Each file appears whole or not at all, the CSV files
    last; other files in the folder stay. progress is called with (done, count) after each image.
    Returns a row for each photograph, in order. Raises InvalidInput.
    """
    scenes = catalogue(count, seed=seed, background=background)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written: list[Photograph] = []
        for scene in scenes:
            path = f"{scene.name}.jpg"
            _replace(folder / path, _jpeg(scene))
            written.append(_row(path, scene))
            if progress is not None:
                progress(len(written), count)
        _replace(folder / ATTRIBUTES_FILE, _attributes(written))
        _replace(folder / BOXES_FILE, _boxes(written))
    except OSError as error:
        raise InvalidInput(
            f"the demo's photographs cannot be written to {folder}: {error.strerror or error}",
            remedy="name a folder that you may write to, on a disk with room",
        ) from error
    return written


def _row(path: str, scene: Scene) -> Photograph:
    return Photograph(
        path, scene.kind, scene.pattern, scene.colour, scene.background, scene.product,
        scene.price, scene.box,
    )  # fmt: skip


def _jpeg(scene: Scene) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(scene.pixels).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def _attributes(rows: Sequence[Photograph]) -> bytes:
    return _csv(
        ATTRIBUTE_COLUMNS,
        [
            (row.path, row.kind, row.pattern, row.colour, row.background, row.product,
             f"{row.price:.2f}")
            for row in rows
        ],
    )  # fmt: skip


def _boxes(rows: Sequence[Photograph]) -> bytes:
    return _csv(
        BOX_COLUMNS,
        [(row.path, *(str(int(edge)) for edge in row.box.as_list()), row.kind) for row in rows],
    )


def _csv(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


def _replace(path: Path, content: bytes) -> None:
    """A file with that content, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".demo-", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # mkstemp makes files that only their owner reads.
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
