"""The default vector engine: one Lance dataset for each cell space, a folder on disk.

Every row holds an image's cells (float16) beside a compact vector for each search space that has
a projection, so that a new search space is one more column, derived without the photographs.
Rows are only ever appended and deleted. The lance package is imported when a dataset is first
opened, since that takes longer than a whole search that does not need it.
"""

# Arrow's arrays are generic in its stubs only.
# pyright: reportMissingTypeArgument=false, reportUnknownParameterType=false

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Float16, Float32, Int64

from tiefvision.errors import SpaceMismatch, StoreError
from tiefvision.store.attribute_types import arrow_type
from tiefvision.store.filters import ColumnType, Filter, render_lance
from tiefvision.store.lance_rows import (
    KEYS,
    compact_column,
    row_keys,
    search_spaces_of,
    table_of,
    vectors_column,
    vectors_of,
)
from tiefvision.store.records import RowKey
from tiefvision.store.vectors import Candidates, CompactOf, Matching, ProjectCells, VectorRows

if TYPE_CHECKING:
    from lance import LanceDataset

# Rows in one read: 64 rows of 46 kB of cells are 3 MB.
_BATCH_ROWS = 64

# Below this the engine scans its vectors as fast as an index would answer (design: ~20k rows).
INDEX_FROM_ROWS = 20_000

# Fragments are merged when there are more than this many, into files of this many rows: the engine
# reads all of one ahead when it merges or adds a column, and 512 rows of 46 kB are 24 MB.
_MOST_FRAGMENTS = 32
_FRAGMENT_ROWS = 512

# Old versions are dropped once no query can still be reading them.
LONGEST_QUERY_S = 300

# 32 partitions and 8 times as many exact comparisons as hits keep recall (benchmarks/search.py).
_PARTITIONS_PROBED = 32
_REFINE_FACTOR = 8

_COMMIT_TRIES = 8
# No attribute's name begins with "_" (attributes.RESERVED_STARTS).
_WIDE, _NARROW = "_wide_", "_narrow_"
_Result = TypeVar("_Result")


class LanceStore:
    """The rows of one cell space in `folder`; see `VectorStore`."""

    def __init__(self, folder: Path, *, cell_space_id: str, cell_length: int) -> None:
        self._folder = folder
        self._cell_space_id = cell_space_id
        self._cell_length = cell_length
        self._opened: LanceDataset | None = None

    @property
    def cell_space_id(self) -> str:
        return self._cell_space_id

    def append(self, rows: VectorRows) -> None:
        dataset = self._dataset()
        self._check_length(rows.cells.shape[1])
        self._commit(lambda: dataset.insert(table_of(rows, dataset.schema)))

    def remove_superseded(self, current: Sequence[RowKey]) -> None:
        keep = {key.image_id: key for key in current}
        doomed: list[int] = []
        for row_ids, keys in self._each_key(_ids_filter(list(keep))):
            doomed += [
                int(row)
                for row, key in zip(row_ids, keys, strict=True)
                if key != keep[key.image_id]
            ]
        self.remove_rows(doomed)

    def remove_images(self, image_ids: Sequence[int]) -> None:
        dataset = self._dataset()
        for some in _chunks(image_ids):
            where = _ids_filter(some)
            self._commit(lambda where=where: dataset.delete(where))

    def each_key(self) -> Iterator[tuple[Int64[np.ndarray, " n"], list[RowKey]]]:
        return self._each_key(None)

    def remove_rows(self, row_ids: Sequence[int]) -> None:
        dataset = self._dataset()
        for some in _chunks(row_ids):
            where = f"_rowid IN ({','.join(map(str, some))})"
            self._commit(lambda where=where: dataset.delete(where))

    def fetch(self, image_ids: Sequence[int]) -> VectorRows:
        batches = list(self.each_cells(image_ids))
        keys = [key for batch in batches for key in batch.keys]
        cells = [np.empty((0, self._cell_length), np.float16), *(batch.cells for batch in batches)]
        return VectorRows(keys, np.concatenate(cells), attributes=[{} for _ in keys])

    def each_cells(self, image_ids: Sequence[int] | None = None) -> Iterator[VectorRows]:
        dataset = self._newest()
        filters = [None] if image_ids is None else [_ids_filter(c) for c in _chunks(image_ids)]
        for where in filters:
            scanner = dataset.scanner(
                columns=[*KEYS, "cells"],
                filter=where,
                batch_size=_BATCH_ROWS,
                batch_readahead=2,
                fragment_readahead=1,
            )
            for batch in scanner.to_batches():
                keys = row_keys(batch)
                yield VectorRows(
                    keys=keys,
                    cells=vectors_of(batch.column("cells"), self._cell_length),
                    attributes=[{} for _ in keys],
                )

    def matching(self, where: Filter) -> Matching:
        names = ["image_id", "attributes_revision"]
        table = self._newest().scanner(columns=names, filter=render_lance(where)).to_table()
        ids = table.column("image_id").to_numpy()
        order = np.argsort(ids, kind="stable")
        return Matching(ids[order], table.column("attributes_revision").to_numpy()[order])

    def nearest(
        self,
        query: Float32[np.ndarray, " dimensions"],
        *,
        search_space_id: str,
        limit: int,
        where: Filter | None,
    ) -> Candidates:
        table = (
            self._newest()
            .scanner(
                columns=[*KEYS, "_distance"],
                nearest={
                    "column": compact_column(search_space_id),
                    "q": query.astype(np.float16),
                    "k": limit,
                    "nprobes": _PARTITIONS_PROBED,
                    "refine_factor": _REFINE_FACTOR,
                    "metric": "dot",
                },
                filter=None if where is None else render_lance(where),
                prefilter=True,
            )
            .to_table()
        )
        # The engine's "dot" figure is one minus the dot product: smaller is nearer.
        similarities = 1 - table.column("_distance").to_numpy()
        return Candidates(
            keys=[key for batch in table.to_batches() for key in row_keys(batch)],
            compact_similarities=similarities.astype(np.float32),
        )

    def declare_columns(self, columns: Mapping[str, ColumnType]) -> None:
        dataset = self._dataset()
        halves = [name for name in dataset.schema.names if name.startswith((_WIDE, _NARROW))]
        if halves:  # of a widening that was cut off
            self._commit(lambda: dataset.drop_columns(halves))
        wanted = {name: arrow_type(kind) for name, kind in columns.items()}
        present = {field.name: field.type for field in dataset.schema}
        # The catalogue never narrows a column, so one of another type was never named in it: a run
        # was cut off between the two. Numbers that a cut-off run widened hold integers as well.
        numbers = (pa.int64(), pa.float64())
        strangers = [
            name
            for name, kind in wanted.items()
            if present.get(name, kind) != kind
            and not (kind in numbers and present[name] in numbers)
        ]
        if strangers:
            self._commit(lambda: dataset.drop_columns(strangers))
        missing = [name for name in wanted if name not in present or name in strangers]
        if missing:
            added = pa.schema([pa.field(name, wanted[name]) for name in missing])
            self._commit(lambda: dataset.add_columns(added))
        for name, kind in wanted.items():
            if (present.get(name), kind) == numbers:
                self._widen(name)

    def _widen(self, name: str) -> None:
        """Make a column of integers one of numbers, which the engine's own cast cannot do."""
        dataset = self._dataset()
        wide, narrow = f"{_WIDE}{name}", f"{_NARROW}{name}"
        self._commit(lambda: dataset.add_columns({wide: f"CAST(`{name}` AS DOUBLE)"}))
        # Both names change in one commit: no query misses the column.
        changes = [{"path": name, "name": narrow}, {"path": wide, "name": name}]
        self._commit(lambda: dataset.alter_columns(*changes))  # pyright: ignore[reportArgumentType]
        self._commit(lambda: dataset.drop_columns([narrow]))

    def add_search_space(
        self, search_space_id: str, *, dimensions: int, project: ProjectCells
    ) -> None:
        def of_cells(batch: pa.RecordBatch) -> Float32[np.ndarray, "n dimensions"]:
            return project(vectors_of(batch.column("cells"), self._cell_length))

        self._add_vectors(search_space_id, dimensions, of_cells, read="cells")

    def copy_search_space(
        self, search_space_id: str, *, dimensions: int, compact: CompactOf
    ) -> None:
        def of_image(batch: pa.RecordBatch) -> Float16[np.ndarray, "n dimensions"]:
            return compact(batch.column("image_id").to_numpy())

        self._add_vectors(search_space_id, dimensions, of_image, read="image_id")

    def _add_vectors(
        self,
        search_space_id: str,
        dimensions: int,
        derive: Callable[[pa.RecordBatch], Float[np.ndarray, "n dimensions"]],
        *,
        read: str,
    ) -> None:
        """Add a column that is derived from another one."""
        dataset = self._dataset()
        name = compact_column(search_space_id)
        if name in dataset.schema.names:
            return
        schema = pa.schema([pa.field(name, pa.list_(pa.float16(), dimensions))])

        def derived(batch: pa.RecordBatch) -> pa.RecordBatch:
            return pa.record_batch([vectors_column(derive(batch), dimensions)], schema=schema)

        if dataset.count_rows() == 0:
            self._commit(lambda: dataset.add_columns(schema))
            return
        self._commit(
            lambda: dataset.add_columns(derived, read_columns=[read], batch_size=_BATCH_ROWS)
        )

    def search_space_ids(self) -> list[str]:
        names = self._dataset().schema.names
        return search_spaces_of(names)

    def drop_search_space(self, search_space_id: str) -> None:
        dataset = self._dataset()
        name = compact_column(search_space_id)
        if name in dataset.schema.names:
            self._commit(lambda: dataset.drop_columns([name]))

    def optimize(self, *, search_space_ids: Sequence[str], columns: Sequence[str]) -> None:
        dataset = self._dataset()
        if len(dataset.get_fragments()) > _MOST_FRAGMENTS:
            self._commit(
                lambda: dataset.optimize.compact_files(
                    target_rows_per_fragment=_FRAGMENT_ROWS, batch_size=_BATCH_ROWS, num_threads=1
                )
            )
        if dataset.count_rows() >= INDEX_FROM_ROWS:
            self._index(dataset, search_space_ids, columns)
        dataset.cleanup_old_versions(timedelta(seconds=LONGEST_QUERY_S))

    def _index(
        self, dataset: LanceDataset, search_space_ids: Sequence[str], columns: Sequence[str]
    ) -> None:
        present = {column for index in dataset.list_indices() for column in index["fields"]}
        for column in ("image_id", *columns):
            if column not in present:
                kind = "BITMAP" if dataset.schema.field(column).type == pa.bool_() else "BTREE"
                dataset.create_scalar_index(column, kind)
        for vectors in map(compact_column, search_space_ids):
            if vectors not in present:
                dataset.create_index(vectors, "IVF_RQ", metric="dot")
        dataset.optimize.optimize_indices()

    def _each_key(
        self, where: str | None
    ) -> Iterator[tuple[Int64[np.ndarray, " n"], list[RowKey]]]:
        scanner = self._newest().scanner(columns=list(KEYS), filter=where, with_row_id=True)
        for batch in scanner.to_batches():
            row_ids = batch.column("_rowid").to_numpy(zero_copy_only=False).astype(np.int64)
            yield row_ids, row_keys(batch)

    def _dataset(self) -> LanceDataset:
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def _newest(self) -> LanceDataset:
        """The newest version, to read. What other threads are reading stays as it is."""
        dataset = self._dataset()
        newest = dataset.checkout_version(dataset.latest_version)
        self._opened = newest
        return newest

    def _open(self) -> LanceDataset:
        import lance  # 0.4 s; see the top of this file

        # A process that was killed while it made the dataset left a folder without any version.
        if not any(self._folder.glob("_versions/*.manifest")):
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            try:
                return lance.write_dataset(
                    pa.Table.from_pylist([], schema=self._schema()), self._folder
                )
            except OSError as error:
                if "already exists" not in str(error):
                    raise  # another process made it since
        try:
            dataset = lance.dataset(self._folder)
        except (OSError, ValueError) as error:
            raise StoreError(
                f"the vectors in {self._folder} cannot be read: {error}",
                remedy="remove that folder and index again, or restore a snapshot",
            ) from error
        owner = (dataset.schema.metadata or {}).get(b"cell_space_id", b"").decode()
        if owner != self._cell_space_id:
            raise SpaceMismatch(
                f"{self._folder} holds vectors of cell space {owner or 'unknown'}, "
                f"not of {self._cell_space_id}"
            )
        self._check_length(dataset.schema.field("cells").type.list_size)
        return dataset

    def _schema(self) -> pa.Schema:
        return pa.schema(
            [
                pa.field("image_id", pa.int64(), nullable=False),
                pa.field("content_id", pa.string(), nullable=False),
                pa.field("box_revision", pa.int32(), nullable=False),
                pa.field("attributes_revision", pa.int32(), nullable=False),
                pa.field("cells", pa.list_(pa.float16(), self._cell_length), nullable=False),
            ],
            metadata={"cell_space_id": self._cell_space_id},
        )

    def _check_length(self, length: int) -> None:
        if length != self._cell_length:
            raise SpaceMismatch(
                f"vectors of {length} numbers do not belong to cell space {self._cell_space_id}, "
                f"whose cells have {self._cell_length}"
            )

    def _commit(self, change: Callable[[], _Result]) -> _Result:
        """Run a change, again when another process's commit came first."""
        for attempt in range(1, _COMMIT_TRIES + 1):
            try:
                return change()
            except (OSError, RuntimeError) as error:
                if "commit conflict" not in str(error).lower() or attempt == _COMMIT_TRIES:
                    raise
                time.sleep(0.05 * 2**attempt)
                self._dataset().checkout_latest()
        raise AssertionError("unreachable: the last attempt returns or raises")


def _ids_filter(image_ids: Sequence[int]) -> str:
    return f"image_id IN ({','.join(str(int(id_)) for id_ in image_ids)})" if image_ids else "false"


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), 1_000):
        yield ids[start : start + 1_000]
