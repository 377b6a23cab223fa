"""Counts the bytes of a request's body while they arrive, and refuses more than a route takes."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from tiefvision.errors import TooLarge

_BYTES_PER_MEGABYTE = 1_000_000
# Text alone, and what a form holds beside its image.
_TEXT_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How many bytes a body may have. uploads: the paths that take
    an image in a form."""

    upload_megabytes: int
    uploads: frozenset[str]

    def counted(self, path: str, headers: Headers, receive: Receive) -> Receive:
        """As `receive`, but raises TooLarge as soon as the body is; at once where it says so."""
        is_form = headers.get("content-type", "").lower().startswith("multipart/")
        takes_uploads = is_form and path in self.uploads
        most = _TEXT_BYTES + takes_uploads * self.upload_megabytes * _BYTES_PER_MEGABYTE
        error = TooLarge(
            f"the body has more than {most:,} bytes, the most that this server takes here",
            remedy="send a smaller copy" if takes_uploads else "",
        )
        said = headers.get("content-length", "")
        if said.isdecimal() and int(said) > most:
            raise error
        arrived = 0

        async def counting() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > most:
                raise error
            return message

        return counting
