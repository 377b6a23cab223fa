"""The outcome of indexing and searching, for people."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from tiefvision.cli.screen import foreign, refused_files, say, table
from tiefvision.cli.text import duration, files, moment, near_path, printable

if TYPE_CHECKING:
    from tiefvision.tasks.demo import DemoReport
    from tiefvision.tasks.indexing.index import IndexReport
    from tiefvision.tasks.searching.search import Hit, SearchResult


def show_result(result: SearchResult) -> None:
    """The hits of a search, best first."""
    if result.hits:
        say(_hits(result.hits))
    else:
        say("no image satisfies the filter")
    taken = result.milliseconds
    parts = ", ".join(f"{part} {ms:.1f}" for part, ms in taken.items())
    say(
        f"\n{len(result.hits)} of {files(result.images)} images in "
        f"{sum(taken.values()):.0f} ms ({parts}){_ranked_by(result)}",
        quiet=True,
    )
    for note in result.notes:
        say(foreign(f"note: {note}"))


def _ranked_by(result: SearchResult) -> str:
    return "" if result.ranker == "none" else f", ranked by {printable(result.ranker)}"


def _hits(hits: Sequence[Hit]) -> Table:
    """One line for each hit: paths stay whole, and attributes take the width that is left."""
    listed = table("", "similarity", "photograph", "attributes", right=("", "similarity"))
    listed.columns[2].no_wrap = True
    for rank, hit in enumerate(hits, start=1):
        listed.add_row(str(rank), f"{hit.similarity:.3f}", _photograph(hit), _attributes(hit))
    return listed


def _photograph(hit: Hit) -> Text:
    shown = Text(overflow="fold", no_wrap=False)
    shown.append_text(foreign(near_path(hit.path)))
    for twin in hit.also:
        shown.append("\nalso ", style="dim").append_text(foreign(near_path(twin)))
    return shown


def _attributes(hit: Hit) -> Text:
    pairs = (f"{key} {value}" for key, value in hit.attributes.items() if value is not None)
    shown = foreign(", ".join(pairs), style="dim")
    shown.no_wrap, shown.overflow = True, "ellipsis"
    return shown


def show_index(report: IndexReport, *, with_columns: bool) -> None:
    """What a run of `index` did, and what to type next."""
    catalogue = printable(near_path(report.catalogue))
    say(f"{catalogue}: {files(report.total)} images can be found\n")
    say(_counts(report))
    say(f"\nin {_speed(report)}, encoder {report.encoder}", quiet=True)
    if with_columns:
        say()
        show_columns(report.columns)
    for note in report.notes:
        say(f"note: {note}")
    for problem in report.attribute_problems:
        say(foreign(f"attributes: {problem}"))
    if report.refusals:
        say()
        say(refused_files(report.refusals))
        if report.refused > len(report.refusals):
            rest = report.refused - len(report.refusals)
            say(f"and {files(rest)} more: tiefvision doctor lists all")
    if report.total and not report.interrupted:
        place = shlex.quote(near_path(report.catalogue))
        say(f"\nnext: tiefvision search QUERY -c {printable(place)}")


def _speed(report: IndexReport) -> str:
    rate = f", {report.images_per_second} images/s" if report.images_per_second else ""
    return f"{duration(report.seconds)}{rate}"


def _counts(report: IndexReport) -> Table:
    skipped = ", ".join(f"{files(n)} {reason}" for reason, n in report.skipped.items())
    rows = [
        ("indexed", report.indexed, ""),
        ("updated", report.updated, ""),
        ("encoded anew", report.reencoded, "for another encoder, locator or label"),
        ("unchanged", report.unchanged, ""),
        ("duplicates", report.duplicates, "same content as another file; found together with it"),
        ("refused", report.refused, ""),
        ("missing", report.missing, "indexed, to be read again, and not where they were"),
        ("skipped", sum(report.skipped.values()), skipped),
        ("vanished", report.vanished, "no longer on disk; --prune removes them"),
        ("pruned", report.pruned, ""),
    ]
    counted = Table.grid(padding=(0, 3, 0, 0))
    counted.add_column()
    counted.add_column(justify="right")
    counted.add_column(style="dim")
    for label, count, remark in rows:
        if count or label == "indexed":
            counted.add_row(f"  {label}", files(count), remark)
    return counted


def show_columns(columns: Mapping[str, str]) -> None:
    """Attribute columns with the types that were found in them."""
    typed = ", ".join(f"{column} {kind}" for column, kind in columns.items())
    say(foreign(f"attributes: {typed or 'none'}"))


def show_pass(report: IndexReport) -> None:
    """One line for one run of a watch."""
    counts = {
        "indexed": report.indexed,
        "updated": report.updated,
        "encoded anew": report.reencoded,
        "duplicates": report.duplicates,
        "refused": report.refused,
        "vanished": report.vanished,
        "pruned": report.pruned,
    }
    done = ", ".join(f"{files(count)} {what}" for what, count in counts.items() if count)
    say(f"{moment(time.time())}  {done or 'nothing new'}; {files(report.total)} can be found")


def show_interrupted(report: IndexReport, *, todo: int) -> None:
    """How far a run came that Ctrl-C ended."""
    done = report.indexed + report.updated + report.duplicates
    say(f"\ninterrupted: {files(done)} done, {files(todo)} to go; run it again to go on")


def show_demo(report: DemoReport) -> None:
    """The closest of each query, where the contact sheet is, and how to go on."""
    catalogue = printable(shlex.quote(near_path(report.catalogue)))
    say(f"{files(report.index.total)} photographs indexed in {_speed(report.index)}")
    for query in report.queries:
        say()
        say(foreign(f"closest to {near_path(query.path)}", style="bold"))
        say(_hits(query.result.hits))
    example = printable(shlex.quote(near_path(report.queries[0].path)))
    say(f"\ncontact sheet: {printable(near_path(report.sheet))}")
    say("\nnext:")
    for line in (
        f"tiefvision search {example} -c {catalogue} -k 10",
        f'tiefvision search {example} -c {catalogue} --where "{_example_filter(report)}"',
        f"tiefvision status -c {catalogue}",
        "tiefvision index YOUR-PHOTOS -c shop",
    ):
        say(f"  {line}")


def _example_filter(report: DemoReport) -> str:
    columns = report.index.columns
    return "kind = 'dress' AND price < 80" if "price" in columns else "COLUMN = 'VALUE'"
