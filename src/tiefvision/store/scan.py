"""A search space laid out for scanning: derived files that a query reads without a vector engine.

Up to SearchSettings.scan_up_to rows this answers faster than an engine, and without loading one.
Three files in the space's folder, memory-mapped, with a generation in their names:

    rows       one record a row: image id, its version in the catalogue, a content key
    compact    float16 compact vectors (absent where the space has no projection)
    exact      float16 vectors whose dot product is the similarity

and scan.json, which names the generation, how many rows count, and the change number up to which
they are complete. It is replaced last, so that a killed writer leaves nothing that counts. Rows are
only appended; a row counts as long as the catalogue still holds its image at its version.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numkong
import numpy as np
from jaxtyping import Float16, Float32, Int64, UInt64

from tiefvision.store import row_file
from tiefvision.store.row_file import RowFile
from tiefvision.store.spaces import SearchSpace
from tiefvision.store.vectors import CompactOf

_FORMAT = 1
_HALF = np.dtype("<f2")
# Rows compared at once: 256 rows of 46 kB are 12 MB, however long a shortlist becomes.
_BLOCK_ROWS = 256
# Rows that a thread makes exact at once: 3 MB in single precision.
_WRITTEN_ROWS = 32


@dataclass(frozen=True, slots=True)
class ScanRows:
    """Rows to append. cells: float16 (n, length), stored cells flattened."""

    image_ids: Int64[np.ndarray, " n"]
    versions: Int64[np.ndarray, " n"]
    content_keys: UInt64[np.ndarray, " n"]
    cells: Float16[np.ndarray, "n length"]


@dataclass(frozen=True, slots=True)
class Scan:
    """An opened scan of n rows, complete up to change number `version`.

    exact_file: reads single rows of `exact` faster than the memory map; None: through the map.
    """

    version: int
    image_ids: Int64[np.ndarray, " n"]
    versions: Int64[np.ndarray, " n"]
    content_keys: UInt64[np.ndarray, " n"]
    exact: Float16[np.ndarray, "n length"]
    compact: Float16[np.ndarray, "n dimensions"] | None
    exact_file: RowFile | None = None

    def shortlist(
        self,
        exact_query: Float32[np.ndarray, " length"],
        compact_query: Float32[np.ndarray, " dimensions"],
        *,
        limit: int,
        among: Int64[np.ndarray, " m"] | None = None,
    ) -> Int64[np.ndarray, " found"]:
        """The `limit` rows nearest by compact vector, best first; `among` restricts the rows."""
        if self.compact is None:
            matrix, query = self.exact, exact_query
        else:
            matrix, query = self.compact, compact_query
        scores = _dot_products(query, matrix if among is None else matrix[among])
        if limit < len(scores):
            best = np.argpartition(scores, len(scores) - limit)[len(scores) - limit :]
        else:
            best = np.arange(len(scores))
        best = best[np.argsort(-scores[best], kind="stable")]
        return best if among is None else among[best]

    def similarities(
        self, exact_query: Float32[np.ndarray, " length"], rows: Int64[np.ndarray, " m"]
    ) -> Float32[np.ndarray, " m"]:
        """The similarity of a query with some rows, to half precision; ranks a shortlist."""
        found = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _BLOCK_ROWS):
            some = slice(start, start + _BLOCK_ROWS)
            found[some] = _dot_products(exact_query, self._exact_rows(rows[some]))
        return found

    def precise_similarities(
        self, exact_query: Float32[np.ndarray, " length"], rows: Int64[np.ndarray, " m"]
    ) -> Float32[np.ndarray, " m"]:
        """The same in single precision, for the few rows that are shown."""
        found = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _BLOCK_ROWS):
            some = slice(start, start + _BLOCK_ROWS)
            found[some] = self._exact_rows(rows[some]).astype(np.float32) @ exact_query
        return found

    def compact_by_image(self) -> CompactOf | None:
        """Looks up the newest compact vector of each image; None where there are none."""
        compact = self.compact
        if compact is None:
            return None
        order = np.lexsort((self.versions, self.image_ids))
        ids = self.image_ids[order]

        def look_up(
            image_ids: Int64[np.ndarray, " n"],
        ) -> Float16[np.ndarray, "n dimensions"]:
            after = np.searchsorted(ids, image_ids, side="right")
            has = np.isin(image_ids, ids)
            found = np.zeros((len(image_ids), compact.shape[1]), np.float16)
            found[has] = compact[order[after[has] - 1]]
            return found

        return look_up

    def _exact_rows(self, rows: Int64[np.ndarray, " m"]) -> Float16[np.ndarray, "m length"]:
        return self.exact[rows] if self.exact_file is None else self.exact_file.read(rows)


@dataclass(frozen=True, slots=True)
class _Header:
    format: int
    space: str
    generation: int
    count: int
    version: int


def content_key(content_id: str) -> int:
    """The first 64 bits of a content id: enough to tell contents apart within a shortlist."""
    return int(content_id[:16], 16)


def open_scan(space: SearchSpace, folder: Path) -> Scan | None:
    """The scan of a search space; None where there is none yet, or only a damaged one."""
    header = _read_header(folder, space)
    while header is not None:
        opened = _open_generation(space, folder, header)
        before, header = header, _read_header(folder, space)
        # The files may have been replaced by another generation since the header was read.
        if opened is not None or header == before:
            return opened
    return None


def _open_generation(space: SearchSpace, folder: Path, header: _Header) -> Scan | None:
    count = header.count
    rows = _mapped(_file(folder, "rows", header.generation), np.dtype("<i8"), (count, 3))
    exact = _mapped(_file(folder, "exact", header.generation), _HALF, (count, space.exact_length))
    compact = None
    if space.dimensions is not None:
        compact = _mapped(
            _file(folder, "compact", header.generation), _HALF, (count, space.dimensions)
        )
    if rows is None or exact is None or (compact is None and space.dimensions is not None):
        return None
    exact_file = None
    if row_file.can_read():
        try:
            exact_file = RowFile(
                _file(folder, "exact", header.generation), length=space.exact_length
            )
        except OSError:
            return None  # removed since it was mapped: another generation is there
    image_ids, versions, content_keys = (np.ascontiguousarray(rows[:, i]) for i in range(3))
    return Scan(
        version=header.version,
        image_ids=image_ids,
        versions=versions,
        content_keys=content_keys.view(np.uint64),
        exact=exact,
        compact=compact,
        exact_file=exact_file,
    )


def extend(
    space: SearchSpace,
    folder: Path,
    batches: Iterable[ScanRows],
    *,
    version: int,
    anew: bool,
    threads: int = 1,
) -> None:
    """Append rows and make them count; `anew` starts over. One process at a time.

    version: the change number up to which the scan is then complete. threads: that make vectors.
    """
    folder.mkdir(parents=True, exist_ok=True)
    old = _read_header(folder, space)
    generation, count = (0, 0) if old is None else (old.generation, old.count)
    if anew or old is None:
        # Above every file there is: a reader may have those of a lost header mapped.
        generation, count = 1 + max(generation, *_generations(folder)), 0
    length, dimensions = space.exact_length, space.dimensions or 0
    with (
        _at(_file(folder, "rows", generation), count * 3 * 8) as rows_file,
        _at(_file(folder, "exact", generation), count * length * _HALF.itemsize) as exact_file,
        _at(
            _file(folder, "compact", generation), count * dimensions * _HALF.itemsize
        ) as compact_file,
        ThreadPoolExecutor(threads) as pool,
    ):
        for batch in batches:
            keys = batch.content_keys.view(np.int64)
            rows = np.stack([batch.image_ids, batch.versions, keys], axis=1)
            rows_file.write(rows.astype("<i8").tobytes())
            some = [
                batch.cells[start : start + _WRITTEN_ROWS]
                for start in range(0, len(rows), _WRITTEN_ROWS)
            ]
            for exact, compact in pool.map(partial(_half_vectors, space), some):
                exact.tofile(exact_file)
                if compact is not None:
                    compact.tofile(compact_file)
            count += len(rows)
        for file in (rows_file, exact_file, compact_file):
            file.flush()
            os.fsync(file.fileno())
    _write_header(folder, _Header(_FORMAT, space.id, generation, count, version))
    _remove_other_generations(folder, generation)


def _half_vectors(
    space: SearchSpace, cells: Float16[np.ndarray, "n _length"]
) -> tuple[Float16[np.ndarray, "n length"], Float16[np.ndarray, "n dimensions"] | None]:
    """Exact and compact vectors as they are stored; the latter None without a projection."""
    exact = space.exact(cells)
    project = space.projection
    return exact.astype(_HALF), None if project is None else project(exact).astype(_HALF)


def _dot_products(
    query: Float32[np.ndarray, " length"], matrix: Float16[np.ndarray, "n length"]
) -> Float32[np.ndarray, " n"]:
    """Dot products of one vector with n rows, read as float16 and summed in float32 or better."""
    if len(matrix) == 0:
        return np.empty(0, np.float32)
    products = numkong.cdist(query.astype(np.float16)[None], matrix, metric="dot")
    return np.asarray(products)[0].astype(np.float32)


def _file(folder: Path, name: str, generation: int) -> Path:
    return folder / f"{name}.{generation}.bin"


def _generations(folder: Path) -> list[int]:
    """The generations whose files lie in a folder, whole or not; 0 among them in any case."""
    names = [file.name.split(".")[1] for file in folder.glob("*.*.bin")]
    return [0, *(int(name) for name in names if name.isdecimal())]


def _remove_other_generations(folder: Path, generation: int) -> None:
    # Readers that have the old files mapped keep them until they let go.
    for file in folder.glob("*.*.bin"):
        if file.name.split(".")[1] != str(generation):
            file.unlink(missing_ok=True)


def _read_header(folder: Path, space: SearchSpace) -> _Header | None:
    try:
        header = _Header(**json.loads((folder / "scan.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return header if (header.format, header.space) == (_FORMAT, space.id) else None


def _write_header(folder: Path, header: _Header) -> None:
    unfinished = folder / "scan.json.partial"
    with unfinished.open("w", encoding="utf-8") as file:
        json.dump(asdict(header), file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(folder / "scan.json")


def _mapped(
    file: Path, kind: np.dtype[np.generic], shape: tuple[int, int]
) -> np.memmap[tuple[int, ...], np.dtype[np.generic]] | np.ndarray | None:
    """A memory map of the first rows of a file; None where the file is too short."""
    if shape[0] == 0:
        return np.empty(shape, kind)
    try:
        if file.stat().st_size < shape[0] * shape[1] * kind.itemsize:
            return None
        return np.memmap(file, kind, mode="r", shape=shape)
    except OSError:
        return None


def _at(file: Path, position: int) -> BinaryIO:
    """A file open for writing at a byte, cut off there."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    os.ftruncate(descriptor, position)
    stream = os.fdopen(descriptor, "wb", buffering=1 << 20)
    stream.seek(position)
    return stream
