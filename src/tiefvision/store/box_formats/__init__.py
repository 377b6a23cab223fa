"""The formats of files of boxes: reading, writing, and telling which one a file has."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tiefvision.errors import InvalidInput, NotFound
from tiefvision.store.box_formats import coco, csv, voc, yolo
from tiefvision.store.box_formats.annotations import BoxedPhotograph, Entry

# Writes a new file or folder, given all labels in the order of their classes.
Write = Callable[[Path, Iterable[BoxedPhotograph], Sequence[str]], None]


@dataclass(frozen=True, slots=True)
class BoxFormat:
    """A format of boxes. suffixes: of its files; none where it is a folder.

    photograph_key, name_key: what a photograph's path and its name in such a file have in common.
    """

    name: str
    read: Callable[[Path], Iterator[Entry]]
    write: Write
    suffixes: Sequence[str] = ()
    photograph_key: Callable[[str], str] = str
    name_key: Callable[[str], str] = str

    @property
    def is_folder(self) -> bool:
        return not self.suffixes


FORMATS = {
    format.name: format
    for format in (
        BoxFormat("coco", coco.read, coco.write, (".json",)),
        BoxFormat("voc", voc.read, voc.write),
        BoxFormat("yolo", yolo.read, yolo.write, (), yolo.photograph_key, yolo.text_key),
        BoxFormat("csv", csv.read, csv.write, (".csv", ".tsv")),
    )
}
_CHOICE = f"--format {'|'.join(FORMATS)}"


def of_file(file: Path, name: str | None = None) -> BoxFormat:
    """The format of a file or folder that exists: the named one, or the one that it looks like.

    Raises NotFound, and InvalidInput for a name that is none and where it cannot be told.
    """
    if not file.exists():
        siblings = [each.name for each in file.parent.iterdir()] if file.parent.is_dir() else []
        near = difflib.get_close_matches(file.name, siblings, n=1)
        raise NotFound(
            f"there is no file or folder {file}",
            remedy=f"did you mean {file.parent / near[0]}?" if near else "",
        )
    if name is None:
        return _of_folder(file) if file.is_dir() else of_name(file)
    format = _named(name)
    if file.is_dir() and not format.is_folder:
        raise InvalidInput(f"{file} is a folder; expected a {format.suffixes[0]} file")
    if not file.is_dir() and format is FORMATS["yolo"]:
        raise InvalidInput(f"{file} is no folder; expected one of text files and data.yaml")
    return format


def of_name(file: Path, name: str | None = None) -> BoxFormat:
    """The named format, or that of a file's suffix. Raises InvalidInput."""
    if name is not None:
        return _named(name)
    suffix = file.suffix.lower()
    for format in FORMATS.values():
        if suffix in format.suffixes:
            return format
    if suffix == ".xml":
        return FORMATS["voc"]
    raise InvalidInput(
        f"the format of {file} cannot be told from its name", remedy=f"say which: {_CHOICE}"
    )


def _named(name: str) -> BoxFormat:
    if name not in FORMATS:
        raise InvalidInput(f"there is no format {name!r} of boxes", remedy=f"say which: {_CHOICE}")
    return FORMATS[name]


def _of_folder(folder: Path) -> BoxFormat:
    fits = [
        FORMATS[name]
        for name, pattern in (("voc", "*.xml"), ("yolo", "*.txt"))
        if next(folder.rglob(pattern), None) is not None
    ]
    if len(fits) == 1:
        return fits[0]
    holds = "both XML and text files" if fits else "no XML and no text files"
    raise InvalidInput(
        f"the format of {folder} cannot be told: it holds {holds}", remedy=f"say which: {_CHOICE}"
    )
