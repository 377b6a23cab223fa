"""A box to begin with when one draws boxes: where nobody drew one, and no box was good enough to
crop to by itself."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from tiefvision.errors import Conflict, NotReady
from tiefvision.tasks.keeping import gallery
from tiefvision.tasks.opened import Opened
from tiefvision.tasks.photograph import bytes_of
from tiefvision.tasks.ready_locator import untrained_locator
from tiefvision.vision import pixels
from tiefvision.vision.guess import Guesser


@dataclass(frozen=True, slots=True)
class Suggestion:
    """box: left, top, right, bottom in pixels of the upright photograph; None: draw it yourself.
    confidence: in [0, 1]; None without a box."""

    box: Sequence[float] | None
    confidence: float | None


_NONE = Suggestion(None, None)
# The photograph is decoded at least so large: as many pixels as the guesses' networks look at.
_SIDE = 320


class BoxSuggestions:
    """Suggests boxes for one open catalogue, by the first guess. Safe to share between threads."""

    def __init__(self, shop: Opened) -> None:
        self._shop = shop
        self._lock = threading.Lock()
        self._guesser: Guesser | None = None

    def of(self, image_id: int) -> Suggestion:
        """A box for an indexed image; none where its network is not at hand, or it is unclear.

        Raises NotFound where there is no such image, or its photograph is gone; Conflict where
        that has changed, or is not indexed.
        """
        image = gallery.row(self._shop, image_id)
        if image.found is None:
            raise Conflict(
                f"the image with the id {image_id} is not indexed",
                remedy="tiefvision index reads it",
            )
        try:
            guesser = self._ready()
        except NotReady:
            return _NONE
        data = bytes_of(image, limits=self._shop.limits)
        found = guesser.guess(pixels.read(data, side=_SIDE, limits=self._shop.limits))
        if found is None:
            return _NONE
        return Suggestion(found.box.as_list(), round(found.confidence, 4))

    def _ready(self) -> Guesser:
        with self._lock:
            if self._guesser is None:
                self._guesser = untrained_locator(self._shop)
            return self._guesser
