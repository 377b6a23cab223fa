"""Makes the vector engine's rows and the catalogue agree after anything that was cut short.

The catalogue is the truth: rows that it does not acknowledge are removed, acknowledged rows that
are missing become work to do, and deletions that were begun are finished.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tiefvision.store.catalogue import Catalogue
from tiefvision.store.records import RowKey
from tiefvision.store.spaces import CellSpace
from tiefvision.store.tables import images
from tiefvision.store.vectors import VectorStore


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was found and mended."""

    rows_removed: int
    images_lost: int
    deletions_finished: int


def reconcile(catalogue: Catalogue, store: VectorStore, space: CellSpace) -> Reconciled:
    """Bring the rows of a cell space in line with the catalogue. The caller holds the lease."""
    buried = catalogue.buried()
    if buried:
        store.remove_images(buried)
        catalogue.forget(buried)
    doomed: list[int] = []
    present: set[int] = set()
    for row_ids, keys in store.each_key():
        if not keys:
            continue
        acknowledged = _acknowledged(catalogue, space, keys)
        for row_id, key in zip(row_ids, keys, strict=True):
            if key in acknowledged and key.image_id not in present:
                present.add(key.image_id)
            else:
                doomed.append(int(row_id))
    store.remove_rows(doomed)
    lost = [
        key.image_id
        for page in catalogue.keys_where(
            images.c.state == "indexed", images.c.cell_space_id == space.id
        )
        for key, _ in page
        if key.image_id not in present
    ]
    catalogue.report_lost(lost)
    return Reconciled(len(doomed), len(lost), len(buried))


def _acknowledged(catalogue: Catalogue, space: CellSpace, keys: Sequence[RowKey]) -> set[RowKey]:
    ids = np.unique([key.image_id for key in keys])
    pages = catalogue.keys_where(
        images.c.id >= int(ids[0]),
        images.c.id <= int(ids[-1]),
        images.c.state == "indexed",
        images.c.cell_space_id == space.id,
    )
    return {key for page in pages for key, _ in page}
