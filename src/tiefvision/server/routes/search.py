"""POST /api/v1/search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from fastapi import APIRouter, Request, Response

from tiefvision.errors import InvalidInput
from tiefvision.maths.boxes import Box
from tiefvision.server import pictures
from tiefvision.server.schemas import SearchAnswer, SearchById, SearchFields
from tiefvision.server.site import AsciiResponse, Site, SiteOf
from tiefvision.server.uploads import SearchRequest, search_request
from tiefvision.tasks import gallery
from tiefvision.tasks.search import SearchResult, file_of

router = APIRouter(tags=["search"])

_UPLOAD_SCHEMA = SearchFields.model_json_schema()
# In a form everything is text.
_UPLOAD_SCHEMA["properties"]["box"] = {"type": "string", "example": "10,20,300,400"}
_UPLOAD_SCHEMA["properties"]["cells"] = {"type": "string", "example": "[[1,1],[0,0]]"}
_UPLOAD_SCHEMA["properties"]["image"] = {"type": "string", "format": "binary"}
_UPLOAD_SCHEMA["required"] = ["image"]
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _UPLOAD_SCHEMA},
            "application/json": {"schema": SearchById.model_json_schema()},
        },
    }
}


@router.post("/search", response_model=SearchAnswer, openapi_extra=_BODY)
async def search(request: Request, site: SiteOf) -> Response:
    """The most similar images to an uploaded one, or to one of the catalogue by its id."""
    asked = await search_request(request, site.shop.settings.serve)
    return AsciiResponse(await site.compute(lambda: _answer(site, asked)))


def _answer(site: Site, asked: SearchRequest) -> dict[str, object]:
    return pictures.answer(site.shop, _found(site, asked))


def _found(site: Site, asked: SearchRequest) -> SearchResult:
    own = asked.fields
    box = None if own.box is None else Box(*own.box)
    query: bytes | int | Path = asked.query
    if isinstance(query, int) and (box is not None or own.whole or own.mirror):
        # Another part of a catalogue image is made from its photograph.
        query = Path(file_of(gallery.row(site.shop, query)))
    return site.searcher.search(
        query,
        k=own.k,
        box=box,
        whole=own.whole,
        label=own.label,
        where=own.where or None,
        mirror=own.mirror,
        cell_weights=None if own.cells is None else _weights(own.cells),
    )


def _weights(cells: list[list[float]]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Cell weights as an array. Raises InvalidInput unless all rows are equally long."""
    if len({len(row) for row in cells}) != 1:
        raise InvalidInput("cells are not rows of equally many numbers")
    return np.array(cells, dtype=np.float64).reshape(len(cells), -1)
