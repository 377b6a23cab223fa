"""What the commands about boxes did, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tiefvision.cli.screen import foreign, say, table
from tiefvision.cli.text import files, moment, near_path

if TYPE_CHECKING:
    from tiefvision.tasks.locating.boxes import (
        BoxExportReport,
        BoxImportReport,
        BoxList,
        BoxRemovalReport,
    )


def show_import(report: BoxImportReport) -> None:
    """What an import did, and what it left out."""
    total = sum(report.labels.values())
    labels = ", ".join(f"{label} {files(count)}" for label, count in report.labels.items())
    say(
        f"{files(report.imported)} boxes imported, {files(report.unchanged)} were there already, "
        f"{files(report.replaced)} replaced"
    )
    say(f"the boxes of {files(report.images)} photographs changed", quiet=True)
    say(foreign(f"labels: {labels or 'none'}"))
    notes = [
        (report.clipped, f"of {files(total)} boxes were cut at the edge of their photograph"),
        (report.by_file_name, "photographs were found by their file name alone"),
        *((count, f"{what} passed over") for what, count in report.ignored.items()),
    ]
    for count, what in notes:
        if count:
            say(f"note: {files(count)} {what}")
    if report.problem_count:
        say(f"\n{files(report.problem_count)} boxes left out, because they cannot be right")
        for problem in report.problems:
            say(foreign(f"  {problem}"))
        _say_rest(report.problem_count - len(report.problems))
    if report.unmatched_count:
        say(
            f"\n{files(report.unmatched_count)} photographs with {files(report.unmatched_boxes)} "
            "boxes were not found"
        )
        listed = table("named", "boxes", "because", "similar", right=("boxes",))
        for each in report.unmatched:
            near = foreign(each.near or "", style="dim")
            listed.add_row(foreign(each.path), files(each.boxes), foreign(each.reason), near)
        say(listed)
        _say_rest(report.unmatched_count - len(report.unmatched))


def _say_rest(count: int) -> None:
    if count:
        say(f"and {files(count)} more")


def show_export(report: BoxExportReport) -> None:
    """What was written."""
    held = f"{files(report.boxes)} boxes on {files(report.images)} photographs"
    say(foreign(f"{near_path(report.file)} ({report.format}): {held}"))
    if report.orphans:
        say(f"note: {files(report.orphans)} boxes are of photographs that are gone")


def show_list(found: BoxList) -> None:
    """Counts, and the boxes that were asked for."""
    if found.listed:
        listed = table("photograph", "label", "left, top, right, bottom", "drawn")
        for each in found.listed:
            edges = ", ".join(f"{edge:g}" for edge in each.box)
            listed.add_row(
                foreign(near_path(each.path)), foreign(each.label), edges, moment(each.drawn_at)
            )
        say(listed)
        say()
    counted = table("label", "boxes", "photographs", right=("boxes", "photographs"))
    for count in found.labels:
        counted.add_row(foreign(count.label), files(count.boxes), files(count.contents))
    if found.labels:
        say(counted)
        say()
    say(f"{files(found.boxes)} boxes")
    if found.orphans:
        say(f"note: {files(found.orphans)} of them are of photographs that are gone")
    if not found.boxes:
        say("next: tiefvision boxes import FILE", quiet=True)


def show_removal(report: BoxRemovalReport) -> None:
    """How many boxes went."""
    say(f"{files(report.removed)} boxes of {files(report.images)} photographs removed")


def show_encoded(encoded: int | None, *, changed: int) -> None:
    """What followed a change of boxes."""
    if encoded is None:
        say(f"{files(changed)} photographs wait to be encoded anew: tiefvision index")
    elif encoded:
        say(f"{files(encoded)} images were encoded anew")
