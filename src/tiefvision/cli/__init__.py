"""The command line: each command parses, calls one verb, and renders what it gives back.

What a command needs is imported inside it: `tiefvision --help` must answer at once, and a search
must not wait for what only indexing needs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

import tiefvision
from tiefvision.cli import groups, models, serving, teaching, verbs
from tiefvision.cli.boxes import boxes
from tiefvision.cli.faults import show, usage
from tiefvision.cli.triplets import triplets

app = typer.Typer(
    name="tiefvision",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(verbs.app)
app.add_typer(serving.app)
app.add_typer(groups.encoders, name="encoders")
app.add_typer(groups.roots, name="roots")
app.add_typer(groups.catalogue, name="catalogue")
app.add_typer(boxes, name="boxes")
app.add_typer(triplets, name="triplets")
app.add_typer(teaching.train, name="train")
app.add_typer(models.models, name="models")


def _show_version(wanted: bool) -> bool:
    if wanted:
        print(f"tiefvision {tiefvision.__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Find the most similar product photographs in your own catalogue."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line (None: this process's) and exit with its code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        # Letters that the terminal's encoding lacks are shown as escapes.
        stream.reconfigure(errors="backslashreplace")  # pyright: ignore[reportAttributeAccessIssue]
    if "--json" not in given:
        app(given)
    try:
        sys.exit(app(given, standalone_mode=False))
    except typer.TyperException as error:
        fault = usage(error.format_message())
        show(fault, as_json=True)
        sys.exit(fault.exit_code)
