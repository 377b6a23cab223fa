"""From what is searched with to its cells: photographs are encoded, of images of the catalogue the
stored cells are read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tiefvision.errors import InvalidInput, NotFound, NotReady
from tiefvision.maths.boxes import Box
from tiefvision.store.boxes import Boxes
from tiefvision.store.records import Image
from tiefvision.store.spaces import CellSpace
from tiefvision.store.vectors import VectorStore
from tiefvision.tasks.cell_makers import embedder_of
from tiefvision.tasks.opened import Opened
from tiefvision.tasks.photograph import bytes_of
from tiefvision.tasks.ready_encoder import carried_encoder
from tiefvision.tasks.searching.clock import Clock
from tiefvision.vision import pixels
from tiefvision.vision.embedder import Embedder, Embedding, box_source
from tiefvision.vision.encoders.protocol import Encoder

# A file, an uploaded file's bytes, or the id of an image of the catalogue.
Source = str | Path | bytes | int


@dataclass(frozen=True, slots=True)
class Look:
    """How a photograph is looked at.

    box: where the product is, in its pixels; None: where people drew it, or else where a locator
    finds it. whole: do not look for it. mirror: also at the photograph flipped left to right.
    """

    box: Box | None = None
    whole: bool = False
    mirror: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A picture that was looked at. content_id: of its file. embeddings: its own, and with
    `Look.mirror` that of its mirror image. image: the catalogue's, where it was asked for by id."""

    content_id: str
    embeddings: tuple[Embedding, ...]
    image: Image | None = None


_Key = tuple[str, str, Look]


class QueryCells:
    """Looks at pictures for one open catalogue. Safe to share between threads.

    remembered: how many photographs' cells are kept, so that asking again with other weights, with
    another filter or ranker encodes nothing.
    """

    def __init__(
        self, shop: Opened, vectors: Callable[[CellSpace], VectorStore], *, remembered: int
    ) -> None:
        self._shop = shop
        self._vectors = vectors
        self._remembered = remembered
        self._known: OrderedDict[_Key, tuple[Embedding, ...]] = OrderedDict()
        self._lock = threading.Lock()
        self._encoder: tuple[str, Encoder] | None = None
        self._embedders: dict[str, Embedder] = {}

    def look(self, source: Source, space: CellSpace, look: Look, *, clock: Clock) -> Example:
        """A picture's cells in a cell space.

        Raises UnreadableImage, InvalidBox, NotFound, NotReady; InvalidInput for an id together
        with a box, the whole image or a mirror image.
        """
        if isinstance(source, int):
            if look != Look():
                raise InvalidInput(
                    "a box, the whole image or a mirror image needs the photograph, not a "
                    "catalogue id",
                    remedy="search with its file instead",
                )
            return self._stored(source, space, clock=clock)
        file = source if isinstance(source, bytes) else Path(source)
        data = (
            file if isinstance(file, bytes) else pixels.file_bytes(file, limits=self._shop.limits)
        )
        return self._seen(file, pixels.content_id(data), space, look, clock=clock)

    def look_closely(
        self, source: Source, space: CellSpace, known: Example, *, clock: Clock
    ) -> Example:
        """A picture that was looked at before, in a space of other rows and cols, at the same box.

        Raises NotFound or Conflict where the photograph of a catalogue image is gone or changed.
        """
        first = known.embeddings[0]
        mirror = len(known.embeddings) > 1
        whole = first.box_source == "whole"
        look = Look(None if whole else first.box, whole, mirror)
        if known.image is None:
            return self.look(source, space, look, clock=clock)
        data = bytes_of(known.image, limits=self._shop.limits)
        return self._seen(data, known.content_id, space, look, clock=clock)

    def _seen(
        self, file: bytes | Path, content_id: str, space: CellSpace, look: Look, *, clock: Clock
    ) -> Example:
        if look.box is None and not look.whole:
            drawn = Boxes(self._shop.database).shown(content_id, label=space.label)
            look = look if drawn is None else replace(look, box=drawn[0])
        key = (content_id, space.id, look)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return Example(content_id, self._known[key])
        embeddings = self._encoded(file, space, look, clock=clock)
        with self._lock:
            self._known[key] = embeddings
            while len(self._known) > self._remembered:
                self._known.popitem(last=False)
        return Example(content_id, embeddings)

    def _encoded(
        self, file: bytes | Path, space: CellSpace, look: Look, *, clock: Clock
    ) -> tuple[Embedding, ...]:
        embedder = self._embedder(space)
        clock.lap("open")
        image = embedder.read(file)
        clock.lap("decode")
        place = embedder.place(image, box=look.box, whole=look.whole)
        clock.lap("locate")
        embeddings = [embedder.embed_pixels(file, image, place)]
        if look.mirror:
            embeddings.append(embedder.embed_pixels(file, image, place, mirror=True))
        clock.lap("encode")
        return tuple(embeddings)

    def _stored(self, image_id: int, space: CellSpace, *, clock: Clock) -> Example:
        """A catalogue image, from its stored cells."""
        image = self._shop.encodings(space).get([image_id]).get(image_id)
        own = None if image is None else image.found
        if image is None or own is None:
            raise NotFound(
                f"no indexed image has the id {image_id}", remedy="tiefvision doctor lists all"
            )
        rows = self._vectors(space).fetch([image_id])
        places = [place for place, key in enumerate(rows.keys) if key == own.key]
        if not places:
            raise NotReady(
                f"the image with the id {image_id} is just being indexed again",
                remedy="search again in a moment, or run tiefvision index",
            )
        clock.lap("decode")
        embedding = Embedding(
            width=image.width or 0,
            height=image.height or 0,
            box=own.box,
            box_source=box_source(own.box_source),
            box_confidence=own.box_confidence,
            cells=rows.cells[places[0]].reshape(space.rows, space.cols, space.channels),
        )
        return Example(own.key.content_id, (embedding,), image)

    def _embedder(self, space: CellSpace) -> Embedder:
        if self._encoder is None or self._encoder[0] != space.fingerprint:
            self._encoder = (space.fingerprint, carried_encoder(self._shop.home, space))
        if space.id not in self._embedders:
            self._embedders[space.id] = embedder_of(self._shop, space, self._encoder[1])
        return self._embedders[space.id]
