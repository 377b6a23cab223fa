"""The job that follows a change of boxes: the images that they are on are encoded again."""

from __future__ import annotations

import logging
import threading

from tiefvision.errors import Conflict, TiefVisionError
from tiefvision.tasks.indexing.update import bring_up_to_date
from tiefvision.tasks.opened import Opened

# Boxes are drawn one after the other: those of one moment are encoded together.
_GATHER_S = 1.0
# How often it is tried again while another process holds the catalogue's lease.
_RETRY_S = 5.0

_log = logging.getLogger("tiefvision.server")


class Upkeep:
    """Brings a catalogue up to date in a thread of its own, whenever it is asked to.

    What is left undone when the server ends is done by the next update or `tiefvision index`:
    the catalogue itself knows what is due.
    """

    def __init__(self, shop: Opened, *, gather_s: float = _GATHER_S) -> None:
        self._shop = shop
        self._gather_s = gather_s
        self._asked = threading.Event()
        self._ended = threading.Event()
        self._busy = threading.Event()
        self._problem = ""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def working(self) -> bool:
        """Whether something is being encoded, or is about to be."""
        return self._asked.is_set() or self._busy.is_set()

    @property
    def problem(self) -> str:
        """Why the last update did not end well; empty when it did."""
        return self._problem

    def ask(self) -> None:
        """Bring the catalogue up to date soon."""
        with self._lock:
            if self._thread is None and not self._ended.is_set():
                self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)
                self._thread.start()
        self._asked.set()

    def close(self) -> None:
        """End the work after the image at hand."""
        self._ended.set()
        self._asked.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            self._asked.wait()
            self._busy.set()
            if self._ended.wait(self._gather_s):
                return
            self._asked.clear()
            try:
                self._problem = ""
                bring_up_to_date(self._shop, stop=self._ended)
            except Conflict:
                self._ended.wait(_RETRY_S)
                self._asked.set()
            except TiefVisionError as error:
                self._problem = str(error)
            except Exception as error:  # a bug must not end the thread and go unseen
                _log.exception("bringing the catalogue up to date failed")
                self._problem = f"{type(error).__name__}: {error}"
            finally:
                self._busy.clear()
