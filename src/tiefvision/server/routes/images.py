"""/api/v1/images: pages of them, one, its pictures and its boxes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from tiefvision.maths.boxes import Box
from tiefvision.server import pictures
from tiefvision.server.previews import Preview
from tiefvision.server.schemas import BoxesFields, ImageId, ShownImage, ShownPage
from tiefvision.server.site import AsciiResponse, Site, SiteOf, document
from tiefvision.server.uploads import FORM, photograph
from tiefvision.tasks.keeping import gallery, uploaded
from tiefvision.tasks.keeping.gallery import MOST_IMAGES, Order, State
from tiefvision.tasks.keeping.uploaded import Uploaded
from tiefvision.tasks.locating import box_drawing
from tiefvision.tasks.locating.box_suggestion import Suggestion

router = APIRouter(prefix="/images", tags=["images"])

_UPLOAD = {
    "type": "object",
    "properties": {"image": {"type": "string", "format": "binary"}},
    "required": ["image"],
}
_THUMBNAIL = "thumbnail"
_JPEG: dict[int | str, dict[str, object]] = {
    200: {"content": {"image/jpeg": {}}},
    304: {"description": "not modified"},
}


@router.get("", response_model=ShownPage)
def images(
    site: SiteOf,
    state: State | None = None,
    where: Annotated[str | None, Query(max_length=2_000)] = None,
    order: Order = "id",
    after: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_IMAGES)] = 60,
) -> Response:
    """A page of images; `next` is what `after` must be for the page after it."""
    page = gallery.page(
        site.shop, state=state, where=where or None, order=order, after=after, limit=limit
    )
    return AsciiResponse(pictures.shown_page(site.shop, page))


@router.post(
    "",
    status_code=201,
    response_model=Uploaded,
    openapi_extra={"requestBody": {"required": True, "content": {FORM: {"schema": _UPLOAD}}}},
)
async def upload(site: SiteOf, request: Request) -> Response:
    """Send a photograph (a form with one file, `image`). It is on disk when this answers, and
    found once it is indexed: POST /jobs {"kind": "index"} after the last one."""
    name, data = await photograph(request, site.shop.settings.serve)
    kept = await run_in_threadpool(lambda: uploaded.keep(site.shop, name, data))
    return AsciiResponse(asdict(kept), status_code=201)


@router.get("/{image_id}", response_model=ShownImage)
def image(site: SiteOf, image_id: ImageId) -> Response:
    """One image."""
    return AsciiResponse(pictures.shown(site.shop, gallery.one(site.shop, image_id)))


@router.delete("/{image_id}", status_code=204, response_class=Response)
def delete(site: SiteOf, image_id: ImageId) -> Response:
    """Delete an image that was sent here, and its file. 409 for one of another folder."""
    uploaded.delete(site.shop, image_id)
    site.upkeep.ask()
    return Response(status_code=204)


@router.get("/{image_id}/thumbnail", responses=_JPEG, response_class=Response)
async def thumbnail(site: SiteOf, image_id: ImageId, request: Request) -> Response:
    """At most 480 px long."""
    return await _picture(site, image_id, request, site.previews.thumbnail, kind=_THUMBNAIL)


@router.get("/{image_id}/photo", responses=_JPEG, response_class=Response)
async def photo(site: SiteOf, image_id: ImageId, request: Request) -> Response:
    """At most 2,000 px long, upright."""
    return await _picture(site, image_id, request, site.previews.photo, kind="photo")


async def _picture(
    site: Site, image_id: int, request: Request, make: Callable[[int], Preview], *, kind: str
) -> Response:
    """A picture. Neither what the browser has already nor what was kept waits for a core."""
    content_id = await run_in_threadpool(site.previews.content_id, image_id)
    etag = pictures.etag_of(content_id, kind=kind)
    if pictures.not_modified(request, etag):
        return Response(status_code=304, headers={"etag": etag})
    made = None
    if kind == _THUMBNAIL:
        made = await run_in_threadpool(site.previews.kept_thumbnail, content_id)
    return pictures.jpeg(request, made or await site.compute(lambda: make(image_id)), kind=kind)


@router.get("/{image_id}/boxes", response_model=BoxesFields)
def boxes(site: SiteOf, image_id: ImageId) -> Response:
    """The boxes that people drew on it."""
    drawn = gallery.one(site.shop, image_id).boxes
    return AsciiResponse(
        {"boxes": [{"box": list(each.box), "label": each.label} for each in drawn]}
    )


@router.get("/{image_id}/boxes/suggestion", response_model=Suggestion)
async def suggest(site: SiteOf, image_id: ImageId) -> Response:
    """A box to begin with, also where none was good enough to crop to."""
    return document(await site.compute(lambda: site.suggestions.of(image_id)))


@router.put("/{image_id}/boxes", response_model=ShownImage)
def draw(site: SiteOf, image_id: ImageId, fields: BoxesFields) -> Response:
    """Give it these boxes and no others. It is encoded again soon after."""
    wanted = [(each.label, Box(*each.box)) for each in fields.boxes]
    image = box_drawing.draw(site.shop, image_id, wanted)
    site.upkeep.ask()
    return AsciiResponse(pictures.shown(site.shop, image))


@router.delete("/{image_id}/boxes", response_model=ShownImage)
def erase(site: SiteOf, image_id: ImageId) -> Response:
    """Remove all boxes of it. It is encoded again soon after."""
    image = box_drawing.draw(site.shop, image_id, [])
    site.upkeep.ask()
    return AsciiResponse(pictures.shown(site.shop, image))
