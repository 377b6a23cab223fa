"""Progress bars with rate and remaining time, on stderr and only for people."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as RichProgress,
)
from rich.text import Text

from tiefvision.cli.text import printable
from tiefvision.tasks.progress import Advance, Progress, silent

_BAR_WIDTH = 32


def bars(console: Console | None = None) -> Progress:
    """Bars on stderr where it is a terminal; silence elsewhere."""
    own = Console(stderr=True) if console is None else console
    return Bars(own) if own.is_terminal else silent


class Bars:
    """A `Progress` that draws one bar for each stage, and removes it at the stage's end."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def __call__(
        self, stage: str, total: int | None, /, *, unit: str = "images"
    ) -> Generator[Advance]:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(_BAR_WIDTH),
            _AmountColumn(),
            _RateColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
        )
        with RichProgress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task(printable(stage), total=total, unit=unit, note="")

            def advance(amount: int, /, *, note: str = "") -> None:
                progress.update(task, advance=amount, note=printable(note))

            yield advance


class _AmountColumn(ProgressColumn):
    """120/1,702, or 1.2 MB/40.0 MB, or only what is done where the total is not known."""

    def render(self, task: Task) -> Text:
        shown = _amount(task, task.completed)
        return Text(shown if task.total is None else f"{shown}/{_amount(task, task.total)}")


class _RateColumn(ProgressColumn):
    """How much is done in a second."""

    def render(self, task: Task) -> Text:
        if task.speed is None:
            return Text("")
        unit = "" if task.fields["unit"] == "bytes" else f" {task.fields['unit']}"
        return Text(f"{_amount(task, task.speed)}{unit}/s", style="dim")


def _amount(task: Task, amount: float) -> str:
    return decimal(round(amount)) if task.fields["unit"] == "bytes" else f"{round(amount):,}"
