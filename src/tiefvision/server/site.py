"""What every route works on: the open catalogue and what is kept ready for it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Annotated, TypeVar, cast

import anyio
from anyio import to_thread
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse

from tiefvision.errors import TooManyRequests
from tiefvision.server.access import Access
from tiefvision.server.kept_queries import KeptQueries
from tiefvision.server.metrics import Metrics
from tiefvision.server.previews import Previews
from tiefvision.server.upkeep import Upkeep
from tiefvision.tasks.jobs import Jobs
from tiefvision.tasks.locating.box_suggestion import BoxSuggestions
from tiefvision.tasks.opened import Opened
from tiefvision.tasks.searching.search import Searcher

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# Photographs whose cells stay in memory: a quarter of a megabyte each where they are explained.
_REMEMBERED = 64
# Requests that wait for a core. At thirty searches a second the last of them waits four seconds.
_MOST_WAITING = 128
_LONGEST_WAIT_S = 20
_AGAIN_S = 2

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Site:
    """A catalogue that is being served.

    searching: as many searches and decodings at once as there are cores; more would only take
    memory, and each of them longer. queries: uploads that searches were made with. closing: set
    when the server is about to end.
    """

    shop: Opened
    access: Access
    searcher: Searcher
    previews: Previews
    suggestions: BoxSuggestions
    upkeep: Upkeep
    queries: KeptQueries
    jobs: Jobs
    searching: anyio.CapacityLimiter
    metrics: Metrics
    closing: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of(cls, shop: Opened, access: Access) -> Site:
        cores = os.cpu_count() or 1
        return cls(
            shop,
            access,
            Searcher(shop, remembered=_REMEMBERED),
            Previews(shop),
            BoxSuggestions(shop),
            Upkeep(shop),
            KeptQueries(shop.home.queries, limits=shop.limits),
            Jobs(shop),
            anyio.CapacityLimiter(cores),
            Metrics(shop),
        )

    async def compute(self, work: Callable[[], _Result]) -> _Result:
        """The result of heavy work, in a thread of its own when a core is free for it.

        Raises TooManyRequests where that would take too long: whoever asks gives up meanwhile.
        """
        if self.searching.statistics().tasks_waiting >= _MOST_WAITING:
            raise TooManyRequests(
                f"{_MOST_WAITING} requests are waiting for a core already",
                retry_after_s=_AGAIN_S,
            )
        with anyio.move_on_after(_LONGEST_WAIT_S):
            borrower = object()
            await self.searching.acquire_on_behalf_of(borrower)
            try:
                with anyio.CancelScope(shield=True):
                    return await to_thread.run_sync(work)
            finally:
                self.searching.release_on_behalf_of(borrower)
        raise TooManyRequests(
            f"no core was free within {_LONGEST_WAIT_S} s", retry_after_s=_AGAIN_S
        )


class AsciiResponse(JSONResponse):
    """JSON in ASCII: file names may hold bytes that are no Unicode, which UTF-8 cannot carry."""

    def render(self, content: object) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def document(report: DataclassInstance) -> AsciiResponse:
    """A report as the answer's body."""
    return AsciiResponse(asdict(report))


def site_of(app: FastAPI) -> Site:
    """The site behind an application."""
    return cast(Site, app.state.site)


def _site(request: Request) -> Site:
    return site_of(request.app)


SiteOf = Annotated[Site, Depends(_site)]
