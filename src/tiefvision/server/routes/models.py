"""/api/v1/models and /api/v1/evaluations: what was learned, and what it is worth."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, cast

from fastapi import APIRouter, Path, Response
from fastapi.responses import FileResponse

from tiefvision.errors import InvalidInput
from tiefvision.server import pictures
from tiefvision.server.model_schemas import (
    Evaluations,
    ModelList,
    ModelReport,
    ShownModel,
    UndoFields,
)
from tiefvision.server.routes.jobs import accepted
from tiefvision.server.site import AsciiResponse, SiteOf, document
from tiefvision.store import models
from tiefvision.store.jobs import Job
from tiefvision.store.judgements import DEFAULT_NAME
from tiefvision.tasks.keeping.models import named
from tiefvision.tasks.teaching import evaluations

router = APIRouter(tags=["models"])

ModelId = Annotated[str, Path(max_length=64)]
_JPEG: dict[int | str, dict[str, object]] = {200: {"content": {"image/jpeg": {}}}}
# A model's folder never changes, and its id is in the address.
_FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}


def _sheet(model_id: str) -> str:
    return f"/api/v1/models/{model_id}/sheet"


@router.get("/models", response_model=ModelList)
def every(site: SiteOf) -> Response:
    """All models, the newest first, and what there is to learn from."""
    found = [
        ShownModel(
            each.model_id,
            each.kind,
            each.name,
            each.created_at,
            each.active,
            _sheet(each.model_id) if each.sheet else None,
        )
        for each in evaluations.evaluations(site.shop)
    ]
    return document(ModelList(found, evaluations.teaching_data(site.shop)))


@router.get("/models/{model_id}", response_model=ModelReport)
def one(site: SiteOf, model_id: ModelId) -> Response:
    """A model, by its id or the beginning of it, with its report."""
    own = named(site.shop, model_id)
    return document(ModelReport(own.id, own.kind, own.name, own.created_at, own.active, own.report))


@router.get("/models/{model_id}/sheet", responses=_JPEG, response_class=FileResponse)
def sheet(site: SiteOf, model_id: ModelId) -> Response:
    """A picture of its report: a locator's worst boxes, or what a ranker changed most."""
    file = evaluations.sheet_of(site.shop, model_id)
    return FileResponse(file, media_type="image/jpeg", headers=_FOR_EVER)


@router.post("/models/undo", status_code=202, response_model=Job)
def undo(site: SiteOf, fields: UndoFields) -> Response:
    """Go back, as a job, to what was active before the present model."""
    name = fields.name or (DEFAULT_NAME if fields.kind == "ranker" else "")
    if models.active(site.shop.database, kind=fields.kind, name=name) is None:
        raise InvalidInput(
            f"no {fields.kind} is active{f' for {name}' if name else ''}",
            remedy="tiefvision models list",
        )
    return accepted(site.jobs.start("undo", {"model_kind": fields.kind, "name": name}))


@router.post("/models/{model_id}/activate", status_code=202, response_model=Job)
def activate(site: SiteOf, model_id: ModelId) -> Response:
    """Use a model from now on, as a job; what was there before answers until it is done."""
    own = named(site.shop, model_id)
    return accepted(site.jobs.start("activate", {"model": own.id}))


@router.get("/evaluations", response_model=Evaluations)
def evaluated(site: SiteOf) -> Response:
    """What each model's training measured, without and with it; its worst queries to be taught."""
    found = [asdict(each) for each in evaluations.evaluations(site.shop)]
    for each in found:
        for query in cast("list[object]", each["worst"]):
            pictures.add_thumbnail(query)
    return AsciiResponse({"evaluations": found})
