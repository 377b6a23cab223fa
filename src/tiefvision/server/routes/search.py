"""/api/v1/search, why a hit is one, and the photographs that were searched with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypedDict

import numpy as np
from fastapi import APIRouter, Request, Response
from fastapi import Path as PathParameter

from tiefvision.errors import InvalidInput
from tiefvision.maths.boxes import Box
from tiefvision.server import pictures
from tiefvision.server.schemas import (
    KEPT_NAME,
    ExplainFields,
    SearchAnswer,
    SearchByName,
    SearchFields,
)
from tiefvision.server.site import AsciiResponse, Site, SiteOf, document
from tiefvision.server.uploads import SearchRequest, named, search_request
from tiefvision.tasks.keeping import gallery
from tiefvision.tasks.photograph import file_of
from tiefvision.tasks.searching.explaining import Explanation
from tiefvision.tasks.searching.facets import Facet, facets
from tiefvision.tasks.searching.query_cells import Source
from tiefvision.tasks.searching.query_vectors import Weights

router = APIRouter(tags=["search"])

_JPEG: dict[int | str, dict[str, object]] = {200: {"content": {"image/jpeg": {}}}}
_UPLOAD_SCHEMA = SearchFields.model_json_schema()
# In a form everything is text.
_UPLOAD_SCHEMA["properties"]["box"] = {"type": "string", "example": "10,20,300,400"}
_UPLOAD_SCHEMA["properties"]["cells"] = {"type": "string", "example": "[[1,1],[0,0]]"}
for _name in ("positive", "negative"):
    _UPLOAD_SCHEMA["properties"][_name] = {"type": "string", "example": "[7,12]"}
_UPLOAD_SCHEMA["properties"]["image"] = {"type": "string", "format": "binary"}
_UPLOAD_SCHEMA["required"] = ["image"]
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _UPLOAD_SCHEMA},
            "application/json": {"schema": SearchByName.model_json_schema()},
        },
    }
}


@router.post("/search", response_model=SearchAnswer, openapi_extra=_BODY)
async def search(request: Request, site: SiteOf, explain: bool = False) -> Response:
    """The most similar images to an uploaded one, or to one that the server has.

    explain: also what each cell adds to each hit's similarity.
    """
    asked = await search_request(request, site.shop.settings.serve)
    return AsciiResponse(await site.compute(lambda: _answer(site, asked, explain)))


@router.post("/explain", response_model=Explanation)
async def explain(site: SiteOf, fields: ExplainFields) -> Response:
    """What each cell adds to the similarity of one image to a query: where few cells are
    compared, both photographs are encoded again with more of them."""
    asked = named(fields)
    return document(
        await site.compute(
            lambda: site.searcher.explain(fields.hit, _source(site, asked), **_how(site, asked))
        )
    )


@router.get("/facets", response_model=list[Facet])
def columns(site: SiteOf) -> Response:
    """What the attribute columns hold, for filters that are chosen."""
    return AsciiResponse([asdict(each) for each in facets(site.shop)])


@router.get("/queries/{name}/photo", responses=_JPEG, response_class=Response)
async def photo(site: SiteOf, name: Annotated[str, PathParameter(pattern=KEPT_NAME)]) -> Response:
    """A photograph that was searched with, while it is kept; at most 2,000 px long."""
    return Response(
        await site.compute(lambda: site.queries.photo(name)),
        media_type="image/jpeg",
        headers={"cache-control": "private, max-age=3600"},
    )


def _answer(site: Site, asked: SearchRequest, explain: bool) -> dict[str, object]:
    query, own = _source(site, asked), asked.fields
    result = site.searcher.search(
        query, k=own.k, where=own.where or None, explain=explain, **_how(site, asked)
    )
    site.metrics.searched(result.milliseconds)
    if isinstance(query, bytes):
        site.queries.keep(query)
    return pictures.answer(site.shop, result)


def _source(site: Site, asked: SearchRequest) -> bytes | int | Path:
    own = asked.fields
    if isinstance(asked.query, str):
        return site.queries.photograph(asked.query)
    if isinstance(asked.query, int) and (own.box is not None or own.whole or own.mirror):
        # Another part of a catalogue image is made from its photograph.
        return _file(site, asked.query)
    return asked.query


class _How(TypedDict):
    positive: Sequence[Source]
    negative: Sequence[Source]
    box: Box | None
    whole: bool
    label: str
    ranker: str
    mirror: bool
    cell_weights: Weights | None


def _how(site: Site, asked: SearchRequest) -> _How:
    """What a search and its explanation have in common."""
    own = asked.fields
    named = (asked.positive, own.negative)
    if own.mirror:
        named = tuple([_file(site, image_id) for image_id in ids] for ids in named)
    return _How(
        positive=named[0],
        negative=named[1],
        box=None if own.box is None else Box(*own.box),
        whole=own.whole,
        label=own.label,
        ranker=own.ranker,
        mirror=own.mirror,
        cell_weights=None if own.cells is None else _weights(own.cells),
    )


def _file(site: Site, image_id: int) -> Path:
    return Path(file_of(gallery.row(site.shop, image_id)))


def _weights(cells: list[list[float]]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Cell weights as an array. Raises InvalidInput unless all rows are equally long."""
    if len({len(row) for row in cells}) != 1:
        raise InvalidInput("cells are not rows of equally many numbers")
    return np.array(cells, dtype=np.float64).reshape(len(cells), -1)
