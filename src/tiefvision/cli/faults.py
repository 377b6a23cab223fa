"""How a command ends badly: an error as text or JSON, and its exit code."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

import typer

from tiefvision.cli.text import printable
from tiefvision.errors import InvalidInput, StoreError, TiefVisionError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# As shells report a program that Ctrl-C ended: 128 + SIGINT.
INTERRUPTED = 130


_Arguments = ParamSpec("_Arguments")


def reporting(command: Callable[_Arguments, None]) -> Callable[_Arguments, None]:
    """The command, its errors shown (in JSON where `--json` was given) and made exit codes."""

    @wraps(command)
    def run(*args: _Arguments.args, **options: _Arguments.kwargs) -> None:
        try:
            command(*args, **options)
        except TiefVisionError as error:
            show(error, as_json=bool(options.get("as_json")))
            raise typer.Exit(error.exit_code) from None
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            fault = _refused_by_system(error)
            show(fault, as_json=bool(options.get("as_json")))
            raise typer.Exit(fault.exit_code) from None

    return run


def show(error: TiefVisionError, *, as_json: bool) -> None:
    """An error for people on stderr, or for programs on stdout."""
    if as_json:
        print_json({"error": _body(error)})
        return
    print(f"error: {printable(error.message, lines=True)}", file=sys.stderr)
    if error.remedy:
        print(f"next: {printable(error.remedy, lines=True)}", file=sys.stderr)


def usage(message: str) -> InvalidInput:
    """A command line that does not parse, as one of our errors."""
    return InvalidInput(message, remedy="see: tiefvision --help")


def print_json(document: object) -> None:
    """One JSON document on one line of stdout. ASCII, so that any file name survives any pipe."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def document(report: DataclassInstance) -> dict[str, object]:
    """A verb's report as JSON holds it."""
    return asdict(report)


def _refused_by_system(error: OSError) -> StoreError:
    """A disk that is full, a folder that may not be written to, and their like."""
    place = f" {error.filename}" if isinstance(error.filename, str) else ""
    return StoreError(
        f"the operating system refused{place}: {error.strerror or error}",
        remedy="check that the folder may be written to and that its disk has room",
    )


def _body(error: TiefVisionError) -> dict[str, str]:
    return {"type": type(error).__name__, "message": error.message, "remedy": error.remedy}
