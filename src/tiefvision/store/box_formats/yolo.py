"""YOLO: a folder with a text file for each photograph, and the names of its classes.

A line is "class centre-x centre-y width height", all but the class in fractions of the
photograph's width and height. Labels lie in `labels` as the photographs do in `images`. Names
stand in data.yaml, classes.txt or obj.names, beside the text files or one folder above.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import cast

import yaml

from tiefvision.errors import InvalidInput
from tiefvision.store.box_formats.annotations import (
    BoxedPhotograph,
    Drawn,
    Entry,
    Flaw,
    LabelledBox,
)
from tiefvision.store.box_formats.folders import new_file

_IMAGES, _LABELS = "images", "labels"
# Text files beside the labels that are none themselves.
_OTHER_TEXTS = frozenset({"classes.txt", "train.txt", "val.txt", "test.txt"})
_NAMES = ("data.yaml", "data.yml", "classes.txt", "obj.names")


def photograph_key(path: str) -> str:
    """What a photograph's path has in common with its text file's: neither suffix nor `images`."""
    return _without(path, _IMAGES)


def text_key(path: str) -> str:
    """What a text file's path has in common with its photograph's: neither suffix nor `labels`."""
    return _without(path, _LABELS)


def _without(path: str, folder: str) -> str:
    *folders, name = path.split("/")
    if folder in folders:
        del folders[_last(folders, folder)]
    return "/".join([*folders, name.rpartition(".")[0] or name])


def _last(folders: Sequence[str], folder: str) -> int:
    return len(folders) - 1 - folders[::-1].index(folder)


def read(path: Path) -> Iterator[Entry]:
    """The boxes of a YOLO folder. Raises InvalidInput when its classes have no names."""
    source, names = _names(path)
    for file in _files(path):
        name = file.relative_to(path).as_posix()
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except UnicodeDecodeError:
            yield Flaw(name, "it is no text file")
            continue
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _entry(line, name, f"{name}, line {number}", names=names, source=source)


def _files(folder: Path) -> list[Path]:
    files = sorted(folder.rglob("*.txt"))
    below_labels = [file for file in files if _LABELS in file.relative_to(folder).parts[:-1]]
    return below_labels or [file for file in files if file.name not in _OTHER_TEXTS]


def _entry(line: str, name: str, place: str, *, names: dict[int, str], source: Path) -> Entry:
    number, *fractions = line.split()
    try:
        x, y, width, height = (float(fraction) for fraction in fractions)
        label = names.get(int(number))
    except ValueError:
        return Flaw(
            place, f"{line.strip()[:80]!r} is not a class and its box: CLASS X Y WIDTH HEIGHT"
        )
    if label is None:
        return Flaw(place, f"class {number} has no name in {source}")
    edges = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return Drawn(name, label, edges, place, relative=True)


def _names(folder: Path) -> tuple[Path, dict[int, str]]:
    """The file that names the classes, and the names by class number."""
    for place in (folder, folder.parent):
        for name in _NAMES:
            file = place / name
            if file.is_file():
                return file, _names_in(file)
    raise InvalidInput(
        f"the classes of {folder} have no names: it holds none of {', '.join(_NAMES)}",
        remedy=f"write {folder / 'classes.txt'}, a line for each class, from class 0 on",
    )


def _names_in(file: Path) -> dict[int, str]:
    try:
        text = file.read_text(encoding="utf-8-sig")
        if file.suffix not in (".yaml", ".yml"):
            return dict(enumerate(text.splitlines()))
        document: object = yaml.safe_load(text)
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidInput(f"{file} cannot be read: {error}") from None
    fields = cast("dict[object, object]", document) if isinstance(document, dict) else {}
    names = fields.get("names")
    if isinstance(names, list):
        names = dict(enumerate(cast("list[object]", names)))
    if not isinstance(names, dict) or not names:
        raise InvalidInput(f"{file} has no names of classes", remedy='for example names: ["dress"]')
    # YAML reads a name such as `no` or 12 as something else than a text.
    return {
        number: str(name)
        for number, name in cast("dict[object, object]", names).items()
        if isinstance(number, int)
    }


def write(target: Path, photographs: Iterable[BoxedPhotograph], labels: Sequence[str]) -> None:
    """Write a YOLO folder: data.yaml, classes.txt and labels."""
    target.mkdir()
    names = "".join(f"  {number}: {json.dumps(label)}\n" for number, label in enumerate(labels))
    (target / "data.yaml").write_text(
        f"train: {_IMAGES}\nval: {_IMAGES}\nnames:\n{names}", encoding="utf-8"
    )
    (target / "classes.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
    classes = {label: number for number, label in enumerate(labels)}
    for photograph in photographs:
        lines = (
            f"{classes[labelled.label]} {_fractions(labelled, photograph)}\n"
            for labelled in photograph.boxes
        )
        file = new_file(target, _place(photograph.path))
        file.write_text("".join(lines), encoding="utf-8")


def _place(path: str) -> PurePosixPath:
    """images/a/1.jpg -> labels/a/1.txt, and a/1.jpg -> labels/a/1.txt."""
    place = PurePosixPath(path).with_suffix(".txt")
    folders = list(place.parts[:-1])
    if _IMAGES not in folders:
        return place if place.is_absolute() else PurePosixPath(_LABELS, place)
    last = _last(folders, _IMAGES)
    return PurePosixPath(*folders[:last], _LABELS, *folders[last + 1 :], place.name)


def _fractions(labelled: LabelledBox, photograph: BoxedPhotograph) -> str:
    box, width, height = labelled.box, photograph.width, photograph.height
    x, y = (box.left + box.right) / 2 / width, (box.top + box.bottom) / 2 / height
    return f"{x!r} {y!r} {box.width / width!r} {box.height / height!r}"
