"""Compact vectors in Milvus, for catalogues that outgrow one machine's memory.

One collection for each search space holds a key and a compact vector a row. The cells and the
attributes stay in the store of files (`lance`), which is also what says which rows there are: 46 kB
of cells a photograph in the memory of query nodes would cost a hundred times what their compact
vectors cost, and a shortlist reads a hundred of them. Rows of a collection bear a number derived
from their key, so that writing one twice makes one row.

Reads see every write that returned (strong consistency).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float, Float32, Int64

from tiefvision.errors import SpaceMismatch
from tiefvision.store.filters import ColumnType, Filter
from tiefvision.store.milvus_collections import Collections
from tiefvision.store.records import RowKey
from tiefvision.store.vectors import (
    Candidates,
    CompactOf,
    Matching,
    ProjectCells,
    VectorRows,
    VectorStore,
)

# https://milvus.io/docs/hnsw.md
_INDEX: dict[str, Any] = {
    "index_type": "HNSW",
    "metric_type": "IP",
    "params": {"M": 16, "efConstruction": 200},
}
_SEARCH_WIDTH = 256

# The most hits that a query may ask for.
_MOST_HITS = 16_384
# A filter of more images than these is answered by asking for more hits, where that is enough.
_MANY_IMAGES = 20_000

_KEYS = ("image_id", "content_id", "box_revision", "attributes_revision")
_ROWS_AT_ONCE = 1_000
_PARTIAL = "_part"


class MilvusStore:
    """The rows of one cell space: cells in `files`, compact vectors in collections; see
    `VectorStore`."""

    def __init__(self, collections: Collections, files: VectorStore) -> None:
        self._collections = collections
        self._files = files

    @property
    def cell_space_id(self) -> str:
        return self._files.cell_space_id

    # Files first: a row that they do not have is no row, and they are what a run is reconciled by.

    def append(self, rows: VectorRows) -> None:
        self._files.append(rows)
        for space_id in self.search_space_ids():
            if space_id in rows.compact:
                self._write(self._name(space_id), rows.keys, rows.compact[space_id])

    # Collections first: what is cut off there is still in the files, and removed with them.

    def remove_superseded(self, current: Sequence[RowKey]) -> None:
        for some in _chunks(current):
            ids, rows = [key.image_id for key in some], [_number(key) for key in some]
            self._delete(f"image_id in {ids} and row not in {rows}")
        self._files.remove_superseded(current)

    def remove_images(self, image_ids: Sequence[int]) -> None:
        for some in _chunks(image_ids):
            self._delete(f"image_id in {[int(id_) for id_ in some]}")
        self._files.remove_images(image_ids)

    def remove_rows(self, row_ids: Sequence[int]) -> None:
        doomed = set(row_ids)
        kept: set[RowKey] = set()
        gone: set[RowKey] = set()
        for rows, keys in self._files.each_key() if doomed else ():
            for row, key in zip(rows, keys, strict=True):
                (gone if int(row) in doomed else kept).add(key)
        # Of two equal rows the files had two, a collection one.
        for some in _chunks(sorted(_number(key) for key in gone - kept)):
            self._delete(f"row in {list(some)}")
        self._files.remove_rows(row_ids)

    def each_key(self) -> Iterator[tuple[Int64[np.ndarray, " n"], list[RowKey]]]:
        return self._files.each_key()

    def fetch(self, image_ids: Sequence[int]) -> VectorRows:
        return self._files.fetch(image_ids)

    def each_cells(self, image_ids: Sequence[int] | None = None) -> Iterator[VectorRows]:
        return self._files.each_cells(image_ids)

    def matching(self, where: Filter) -> Matching:
        return self._files.matching(where)

    def nearest(
        self,
        query: Float32[np.ndarray, " dimensions"],
        *,
        search_space_id: str,
        limit: int,
        where: Filter | None,
    ) -> Candidates:
        self._check_dimensions(search_space_id, len(query))
        if where is None:
            return self._search(query, search_space_id, limit, "")
        matching = self._files.matching(where)
        ids = np.unique(matching.image_ids)
        if not len(ids):
            return Candidates([], np.empty(0, np.float32))
        # Twice as many hits as would hold enough matching ones if these lay evenly.
        wider = 2 * limit * self._count(search_space_id) // len(ids)
        if len(ids) > _MANY_IMAGES and wider <= _MOST_HITS:
            found = _among(self._search(query, search_space_id, wider, ""), matching, limit)
            if len(found.keys) == limit:
                return found
        found = self._search(query, search_space_id, 2 * limit, f"image_id in {ids.tolist()}")
        return _among(found, matching, limit)

    def declare_columns(self, columns: Mapping[str, ColumnType]) -> None:
        self._files.declare_columns(columns)

    def add_search_space(
        self, search_space_id: str, *, dimensions: int, project: ProjectCells
    ) -> None:
        self._fill(
            search_space_id,
            dimensions,
            ((rows.keys, project(rows.cells)) for rows in self._files.each_cells()),
        )

    def copy_search_space(
        self, search_space_id: str, *, dimensions: int, compact: CompactOf
    ) -> None:
        self._fill(
            search_space_id,
            dimensions,
            (
                (some, compact(np.array([key.image_id for key in some], np.int64)))
                for _, keys in self._files.each_key()
                for some in _chunks(keys)
            ),
        )

    def search_space_ids(self) -> list[str]:
        start = f"{self.cell_space_id}_"
        names = self._collections.names(start)
        whole = [name for name in names if not name.endswith(_PARTIAL)]
        return [name.removeprefix(f"{self._collections.prefix}_{start}") for name in whole]

    def drop_search_space(self, search_space_id: str) -> None:
        self._collections.drop(f"{self.cell_space_id}_{search_space_id}")

    def optimize(self, *, search_space_ids: Sequence[str], columns: Sequence[str]) -> None:
        # Milvus merges and indexes by itself.
        self._files.optimize(search_space_ids=[], columns=columns)

    # --- one collection ------------------------------------------------------------------------

    def _name(self, search_space_id: str) -> str:
        return f"{self._collections.prefix}_{self.cell_space_id}_{search_space_id}"

    def _fill(
        self,
        search_space_id: str,
        dimensions: int,
        batches: Iterator[tuple[Sequence[RowKey], Float[np.ndarray, "n dimensions"]]],
    ) -> None:
        """Make a collection under another name, which it loses when it is whole."""
        if search_space_id in self.search_space_ids():
            return
        name, call = self._name(search_space_id), self._collections.call
        self._collections.drop(f"{self.cell_space_id}_{search_space_id}{_PARTIAL}")
        self._create(f"{name}{_PARTIAL}", dimensions)
        for keys, compact in batches:
            self._write(f"{name}{_PARTIAL}", keys, compact)
        call("rename_collection", f"{name}{_PARTIAL}", name)
        # milvus-lite forgets under a new name that it was loaded.
        call("load_collection", name)

    def _create(self, name: str, dimensions: int) -> None:
        from pymilvus import DataType, MilvusClient

        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("row", DataType.INT64, is_primary=True)
        schema.add_field("image_id", DataType.INT64)
        schema.add_field("content_id", DataType.VARCHAR, max_length=64)
        schema.add_field("box_revision", DataType.INT64)
        schema.add_field("attributes_revision", DataType.INT64)
        schema.add_field("compact", DataType.FLOAT_VECTOR, dim=dimensions)
        index = MilvusClient.prepare_index_params()
        index.add_index("compact", **_INDEX)
        self._collections.call(
            "create_collection", name, schema=schema, index_params=index, consistency_level="Strong"
        )

    def _write(
        self, name: str, keys: Sequence[RowKey], compact: Float[np.ndarray, "n dimensions"]
    ) -> None:
        # As precise as the other engine holds them, so that both rank alike.
        held = compact.astype(np.float16).astype(np.float32)
        rows = {
            _number(key): {
                "row": _number(key),
                **{name: getattr(key, name) for name in _KEYS},
                "compact": vector,
            }
            for key, vector in zip(keys, held, strict=True)
        }
        for some in _chunks(list(rows.values())):
            self._collections.call("upsert", name, list(some))

    def _delete(self, expression: str) -> None:
        for space_id in self.search_space_ids():
            self._collections.call("delete", self._name(space_id), filter=expression)

    def _count(self, search_space_id: str) -> int:
        name = self._name(search_space_id)
        answer = self._collections.call("query", name, filter="", output_fields=["count(*)"])
        return answer[0]["count(*)"]

    def _check_dimensions(self, search_space_id: str, dimensions: int) -> None:
        described = self._collections.call("describe_collection", self._name(search_space_id))
        fields = {each["name"]: each for each in described["fields"]}
        held = fields["compact"]["params"]["dim"]
        if int(held) != dimensions:
            raise SpaceMismatch(
                f"a query of {dimensions} numbers does not belong to search space "
                f"{search_space_id}, whose vectors have {held}"
            )

    def _search(
        self,
        query: Float32[np.ndarray, " dimensions"],
        search_space_id: str,
        limit: int,
        expression: str,
    ) -> Candidates:
        name, most = self._name(search_space_id), min(limit, _MOST_HITS)
        width = {"ef": max(_SEARCH_WIDTH, most)}
        (hits,) = self._collections.call(
            "search",
            name,
            data=[query.astype(np.float16).astype(np.float32)],
            anns_field="compact",
            filter=expression,
            limit=most,
            output_fields=list(_KEYS),
            search_params={"metric_type": "IP", "params": width},
        )
        return Candidates(
            keys=[RowKey(*(hit["entity"][name] for name in _KEYS)) for hit in hits],
            # Milvus calls every figure "distance"; of an inner product, larger is nearer.
            compact_similarities=np.array([hit["distance"] for hit in hits], np.float32),
        )


def _among(found: Candidates, matching: Matching, limit: int) -> Candidates:
    places = [place for place, key in enumerate(found.keys) if matching.holds(key)][:limit]
    return Candidates([found.keys[place] for place in places], found.compact_similarities[places])


def _number(key: RowKey) -> int:
    """A row's own number in every collection, 64 bits."""
    text = f"{key.image_id} {key.content_id} {key.box_revision} {key.attributes_revision}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], signed=True)


_Item = TypeVar("_Item")


def _chunks(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), _ROWS_AT_ONCE):
        yield items[start : start + _ROWS_AT_ONCE]
