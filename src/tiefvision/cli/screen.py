"""What every table has in common. Programs read `--json`; these are for people."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from tiefvision.cli.text import near_path, printable

# Wide enough that nothing wraps where the output goes into a file or another program.
_UNWRAPPED = 10_000


def say(what: RenderableType = "", *, quiet: bool = False) -> None:
    """Print a text or a table to stdout; `quiet` in grey."""
    width = None if sys.stdout.isatty() else _UNWRAPPED
    out = Console(highlight=False, markup=False, emoji=False, width=width)
    out.print(what, style="dim" if quiet else None, soft_wrap=isinstance(what, str))


def table(*columns: str, right: Sequence[str] = ()) -> Table:
    """A table without lines; the columns named in `right` hold figures."""
    made = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False, header_style="dim")
    for column in columns:
        is_figure = column in right
        made.add_column(
            column,
            justify="right" if is_figure else "left",
            overflow="fold",
            no_wrap=is_figure,
        )
    return made


def pairs(rows: Sequence[tuple[str, str]]) -> Table:
    """Labels with their values."""
    made = Table.grid(padding=(0, 3, 0, 0))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for label, value in rows:
        made.add_row(label, Text(printable(value, lines=True)))
    return made


def foreign(text: str, style: str = "") -> Text:
    """A file name or another text from outside, which can hold anything."""
    return Text(printable(text), style=style)


def refused_files(refused: Sequence[tuple[str, str, str]]) -> Table:
    """Refused files: path, reason, remedy."""
    listed = table("refused", "because", "next")
    for path, reason, remedy in refused:
        listed.add_row(foreign(near_path(path)), foreign(reason), foreign(remedy, style="dim"))
    return listed
