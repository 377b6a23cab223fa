"""`tiefvision index --watch`: index once, then again whenever the photographs change."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import watchfiles

from tiefvision.errors import Conflict, NotFound
from tiefvision.store import home
from tiefvision.tasks.indexing.index import IndexReport
from tiefvision.vision.pixels import IMAGE_EXTENSIONS

# Changes are gathered until nothing has changed for this long, and at most for ten times that:
# a copy of many files is then a few runs, not one for each file.
_QUIET_MS = 500
_MOST_MS = 5_000
# How often the loop looks whether it shall stop, or try again beside another process's run.
_TICK_MS = 500


def watch(
    paths: Sequence[str | Path],
    run: Callable[[], IndexReport],
    *,
    catalogue: str | Path | None = None,
    also: Sequence[Path] = (),
    stop: threading.Event,
) -> Generator[IndexReport]:
    """Reports of `run`: one at the start, then one after each change, until `stop` is set.

    paths: folders and files whose photographs are watched. also: other files that `run` reads,
    such as the attributes. While another process holds the catalogue, `run` is tried again.
    Raises NotFound for paths that do not exist, and whatever else `run` raises.
    """
    watched = [_existing(path) for path in (*paths, *also)]
    own = home.named(catalogue).folder.resolve()
    # The files that `run` reads are watched by name; all else by being a photograph.
    named = {str(path) for path in watched if path.is_file()}

    def counts(_change: watchfiles.Change, path: str) -> bool:
        return path in named or (
            not Path(path).resolve().is_relative_to(own) and _may_be_photograph(path)
        )

    changes = watchfiles.watch(
        *watched,
        watch_filter=counts,
        step=_QUIET_MS,
        debounce=_MOST_MS,
        rust_timeout=_TICK_MS,
        yield_on_timeout=True,
        stop_event=stop,
        ignore_permission_denied=True,
    )
    due = True
    # The watch begins before the first run, so that no change falls between the two.
    for changed in changes:
        due = due or bool(changed)
        if due:
            try:
                report = run()
            except Conflict:
                continue
            due = False
            yield report


def _existing(path: str | Path) -> Path:
    given = Path(path).expanduser().absolute()
    if not given.exists():
        raise NotFound(f"there is no folder or file {given}", remedy="check the spelling")
    return given


def _may_be_photograph(path: str) -> bool:
    """Whether a change there can change the catalogue: an image file, or a folder of them."""
    name = os.path.basename(path)
    extension = os.path.splitext(name)[1].lower()
    return not name.startswith(".") and (
        extension in IMAGE_EXTENSIONS or os.path.isdir(path) or not extension
    )
