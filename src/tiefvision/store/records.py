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
class Encoding:
    """What was acknowledged of an image in a cell space: its vectors are written.

    box: where the product is, in pixels of the upright photograph; box_source: human, model,
    guess or whole; box_confidence: how sure the locator is, 0 to 1, None where none was asked.
    box_revision: change number of the human box, 0 where there is none. version: change number
    of the acknowledgement.
    """

    image_id: int
    content_id: str
    box: Box
    box_source: str
    box_confidence: float | None
    box_revision: int
    attributes_revision: int
    version: int

    @property
    def key(self) -> RowKey:
        """The key of its row of vectors."""
        return RowKey(self.image_id, self.content_id, self.box_revision, self.attributes_revision)


@dataclass(frozen=True, slots=True)
class Image:
    """One row of the catalogue: a file and what is known about it.

    drawn_revision: change number of the newest box that people drew on it, 0 where there is none.
    encoding: in the cell space that was asked; None where it has none, and where no space was.
    """

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
    attributes: Attributes
    wanted_attributes: Attributes | None
    attributes_revision: int
    vanished: bool
    drawn_revision: int = 0
    encoding: Encoding | None = None

    @property
    def found(self) -> Encoding | None:
        """The encoding by which queries find it: of the content that it was last seen to have."""
        own = self.encoding
        if own is None or self.state != "indexed" or own.content_id != self.content_id:
            return None
        return own


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
    box_confidence: float | None
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
