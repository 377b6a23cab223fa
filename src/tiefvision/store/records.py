"""The rows of the catalogue as the rest of the house sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tiefvision.maths.boxes import Box

Attributes = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class RowKey:
    """Which image a row of vectors belongs to, and at which revisions of it they were made."""

    image_id: int
    content_id: str
    box_revision: int
    attributes_revision: int


@dataclass(frozen=True, slots=True)
class FileSeen:
    """A file that a walk found. attributes: None leaves what the catalogue has."""

    path: str
    file_bytes: int
    modified_ns: int
    attributes: Attributes | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """What registering a batch of files found: how many are new, changed, and so on."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0

    def __add__(self, other: Registered) -> Registered:
        return Registered(
            self.new + other.new,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.refused + other.refused,
        )


@dataclass(frozen=True, slots=True)
class Image:
    """One row of the catalogue: a file and what was acknowledged about it."""

    id: int
    root: str
    path: str
    content_id: str | None
    file_bytes: int | None
    modified_ns: int | None
    width: int | None
    height: int | None
    state: str
    reason: str | None
    remedy: str | None
    duplicate_of: int | None
    box: Box | None
    box_source: str | None
    box_revision: int
    attributes: Attributes
    wanted_attributes: Attributes | None
    attributes_revision: int
    cell_space_id: str | None
    version: int
    vanished: bool

    @property
    def key(self) -> RowKey:
        """The key of the acknowledged row of vectors."""
        return RowKey(self.id, self.content_id or "", self.box_revision, self.attributes_revision)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """An image whose vectors are written: what the catalogue shall say of it from now on."""

    image_id: int
    content_id: str
    file_bytes: int
    modified_ns: int
    width: int
    height: int
    box: Box
    box_source: str
    box_revision: int
    attributes: Attributes
    attributes_revision: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that cannot be indexed, with the reason and what its owner can do."""

    image_id: int
    content_id: str | None
    file_bytes: int
    modified_ns: int
    reason: str
    remedy: str
