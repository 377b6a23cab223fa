"""How a verb tells its caller how far it is. The CLI draws a bar; the default is silence."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, runtime_checkable


@runtime_checkable
class Advance(Protocol):
    """Call it with how much more is done; note: a few words shown beside it from now on."""

    def __call__(self, amount: int, /, *, note: str = "") -> None: ...


@runtime_checkable
class Progress(Protocol):
    """Opens a stage. total: None where it is not known. unit: "images" or "bytes"."""

    def __call__(
        self, stage: str, total: int | None, /, *, unit: str = "images"
    ) -> AbstractContextManager[Advance]: ...


@contextmanager
def silent(stage: str, total: int | None, /, *, unit: str = "images") -> Generator[Advance]:
    """No progress shown."""

    def advance(_amount: int, /, *, note: str = "") -> None:
        pass

    yield advance
