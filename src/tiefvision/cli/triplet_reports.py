"""What the commands about triplets did, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tiefvision.cli.screen import foreign, say, table
from tiefvision.cli.text import files, moment, near_path

if TYPE_CHECKING:
    from tiefvision.store.judgement_formats.entries import Flaw
    from tiefvision.tasks.teaching.answer_triplets import AnswerReport
    from tiefvision.tasks.teaching.ask_triplets import Questions
    from tiefvision.tasks.teaching.derive_triplets import DerivationReport
    from tiefvision.tasks.teaching.triplets import (
        TripletExportReport,
        TripletImportReport,
        TripletList,
        TripletRemovalReport,
    )


def show_import(report: TripletImportReport) -> None:
    """What an import did, and what it left out."""
    say(
        f"{files(report.imported)} {report.kind} imported, {files(report.unchanged)} were there "
        "already"
    )
    for name, count in report.names.items():
        say(foreign(f"{name}: {files(count)}", style="dim"))
    if report.by_file_name:
        say(f"note: {files(report.by_file_name)} photographs were found by their file name alone")
    _show_problems(report.problems, report.problem_count)


def show_export(report: TripletExportReport) -> None:
    """What was written."""
    held = f"{files(report.written)} {report.kind}"
    say(foreign(f"{near_path(report.file)} ({report.format}): {held}"))
    if report.orphans:
        say(f"note: {files(report.orphans)} have a photograph that is gone; they are not in it")


def show_derivation(report: DerivationReport) -> None:
    """What was derived, and from what."""
    if report.by is not None:
        say(
            foreign(
                f"{files(report.derived)} triplets by {report.by}: "
                f"{files(report.photographs)} photographs, {files(report.values)} values"
            )
        )
    if report.wrong is not None:
        say(f"{files(report.wrong)} of those drawn are ordered wrongly now", quiet=True)
    if report.mirrored or report.by is None:
        say(f"{files(report.mirrored)} triplets by mirror images")
    if report.unchanged:
        say(f"{files(report.unchanged)} were there already", quiet=True)
    if report.contradictory:
        say(f"note: {files(report.contradictory)} contradict what was there, and were left out")
    for note in report.notes:
        say(foreign(f"note: {note}"))


def show_questions(found: Questions) -> None:
    """The questions, or where they were written, and how to go on."""
    if found.out is None:
        listed = table("", "anchor", "1", "2", "why", right=("",))
        for number, each in enumerate(found.questions, start=1):
            paths = [foreign(near_path(image.path)) for image in each.images]
            listed.add_row(str(number), *paths, foreign(each.reason, style="dim"))
        say(listed)
        say()
    again = f", {files(found.repeats)} of them answered before" if found.repeats else ""
    say(f"{files(len(found.questions))} questions{again}: is the anchor more like 1 or like 2?")
    _show_consistency(found.agreed, found.repeated)
    for note in found.notes:
        say(foreign(f"note: {note}"))
    if found.sheet is not None:
        say(foreign(f"contact sheet: {near_path(found.sheet)}"))
    if found.out is None:
        say("next: tiefvision triplets ask --out FILE.csv writes them to fill in", quiet=True)
    else:
        out = near_path(found.out)
        say(foreign(f"{out}: write 1 or 2 into its column answer, or nothing to skip"))
        say(foreign(f"next: tiefvision triplets answer {out}", style="dim"))


def show_answers(report: AnswerReport) -> None:
    """What the answers of a sheet gave, and what was left out."""
    say(
        f"{files(report.added)} triplets from answers, {files(report.unchanged)} were there "
        f"already, {files(report.skipped)} questions skipped"
    )
    for name, count in report.names.items():
        say(foreign(f"{name}: {files(count)}", style="dim"))
    _show_consistency(report.alike, report.repeats)
    _show_problems(report.problems, report.problem_count)


def show_list(found: TripletList) -> None:
    """Counts, and the triplets that were asked for."""
    if found.listed:
        listed = table("id", "anchor", "positive", "negative", "source", "taught", right=("id",))
        for each in found.listed:
            positive = each.positive or "gone"
            listed.add_row(
                str(each.id),
                foreign(each.anchor or "gone"),
                foreign(f"{positive} (mirrored)" if each.mirrored else positive),
                foreign(each.negative or "gone"),
                each.source,
                moment(each.taught_at),
            )
        say(listed)
        say()
    counted = table("name", "triplets", "pairs", "groups", right=("groups",))
    for count in found.names:
        counted.add_row(
            foreign(count.name),
            _by_source(count.triplets),
            _by_source(count.pairs),
            files(count.groups),
        )
    if found.names:
        say(counted)
    else:
        say("no triplets yet")
        say("next: tiefvision triplets import FILE, or tiefvision triplets derive", quiet=True)
    _show_consistency(found.agreed, found.repeated)


def show_removal(report: TripletRemovalReport) -> None:
    """How many judgements went."""
    say(
        foreign(
            f"{files(report.triplets)} triplets, {files(report.pairs)} pairs and "
            f"{files(report.groups)} groups of {report.name} removed"
        )
    )
    if report.groups_left:
        say(f"note: {files(report.groups_left)} groups are left; --groups removes them")


def _show_consistency(agreed: int, repeated: int) -> None:
    """How many questions that were asked once more were answered alike, where any were."""
    if repeated:
        again = f"{files(agreed)} of {files(repeated)}"
        say(f"asked once more, {again} questions were answered alike")


def _show_problems(problems: Sequence[Flaw], count: int) -> None:
    """Lines that were left out of an import, where any were."""
    if not count:
        return
    say(f"\n{files(count)} lines left out")
    listed = table("line", "because", "next", right=("line",))
    for each in problems:
        remedy = foreign(each.remedy, style="dim")
        listed.add_row(files(each.line), foreign(each.message), remedy)
    say(listed)
    if count > len(problems):
        say(f"and {files(count - len(problems))} more")


def _by_source(counts: Mapping[str, int]) -> str:
    """300 (100 people, 200 derived)."""
    sources = ", ".join(f"{files(count)} {source}" for source, count in counts.items())
    return f"{files(sum(counts.values()))} ({sources})" if counts else "0"
