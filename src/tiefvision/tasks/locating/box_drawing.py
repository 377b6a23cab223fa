"""Boxes that are drawn on one image of the catalogue, by its id."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tiefvision.errors import Conflict, InvalidInput
from tiefvision.maths import boxes as rectangles
from tiefvision.maths.boxes import Box
from tiefvision.store.boxes import Boxes, Labelled
from tiefvision.tasks.keeping import gallery
from tiefvision.tasks.keeping.gallery import CatalogueImage
from tiefvision.tasks.locating.box_reading import usable_label
from tiefvision.tasks.opened import Opened

# A photograph with more products than this is not one to search for a product in.
MOST_BOXES = 100


def draw(shop: Opened, image_id: int, drawn: Sequence[Labelled]) -> CatalogueImage:
    """Give an image (and its exact duplicates) these boxes, and no others; the image as it is now.

    drawn: labelled boxes in pixels of the upright photograph, cut at its edges. Its vectors show
    them after the next update. Raises NotFound, Conflict for an image that is not indexed,
    InvalidBox, or InvalidInput for a label that is none.
    """
    if len(drawn) > MOST_BOXES:
        raise InvalidInput(f"{len(drawn)} boxes on one photograph; expected at most {MOST_BOXES}")
    image = gallery.row(shop, image_id)
    width, height = image.width, image.height
    if image.content_id is None or width is None or height is None:
        raise Conflict(
            f"the image with the id {image_id} is not indexed, so it has no size to draw on",
            remedy="tiefvision index reads it",
        )

    def inside(box: Box) -> Box:
        return rectangles.clip(box, width=width, height=height)

    wanted = [(usable_label(label), inside(box)) for label, box in drawn]
    Boxes(shop.database).replace({image.content_id: wanted}, now=time.time(), every_label=True)
    return gallery.one(shop, image_id)
