"""A catalogue's search spaces grow with it: fitted anew at each rung, always into a new space.

The mean cell and the projection are fitted on the images with the smallest content ids, so that
any order of work gives the same space; a ranker brings its own mean cell. The old space answers
until the new one is whole.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO

import numpy as np
from jaxtyping import Float16, Float32

from tiefvision.maths import projection
from tiefvision.store import columns, leases, registry, scan, spaces
from tiefvision.store.spaces import CellSpace, NamedRanker, SearchSpace
from tiefvision.store.vectors import VectorStore
from tiefvision.tasks.one_thread import one_thread
from tiefvision.tasks.opened import Opened, extend_scan

# Images from which a space is fitted anew. The mean cell of 20 to 200 own images gives nearly the
# whole gain, while one of other photographs is worse than none (benchmarks/quality.py). Below
# PROJECT_FROM all vectors are compared as they are.
RUNGS = (20, 200, 2_000, 20_000, 200_000, 2_000_000, 20_000_000)
PROJECT_FROM = 2_000
DIMENSIONS = 256

# Images that a space is fitted on at most: bounds the time of a fit, which reads them at each pass.
_SAMPLE = 2_000
_BATCH = 125


def is_outgrown(space: SearchSpace, images: int) -> bool:
    """Whether a catalogue of so many images has reached a rung above its space's."""
    return space.fitted_on < _rung(images, space.ranker)


def first_space(cell_space: CellSpace, ranker: NamedRanker | None = None) -> SearchSpace:
    """The space of a catalogue that is too small to fit anything: no projection, and no mean but a
    ranker's."""
    mean = np.zeros(cell_space.channels, np.float32) if ranker is None else ranker.head.mean
    return SearchSpace(cell_space, mean, None, fitted_on=0, sample="", ranker=ranker)


@one_thread()
def fitted(
    shop: Opened,
    store: VectorStore,
    cell_space: CellSpace,
    images: int,
    *,
    ranker: NamedRanker | None = None,
) -> SearchSpace:
    """A space fitted on the catalogue as it is; neither filled nor active."""
    space, rung = first_space(cell_space, ranker), _rung(images, ranker)
    if rung == 0:
        return space
    sample = shop.encodings(cell_space).smallest_content_ids(min(rung, _SAMPLE))
    ids = [image_id for _, image_id in sample]
    digest = spaces.sample_digest([content_id for content_id, _ in sample])
    space = replace(space, fitted_on=rung, sample=digest)
    if ranker is None:
        space = replace(space, mean=_mean_of(store, ids, cell_space.channels))
    if rung < PROJECT_FROM or space.exact_length <= DIMENSIONS:
        return space
    with tempfile.TemporaryFile(dir=shop.home.folder) as file:
        for cells in _cells_in_order(store, ids):
            space.exact(cells).tofile(file)
        own = projection.fit(lambda: _rows_of(file, space.exact_length), dimensions=DIMENSIONS)
    return replace(space, projection=own)


@one_thread()
def fill(shop: Opened, store: VectorStore, space: SearchSpace) -> None:
    """Make a space's vectors from stored cells; it can then be made active."""
    spaces.save(space, shop.home.space(space.id))
    lay_out(shop, space)
    if space.dimensions is None:
        return
    laid_out = scan.open_scan(space, shop.home.space(space.id)) if scans(shop, space) else None
    compact = None if laid_out is None else laid_out.compact_by_image()
    if compact is None:
        store.add_search_space(space.id, dimensions=space.dimensions, project=space.compact)
    else:
        # The cells were read, centred and projected for the scan: once is enough.
        store.copy_search_space(space.id, dimensions=space.dimensions, compact=compact)


def switch(shop: Opened, store: VectorStore, space: SearchSpace) -> None:
    """Fill a space, then make it the active one of its ranker."""
    fill(shop, store, space)
    registry.activate(shop.database, shop.home, space)


def refit(shop: Opened, store: VectorStore, space: SearchSpace, images: int) -> SearchSpace:
    """Switch to a space of the same ranker that is fitted on the catalogue as it is."""
    new = fitted(shop, store, space.cell_space, images, ranker=space.ranker)
    switch(shop, store, new)
    return new


def remove_retired(shop: Opened) -> None:
    """Remove the spaces that earlier runs replaced; no query can still be reading them."""
    for search_space_id in registry.retired(shop.database):
        registry.forget(shop.database, shop.home, search_space_id)
    for cell_space_id in registry.retired_cell_spaces(shop.database):
        collections = shop.collections()
        if collections is not None:
            collections.drop(f"{cell_space_id}_")
        registry.forget_cell_space(shop.database, shop.home, cell_space_id)


def drop_other_vectors(store: VectorStore, active: Sequence[SearchSpace]) -> None:
    """Remove the compact vectors of search spaces other than those that answer."""
    kept = {space.id for space in active}
    for search_space_id in store.search_space_ids():
        if search_space_id not in kept:
            store.drop_search_space(search_space_id)


def optimize(shop: Opened, store: VectorStore, active: Sequence[SearchSpace]) -> None:
    """Merge the engine's files, and index what queries ask it for."""
    store.optimize(
        search_space_ids=[space.id for space in active if space.dimensions is not None],
        columns=list(columns.read(shop.database)),
    )


def lay_out(shop: Opened, space: SearchSpace) -> None:
    """Bring the space's scan up to date, where the catalogue is small enough to scan."""
    if not scans(shop, space):
        return
    with leases.hold(shop.database, f"scan {space.id}", wait_s=leases.LEASE_S):
        current = scan.open_scan(space, shop.home.space(space.id))
        extend_scan(shop, space, current, shop.catalogue.version())


def scans(shop: Opened, space: SearchSpace, *, images: int | None = None) -> bool:
    """Whether queries scan the vectors instead of asking the vector engine, which knows only the
    compact ones. images: how many there are, where that is known; else they are counted."""
    if space.dimensions is None:
        return True
    if images is None:
        images = shop.encodings(space.cell_space).count(shown=True)
    return images <= shop.settings.search.scan_up_to


def _rung(images: int, ranker: NamedRanker | None) -> int:
    """The rung that a catalogue of so many images has reached; 0 below all of those at which
    something is fitted."""
    least = 0 if ranker is None else PROJECT_FROM
    return max((rung for rung in RUNGS if least <= rung <= images), default=0)


def _mean_of(store: VectorStore, ids: list[int], channels: int) -> Float32[np.ndarray, " channels"]:
    total, count = np.zeros(channels, np.float64), 0
    for cells in _cells_in_order(store, ids):
        total += cells.reshape(-1, channels).sum(axis=0, dtype=np.float64)
        count += cells.size // channels
    return (total / count).astype(np.float32)


def _rows_of(file: BinaryIO, length: int) -> Iterator[Float32[np.ndarray, "n length"]]:
    """The float32 rows of a file, from its start, some at a time. Half as long numbers would be
    read twice as fast, and converted anew at each of a fit's passes for longer than that saves."""
    file.seek(0)
    while len(numbers := np.fromfile(file, np.float32, count=_BATCH * length)):
        yield numbers.reshape(-1, length)


def _cells_in_order(
    store: VectorStore, ids: list[int]
) -> Iterator[Float16[np.ndarray, "n length"]]:
    """The cells of images in the given order, whatever order the engine keeps them in."""
    for start in range(0, len(ids), _BATCH):
        some = ids[start : start + _BATCH]
        rows = store.fetch(some)
        place = {key.image_id: at for at, key in enumerate(rows.keys)}
        yield rows.cells[[place[id_] for id_ in some if id_ in place]]
