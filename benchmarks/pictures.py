"""As many different JPEG files as a benchmark needs, cut from photographs."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
from PIL import Image

# Shops' photographs are mostly saved at about this quality.
_QUALITY = 88
# Each picture is a random part of a photograph of at least this share of its sides.
_LEAST_SHARE = 0.7


def photographs(folder: str | Path | None = None) -> list[Path]:
    """The clothing photographs in TIEFVISION_PHOTOS (or in a folder given), in order of name."""
    place = folder or os.environ.get("TIEFVISION_PHOTOS")
    if not place:
        raise SystemExit("set TIEFVISION_PHOTOS to the folder that holds clothing/")
    found = sorted(Path(place).glob("clothing/**/*.jpg")) or sorted(Path(place).glob("**/*.jpg"))
    if not found:
        raise SystemExit(f"there are no .jpg files in {place}")
    return found


def cut(
    sources: list[Path], folder: Path, count: int, *, size: tuple[int, int] | None, seed: int = 1
) -> list[Path]:
    """`count` different JPEG files in `folder`, each a random cut of a photograph.

    size: width and height that a cut is enlarged to; None: those of its photograph.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    times = -(-count // len(sources))
    made: list[Path] = []
    for source in sources:
        with Image.open(source) as opened:
            picture = opened.convert("RGB")
        for copy in range(times):
            if len(made) == count:
                return made
            file = folder / f"{source.stem[:40]}-{len(made):06d}-{copy}.jpg"
            _one(picture, rng, size).save(file, quality=_QUALITY)
            made.append(file)
    return made


def every(files: list[Path], count: int) -> list[Path]:
    """`count` of the files, evenly spread."""
    step = max(1, len(files) // count)
    return list(itertools.islice(files, 0, None, step))[:count]


def _one(
    picture: Image.Image, rng: np.random.Generator, size: tuple[int, int] | None
) -> Image.Image:
    width, height = picture.size
    share = rng.uniform(_LEAST_SHARE, 1.0, 2)
    kept = (max(1, int(width * share[0])), max(1, int(height * share[1])))
    left = int(rng.integers(0, width - kept[0] + 1))
    top = int(rng.integers(0, height - kept[1] + 1))
    box = (left, top, left + kept[0], top + kept[1])
    return picture.resize(size or picture.size, Image.Resampling.BICUBIC, box=box)
