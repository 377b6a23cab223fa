"""Ctrl-C while indexing: the first ends the run after the images in hand, the second at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from tiefvision.cli.faults import INTERRUPTED

_NOTICE = b"\nfinishing the images in hand; Ctrl-C again ends at once\n"
# A progress bar hides the cursor.
_SHOW_CURSOR = b"\x1b[?25h"


@contextmanager
def stop_on_interrupt() -> Generator[threading.Event]:
    """An event that Ctrl-C sets, for the length of the block.

    A second Ctrl-C ends the process without waiting for anything: nothing that the catalogue
    acknowledged is lost, and the next run goes on from there.
    """
    stop = threading.Event()

    # Written without buffers: the signal may have come in the middle of another write.
    def interrupted(_signal: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            if sys.stderr.isatty():
                os.write(sys.stderr.fileno(), _SHOW_CURSOR)
            os._exit(INTERRUPTED)
        stop.set()
        os.write(2, _NOTICE)

    previous = signal.signal(signal.SIGINT, interrupted)
    try:
        yield stop
    finally:
        # Once it was interrupted, a second Ctrl-C means the same until the process ends.
        if not stop.is_set():
            signal.signal(signal.SIGINT, previous)
