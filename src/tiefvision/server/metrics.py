"""What a monitor asks: how many requests, how long they take, and what the catalogue holds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tiefvision.store import jobs
from tiefvision.tasks.opened import Opened

# The variable that names the folder in which several processes count together; prometheus_client
# reads it when it is imported.
MANY_PROCESSES = "PROMETHEUS_MULTIPROC_DIR"

# Anybody may invent methods and paths; each name of its own would be a series of its own.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_OTHER = "other"
# A page's file takes about a millisecond, a search some dozens, one that waits for a core seconds.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_MILLISECONDS = (0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0)


class Metrics:
    """The counts of one application, in a registry of its own. Safe to share between threads."""

    def __init__(self, shop: Opened) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._catalogue = _CatalogueCounts(shop)
        self._registry.register(self._catalogue)
        self._requests = Counter(
            "tiefvision_requests",
            "Requests that were answered",
            ["route", "method", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "tiefvision_request_seconds",
            "Time until an answer began",
            ["route", "method"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._parts = Histogram(
            "tiefvision_search_part_milliseconds",
            "Time of each part of a search",
            ["part"],
            buckets=_MILLISECONDS,
            registry=self._registry,
        )

    def answered(self, route: str, method: str, status: int, *, seconds: float) -> None:
        """Count a request. route: its template, such as /api/v1/images/{image_id}."""
        known = method if method in _METHODS else _OTHER
        self._requests.labels(route, known, str(status)).inc()
        self._seconds.labels(route, known).observe(seconds)

    def searched(self, milliseconds: Mapping[str, float]) -> None:
        """Count what each part of a search took."""
        for part, taken in milliseconds.items():
            self._parts.labels(part).observe(taken)

    def text(self) -> bytes:
        """All counts as Prometheus reads them: of all processes where several answer."""
        if MANY_PROCESSES not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)
        together.register(self._catalogue)
        return generate_latest(together)


class _CatalogueCounts(Collector):
    """What the catalogue holds at the moment it is asked for."""

    def __init__(self, shop: Opened) -> None:
        self._shop = shop

    def collect(self) -> Iterator[GaugeMetricFamily]:
        counts = {
            "images": self._shop.catalogue.count_by_state(),
            "jobs": jobs.count_by_state(self._shop.database),
        }
        for thing, by_state in counts.items():
            family = GaugeMetricFamily(
                f"tiefvision_{thing}", f"The catalogue's {thing} by state", labels=["state"]
            )
            for state, count in sorted(by_state.items()):
                family.add_metric([state], count)
            yield family


class Counting:
    """ASGI middleware that counts every answer, refused ones included.

    routes: what was asked (an endpoint) -> its template.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        routes: Mapping[Hashable, str],
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._routes = routes
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = self._now()

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Only now has the router said which route it is.
                route = self._routes.get(scope.get("endpoint"), _OTHER)
                taken = self._now() - began
                self._metrics.answered(route, scope["method"], message["status"], seconds=taken)
            await send(message)

        await self._app(scope, receive, counting)
