"""The locator that a catalogue uses for a label, or none."""

from __future__ import annotations

from tiefvision.errors import NotReady
from tiefvision.store import models
from tiefvision.store.spaces import CellSpace
from tiefvision.tasks.opened import Opened
from tiefvision.vision.location import Locator


def wanted_locator(shop: Opened, label: str) -> Locator | None:
    """What finds the boxes of a label from now on; None: whole images."""
    model_id = models.active(shop.database, kind="locator", name=label)
    if model_id is not None:
        return _trained(shop, model_id)
    return None


def carried_locator(shop: Opened, space: CellSpace) -> Locator | None:
    """What found the boxes of a cell space."""
    if space.locator is None:
        return None
    return _trained(shop, space.locator)


def _trained(shop: Opened, model_id: str) -> Locator:
    raise NotReady(
        f"the locator {model_id[:12]} cannot be used by this version of the program",
        remedy="upgrade with: pip install --upgrade tiefvision",
    )
