"""What the house asks of a vector engine: durable rows of cells, and search by compact vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float16, Float32, Int32, Int64

from tiefvision.store.filters import ColumnType, Filter
from tiefvision.store.records import Attributes, RowKey


@runtime_checkable
class ProjectCells(Protocol):
    """Stored cells, float16 (n, length), to compact vectors."""

    def __call__(
        self, cells: Float16[np.ndarray, "n length"], /
    ) -> Float32[np.ndarray, "n dimensions"]: ...


@runtime_checkable
class CompactOf(Protocol):
    """Images to the compact vectors that they have already; zeros for one that has none."""

    def __call__(
        self, image_ids: Int64[np.ndarray, " n"], /
    ) -> Float16[np.ndarray, "n dimensions"]: ...


@dataclass(frozen=True, slots=True)
class VectorRows:
    """Rows to be written or just read.

    cells: float16 (n, length), stored unit cells, flattened.
    compact: search space id -> float32 (n, dimensions); the spaces that have a projection.
    """

    keys: Sequence[RowKey]
    cells: Float16[np.ndarray, "n length"]
    attributes: Sequence[Attributes]
    compact: Mapping[str, Float32[np.ndarray, "n dimensions"]] = field(
        default_factory=dict[str, Float32[np.ndarray, "n dimensions"]]
    )


@dataclass(frozen=True, slots=True)
class Candidates:
    """A shortlist, best first. compact similarities rank; they are not the exact ones."""

    keys: Sequence[RowKey]
    compact_similarities: Float32[np.ndarray, " n"]


@dataclass(frozen=True, slots=True)
class Matching:
    """Rows that satisfy a filter, by image id: an image of which a row is out of date, or not yet
    acknowledged, may have several."""

    image_ids: Int64[np.ndarray, " n"]
    attributes_revisions: Int32[np.ndarray, " n"]

    def holds(self, key: RowKey) -> bool:
        """Whether the row of these attributes is among them."""
        first, last = np.searchsorted(self.image_ids, [key.image_id, key.image_id + 1])
        return key.attributes_revision in self.attributes_revisions[first:last]


@runtime_checkable
class VectorStore(Protocol):
    """The rows of one cell space. Every method is safe beside readers of other processes;
    only the holder of the catalogue's index lease writes."""

    @property
    def cell_space_id(self) -> str: ...

    def append(self, rows: VectorRows) -> None:
        """Add rows durably. Raises SpaceMismatch when their length is not this space's."""
        ...

    def remove_superseded(self, current: Sequence[RowKey]) -> None:
        """Remove the other rows of these images: older content, boxes, attributes."""
        ...

    def remove_images(self, image_ids: Sequence[int]) -> None:
        """Remove all rows of these images."""
        ...

    def each_key(self) -> Iterator[tuple[Int64[np.ndarray, " n"], list[RowKey]]]:
        """Batches of (engine row ids, keys) of every row."""
        ...

    def remove_rows(self, row_ids: Sequence[int]) -> None:
        """Remove rows by the engine's own row ids, as `each_key` gives them."""
        ...

    def fetch(self, image_ids: Sequence[int]) -> VectorRows:
        """The rows of these images, cells and keys; attributes are left empty."""
        ...

    def each_cells(self, image_ids: Sequence[int] | None = None) -> Iterator[VectorRows]:
        """Batches of rows, all or of some images, in bounded memory."""
        ...

    def matching(self, where: Filter) -> Matching:
        """The rows whose attributes satisfy a filter."""
        ...

    def nearest(
        self,
        query: Float32[np.ndarray, " dimensions"],
        *,
        search_space_id: str,
        limit: int,
        where: Filter | None,
    ) -> Candidates:
        """The rows whose compact vectors have the largest dot product with the query's."""
        ...

    def declare_columns(self, columns: Mapping[str, ColumnType]) -> None:
        """Make sure that these attribute columns exist with these types; integers may widen."""
        ...

    def add_search_space(
        self, search_space_id: str, *, dimensions: int, project: ProjectCells
    ) -> None:
        """Add the compact vectors of a search space, derived from every row's cells."""
        ...

    def copy_search_space(
        self, search_space_id: str, *, dimensions: int, compact: CompactOf
    ) -> None:
        """Add the compact vectors of a search space that are at hand; no cells are read."""
        ...

    def search_space_ids(self) -> list[str]:
        """The search spaces that rows have compact vectors of."""
        ...

    def drop_search_space(self, search_space_id: str) -> None:
        """Remove the compact vectors of a search space."""
        ...

    def optimize(self, *, search_space_ids: Sequence[str], columns: Sequence[str]) -> None:
        """Merge small files, build or extend indexes, drop old versions. One owner at a time."""
        ...
