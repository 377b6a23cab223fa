"""/api/v1/jobs: indexing and training, in processes of their own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, cast

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from tiefvision.errors import AccessRefused, InvalidInput
from tiefvision.server.job_schemas import IndexFields, JobFields, JobList
from tiefvision.server.schemas import ImageId
from tiefvision.server.site import AsciiResponse, Site, SiteOf, document
from tiefvision.store import jobs
from tiefvision.store.jobs import AT_WORK, Job, Kind

router = APIRouter(prefix="/jobs", tags=["jobs"])

_MOST_JOBS = 100
# How often it is looked for a further step of a job.
_LOOKED_EVERY_S = 0.3
_EVENTS: dict[int | str, dict[str, object]] = {200: {"content": {"text/event-stream": {}}}}


def accepted(job: Job) -> Response:
    """A job that was begun, and where to ask how it goes."""
    headers = {"location": f"/api/v1/jobs/{job.id}"}
    return AsciiResponse(asdict(job), status_code=202, headers=headers)


@router.post("", status_code=202, response_model=Job)
def start(site: SiteOf, fields: JobFields) -> Response:
    """Begin a job. 409 while one of its kind is at work."""
    if isinstance(fields, IndexFields):
        _check_folders(site, fields.folders)
    options = fields.model_dump(exclude={"kind"})
    return accepted(site.jobs.start(cast(Kind, fields.kind), options))


@router.get("", response_model=JobList)
def newest(site: SiteOf, limit: Annotated[int, Query(ge=1, le=_MOST_JOBS)] = 20) -> Response:
    """The newest jobs, the newest first."""
    return document(JobList(jobs.newest(site.shop.database, limit=limit)))


@router.get("/{job_id}", response_model=Job)
def one(site: SiteOf, job_id: ImageId) -> Response:
    """One job."""
    return document(jobs.one(site.shop.database, job_id))


@router.post("/{job_id}/cancel", status_code=202, response_model=Job)
def cancel(site: SiteOf, job_id: ImageId) -> Response:
    """Ask a job to end; what it has done so far stays."""
    return accepted(site.jobs.cancel(job_id))


@router.post("/{job_id}/resume", status_code=202, response_model=Job)
def resume(site: SiteOf, job_id: ImageId) -> Response:
    """Begin a job again that did not come to its end: an index run goes on where it was."""
    return accepted(site.jobs.resume(job_id))


@router.get("/{job_id}/events", responses=_EVENTS, response_class=StreamingResponse)
async def events(
    site: SiteOf,
    job_id: ImageId,
    request: Request,
    last_event_id: Annotated[str, Header(max_length=30)] = "",
) -> Response:
    """Each step of a job as it is made (server-sent events `progress`), then the job (`end`).

    Last-Event-ID: go on after that step.
    """
    if last_event_id and not last_event_id.isdecimal():
        raise InvalidInput(f"Last-Event-ID is {last_event_id!r}; expected the id of an event")
    await run_in_threadpool(jobs.one, site.shop.database, job_id)
    return StreamingResponse(
        _stream(site, job_id, request, int(last_event_id or 0)),
        media_type="text/event-stream",
        # A proxy must not gather the steps.
        headers={"cache-control": "no-cache", "x-accel-buffering": "no"},
    )


async def _stream(site: Site, job_id: int, request: Request, after: int) -> AsyncGenerator[str]:
    database = site.shop.database
    while not site.closing.is_set() and not await request.is_disconnected():
        # First the state: what is told afterwards is all there will be of an ended job.
        job = await run_in_threadpool(jobs.one, database, job_id)
        for event in await run_in_threadpool(jobs.events, database, job_id, after=after):
            after = event.id
            yield f"id: {event.id}\nevent: progress\ndata: {json.dumps(asdict(event))}\n\n"
        if job.state not in AT_WORK:
            yield f"event: end\ndata: {json.dumps(asdict(job))}\n\n"
            return
        await asyncio.sleep(_LOOKED_EVERY_S)


def _check_folders(site: Site, folders: list[str]) -> None:
    """Raise AccessRefused where others than this machine may call, InvalidInput for no folder."""
    if folders and (site.access.any_address or site.access.tokens):
        raise AccessRefused(
            "folders of this machine can be named only where nobody else can call its server",
            remedy="index them there: tiefvision index PHOTOS",
        )
    for folder in folders:
        if not Path(folder).is_absolute() or not Path(folder).is_dir():
            raise InvalidInput(
                f"there is no folder {folder!r} on the server's machine",
                remedy="give its whole path, such as /home/me/photos",
            )
