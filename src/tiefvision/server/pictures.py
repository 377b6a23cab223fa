"""Addresses of pictures. They change with the content, so that a browser may keep them for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import cast

from fastapi import Request, Response

from tiefvision.server.previews import Preview
from tiefvision.tasks.keeping.gallery import CatalogueImage, ImagePage
from tiefvision.tasks.opened import Opened
from tiefvision.tasks.searching.search import SearchResult

# As much of a content id as tells two versions of a photograph apart.
_VERSION_CHARACTERS = 16
_FOR_EVER = "private, max-age=31536000, immutable"
_ASK_AGAIN = "private, no-cache"


def thumbnail_url(image_id: int, content_id: str) -> str:
    return f"/api/v1/images/{image_id}/thumbnail?v={content_id[:_VERSION_CHARACTERS]}"


def photo_url(image_id: int, content_id: str) -> str:
    return f"/api/v1/images/{image_id}/photo?v={content_id[:_VERSION_CHARACTERS]}"


def answer(shop: Opened, result: SearchResult) -> dict[str, object]:
    """A search's result with its pictures' addresses, as JSON holds it."""
    body = asdict(result)
    contents = _contents(shop, [hit.id for hit in result.hits])
    for hit in body["hits"]:
        content = contents.get(hit["id"], "")
        hit["thumbnail"] = thumbnail_url(hit["id"], content)
        hit["photo"] = photo_url(hit["id"], content)
    return body


def shown(shop: Opened, image: CatalogueImage) -> dict[str, object]:
    """An image with its pictures' addresses, as JSON holds it."""
    return _shown(image, _contents(shop, [image.id]))


def shown_page(shop: Opened, page: ImagePage) -> dict[str, object]:
    """A page of images with their pictures' addresses, as JSON holds it."""
    contents = _contents(shop, [image.id for image in page.images])
    return {"images": [_shown(image, contents) for image in page.images], "next": page.next}


def add_thumbnail(image: object) -> None:
    """Give an image, as JSON holds it with its id and content, the address of its small picture;
    what is no image stays as it is."""
    if isinstance(image, dict):
        own = cast("dict[str, object]", image)
        own["thumbnail"] = thumbnail_url(cast(int, own["id"]), cast(str, own["content_id"]))


def etag_of(content_id: str, *, kind: str) -> str:
    return f'"{kind}-{content_id[: 2 * _VERSION_CHARACTERS]}"'


def not_modified(request: Request, etag: str) -> bool:
    """Whether the browser has this picture already."""
    known = request.headers.get("if-none-match", "")
    return etag in {each.strip().removeprefix("W/") for each in known.split(",")}


def headers(request: Request, content_id: str, etag: str) -> dict[str, str]:
    """For ever where the address names the version that is shown."""
    version = request.query_params.get("v", "")
    is_exact = len(version) == _VERSION_CHARACTERS and content_id.startswith(version)
    return {"etag": etag, "cache-control": _FOR_EVER if is_exact else _ASK_AGAIN}


def jpeg(request: Request, preview: Preview, *, kind: str) -> Response:
    """A preview with what a browser needs to keep it."""
    etag = etag_of(preview.content_id, kind=kind)
    return Response(
        preview.jpeg,
        media_type="image/jpeg",
        headers=headers(request, preview.content_id, etag),
    )


def _shown(image: CatalogueImage, contents: dict[int, str]) -> dict[str, object]:
    body = asdict(image)
    content = (
        contents.get(image.id) if image.state in ("indexed", "duplicate", "vanished") else None
    )
    body["thumbnail"] = None if content is None else thumbnail_url(image.id, content)
    body["photo"] = None if content is None else photo_url(image.id, content)
    return body


def _contents(shop: Opened, image_ids: Sequence[int]) -> dict[int, str]:
    return {
        id_: image.content_id
        for id_, image in shop.catalogue.get(image_ids).items()
        if image.content_id is not None
    }
