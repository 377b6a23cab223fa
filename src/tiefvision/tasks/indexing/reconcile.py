"""Makes the vector engine's rows and the catalogue agree after anything that was cut short.

The catalogue is the truth: rows that it does not acknowledge are removed, acknowledged rows that
are missing become work to do, and deletions that were begun are finished.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tiefvision.store.catalogue import Catalogue
from tiefvision.store.encodings import Encodings
from tiefvision.store.records import RowKey
from tiefvision.store.vectors import VectorStore


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was found and mended."""

    rows_removed: int
    images_lost: int


def reconcile(encodings: Encodings, store: VectorStore) -> Reconciled:
    """Bring the rows of a cell space in line with the catalogue. The caller holds the lease."""
    doomed: list[int] = []
    present: set[int] = set()
    for row_ids, keys in store.each_key():
        if not keys:
            continue
        acknowledged = _acknowledged(encodings, keys)
        for row_id, key in zip(row_ids, keys, strict=True):
            if key in acknowledged and key.image_id not in present:
                present.add(key.image_id)
            else:
                doomed.append(int(row_id))
    store.remove_rows(doomed)
    lost = [
        key.image_id for page in encodings.keys() for key, _ in page if key.image_id not in present
    ]
    encodings.report_lost(lost)
    return Reconciled(len(doomed), len(lost))


def finish_deletions(catalogue: Catalogue, stores: Sequence[VectorStore]) -> int:
    """Remove what stands under a tombstone: its vectors in every cell space, then its row."""
    buried = catalogue.buried()
    if buried:
        for store in stores:
            store.remove_images(buried)
        catalogue.forget(buried)
    return len(buried)


def _acknowledged(encodings: Encodings, keys: Sequence[RowKey]) -> set[RowKey]:
    ids = np.unique([key.image_id for key in keys])
    pages = encodings.keys(first_id=int(ids[0]), last_id=int(ids[-1]))
    return {key for page in pages for key, _ in page}
