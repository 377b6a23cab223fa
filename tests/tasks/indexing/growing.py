"""Fills a catalogue with rows of random cells, ends as a run of `index` does, prints its peak.

    python growing.py FOLDER ROWS

The peak is that of this process's resident memory, in kB. It is a process of its own since
peaks never fall again.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tiefvision import settings
from tiefvision.maths.boxes import whole
from tiefvision.maths.centring import PartLayout
from tiefvision.store import registry, roots
from tiefvision.store.database import open_database
from tiefvision.store.home import Home
from tiefvision.store.records import Acknowledgement, FileSeen, Image, RowKey
from tiefvision.store.spaces import CellSpace
from tiefvision.store.vectors import VectorRows
from tiefvision.tasks.indexing import freed_memory, growth
from tiefvision.tasks.opened import Opened

# Cells as large as the default encoder's: 46 kB an image.
_PARTS = (PartLayout(1_280, 0.5), PartLayout(1_280, 0.5))
# So many writes that they are merged at the end, whatever the number of rows.
_WRITES = 40


def main(folder: Path, rows: int) -> None:
    """Fill, fit, lay out, merge, add another space."""
    freed_memory.return_blocks()
    growth.DIMENSIONS, growth.PROJECT_FROM = 16, 200  # a short fit
    space = CellSpace("random", "0" * 8, "fp32", "none", 3, 3, "max", _PARTS)
    database = open_database(folder)
    shop = Opened(Home(folder), settings.Settings(), database)
    registry.declare_cell_space(database, space)
    store = shop.vectors(space)
    growth.switch(shop, store, growth.first_space(space))
    rng = np.random.default_rng(rows)
    for todo in _registered(shop, space, rows):
        done = [_acknowledgement(image) for image in todo]
        keys = [RowKey(item.image_id, item.content_id, 0, 0) for item in done]
        cells = rng.standard_normal((len(keys), space.cell_length), np.float32) / 36
        store.append(VectorRows(keys, cells.astype(np.float16), [{} for _ in keys]))
        shop.encodings(space).acknowledge(done)
    active = growth.refit(shop, store, shop.search_space(), rows)
    assert active.dimensions is not None
    store.optimize(search_space_ids=[active.id], columns=[])
    # The next space is made of merged rows.
    store.add_search_space("next", dimensions=active.dimensions, project=active.compact)
    database.close()


def _registered(shop: Opened, space: CellSpace, rows: int) -> Iterator[list[Image]]:
    root_id, _ = roots.containing(shop.database, Path("/random"))
    for write in range(_WRITES):
        names = [f"{write}-{number}.jpg" for number in range(rows // _WRITES)]
        shop.catalogue.register(root_id, [FileSeen(name, 1, 1) for name in names], run_id=0)
        yield shop.encodings(space).todo(limit=len(names))


def _acknowledgement(image: Image) -> Acknowledgement:
    return Acknowledgement(
        image_id=image.id,
        content_id=hashlib.sha256(image.path.encode()).hexdigest(),
        file_bytes=1,
        modified_ns=1,
        width=400,
        height=533,
        box=whole(400, 533),
        box_source="whole",
        box_confidence=None,
        box_revision=0,
        attributes={},
        attributes_revision=0,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
    # Not ru_maxrss, which begins with what the parent held.
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    print(next(line.split()[1] for line in status if line.startswith("VmHWM:")))
