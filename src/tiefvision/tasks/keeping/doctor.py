"""`tiefvision doctor`: what is wrong with a catalogue, and the command that mends it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from tiefvision.errors import NotFound, NotReady, StoreError, TiefVisionError, UnreadableImage
from tiefvision.store import leases, registry, roots, scan
from tiefvision.store.records import Image
from tiefvision.store.spaces import SearchSpace
from tiefvision.store.tables import images
from tiefvision.tasks.indexing import growth, ranked_spaces
from tiefvision.tasks.keeping.compare import compare
from tiefvision.tasks.opened import Opened, opened
from tiefvision.tasks.progress import Progress, silent
from tiefvision.tasks.ready_encoder import carried_encoder
from tiefvision.tasks.searching.search import file_of
from tiefvision.vision import pixels

# Files named in a finding; the rest are counted.
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to mend. remedy: the command to type, or what to do."""

    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that is not indexed."""

    path: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What `doctor` found.

    healthy: nothing is to be mended; refused files do not count, since the catalogue is right
    about them. checked: photographs looked at; read: those of them whose content was hashed.
    notes: what could not be checked, and what mends itself.
    """

    catalogue: str
    healthy: bool
    checked: int
    read: int
    findings: Sequence[Finding]
    notes: Sequence[str]
    refused: Sequence[RefusedFile]
    vanished: Sequence[str]


def doctor(
    catalogue: str | Path | None = None, *, recheck: bool = False, progress: Progress = silent
) -> Diagnosis:
    """Check a catalogue without changing it.

    Always: the database, vectors against the catalogue, the encoder, and the size and time of
    every photograph. recheck: also read every photograph and compare its content.
    Raises NotFound, or StoreError when the database cannot be opened at all.
    """
    with opened(catalogue) as shop:
        return _Examination(shop, progress).run(recheck=recheck)


@dataclass(slots=True)
class _Examination:
    """One run of `doctor` over an opened catalogue."""

    shop: Opened
    progress: Progress
    findings: list[Finding] = field(default_factory=list[Finding])
    notes: list[str] = field(default_factory=list[str])

    def run(self, *, recheck: bool) -> Diagnosis:
        if not self._is_sound():
            # A damaged database answers nothing reliably.
            return self._diagnosis(checked=0, read=0, refused=[], vanished=[])
        space = self._search_space()
        if space is not None:
            self._encoder(space)
            self._vectors(space)
            self._scan(space)
            self._rankers()
        self._work_left()
        vanished = [file_of(image) for image in self.shop.catalogue.vanished()]
        if vanished:
            self._find_files("photographs that vanished from their folders", vanished, "--prune")
        checked = self._photographs(recheck=recheck)
        refused = [
            RefusedFile(file_of(image), image.reason or "", image.remedy or "")
            for image in self.shop.catalogue.each(where=images.c.state == "refused")
            if not image.vanished
        ]
        read = checked if recheck else 0
        return self._diagnosis(checked=checked, read=read, refused=refused, vanished=vanished)

    def _diagnosis(
        self,
        *,
        checked: int,
        read: int,
        refused: Sequence[RefusedFile],
        vanished: Sequence[str],
    ) -> Diagnosis:
        return Diagnosis(
            catalogue=str(self.shop.home.folder),
            healthy=not self.findings,
            checked=checked,
            read=read,
            findings=tuple(self.findings),
            notes=tuple(self.notes),
            refused=refused,
            vanished=vanished,
        )

    def _find(self, message: str, *, remedy: str) -> None:
        self.findings.append(Finding(message, remedy))

    def _find_files(self, what: str, files: Sequence[str], *options: str) -> None:
        """A finding about files, the first of them by name; `index` with the options mends it."""
        examples = ", ".join(files[:_EXAMPLES]) + (", ..." if len(files) > _EXAMPLES else "")
        self._find(
            f"{what}: {len(files)} ({examples})",
            remedy=" ".join([self._index_command(), *options]),
        )

    def _index_command(self) -> str:
        """What to type to bring this catalogue up to date with all its folders."""
        folders = [root.path for root in roots.each(self.shop.database)] or ["PHOTOS"]
        return shlex.join(["tiefvision", "index", *folders, "-c", str(self.shop.home.folder)])

    # --- the catalogue's own parts -----------------------------------------------------------

    def _is_sound(self) -> bool:
        """Whether the database is whole. A server looks after its own."""
        if self.shop.settings.store.catalogue:
            return True
        try:
            with self.shop.database.read() as connection:
                answers = list(connection.scalars(sa.text("PRAGMA integrity_check")))
        except DatabaseError as error:
            answers = [str(error.orig)]
        if answers == ["ok"]:
            return True
        self._find(
            f"the database is damaged: {answers[0]}",
            remedy="restore a snapshot (tiefvision catalogue snapshot), or remove "
            f"{self.shop.home.folder} and index again",
        )
        return False

    def _search_space(self) -> SearchSpace | None:
        try:
            return self.shop.search_space()
        except NotReady as error:
            self._find(error.message, remedy=error.remedy)
        except StoreError as error:
            self._find(error.message, remedy=self._index_command())
        return None

    def _encoder(self, space: SearchSpace) -> None:
        try:
            carried_encoder(self.shop.home, space.cell_space)
        except TiefVisionError as error:
            self._find(error.message, remedy=error.remedy or self._index_command())

    def _vectors(self, space: SearchSpace) -> None:
        """Compare the vectors with the catalogue, unless a run is changing both."""
        active = registry.active_cell_space(self.shop.database) or space.cell_space
        if not self.shop.home.cells(active.id).exists():
            if self.shop.encodings(active).count():
                self._find("the folder of the vectors is missing", remedy=self._index_command())
            return
        before = leases.holder(self.shop.database, "index")
        try:
            found = compare(self.shop.encodings(active), self.shop.vectors(active))
        except TiefVisionError as error:
            self._find(error.message, remedy=error.remedy)
            return
        if before or leases.holder(self.shop.database, "index"):
            self.notes.append("an index run is going on; vectors were not compared")
            return
        if found.missing:
            self._find(f"images without vectors: {found.missing}", remedy=self._index_command())
        if found.left_over or found.buried:
            count = found.left_over + found.buried
            self.notes.append(f"left over rows of vectors: {count}; the next index removes them")

    def _scan(self, space: SearchSpace) -> None:
        if not growth.scans(self.shop, space):
            return
        current = scan.open_scan(space, self.shop.home.space(space.id))
        if current is None or current.version != self.shop.catalogue.version():
            of = f" of the ranker {space.name}" if space.name else ""
            self.notes.append(f"the scan{of} is behind the catalogue; the next search brings it up")

    def _rankers(self) -> None:
        """Look at the active rankers, and at their search spaces."""
        spaces = {space.name: space for space in ranked_spaces.answering(self.shop)}
        names: list[str] = []
        for name, model_id in ranked_spaces.wanted(self.shop).items():
            names.append(name)
            own = spaces.get(name)
            try:
                if (
                    own is None
                    and not ranked_spaces.read(self.shop, name, model_id).head.is_identity
                ):
                    message = f"the ranker {name} is wanted, and its search space is not whole"
                    self._find(message, remedy=self._index_command())
            except TiefVisionError as error:
                self._find(error.message, remedy=error.remedy)
            if own is not None:
                self._scan(own)
        if names:
            self.notes.append(f"rankers in use: {', '.join(names)}")

    def _work_left(self) -> None:
        todo = self.shop.todo_count()
        if todo and leases.holder(self.shop.database, "index") is None:
            self._find(f"photographs not indexed yet: {todo}", remedy=self._index_command())

    # --- photographs ---------------------------------------------------------------------------

    def _photographs(self, *, recheck: bool) -> int:
        """Look at every indexed photograph, or read it; how many."""
        self._roots()
        indexed = sa.and_(images.c.state == "indexed", images.c.vanished.is_(False))
        judge = _content if recheck else _size_and_time
        faults: dict[str, list[str]] = {}
        checked = 0
        with self.progress(*self._stage(indexed, recheck), unit=_unit(recheck)) as advance:
            for image in self.shop.catalogue.each(where=indexed):
                fault = judge(image, self.shop.limits)
                if fault is not None:
                    faults.setdefault(fault, []).append(file_of(image))
                checked += 1
                advance(image.file_bytes or 0 if recheck else 1)
        for fault, files in faults.items():
            self._find_files(f"photographs {fault}", files)
        return checked

    def _roots(self) -> None:
        for root in roots.each(self.shop.database):
            if root.images and not os.path.isdir(root.path):
                self._find(
                    f"there is no folder {root.path}, which held photographs: {root.images}",
                    remedy=shlex.join(["tiefvision", "roots", "move", root.path, "NEW-FOLDER"])
                    + f" -c {shlex.quote(str(self.shop.home.folder))}",
                )

    def _stage(self, where: sa.ColumnElement[bool], recheck: bool) -> tuple[str, int]:
        amount = sa.func.sum(images.c.file_bytes) if recheck else sa.func.count()
        with self.shop.database.read() as connection:
            total = connection.scalar(sa.select(amount).select_from(images).where(where)) or 0
        return ("reading photographs" if recheck else "looking at photographs"), int(total)


Judge = Callable[[Image, pixels.Limits], str | None]

_MISSING = "no longer where they were"
_CHANGED = "changed since they were indexed"
_UNREADABLE = "that can no longer be read"
# Neither size nor time tell `index` of this.
_DAMAGED = "of the same size and time but with other bytes, to be restored or touched first"


def _unit(recheck: bool) -> str:
    return "bytes" if recheck else "images"


def _size_and_time(image: Image, _limits: pixels.Limits) -> str | None:
    """What is wrong with a photograph by its size and time of change; None for nothing."""
    try:
        status = os.stat(file_of(image))
    except OSError:
        return _MISSING
    same = (status.st_size, status.st_mtime_ns) == (image.file_bytes, image.modified_ns)
    return None if same else _CHANGED


def _content(image: Image, limits: pixels.Limits) -> str | None:
    """What is wrong with a photograph by its content; None for nothing."""
    file = Path(file_of(image))
    try:
        data = pixels.file_bytes(file, limits=limits)
    except NotFound:
        return _MISSING
    except UnreadableImage:
        return _UNREADABLE
    if pixels.content_id(data) == image.content_id:
        return None
    if _size_and_time(image, limits) is None:
        return _DAMAGED
    return _CHANGED
