"""Pascal VOC: a folder with an XML file for each photograph.

Pixels are counted from 1, and xmax and ymax are the last ones inside the box. So the half-open
box of pixels counted from 0 is left = xmin - 1, top = ymin - 1, right = xmax, bottom = ymax.
Parts of objects are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from tiefvision.errors import InvalidInput
from tiefvision.maths.boxes import Box
from tiefvision.store.box_formats.annotations import (
    BoxedPhotograph,
    Drawn,
    Entry,
    Flaw,
    held,
    plain,
)
from tiefvision.store.box_formats.folders import new_file

_EDGES = ("xmin", "ymin", "xmax", "ymax")
# What XML 1.0 cannot hold, and what it would not give back.
_IMPOSSIBLE = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read(path: Path) -> Iterator[Entry]:
    """The boxes of a folder of VOC files, or of one of them."""
    files = sorted(path.rglob("*.xml")) if path.is_dir() else [path]
    for file in files:
        name = file.relative_to(path).as_posix() if path.is_dir() else file.name
        try:
            parser = ElementTree.XMLParser(target=_PlainTree())
            root = ElementTree.parse(file, parser).getroot()
        except (ElementTree.ParseError, LookupError, ValueError) as error:
            yield Flaw(name, f"no XML file: {error}")
        else:
            yield from _entries(root, name)


class _PlainTree(ElementTree.TreeBuilder):
    """Refuses documents that declare entities: a few lines of those can fill any memory."""

    def doctype(self, name: str, _pubid: str | None, _system: str | None) -> None:
        raise ValueError(f"it has a document type ({name}), which VOC files have not")


def _entries(root: ElementTree.Element, name: str) -> Iterator[Entry]:
    photograph = _text(root, "filename")
    if not photograph:
        yield Flaw(name, "it has no <filename>")
        return
    folder = _text(root, "folder")
    path = f"{folder}/{photograph}" if folder and "/" not in photograph else photograph
    size = _size(root)
    for number, thing in enumerate(root.iterfind("object"), start=1):
        place = f"{name}, object {number}"
        texts = [_text(thing, f"bndbox/{edge}") for edge in _EDGES]
        try:
            xmin, ymin, xmax, ymax = (float(text) for text in texts)
        except ValueError:
            yield Flaw(place, f"its {', '.join(_EDGES)} are not four numbers: {texts}")
        else:
            edges = (xmin - 1, ymin - 1, xmax, ymax)
            yield Drawn(path, _text(thing, "name"), edges, place, size)


def _size(root: ElementTree.Element) -> tuple[int, int] | None:
    width, height = _text(root, "size/width"), _text(root, "size/height")
    if not (width.isdecimal() and height.isdecimal()):
        return None
    size = int(width), int(height)
    return size if min(size) > 0 else None


def _text(element: ElementTree.Element, below: str) -> str:
    return (element.findtext(below) or "").strip()


def write(target: Path, photographs: Iterable[BoxedPhotograph], labels: Sequence[str]) -> None:
    """Write a folder of VOC files, laid out as the photographs are."""
    target.mkdir()
    for photograph in photographs:
        document = _document(photograph)
        ElementTree.indent(document)
        file = new_file(target, PurePosixPath(photograph.path).with_suffix(".xml"))
        file.write_bytes(ElementTree.tostring(document, encoding="utf-8"))


def _document(photograph: BoxedPhotograph) -> ElementTree.Element:
    if _IMPOSSIBLE.search(photograph.path):
        raise InvalidInput(
            f"the name {photograph.path!r} cannot be written as XML", remedy="use --format coco"
        )
    place = PurePosixPath(photograph.path)
    root = ElementTree.Element("annotation")
    _add(root, "folder", "" if place.parent == PurePosixPath() else str(place.parent))
    _add(root, "filename", place.name)
    size = ElementTree.SubElement(root, "size")
    for name, value in (("width", photograph.width), ("height", photograph.height), ("depth", 3)):
        _add(size, name, value)
    _add(root, "segmented", 0)
    for labelled in photograph.boxes:
        thing = ElementTree.SubElement(root, "object")
        _add(thing, "name", labelled.label)
        _add(thing, "pose", "Unspecified")
        _add(thing, "truncated", 0)
        _add(thing, "difficult", 0)
        frame = ElementTree.SubElement(thing, "bndbox")
        for name, edge in zip(_EDGES, _inclusive(labelled.box), strict=True):
            _add(frame, name, plain(edge))
    return root


def _inclusive(box: Box) -> Sequence[float]:
    return held((box.left + 1, box.top + 1, box.right, box.bottom))


def _add(parent: ElementTree.Element, name: str, value: object) -> None:
    ElementTree.SubElement(parent, name).text = str(value)
