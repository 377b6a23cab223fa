"""The application: routes, pages, errors and the guard before all of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Hashable, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

import tiefvision
from tiefvision.server import problems
from tiefvision.server.access import Access
from tiefvision.server.body_limits import BodyLimits
from tiefvision.server.metrics import Counting
from tiefvision.server.routes import (
    images,
    jobs,
    models,
    pages,
    questions,
    search,
    session,
    status,
    triplets,
)
from tiefvision.server.security import Guard
from tiefvision.server.shares import Shares
from tiefvision.server.site import Site
from tiefvision.tasks.opened import Opened

_API = "/api/v1"
_API_ROUTES = (search, images, triplets, questions, jobs, models, status, session)


def create_app(shop: Opened, *, access: Access) -> FastAPI:
    """The application of an open catalogue, which stays open until the application has ended."""
    site = Site.of(shop, access)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        site.jobs.resume_index()
        yield
        site.upkeep.close()
        site.jobs.close()

    app = FastAPI(
        title="TiefVision",
        version=tiefvision.__version__,
        description="Find the most similar product photographs in your own catalogue.",
        # Its pages of documentation load scripts from elsewhere; routes/pages.py has our own.
        docs_url=None,
        redoc_url=None,
        responses=problems.RESPONSES,
        lifespan=lifespan,
    )
    app.state.site = site
    routers = [
        *((each.router, _API) for each in _API_ROUTES),
        (status.probes, ""),
        (pages.router, ""),
    ]
    for router, prefix in routers:
        app.include_router(router, prefix=prefix)
    files = pages.WebFiles(directory=pages.FOLDER)
    app.mount("/web", files, name="web")
    problems.install(app)
    limits = BodyLimits(
        shop.settings.serve.megabytes, frozenset({f"{_API}/search", f"{_API}/images"})
    )
    shares = Shares(shop.settings.serve.requests_per_minute)
    app.add_middleware(Guard, access=access, limits=limits, shares=shares)
    # Outermost, so that what the guard refuses is counted too.
    app.add_middleware(
        Counting, metrics=site.metrics, routes={**_templates(routers), files: "/web"}
    )
    return app


def _templates(routers: Sequence[tuple[APIRouter, str]]) -> dict[Hashable, str]:
    """Endpoint -> the path of its route."""
    return {
        route.endpoint: f"{prefix}{route.path}"
        for router, prefix in routers
        for route in router.routes
        if isinstance(route, APIRoute)
    }
