"""Writes what workers found, in the one order that survives being killed anywhere.

Vectors first, then the catalogue's acknowledgement, then the removal of what these replaced. A
batch that was not acknowledged is found and removed by the next run's `reconcile`.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from tiefvision.errors import UnreadableImage
from tiefvision.store.encodings import Encodings
from tiefvision.store.records import Acknowledgement, Attributes, Image, Refusal, RowKey
from tiefvision.store.spaces import SearchSpace
from tiefvision.store.vectors import VectorRows, VectorStore
from tiefvision.tasks.indexing.workers import (
    Claims,
    Encoded,
    FileFacts,
    Missing,
    Outcome,
    Refused,
    Touched,
    Twin,
)
from tiefvision.vision.embedder import Embedding

# A batch is written when it holds this many images, or is this old: 256 rows of cells are a few
# megabytes, and what a kill can cost is a few seconds of work.
BATCH_IMAGES = 256
BATCH_AGE_S = 3.0


@dataclass(slots=True)
class Tally:
    """How many files ended how."""

    indexed: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0
    refused: int = 0
    missing: int = 0
    refusals: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])

    @property
    def done(self) -> int:
        read = self.indexed + self.updated + self.unchanged + self.duplicates
        return read + self.refused + self.missing


# Refusals beyond this many are counted, and listed by `tiefvision doctor`.
_LISTED_REFUSALS = 20


@dataclass(slots=True)
class Writer:
    """Collects outcomes of one cell space and writes them in batches.

    search_spaces: whose compact vectors are written beside the cells.
    """

    encodings: Encodings
    store: VectorStore
    search_spaces: Sequence[SearchSpace]
    claims: Claims
    written: Callable[[Tally], None]
    tally: Tally = field(default_factory=Tally)
    _batch: list[Outcome] = field(default_factory=list[Outcome])
    _waiting: dict[str, list[FileFacts]] = field(
        default_factory=lambda: defaultdict[str, list[FileFacts]](list)
    )
    _refused: dict[str, UnreadableImage] = field(default_factory=dict[str, UnreadableImage])
    _oldest: float = 0.0

    def take(self, outcome: Outcome) -> None:
        """Add an outcome; writes the batch when it is full or old."""
        if not self._batch:
            self._oldest = time.monotonic()
        self._batch.append(outcome)
        if len(self._batch) >= BATCH_IMAGES or time.monotonic() - self._oldest > BATCH_AGE_S:
            self.flush()

    def flush(self) -> None:
        """Write everything taken so far, twins of the batch's own contents included."""
        while self._batch:
            batch, self._batch = self._batch, []
            encoded = [item for item in batch if isinstance(item, Encoded)]
            self._write([(item.facts, item.embedding) for item in encoded])
            self._touch([item.facts for item in batch if isinstance(item, Touched)])
            self._refuse([item for item in batch if isinstance(item, Refused)])
            self._copy([item for item in batch if isinstance(item, Twin)])
            self.tally.missing += sum(isinstance(item, Missing) for item in batch)
        self.written(self.tally)

    def _write(self, items: Sequence[tuple[FileFacts, Embedding]]) -> None:
        if not items:
            return
        cells = np.stack([embedding.cells.reshape(-1) for _, embedding in items])
        acknowledgements = [_acknowledgement(facts, embedding) for facts, embedding in items]
        self._commit([facts.image for facts, _ in items], acknowledgements, cells)
        for facts, _ in items:
            if facts.image.state == "pending":
                self.tally.indexed += 1
            else:
                self.tally.updated += 1
        self._settle([facts.content_id or "" for facts, _ in items])

    def _copy(self, twins: Sequence[Twin]) -> None:
        """Give images the vectors that an image of the same content has."""
        ready: list[tuple[FileFacts, int]] = []
        for twin in twins:
            if twin.source_id is not None:
                ready.append((twin.facts, twin.source_id))
                continue
            content_id = twin.facts.content_id or ""
            if content_id in self._refused:
                self._refuse([Refused(twin.facts, self._refused[content_id])])
                continue
            source_id = self.encodings.with_content(
                content_id, box_revision=twin.facts.box_revision
            )
            if source_id is not None:
                ready.append((twin.facts, source_id))
            else:
                self._waiting[content_id].append(twin.facts)
        for start in range(0, len(ready), BATCH_IMAGES):
            self._copy_ready(ready[start : start + BATCH_IMAGES])

    def _copy_ready(self, ready: Sequence[tuple[FileFacts, int]]) -> None:
        source_ids = sorted({source_id for _, source_id in ready})
        sources = self.encodings.get(source_ids)
        fetched = self.store.fetch(source_ids)
        place = {(key.image_id, key.content_id): at for at, key in enumerate(fetched.keys)}
        found: list[tuple[FileFacts, Image, int]] = []
        for facts, source_id in ready:
            at = place.get((source_id, facts.content_id or ""))
            if at is not None:
                found.append((facts, sources[source_id], at))
        if not found:
            return
        acknowledgements = [_copied(facts, source) for facts, source, _ in found]
        cells = fetched.cells[[at for _, _, at in found]]
        self._commit([facts.image for facts, _, _ in found], acknowledgements, cells)
        for facts, source, _ in found:
            if facts.image.id == source.id or facts.image.state != "pending":
                self.tally.updated += 1
            else:
                self.tally.duplicates += 1

    def _commit(
        self,
        images: Sequence[Image],
        acknowledgements: Sequence[Acknowledgement],
        cells: np.ndarray[tuple[int, int], np.dtype[np.float16]],
    ) -> None:
        keys = [_key(item) for item in acknowledgements]
        compact = {
            space.id: space.compact(cells)
            for space in self.search_spaces
            if space.dimensions is not None
        }
        attributes = [item.attributes for item in acknowledgements]
        self.store.append(VectorRows(keys, cells, attributes, compact))
        self.encodings.acknowledge(acknowledgements)
        replaced = [
            key for image, key in zip(images, keys, strict=True) if image.encoding is not None
        ]
        if replaced:
            self.store.remove_superseded(replaced)

    def _touch(self, seen: Sequence[FileFacts]) -> None:
        if seen:
            self.encodings.catalogue.confirm_unchanged(
                [(facts.image.id, facts.file_bytes, facts.modified_ns) for facts in seen]
            )
            self.tally.unchanged += len(seen)

    def _refuse(self, refused: Sequence[Refused]) -> None:
        if not refused:
            return
        everyone = list(refused)
        for item in refused:
            if item.facts.content_id is not None:
                self._refused[item.facts.content_id] = item.error
                twins = self._waiting.pop(item.facts.content_id, [])
                everyone += [Refused(facts, item.error) for facts in twins]
        self.encodings.refuse([_refusal(item) for item in everyone])
        had_vectors = [
            item.facts.image.id for item in everyone if item.facts.image.state == "indexed"
        ]
        if had_vectors:
            self.store.remove_images(had_vectors)
        for item in everyone:
            self.tally.refused += 1
            if len(self.tally.refusals) < _LISTED_REFUSALS:
                image, error = item.facts.image, item.error
                self.tally.refusals.append((image.path, error.message, error.remedy))
        self._settle([item.facts.content_id or "" for item in refused])

    def _settle(self, content_ids: Sequence[str]) -> None:
        """Contents are acknowledged or refused: their waiting twins can be written."""
        self.claims.release(content_ids)
        for content_id in content_ids:
            for facts in self._waiting.pop(content_id, []):
                self._batch.append(Twin(facts, source_id=None))


def _key(item: Acknowledgement) -> RowKey:
    return RowKey(item.image_id, item.content_id, item.box_revision, item.attributes_revision)


def _acknowledgement(facts: FileFacts, embedding: Embedding) -> Acknowledgement:
    assert facts.content_id is not None, "only read files are acknowledged"
    attributes, attributes_revision = _attributes(facts.image)
    return Acknowledgement(
        image_id=facts.image.id,
        content_id=facts.content_id,
        file_bytes=facts.file_bytes,
        modified_ns=facts.modified_ns,
        width=embedding.width,
        height=embedding.height,
        box=embedding.box,
        box_source=embedding.box_source,
        box_confidence=embedding.box_confidence,
        box_revision=facts.box_revision,
        attributes=attributes,
        attributes_revision=attributes_revision,
    )


def _copied(facts: FileFacts, source: Image) -> Acknowledgement:
    assert facts.content_id is not None and source.encoding is not None, "the source is indexed"
    attributes, attributes_revision = _attributes(facts.image)
    return Acknowledgement(
        image_id=facts.image.id,
        content_id=facts.content_id,
        file_bytes=facts.file_bytes,
        modified_ns=facts.modified_ns,
        width=source.width or 0,
        height=source.height or 0,
        box=source.encoding.box,
        box_source=source.encoding.box_source,
        box_confidence=source.encoding.box_confidence,
        box_revision=source.encoding.box_revision,
        attributes=attributes,
        attributes_revision=attributes_revision,
    )


def _attributes(image: Image) -> tuple[Attributes, int]:
    if image.wanted_attributes is None:
        return image.attributes, image.attributes_revision
    return image.wanted_attributes, image.attributes_revision + 1


def _refusal(item: Refused) -> Refusal:
    return Refusal(
        image_id=item.facts.image.id,
        content_id=item.facts.content_id,
        file_bytes=item.facts.file_bytes,
        modified_ns=item.facts.modified_ns,
        reason=item.error.message,
        remedy=item.error.remedy,
    )
