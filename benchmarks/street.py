"""Street photographs with boxes of what people wear: what is looked for, and their grids."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float16

from tiefvision.maths.boxes import Box
from tiefvision.teach.samples import SampleSet, Taught, freeze
from tiefvision.vision import encoders, pixels
from tiefvision.vision.locator import networks_of, whole_grid
from tiefvision.vision.pixels import Pixels

# What lies on or is carried by a person without being a garment.
_NO_GARMENTS = frozenset(
    {
        "accessories", "bag", "bracelet", "glasses", "hair", "necklace", "purse", "ring", "skin",
        "sunglasses", "wallet", "watch",
    }
)  # fmt: skip
# What is looked for: the union of the boxes of these categories, in photographs that have any.
WANTED: Mapping[str, Callable[[str], bool]] = {
    "outfit": lambda category: category not in _NO_GARMENTS,
    "dress": lambda category: category == "dress",
    "bag": lambda category: category == "bag",
}


@dataclass(frozen=True, slots=True)
class Photo:
    """A photograph and the boxes in it by category."""

    file: Path
    content_id: str
    width: int
    height: int
    boxes: Mapping[str, Sequence[Box]]

    def union(self, wanted: Callable[[str], bool]) -> Box | None:
        """The box around all that is wanted; None where there is none of it."""
        found = [box for name, boxes in self.boxes.items() if wanted(name) for box in boxes]
        if not found:
            return None
        return Box(
            min(box.left for box in found),
            min(box.top for box in found),
            max(box.right for box in found),
            max(box.bottom for box in found),
        )


def photographs(folder: Path) -> list[Photo]:
    """The photographs of a folder with boxes.coco.json, in order of file name."""
    table = json.loads((folder / "boxes.coco.json").read_text(encoding="utf-8"))
    names = {row["id"]: row["name"] for row in table["categories"]}
    boxes: dict[int, dict[str, list[Box]]] = defaultdict(lambda: defaultdict(list))
    for row in table["annotations"]:
        left, top, width, height = row["bbox"]
        box = Box(left, top, left + width, top + height)
        boxes[row["image_id"]][names[row["category_id"]]].append(box)
    return [
        Photo(
            folder / row["file_name"],
            pixels.content_id((folder / row["file_name"]).read_bytes()),
            row["width"],
            row["height"],
            boxes[row["id"]],
        )
        for row in sorted(table["images"], key=lambda row: row["file_name"])
    ]


def grids(
    photos: Sequence[Photo], encoder: encoders.SideBySide, cache: Path, *, size: float = 1.0
) -> Float16[np.ndarray, "photos 2 rows cols channels"]:
    """Each photograph's grid, plain and mirrored; kept in the folder `cache`. size: see
    `whole_grid`."""
    cache.mkdir(parents=True, exist_ok=True)
    side = round(encoder.side * size)
    name = f"{encoder.name}-{side}-{networks_of(encoder)[0][:8]}-{len(photos)}.npy"
    kept = cache / name.replace("/", "-")
    if not kept.exists():
        images = (pixels.read(photo.file, side=encoder.side) for photo in photos)
        found = np.stack([both_grids(image, encoder, size=size) for image in images])
        np.save(kept, found)
    return np.load(kept, mmap_mode="r")


def both_grids(
    image: Pixels, encoder: encoders.SideBySide, *, size: float = 1.0
) -> Float16[np.ndarray, "2 r c channels"]:
    """An image's grid, plain and mirrored."""
    both = [whole_grid(encoder, image, mirror=mirror, size=size) for mirror in (False, True)]
    return np.stack(both).astype(np.float16)


def sample_set(
    name: str,
    photos: Sequence[Photo],
    grids: Float16[np.ndarray, "photos 2 rows cols channels"],
    encoder: encoders.SideBySide,
    *,
    finer: Sequence[Float16[np.ndarray, "photos 2 _rows _cols channels"]] = (),
) -> SampleSet:
    """The photographs that show what is wanted, with its box."""
    boxes = [photo.union(WANTED[name]) for photo in photos]
    taught = [
        Taught(photo.content_id, photo.width, photo.height, box)
        for photo, box in zip(photos, boxes, strict=True)
        if box is not None
    ]
    has = np.array([box is not None for box in boxes])
    parts = [part.channels for part in encoder.parts]
    return freeze(taught, grids[has], label=name, parts=parts, finer=[own[has] for own in finer])
