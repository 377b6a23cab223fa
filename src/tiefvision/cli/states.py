"""The state of a catalogue and its parts, for people."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tiefvision.cli.screen import foreign, pairs, refused_files, say, table
from tiefvision.cli.text import duration, files, moment, near_path, size

if TYPE_CHECKING:
    from tiefvision.store.roots import Root
    from tiefvision.tasks.keeping.copy_catalogue import CopyReport
    from tiefvision.tasks.keeping.doctor import Diagnosis
    from tiefvision.tasks.keeping.move_root import MoveReport
    from tiefvision.tasks.keeping.snapshot import SnapshotReport
    from tiefvision.tasks.keeping.status import Status
    from tiefvision.vision.encoders import EncoderStatus


def show_status(status: Status) -> None:
    """What a catalogue holds."""
    rows = [
        ("catalogue", near_path(status.catalogue)),
        ("images", _images(status)),
        ("to do", f"{files(status.todo)} wait to be indexed" if status.todo else "nothing"),
        ("last index", _last_run(status)),
        ("photographs", "\n".join(_root(root) for root in status.roots)),
        ("attributes", ", ".join(f"{c} {kind}" for c, kind in status.columns.items()) or "none"),
        ("encoder", _encoder(status)),
        ("cell space", _cell_space(status)),
        ("search space", _search_space(status)),
        ("rankers", _rankers(status)),
        ("on disk", _disk(status)),
    ]
    say(pairs(rows))


def _images(status: Status) -> str:
    counts = {
        "indexed": status.indexed,
        "duplicates": status.duplicates,
        "refused": status.refused,
        "pending": status.pending,
        "vanished": status.vanished,
    }
    states = ", ".join(f"{files(count)} {state}" for state, count in counts.items() if count)
    return f"{files(status.searchable)} can be found ({states or 'empty'})"


def _last_run(status: Status) -> str:
    run = status.last_run
    if run is None:
        return "never"
    if run.finished_at is not None:
        return f"{moment(run.started_at)}, took {duration(run.finished_at - run.started_at)}"
    far = f"{files(run.done)} of {files(run.total)} files done"
    if status.indexing_by is None:
        return f"{moment(run.started_at)}, cut off with {far}; tiefvision index goes on"
    host, process, _ = status.indexing_by.split(":")
    return f"going on since {moment(run.started_at)} (process {process} on {host}), {far}"


def _root(root: Root) -> str:
    return f"{near_path(root.path)} ({files(root.images)})"


def _encoder(status: Status) -> str:
    if status.cell_space is None:
        return status.encoder
    return f"{status.cell_space.encoder}, {status.cell_space.precision}"


def _cell_space(status: Status) -> str:
    space = status.cell_space
    if space is None:
        return "none yet"
    return f"{space.id}: {space.rows} x {space.cols} cells of {space.channels} channels"


def _search_space(status: Status) -> str:
    space = status.search_space
    if space is None:
        return "none yet"
    if not space.fitted_on:
        how = "compared as they are"
    elif space.dimensions is None:
        how = f"mean cell of {files(space.fitted_on)} images"
    else:
        how = (
            f"mean cell and {space.dimensions} dimensions fitted at {files(space.fitted_on)} images"
        )
    return f"{space.id}: {how}"


def _rankers(status: Status) -> str:
    shown = [
        f"{ranker.name} ({ranker.model_id[:12]}{'' if ranker.search_space else ', as the base'})"
        for ranker in status.rankers
    ]
    return ", ".join(shown) or "none"


def _disk(status: Status) -> str:
    parts = ", ".join(f"{part} {size(count)}" for part, count in status.disk_bytes.items())
    return f"{size(sum(status.disk_bytes.values()))} ({parts})"


def show_diagnosis(diagnosis: Diagnosis) -> None:
    """What `doctor` found, and what to type."""
    if diagnosis.refused:
        say(refused_files([(file.path, file.reason, file.remedy) for file in diagnosis.refused]))
        say()
    if diagnosis.vanished:
        say("vanished")
        for path in diagnosis.vanished:
            say(foreign(f"  {near_path(path)}"))
        say()
    for note in diagnosis.notes:
        say(foreign(f"note: {note}"))
    how = "read" if diagnosis.read else "looked at"
    say(f"{files(diagnosis.checked)} photographs {how}", quiet=True)
    if diagnosis.healthy:
        say("healthy")
        return
    for finding in diagnosis.findings:
        say()
        say(foreign(finding.message, style="bold"))
        say(foreign(f"  next: {finding.remedy}"))


def show_roots(roots: Sequence[Root]) -> None:
    """The folders of photographs."""
    listed = table("folder", "images", right=("images",))
    for root in roots:
        listed.add_row(foreign(root.path), files(root.images))
    say(listed)


def show_move(report: MoveReport) -> None:
    """A moved root, and what its photographs are like in the new place."""
    say(foreign(f"{report.old} is {report.new} now"))
    say(f"{files(report.same)} photographs are the same there")
    if report.changed or report.missing:
        say(f"{files(report.changed)} hold other bytes, {files(report.missing)} are missing")
        say(foreign(f"next: tiefvision index {shlex.quote(report.new)}"))


def show_snapshot(report: SnapshotReport) -> None:
    """A finished snapshot, and how to use it."""
    folder = near_path(report.folder)
    held = f"{files(report.images)} images, {size(report.copied_bytes)}"
    say(foreign(f"{folder}: {held}"))
    say(foreign(f"next: tiefvision search QUERY -c {shlex.quote(folder)}"))


def show_copy(report: CopyReport) -> None:
    """A finished copy, and what makes it be used."""
    rows = sum(report.rows.values())
    held = f"{files(report.rows['images'])} images, {rows:,} rows, {report.written:,} written"
    say(foreign(f"{report.target}: {held}"))
    if report.files:
        say(foreign(f"{files(report.files)} files, {size(report.copied_bytes)} copied"))
    say(f"equal at both ends, sha256 {report.checksum}")
    say(foreign(f"next: {report.remedy}"))


def show_encoders(encoders: Sequence[EncoderStatus]) -> None:
    """The built-in encoders, and how to make one ready."""
    right = ("channels", "cells", "download")
    listed = table("encoder", *right, "ready", "source", "licence", right=right)
    for encoder in encoders:
        rows, cols = encoder.cells
        listed.add_row(
            encoder.name,
            str(encoder.channels),
            f"{rows} x {cols}",
            size(encoder.download_bytes),
            "yes" if encoder.ready else "no",
            foreign(encoder.source, style="dim"),
            foreign(encoder.licence.split("(")[0].strip(), style="dim"),
        )
    say(listed)
    say("\nnext: tiefvision encoders add NAME", quiet=True)
