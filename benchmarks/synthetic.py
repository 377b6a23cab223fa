"""A large catalogue without as many photographs: neighbours of real cells, in the real store.

Each synthetic image is a real photograph's cells mixed with those of another one and with noise,
every part of every cell scaled to unit length again, as encoding makes them. How near its
neighbours lie is drawn at random, so that shortlists meet easy and hard cases.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float16, Float32

from tiefvision.maths.boxes import whole
from tiefvision.maths.grids import unit_cells
from tiefvision.store import registry, roots
from tiefvision.store.records import Acknowledgement, FileSeen, RowKey
from tiefvision.store.spaces import CellSpace
from tiefvision.store.vectors import VectorRows
from tiefvision.tasks.indexing import growth
from tiefvision.tasks.opened import Opened, opened

_ROWS = 1_000
# Share of the other photograph, and length of the noise beside a cell of length 1.
_MIXED = (0.05, 0.5)
_NOISE = (0.1, 0.5)
_NOISE_CELLS = 4_096
_PIXELS = (400, 533)


@dataclass(slots=True)
class Neighbours:
    """Draws synthetic cells near real ones."""

    real: Float16[np.ndarray, "n length"]
    space: CellSpace
    rng: np.random.Generator

    def batches(self, count: int) -> Iterator[Float16[np.ndarray, "rows length"]]:
        """`count` rows of cells, in batches."""
        bank = self.rng.standard_normal((_NOISE_CELLS, self.space.channels), np.float32)
        bank /= np.sqrt(self.space.channels) / np.sqrt(len(self.space.parts))
        for start in range(0, count, _ROWS):
            yield self._some(min(_ROWS, count - start), bank)

    def _some(
        self, count: int, bank: Float32[np.ndarray, "cells channels"]
    ) -> Float16[np.ndarray, "rows length"]:
        own, other = self.rng.integers(0, len(self.real), (2, count))
        mixed = self.rng.uniform(*_MIXED, (count, 1, 1)).astype(np.float32)
        noise = self.rng.uniform(*_NOISE, (count, 1, 1)).astype(np.float32)
        cells_each = self.space.rows * self.space.cols
        drawn = self.rng.integers(0, len(bank), (count, cells_each))
        shape = (count, cells_each, self.space.channels)
        cells = self.real[own].reshape(shape).astype(np.float32) * (1 - mixed)
        cells += self.real[other].reshape(shape) * mixed
        cells += bank[drawn] * noise
        start = 0
        for part in self.space.parts:
            place = slice(start, start + part.channels)
            cells[..., place] = unit_cells(cells[..., place])
            start += part.channels
        return cells.reshape(count, -1).astype(np.float16)


def real_cells(shop: Opened) -> tuple[CellSpace, Float16[np.ndarray, "n length"]]:
    """The cell space of a catalogue and the cells of all its images."""
    space = registry.active_cell_space(shop.database)
    assert space is not None, "the catalogue was just indexed"
    return space, np.concatenate([rows.cells for rows in shop.vectors(space).each_cells()])


def grow(catalogue: Path, rows: int, *, seed: int = 1) -> None:
    """Add synthetic images until a catalogue holds `rows`, and fit its space anew."""
    with opened(catalogue) as shop:
        space, real = real_cells(shop)
        missing = rows - shop.searchable()
        store = shop.vectors(space)
        root_id, _ = roots.containing(shop.database, Path("/synthetic"))
        number = 0
        for cells in Neighbours(real, space, np.random.default_rng(seed)).batches(missing):
            paths = [f"{number + place:08d}.jpg" for place in range(len(cells))]
            number += len(cells)
            _add(shop, root_id, paths, cells, space)
        growth.refit(shop, store, shop.search_space(), rows)
        active = shop.search_space()
        store.optimize(
            search_space_ids=[] if active.dimensions is None else [active.id], columns=[]
        )


def _add(
    shop: Opened,
    root_id: int,
    paths: list[str],
    cells: Float16[np.ndarray, "rows length"],
    space: CellSpace,
) -> None:
    shop.catalogue.register(root_id, [FileSeen(path, 1, 1) for path in paths], run_id=0)
    # The new rows, and nothing else, wait for work.
    todo = shop.encodings(space).todo(limit=len(paths))
    done = [
        Acknowledgement(
            image_id=image.id,
            content_id=hashlib.sha256(image.path.encode()).hexdigest(),
            file_bytes=1,
            modified_ns=1,
            width=_PIXELS[0],
            height=_PIXELS[1],
            box=whole(*_PIXELS),
            box_source="whole",
            box_confidence=None,
            box_revision=0,
            attributes={},
            attributes_revision=0,
        )
        for image in todo
    ]
    keys = [RowKey(item.image_id, item.content_id, 0, 0) for item in done]
    shop.vectors(space).append(VectorRows(keys, cells, [{} for _ in keys]))
    shop.encodings(space).acknowledge(done)
