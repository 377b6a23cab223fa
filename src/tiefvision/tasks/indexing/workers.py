"""Symmetric workers: each thread takes an image, reads, hashes, decodes, encodes, and hands over
what it found. No thread waits for another kind of thread, so cores stay busy whatever the mix of
large and small files is.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tiefvision.errors import NotFound, UnreadableImage
from tiefvision.maths.boxes import Box
from tiefvision.store.boxes import Boxes
from tiefvision.store.encodings import Encodings
from tiefvision.store.records import Image
from tiefvision.tasks.indexing.walk import as_path
from tiefvision.vision import pixels
from tiefvision.vision.embedder import Embedder, Embedding

# Finished images that wait to be written: bounds memory when writing is slower than encoding.
_WAITING_RESULTS = 256
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the file was when it was read. content_id: None when it could not be read.

    box_revision: change number of the box that people drew on this content, 0 where there is none.
    """

    image: Image
    content_id: str | None
    file_bytes: int
    modified_ns: int
    box_revision: int = 0


@dataclass(frozen=True, slots=True)
class Encoded:
    """A new content, embedded."""

    facts: FileFacts
    embedding: Embedding


@dataclass(frozen=True, slots=True)
class Twin:
    """A content that is embedded already, or just now by another worker.

    source_id: an image with acknowledged cells; None when another worker has the content.
    """

    facts: FileFacts
    source_id: int | None


@dataclass(frozen=True, slots=True)
class Touched:
    """A file with a new time but the bytes that are indexed already."""

    facts: FileFacts


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that is no readable image."""

    facts: FileFacts
    error: UnreadableImage


@dataclass(frozen=True, slots=True)
class Missing:
    """An indexed photograph that is not where it was: what is known of it stays."""

    facts: FileFacts


@dataclass(frozen=True, slots=True)
class _Broken:
    """An error that is no property of the file: it ends the run."""

    error: BaseException


Outcome = Encoded | Twin | Touched | Refused | Missing


@dataclass(slots=True)
class Claims:
    """Contents that a worker is embedding and that are not acknowledged yet."""

    _owned: set[str] = field(default_factory=set[str])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def claim(self, content_id: str) -> bool:
        """Own a content; False when another worker does."""
        with self._lock:
            if content_id in self._owned:
                return False
            self._owned.add(content_id)
            return True

    def release(self, content_ids: Iterable[str]) -> None:
        """Give contents up, once they are acknowledged or refused."""
        with self._lock:
            self._owned.difference_update(content_ids)


@dataclass(frozen=True, slots=True)
class Workshop:
    """What every worker needs. boxes: None where people have drawn none."""

    embedder: Embedder
    encodings: Encodings
    boxes: Boxes | None
    claims: Claims

    def work(self, image: Image) -> Outcome:
        """Read one image and find what is to be written of it."""
        file = Path(as_path(image.root)) / as_path(image.path)
        # Looked at before it is read: a file that changes meanwhile is seen as changed next time.
        size, time = _size_and_time(file)
        facts = FileFacts(image, image.content_id, size, time, image.drawn_revision)
        if (size, time) == (image.file_bytes, image.modified_ns) and _has_its_cells(facts):
            return Twin(facts, source_id=image.id)
        try:
            data = pixels.file_bytes(file, limits=self.embedder.limits)
        except NotFound as error:
            if image.state == "indexed":
                return Missing(facts)
            return Refused(FileFacts(image, None, size, time), _as_unreadable(error))
        except UnreadableImage as error:
            return Refused(FileFacts(image, None, size, time), error)
        content_id = pixels.content_id(data)
        drawn = None
        if self.boxes is not None:
            drawn = self.boxes.shown(content_id, label=self.encodings.label)
        box, revision = drawn or (None, 0)
        facts = FileFacts(image, content_id, size, time, revision)
        if _has_its_cells(facts):
            return Touched(facts) if _has_its_attributes(image) else Twin(facts, image.id)
        return self._embedded(facts, data, box)

    def _embedded(self, facts: FileFacts, data: bytes, box: Box | None) -> Outcome:
        """Cells of a content: those of another image, or made now."""
        assert facts.content_id is not None, "the file was just read"
        if not self.claims.claim(facts.content_id):
            return Twin(facts, source_id=None)
        source_id = self.encodings.with_content(facts.content_id, box_revision=facts.box_revision)
        if source_id is not None:
            self.claims.release([facts.content_id])
            return Twin(facts, source_id)
        try:
            return Encoded(facts, self.embedder.embed(data, box=box))
        except UnreadableImage as error:
            return Refused(facts, error)


def outcomes(
    workshop: Workshop, todo: Iterator[Image], *, workers: int, stop: threading.Event
) -> Generator[Outcome]:
    """What `workers` threads make of the images, in the order in which they finish.

    Setting `stop` ends the iteration after the images that are in hand. An error that is no
    property of a file is raised here.
    """
    results: queue.Queue[Outcome | _Broken | None] = queue.Queue(_WAITING_RESULTS)
    feed = _Feed(todo)
    ended = threading.Event()
    threads = [
        threading.Thread(
            target=_run,
            args=(workshop, feed, results, (stop, ended)),
            name=f"worker-{i}",
            daemon=True,
        )
        for i in range(workers)
    ]
    for thread in threads:
        thread.start()
    running = workers
    try:
        while running:
            try:
                result = results.get(timeout=_POLL_S)
            except queue.Empty:
                continue  # a chance for Ctrl-C to arrive on every platform
            if result is None:
                running -= 1
            elif isinstance(result, _Broken):
                raise result.error
            else:
                yield result
    finally:
        ended.set()
        while any(thread.is_alive() for thread in threads):
            _drain(results)
        for thread in threads:
            thread.join()


def worker_count(wanted: int) -> int:
    """How many workers to run; 0 means one for each core that this process may use."""
    if wanted:
        return wanted
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Feed:
    """An iterator that several threads may draw from."""

    def __init__(self, items: Iterator[Image]) -> None:
        self._items = items
        self._lock = threading.Lock()

    def next(self) -> Image | None:
        with self._lock:
            return next(self._items, None)


def _run(
    workshop: Workshop,
    feed: _Feed,
    results: queue.Queue[Outcome | _Broken | None],
    ends: Sequence[threading.Event],
) -> None:
    try:
        while not any(event.is_set() for event in ends):
            image = feed.next()
            if image is None:
                break
            results.put(workshop.work(image))
        results.put(None)
    except BaseException as error:
        results.put(_Broken(error))


def _drain(results: queue.Queue[Outcome | _Broken | None]) -> None:
    try:
        results.get(timeout=_POLL_S / 10)
    except queue.Empty:
        return


def _size_and_time(file: Path) -> tuple[int, int]:
    """Size and time of change; (-1, -1) as `walk.found` has it where the file cannot be seen."""
    try:
        status = os.stat(file)
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _has_its_cells(facts: FileFacts) -> bool:
    """Whether the acknowledged cells are of this content and of its newest human box."""
    own = facts.image.found
    if own is None:
        return False
    return (own.content_id, own.box_revision) == (facts.content_id, facts.box_revision)


def _has_its_attributes(image: Image) -> bool:
    own = image.found
    if own is None or image.wanted_attributes is not None:
        return False
    return own.attributes_revision == image.attributes_revision


def _as_unreadable(error: NotFound) -> UnreadableImage:
    return UnreadableImage(error.message, remedy="put the file back, or index again with --prune")
