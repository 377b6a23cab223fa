"""Every error that a caller can act on.

TiefVisionError                500  exit 1
├── InvalidInput               400  exit 2   the caller's value is wrong; nothing was changed
│   ├── UnreadableImage        422  exit 2   a file that does not decode to an image
│   ├── ShapeMismatch          400  exit 2   two grids cannot be compared cell by cell
│   ├── InvalidFilter          400  exit 2   a --where expression; points at the spot
│   ├── InvalidSettings        400  exit 2   tiefvision.toml or an option
│   ├── InvalidBox             400  exit 2   a box outside the image or without area
│   ├── InvalidEntries         400  exit 2   some of many given things; says which, and why
│   ├── TooLarge               413  exit 2   an upload over the limits
│   └── UnsupportedMedia       415  exit 2   a request body of another type than expected
├── NotFound                   404  exit 3   no such catalogue, image, encoder or file
├── NotReady                   503  exit 4   an encoder without weights, an empty catalogue
├── Conflict                   409  exit 5   another process holds the lease; another space
│   └── SpaceMismatch          409  exit 5   vectors of one space offered to another
├── AccessRefused              403  exit 8   a web page of another site, or without its header
│   ├── TokenNeeded            401  exit 8   no token, or a wrong one
│   └── UnknownHost            421  exit 8   a request to a name that is not this server's
├── TooManyRequests            429  exit 9   a client over its share, or more waiting than can be
├── WeightsError               502  exit 6   weights not fetched, or not the ones expected
└── StoreError                 500  exit 7   the catalogue on disk is damaged or of a newer version
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class TiefVisionError(Exception):
    """Base of every error a caller can act on. Anything else escaping is a bug.

    `remedy` is what to do or type next; empty when the message already says it.
    """

    status = 500
    exit_code = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


class InvalidInput(TiefVisionError):
    """The caller's value is wrong; nothing was changed."""

    status, exit_code = 400, 2


class UnreadableImage(InvalidInput):
    """A file or upload that does not decode to an image within the limits."""

    status = 422


class ShapeMismatch(InvalidInput):
    """Two grids cannot be compared cell by cell."""


class InvalidFilter(InvalidInput):
    """A filter expression that does not parse or does not fit the columns."""


class InvalidSettings(InvalidInput):
    """An unknown key or an impossible value in tiefvision.toml or an option."""


class InvalidBox(InvalidInput):
    """A box outside its image, without area, or not finite."""


@dataclass(frozen=True, slots=True)
class EntryFault:
    """What is wrong with one of several given things, by its number from 0, and what to do."""

    entry: int
    detail: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.entry}: {self.detail}; {self.remedy}"


class InvalidEntries(InvalidInput):
    """Some of several given things are wrong, so that none of them was taken."""

    def __init__(self, message: str, faults: Sequence[EntryFault], *, remedy: str = "") -> None:
        super().__init__("\n".join([message, *map(str, faults)]), remedy=remedy)
        self.faults = faults


class TooLarge(InvalidInput):
    """An upload of more bytes or pixels than this server takes."""

    status = 413


class UnsupportedMedia(InvalidInput):
    """A request body of another type than expected."""

    status = 415


class NotFound(TiefVisionError):
    """The named thing does not exist."""

    status, exit_code = 404, 3


class NotReady(TiefVisionError):
    """The thing exists but cannot be used yet."""

    status, exit_code = 503, 4


class Conflict(TiefVisionError):
    """Another process holds what this one needs, or the state has moved on."""

    status, exit_code = 409, 5


class SpaceMismatch(Conflict):
    """Vectors of one space were offered to another."""


class AccessRefused(TiefVisionError):
    """A request that may come from another site's page."""

    status, exit_code = 403, 8


class TokenNeeded(AccessRefused):
    """A request without a token, or with a wrong one."""

    status = 401


class UnknownHost(AccessRefused):
    """A request to a name that is not this server's."""

    status = 421


class TooManyRequests(TiefVisionError):
    """More requests than a client may make, or than can wait. `retry_after_s`: seconds until it
    is worth asking again."""

    status, exit_code = 429, 9

    def __init__(self, message: str, *, retry_after_s: int, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy or f"ask again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class WeightsError(TiefVisionError):
    """Weights could not be fetched, or are not the expected ones."""

    status, exit_code = 502, 6


class StoreError(TiefVisionError):
    """The catalogue on disk is damaged, or was written by a newer version."""

    exit_code = 7
