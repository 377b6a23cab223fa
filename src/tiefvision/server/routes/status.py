"""Whether the server lives, is ready, and what its catalogue holds."""

from __future__ import annotations

from dataclasses import fields

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from tiefvision.errors import NotReady
from tiefvision.server.schemas import ServerStatus
from tiefvision.server.site import SiteOf, document
from tiefvision.store import registry
from tiefvision.store.boxes import Boxes
from tiefvision.tasks.keeping.status import Status, status_of

router = APIRouter(tags=["status"])
probes = APIRouter(tags=["status"])


@router.get("/status", response_model=ServerStatus)
def status(site: SiteOf) -> Response:
    """What the catalogue holds and uses, and what the server does."""
    own = status_of(site.shop)
    return document(
        ServerStatus(
            **{each.name: getattr(own, each.name) for each in fields(Status)},
            labels=Boxes(site.shop.database).labels(),
            boxed=Boxes(site.shop.database).photographs(),
            searched_labels=[label for label in registry.labels(site.shop.database) if label],
            updating=site.upkeep.working,
            update_problem=site.upkeep.problem,
        )
    )


@probes.get("/healthz")
def alive() -> dict[str, str]:
    """The server answers."""
    return {"status": "ok"}


@probes.get("/readyz")
def ready(site: SiteOf) -> dict[str, str]:
    """A search can be answered; 503 while the catalogue is empty."""
    if not registry.active_search_spaces(site.shop.database):
        raise NotReady("this catalogue has no images yet", remedy="tiefvision index PHOTOS")
    return {"status": "ready"}


@probes.get("/metrics", response_class=PlainTextResponse)
def metrics(site: SiteOf) -> Response:
    """What this process has answered, and what the catalogue holds, as Prometheus reads it."""
    return Response(site.metrics.text(), headers={"content-type": CONTENT_TYPE_LATEST})
