"""Which cell spaces a catalogue shall have, and what makes the cells of each."""

from __future__ import annotations

from dataclasses import dataclass

from tiefvision.store import models
from tiefvision.store.spaces import CellSpace
from tiefvision.tasks.opened import Opened
from tiefvision.tasks.ready_encoder import carried_encoder
from tiefvision.tasks.ready_locator import carried_locator, wanted_locator
from tiefvision.vision.embedder import PREPROCESS, Embedder
from tiefvision.vision.encoders.protocol import Encoder


@dataclass(frozen=True, slots=True)
class CellMaker:
    """A cell space and the embedder that makes its cells."""

    space: CellSpace
    embedder: Embedder


def wanted(shop: Opened, network: Encoder) -> list[CellMaker]:
    """The cell spaces that settings and active locators ask for: the product's, then those of
    the labels that have a locator."""
    labels = [name for name in models.active_names(shop.database, kind="locator") if name]
    return [_wanted(shop, network, label) for label in ["", *labels]]


def carried(shop: Opened, space: CellSpace) -> CellMaker:
    """What made a cell space that the catalogue has. Raises NotReady where it is not at hand."""
    return CellMaker(space, embedder_of(shop, space, carried_encoder(shop.home, space)))


def embedder_of(shop: Opened, space: CellSpace, network: Encoder) -> Embedder:
    """The embedder of a cell space, with its encoder at hand."""
    return Embedder(
        network,
        space.rows,
        space.cols,
        pooling=space.pooling,
        limits=shop.limits,
        locator=carried_locator(shop, space),
    )


def _wanted(shop: Opened, network: Encoder, label: str) -> CellMaker:
    chosen = shop.settings.encoder
    embedder = Embedder(
        network,
        chosen.rows,
        chosen.cols,
        pooling=chosen.pooling,
        limits=shop.limits,
        locator=wanted_locator(shop, label),
    )
    space = CellSpace(
        encoder=chosen.name,
        fingerprint=network.fingerprint,
        precision=chosen.precision,
        preprocess=PREPROCESS,
        rows=chosen.rows,
        cols=chosen.cols,
        pooling=chosen.pooling,
        parts=embedder.layout,
        locator=None if embedder.locator is None else embedder.locator.fingerprint,
        label=label,
    )
    return CellMaker(space, embedder)
