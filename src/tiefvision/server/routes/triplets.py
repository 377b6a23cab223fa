"""/api/v1/triplets: what people call more similar."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, cast

from fastapi import APIRouter, Query, Response

from tiefvision.server import pictures
from tiefvision.server.schemas import ImageId
from tiefvision.server.site import AsciiResponse, SiteOf, document
from tiefvision.server.teaching_schemas import (
    Name,
    RemovedTriplets,
    ShownTriplets,
    TripletIds,
    TripletsFields,
)
from tiefvision.store import triplet_rows
from tiefvision.tasks.keeping.gallery import MOST_IMAGES
from tiefvision.tasks.teaching import teach_triplets
from tiefvision.tasks.teaching.teach_triplets import ImageTriplet, Taught

router = APIRouter(prefix="/triplets", tags=["triplets"])

_IMAGES = ("anchor", "positive", "negative")


@router.post("", status_code=201, response_model=Taught)
def teach(site: SiteOf, fields: TripletsFields) -> Response:
    """Add triplets, all or none; a problem says of each wrong one what is wrong with it."""
    given = [ImageTriplet(each.anchor, each.positive, each.negative) for each in fields.triplets]
    taught = teach_triplets.teach(site.shop, given, name=fields.ranker)
    return AsciiResponse(asdict(taught), status_code=201)


@router.get("", response_model=ShownTriplets)
def triplets(
    site: SiteOf,
    ranker: Annotated[Name, Query()] = "",
    image: ImageId | None = None,
    before: ImageId | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST_IMAGES)] = 60,
) -> Response:
    """Triplets of a ranker's name, the newest first; `next` is what `before` must be for the page
    after it. image: only those with this reference."""
    page = teach_triplets.taught(site.shop, name=ranker, anchor=image, before=before, limit=limit)
    body = asdict(page)
    for triplet in cast("list[dict[str, object]]", body["triplets"]):
        for part in _IMAGES:
            pictures.add_thumbnail(triplet[part])
    return AsciiResponse(body)


@router.delete("", response_model=RemovedTriplets)
def remove(site: SiteOf, fields: TripletIds) -> Response:
    """Remove triplets by their ids, all or none."""
    return document(RemovedTriplets(triplet_rows.remove(site.shop.database, fields.ids)))
