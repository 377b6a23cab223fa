"""What every route works on: the open catalogue and what is kept ready for it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, TypeVar, cast

import anyio
from anyio import to_thread
from fastapi import Depends, Request
from fastapi.responses import JSONResponse

from tiefvision.server.access import Access
from tiefvision.server.kept_queries import KeptQueries
from tiefvision.server.metrics import Metrics
from tiefvision.server.previews import Previews
from tiefvision.server.upkeep import Upkeep
from tiefvision.tasks.box_suggestion import BoxSuggestions
from tiefvision.tasks.jobs import Jobs
from tiefvision.tasks.opened import Opened
from tiefvision.tasks.search import Searcher

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# Photographs whose cells stay in memory: a quarter of a megabyte each where they are explained.
_REMEMBERED = 64

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Site:
    """A catalogue that is being served.

    searching: as many searches and decodings at once as there are cores; more would only take
    memory, and each of them longer. queries: uploads that searches were made with.
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
        """The result of heavy work, in a thread of its own when a core is free for it."""
        return await to_thread.run_sync(work, limiter=self.searching)


class AsciiResponse(JSONResponse):
    """JSON in ASCII: file names may hold bytes that are no Unicode, which UTF-8 cannot carry."""

    def render(self, content: object) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def document(report: DataclassInstance) -> AsciiResponse:
    """A report as the answer's body."""
    return AsciiResponse(asdict(report))


def _site(request: Request) -> Site:
    return cast(Site, request.app.state.site)


SiteOf = Annotated[Site, Depends(_site)]
