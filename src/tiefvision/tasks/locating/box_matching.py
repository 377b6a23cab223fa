"""Finds the photographs that a file of boxes names. What is not certain is said, never guessed."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tiefvision.store.attributes import normalise_path
from tiefvision.store.photographs import Photograph

# Photographs that are held of those that fit one name: enough to show that it is not certain.
_MOST_FITTING = 3
# Names of the catalogue that an unmatched one is compared with: a few milliseconds each.
_MOST_COMPARED = 5_000

UNKNOWN = "no photograph of the catalogue has this name"

# How a photograph fits a name, the best first.
_EXACTLY, _BY_END, _BY_FILE_NAME = range(3)


@dataclass(frozen=True, slots=True)
class Matches:
    """Photographs by the name that a file gives them, and why other names have none.

    by_file_name: how many were found by their file name alone.
    """

    photographs: Mapping[str, Photograph]
    reasons: Mapping[str, str]
    by_file_name: int


@dataclass(slots=True)
class _Name:
    """A name of the file and the photographs that fit it, by how they do."""

    key: str
    full: str
    fitting: tuple[dict[str, Photograph], ...] = field(default_factory=lambda: ({}, {}, {}))

    @property
    def best(self) -> int | None:
        """How the photographs fit that fit best."""
        return next((how for how, some in enumerate(self.fitting) if some), None)


def match(
    names: Iterable[str],
    photographs: Iterable[Photograph],
    *,
    folder: Path,
    name_key: Callable[[str], str] = str,
    photograph_key: Callable[[str], str] = str,
) -> Matches:
    """Find each name's photograph, looking through the photographs once.

    A name is a path below a root, as seen from `folder`, or in full; else the end of one
    photograph's path; else one photograph's file name. Photographs of the same content count as
    one. Of several names that are no exact ones, none gets the photograph that all of them fit.

    folder: the one that the file of boxes lies in. name_key, photograph_key: what names and paths
    have in common.
    """
    wanted = {name: _name(name, folder, name_key) for name in names}
    _collect(list(wanted.values()), photographs, photograph_key)
    found: dict[str, Photograph] = {}
    reasons: dict[str, str] = {}
    claims = _claims(wanted.values())
    for given, name in wanted.items():
        outcome = _outcome(name, claims)
        if isinstance(outcome, Photograph):
            found[given] = outcome
        else:
            reasons[given] = outcome
    by_file_name = sum(wanted[given].best == _BY_FILE_NAME for given in found)
    return Matches(found, reasons, by_file_name)


def near_matches(names: Sequence[str], photographs: Iterable[Photograph]) -> dict[str, str]:
    """The photograph whose file name is most like that of each name, where one is."""
    by_name: dict[str, str] = {}
    for photograph in photographs if names else ():
        if len(by_name) == _MOST_COMPARED:
            break
        by_name.setdefault(_last(photograph.path), photograph.path)
    found: dict[str, str] = {}
    for name in names:
        near = difflib.get_close_matches(_last(normalise_path(name)), by_name, n=1)
        if near:
            found[name] = by_name[near[0]]
    return found


def _name(name: str, folder: Path, key: Callable[[str], str]) -> _Name:
    path = normalise_path(name)
    seen_from_file = normalise_path(os.path.normpath(folder / path))
    return _Name(key(path), key(seen_from_file))


def _collect(
    names: Sequence[_Name], photographs: Iterable[Photograph], key: Callable[[str], str]
) -> None:
    """Note at each name which photographs fit it."""
    by_key: dict[str, list[_Name]] = {}
    by_full: dict[str, list[_Name]] = {}
    by_last: dict[str, dict[str, Photograph]] = {}
    for name in names:
        by_key.setdefault(name.key, []).append(name)
        by_full.setdefault(name.full, []).append(name)
        by_last.setdefault(_last(name.key), {})
    for photograph in photographs:
        inner = key(normalise_path(photograph.path))
        full = key(normalise_path(photograph.file))
        for name in (*by_key.get(inner, ()), *by_full.get(full, ())):
            _note(name.fitting[_EXACTLY], photograph)
        for end in _ends(full):
            for name in by_key.get(end, ()):
                _note(name.fitting[_BY_END], photograph)
        if (same_last := by_last.get(_last(full))) is not None:
            _note(same_last, photograph)
    for name in names:
        name.fitting[_BY_FILE_NAME].update(by_last[_last(name.key)])


def _note(fitting: dict[str, Photograph], photograph: Photograph) -> None:
    if len(fitting) < _MOST_FITTING:
        fitting.setdefault(_identity(photograph), photograph)


def _identity(photograph: Photograph) -> str:
    """What boxes are given to: the content, where it is known."""
    return photograph.content_id or f"image {photograph.id}"


def _ends(path: str) -> Iterator[str]:
    """b/c.jpg and c.jpg of /a/b/c.jpg."""
    place = path.find("/")
    while place >= 0:
        yield path[place + 1 :]
        place = path.find("/", place + 1)


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _claims(names: Iterable[_Name]) -> dict[str, list[tuple[int, str]]]:
    """(how, key) of every name that fits one photograph and no other, by photograph."""
    claims: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        if name.best is not None and len(name.fitting[name.best]) == 1:
            (identity,) = name.fitting[name.best]
            claims.setdefault(identity, []).append((name.best, name.key))
    return claims


def _outcome(name: _Name, claims: Mapping[str, Sequence[tuple[int, str]]]) -> Photograph | str:
    if name.best is None:
        return UNKNOWN
    fitting = name.fitting[name.best]
    if len(fitting) > 1:
        paths = ", ".join(photograph.file for photograph in fitting.values())
        return f"several photographs fit: {paths}"
    ((identity, photograph),) = fitting.items()
    if name.best != _EXACTLY:
        rivals = [key for how, key in claims[identity] if how <= name.best and key != name.key]
        if rivals:
            return f"{rivals[0]} fits the same photograph: {photograph.file}"
    if photograph.state == "refused":
        return f"{photograph.file} was refused: {photograph.reason}"
    if photograph.state != "indexed":
        return f"{photograph.file} is not indexed yet: index it first"
    return photograph
