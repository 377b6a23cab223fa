"""`tiefvision boxes`: boxes that people drew, taken from files, written, listed and removed."""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tiefvision.errors import Conflict, InvalidInput, NotFound
from tiefvision.store import box_formats, home, photographs
from tiefvision.store.box_formats.annotations import BoxedPhotograph
from tiefvision.store.boxes import PRODUCT, Boxes, LabelCount
from tiefvision.store.database import Database, open_database
from tiefvision.store.photographs import Photograph
from tiefvision.tasks.locating.box_matching import UNKNOWN, match, near_matches
from tiefvision.tasks.locating.box_reading import Unmatched, read_boxes, unknown_label
from tiefvision.tasks.progress import Advance, Progress, silent


@dataclass(frozen=True, slots=True)
class BoxImportReport:
    """What an import did.

    imported: boxes that are new; unchanged: boxes that were there already; replaced: earlier
    boxes that went for them. images: photographs whose boxes changed, exact duplicates counted
    once. labels: boxes of the file by label. clipped: boxes cut at the photograph's edge.
    ignored: what was passed over by design. problems: boxes left out because they cannot be
    right; unmatched: photographs that were not found; of both the first are told. by_file_name:
    photographs that were found by their file name alone.
    """

    file: str
    format: str
    imported: int
    unchanged: int
    replaced: int
    images: int
    labels: Mapping[str, int]
    clipped: int
    ignored: Mapping[str, int]
    problems: Sequence[str]
    problem_count: int
    unmatched: Sequence[Unmatched]
    unmatched_count: int
    unmatched_boxes: int
    by_file_name: int


@dataclass(frozen=True, slots=True)
class BoxExportReport:
    """A written file of boxes.

    images: photographs in it, exact duplicates too. labels: boxes by label. orphans: boxes whose
    photograph the catalogue no longer has; they are not in the file.
    """

    file: str
    format: str
    boxes: int
    images: int
    labels: Mapping[str, int]
    orphans: int


@dataclass(frozen=True, slots=True)
class ListedBox:
    """A box on a photograph: left, top, right, bottom in pixels; drawn_at: seconds since 1970."""

    path: str
    label: str
    box: Sequence[float]
    drawn_at: float


@dataclass(frozen=True, slots=True)
class BoxList:
    """The boxes of a catalogue. listed: those of the photographs that were asked for."""

    boxes: int
    orphans: int
    labels: Sequence[LabelCount]
    listed: Sequence[ListedBox]


@dataclass(frozen=True, slots=True)
class BoxRemovalReport:
    """How many boxes were removed, and from how many photographs (duplicates counted once)."""

    removed: int
    images: int


def import_boxes(
    file: str | Path,
    *,
    catalogue: str | Path | None = None,
    format: str | None = None,
    labels: Collection[str] | None = None,
    as_label: str | None = None,
    add: bool = False,
    skip_bad: bool = False,
    progress: Progress = silent,
) -> BoxImportReport:
    """Take over the boxes of a file, all or none.

    For every label that a photograph has in the file, its boxes of that label are replaced; with
    `add` the file's join them. format: coco, voc, yolo or csv; None: told from the file. labels:
    only those. as_label: the label that all of them get. skip_bad: leave out boxes that cannot be
    right, which otherwise end the import. Photographs that are not found end nothing: the report
    says which and why.

    Raises InvalidInput for a file that is not of its format, for bad boxes and when no photograph
    is found, and NotFound where there is no file or catalogue.
    """
    source = Path(file).expanduser().absolute()
    form = box_formats.of_file(source, format)
    with _open(catalogue) as database:
        reading = read_boxes(
            source, form, database, labels=labels, as_label=as_label, progress=progress
        )
        problems = reading.problems
        if problems.count and not skip_bad:
            raise InvalidInput(
                f"nothing was imported: {problems.count:,} boxes of {source} cannot be right\n"
                f"{problems}",
                remedy="mend them in the file, or leave them out with --skip-bad",
            )
        changes = Boxes(database).replace(reading.boxes, now=time.time(), add=add)
    counts = Counter(label for labelled in reading.boxes.values() for label, _ in labelled)
    return BoxImportReport(
        file=str(source),
        format=form.name,
        imported=changes.added,
        unchanged=changes.unchanged,
        replaced=changes.removed,
        images=changes.contents,
        labels=dict(sorted(counts.items())),
        clipped=reading.clipped,
        ignored=dict(reading.ignored),
        problems=problems.told,
        problem_count=problems.count,
        unmatched=reading.unmatched,
        unmatched_count=reading.unmatched_count,
        unmatched_boxes=reading.unmatched_boxes,
        by_file_name=reading.by_file_name,
    )


def export_boxes(
    file: str | Path,
    *,
    catalogue: str | Path | None = None,
    format: str | None = None,
    labels: Collection[str] | None = None,
    include_model: bool = False,
    progress: Progress = silent,
) -> BoxExportReport:
    """Write the boxes that people drew to a file, whole or not at all.

    A file that exists is replaced; a folder (voc, yolo) must be new or empty. labels: only those.
    include_model: also what a locator found in photographs without boxes, labelled `product`.

    Raises InvalidInput for another name, format or label, Conflict for a folder with something in
    it, and NotFound when there is nothing to write.
    """
    target = Path(file).expanduser().absolute()
    form = box_formats.of_name(target, format)
    check_target(target, is_folder=form.is_folder)
    with _open(catalogue) as database:
        boxes = Boxes(database)
        known = [count.label for count in boxes.labels()]
        if include_model and PRODUCT not in known:
            known = sorted([*known, PRODUCT])
        for label in labels or ():
            if label not in known:
                raise unknown_label(label, known, whose="the catalogue holds")
        wanted = [label for label in known if labels is None or label in labels]
        tally = _Tally()
        with (
            progress("writing boxes", None) as advance,
            tempfile.TemporaryDirectory(dir=target.parent, prefix=".boxes-") as place,
        ):
            found = boxes.each(labels=wanted, include_model=include_model)
            partial = Path(place) / target.name
            form.write(partial, tally.counted(found, advance), wanted)
            if not tally.images:
                raise NotFound(
                    "there are no boxes to write", remedy="take some over: tiefvision boxes import"
                )
            os.replace(partial, target)
        return BoxExportReport(
            file=str(target),
            format=form.name,
            boxes=tally.labels.total(),
            images=tally.images,
            labels=dict(sorted(tally.labels.items())),
            orphans=boxes.orphans(),
        )


def list_boxes(images: Sequence[str] = (), *, catalogue: str | Path | None = None) -> BoxList:
    """How many boxes of each label there are, and the boxes of the photographs that are named.

    images: files, or paths below a root. Raises NotFound for one that the catalogue has not.
    """
    with _open(catalogue) as database:
        boxes = Boxes(database)
        asked = _find(database, images)
        drawn = boxes.of(_contents(asked))
        listed = [
            ListedBox(photograph.file, each.label, each.box.as_list(), each.created_at)
            for photograph in asked
            for each in drawn.get(photograph.content_id or "", [])
        ]
        return BoxList(boxes.count(), boxes.orphans(), boxes.labels(), listed)


def remove_boxes(
    images: Sequence[str] = (),
    *,
    catalogue: str | Path | None = None,
    labels: Collection[str] | None = None,
    everything: bool = False,
) -> BoxRemovalReport:
    """Remove the boxes of photographs (none named: of all), or only those of some labels.

    Neither photographs nor labels named: `everything` must say that all boxes are meant.
    Raises InvalidInput where nothing is named or a label does not exist, and NotFound for a
    photograph that the catalogue has not.
    """
    if everything == bool(images or labels):
        raise InvalidInput(
            "say which boxes: those of photographs, those of a label, or all",
            remedy="tiefvision boxes remove IMAGE... | --label NAME | --all",
        )
    with _open(catalogue) as database:
        boxes = Boxes(database)
        known = [count.label for count in boxes.labels()]
        for label in labels or ():
            if label not in known:
                raise unknown_label(label, known, whose="the catalogue holds")
        contents = _contents(_find(database, images)) if images else None
        changes = boxes.remove(content_ids=contents, labels=labels or None)
        return BoxRemovalReport(changes.removed, changes.contents)


def _contents(asked: Iterable[Photograph]) -> set[str]:
    return {each.content_id for each in asked if each.content_id is not None}


def _find(database: Database, images: Sequence[str]) -> list[Photograph]:
    matches = match(images, photographs.each(database), folder=Path.cwd())
    for name, reason in matches.reasons.items():
        unknown = [name] if reason == UNKNOWN else []
        near = near_matches(unknown, photographs.each(database)).get(name)
        raise NotFound(f"{name}: {reason}", remedy=f"did you mean {near}?" if near else "")
    return [matches.photographs[name] for name in dict.fromkeys(images)]


class _Tally:
    """Counts what is written while it is."""

    def __init__(self) -> None:
        self.images = 0
        self.labels: Counter[str] = Counter()

    def counted(
        self, found: Iterable[BoxedPhotograph], advance: Advance
    ) -> Iterator[BoxedPhotograph]:
        for photograph in found:
            self.images += 1
            self.labels.update(each.label for each in photograph.boxes)
            yield photograph
            advance(1)


def check_target(target: Path, *, is_folder: bool) -> None:
    """Say what is wrong with the name of a file to come before any work."""
    if not target.parent.is_dir():
        raise NotFound(
            f"there is no folder {target.parent} to write into",
            remedy=f"make it first: mkdir -p {target.parent}",
        )
    if is_folder and target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise Conflict(f"{target} exists", remedy="name a new or empty folder")
    if not is_folder and target.is_dir():
        raise Conflict(f"{target} is a folder", remedy="name a file")


def _open(catalogue: str | Path | None) -> closing[Database]:
    return closing(open_database(home.existing(catalogue).folder))
