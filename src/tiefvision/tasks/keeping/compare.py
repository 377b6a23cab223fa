"""Where the vectors and the catalogue differ, found without changing either."""

from __future__ import annotations

from dataclasses import dataclass

from tiefvision.store.encodings import Encodings
from tiefvision.store.records import RowKey
from tiefvision.store.vectors import VectorStore


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `reconcile` would mend.

    missing: acknowledged images without their vectors. left_over: rows of vectors that no image
    acknowledges. buried: deletions that were begun and not finished.
    """

    missing: int
    left_over: int
    buried: int


def compare(encodings: Encodings, store: VectorStore) -> Comparison:
    """Compare the rows of a cell space with the images that have their vectors there."""
    wanted: set[RowKey] = set()
    for page in encodings.keys():
        wanted.update(key for key, _ in page)
    acknowledged = len(wanted)
    rows = 0
    for _, keys in store.each_key():
        rows += len(keys)
        wanted.difference_update(keys)
    found = acknowledged - len(wanted)
    buried = len(encodings.catalogue.buried())
    return Comparison(missing=len(wanted), left_over=rows - found, buried=buried)
