"""A small catalogue with judgements: what is alike is a stripe's colour, which a louder
background hides."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from tiefvision.maths.triplets import derive
from tiefvision.store.judgement_clashes import NewTriplet
from tiefvision.store.judgements import Group, Judgements, Source
from tiefvision.tasks.indexing.index import index
from tiefvision.tasks.opened import opened
from tiefvision.vision import pixels

IMAGES, SENDERS, KINDS = 90, 30, 4
COLOURS = ((220, 30, 30), (30, 200, 40), (40, 60, 230), (240, 220, 40), (20, 20, 20))
# Pixels.
_SIDE, _BLOCK, _STRIPE = 96, 8, 4
_WALL_COLOURS = 3


def build(folder: Path, encoder: str) -> Path:
    """Photographs, their attributes, and the catalogue of them; the catalogue's folder."""
    rng = np.random.default_rng(7)
    walls = rng.integers(0, 256, (SENDERS, _WALL_COLOURS, 3))
    rows: list[tuple[str, str, str, str]] = []
    (folder / "photos").mkdir(parents=True)
    for number in range(IMAGES):
        colour, sender = int(rng.integers(len(COLOURS))), int(rng.integers(SENDERS))
        blocks = walls[sender][rng.integers(0, _WALL_COLOURS, (_SIDE // _BLOCK,) * 2)]
        rgb = blocks.repeat(_BLOCK, axis=0).repeat(_BLOCK, axis=1)
        for left in range(0, _SIDE, 2 * _BLOCK):
            rgb[:, left : left + _STRIPE] = COLOURS[colour]
        file = folder / "photos" / f"{number:03}.png"
        Image.fromarray(rgb.astype(np.uint8)).save(file, compress_level=1)
        rows.append((file.name, f"colour {colour}", f"sender {sender}", f"kind {number % KINDS}"))
    with (folder / "photos" / "attributes.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "colour", "sender", "sort"), *rows])
    index(
        [folder / "photos"],
        catalogue=folder / "shop",
        attributes_file=folder / "photos" / "attributes.csv",
        encoder=encoder,
        workers_wanted=2,
    )
    return folder / "shop"


def contents(catalogue: Path) -> dict[str, dict[str, object]]:
    """The attributes of each content, by content id."""
    with opened(catalogue) as shop:
        found = {image.content_id: dict(image.attributes) for image in shop.catalogue.each()}
    return {id_: found[id_] for id_ in sorted(id_ for id_ in found if id_)}


def teach(
    catalogue: Path,
    count: int,
    *,
    name: str = "default",
    source: Source = "people",
    groups: bool = False,
) -> list[NewTriplet]:
    """Judge by the colours: so many triplets, and with `groups` the colours themselves."""
    known = contents(catalogue)
    ids = list(known)
    colours = np.unique([str(own["colour"]) for own in known.values()], return_inverse=True)[1]
    senders = np.unique([str(own["sender"]) for own in known.values()], return_inverse=True)[1]
    found = derive(
        colours.astype(np.int64),
        count=count,
        apart=senders.astype(np.int64),
        rng=np.random.default_rng(0),
    )
    triplets = [NewTriplet(ids[a], ids[p], ids[n]) for a, p, n in found.tolist()]
    with opened(catalogue) as shop:
        held = Judgements(shop.database)
        held.add_triplets(name, triplets, source=source, now=0.0)
        if groups:
            own = {
                id_: Group(str(each["colour"]), str(each["sender"])) for id_, each in known.items()
            }
            held.set_groups(name, own)
    return triplets


def content_id(file: Path) -> str:
    return pixels.content_id(file.read_bytes())
