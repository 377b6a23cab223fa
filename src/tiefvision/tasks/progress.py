"""How a verb tells its caller how far it is. The CLI draws a bar; the default is silence."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeVar, runtime_checkable

# Items between two steps of a progress.
_STEP = 1_000

_Item = TypeVar("_Item")


@runtime_checkable
class Advance(Protocol):
    """Call it with how much more is done. note: how it goes, until the next call."""

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

    def advance(amount: int, /, *, note: str = "") -> None:
        pass

    yield advance


def counted(items: Iterable[_Item], advance: Advance) -> Iterator[_Item]:
    """The items, each thousand of them told to the progress."""
    for number, item in enumerate(items, start=1):
        yield item
        if number % _STEP == 0:
            advance(_STEP)
