"""COCO: one JSON file with images, categories and annotations.

A `bbox` is [left, top, width, height] in pixels from the left top corner. Outlines
(`segmentation`) are left out; regions of a crowd (`iscrowd`) are no boxes of one thing.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO, TypeVar, cast

from tiefvision.errors import InvalidInput
from tiefvision.store.box_formats.annotations import (
    BoxedPhotograph,
    Drawn,
    Edges,
    Entry,
    Flaw,
    Ignored,
    held,
    plain,
)

_EXPECTED = (
    'a COCO file is {"images": [{"id": 1, "file_name": "1.jpg", "width": 800, "height": 1200}], '
    '"categories": [{"id": 1, "name": "dress"}], '
    '"annotations": [{"image_id": 1, "category_id": 1, "bbox": [left, top, width, height]}]}'
)


_Thing = TypeVar("_Thing")


class _Annotation(NamedTuple):
    """What counts of an annotation. Outlines of a million would fill the memory."""

    id: object
    image_id: object
    category_id: object
    bbox: object
    is_crowd: bool
    has_outline: bool


class _Image(NamedTuple):
    path: str
    size: tuple[int, int] | None


def read(path: Path) -> Iterator[Entry]:
    """The boxes of a COCO file. Raises InvalidInput when it is none."""
    document = _document(path)
    labels = {id_: name for id_, name, _ in _described(path, document, "categories", "name")}
    images = {
        id_: _Image(name, _size(entry))
        for id_, name, entry in _described(path, document, "images", "file_name")
    }
    annotations = document.get("annotations")
    if not isinstance(annotations, list):
        raise InvalidInput(f"{path} has no list of annotations", remedy=_EXPECTED)
    for number, annotation in enumerate(_taken(cast("list[object]", annotations)), start=1):
        if not isinstance(annotation, _Annotation):
            yield Flaw(
                f"annotation {number} of the list", f"it has no bbox: {str(annotation)[:80]}"
            )
        elif annotation.is_crowd:
            yield Ignored("regions of a crowd")
        else:
            if annotation.has_outline:
                yield Ignored("outlines (segmentation) beside a box")
            yield _entry(annotation, number, images=images, labels=labels)


def _taken(items: list[object]) -> Iterator[object]:
    """The items of a list, which lets go of each: a million are not held twice."""
    items.reverse()
    while items:
        yield items.pop()


def _entry(
    annotation: _Annotation,
    number: int,
    *,
    images: dict[int | str, _Image],
    labels: dict[int | str, str],
) -> Entry:
    own_id = annotation.id
    place = f"annotation {number} of the list" if own_id is None else f"annotation {own_id}"
    image, label = _named(images, annotation.image_id), _named(labels, annotation.category_id)
    if image is None:
        return Flaw(place, f"image_id {annotation.image_id!r} is none of the file's images")
    if label is None:
        return Flaw(place, f"category_id {annotation.category_id!r} is none of its categories")
    edges = _edges(annotation.bbox)
    if edges is None:
        shown = str(annotation.bbox)[:80]
        return Flaw(place, f"bbox {shown} is not [left, top, width, height], four numbers")
    return Drawn(image.path, label, edges, place, image.size)


def _named(things: dict[int | str, _Thing], id_: object) -> _Thing | None:
    return things.get(id_) if isinstance(id_, int | str) else None


def _edges(bbox: object) -> Edges | None:
    if not isinstance(bbox, list):
        return None
    values = cast("list[object]", bbox)
    if len(values) != 4:
        return None
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) != 4 or any(isinstance(value, bool) for value in numbers):
        return None
    try:
        left, top, width, height = (float(value) for value in numbers)
    except OverflowError:
        return None
    return left, top, left + width, top + height


def _document(path: Path) -> dict[str, object]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            document = json.load(file, object_hook=_slim)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} is no JSON file: {error}") from None
    if not isinstance(document, dict):
        raise InvalidInput(
            f"{path} holds no object with images, categories and annotations", remedy=_EXPECTED
        )
    return cast("dict[str, object]", document)


def _slim(entry: dict[str, object]) -> object:
    if "bbox" not in entry:
        return entry
    return _Annotation(
        id=entry.get("id"),
        image_id=entry.get("image_id"),
        category_id=entry.get("category_id"),
        bbox=entry["bbox"],
        is_crowd=bool(entry.get("iscrowd")),
        has_outline=bool(entry.get("segmentation")),
    )


def _described(
    path: Path, document: dict[str, object], key: str, name_key: str
) -> Iterator[tuple[int | str, str, dict[str, object]]]:
    """(id, name, entry) of the images or categories."""
    entries = document.get(key)
    if not isinstance(entries, list) or not entries:
        raise InvalidInput(f"{path} has no {key}", remedy=_EXPECTED)
    seen: set[int | str] = set()
    for number, entry in enumerate(cast("list[object]", entries), start=1):
        fields = cast("dict[str, object]", entry) if isinstance(entry, dict) else {}
        id_, name = fields.get("id"), fields.get(name_key)
        if not isinstance(id_, int | str) or not isinstance(name, str):
            raise InvalidInput(
                f"{path}: entry {number} of {key} has no id and {name_key}: {str(entry)[:80]}",
                remedy=_EXPECTED,
            )
        if id_ in seen:
            raise InvalidInput(f"{path}: two {key} have the id {id_!r}; ids are unique")
        seen.add(id_)
        yield id_, name, fields


def _size(image: dict[str, object]) -> tuple[int, int] | None:
    width, height = image.get("width"), image.get("height")
    if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
        return width, height
    return None


def write(target: Path, photographs: Iterable[BoxedPhotograph], labels: Sequence[str]) -> None:
    """Write a COCO file, an entry a line."""
    category_ids = {label: number for number, label in enumerate(labels, start=1)}
    with (
        target.open("w", encoding="utf-8") as file,
        # Annotations come after the images and are as many as they like: they wait on disk.
        tempfile.TemporaryFile("w+", encoding="utf-8") as waiting,
    ):
        images, annotations = _Entries(file), _Entries(waiting)
        file.write('{"images": [')
        for image_id, photograph in enumerate(photographs, start=1):
            images.add(
                {
                    "id": image_id,
                    "file_name": photograph.path,
                    "width": photograph.width,
                    "height": photograph.height,
                }
            )
            for labelled in photograph.boxes:
                left, top, right, bottom = labelled.box.as_list()
                _, _, width, height = held((left, top, right - left, bottom - top))
                entry: dict[str, object] = {
                    "id": annotations.count + 1,
                    "image_id": image_id,
                    "category_id": category_ids[labelled.label],
                    "bbox": [plain(value) for value in (left, top, width, height)],
                    "area": plain(labelled.box.area),
                    "iscrowd": 0,
                }
                if labelled.confidence is not None:
                    entry["score"] = labelled.confidence
                annotations.add(entry)
        file.write('\n],\n"annotations": [')
        waiting.seek(0)
        shutil.copyfileobj(waiting, file)
        file.write('\n],\n"categories": [')
        categories = _Entries(file)
        for label, id_ in category_ids.items():
            categories.add({"id": id_, "name": label})
        file.write("\n]}\n")


class _Entries:
    """The entries of a JSON list that is being written."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.count = 0

    def add(self, entry: dict[str, object]) -> None:
        self._file.write(f"{',' if self.count else ''}\n{json.dumps(entry)}")
        self.count += 1
