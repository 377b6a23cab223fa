"""The body of a search: an upload with form fields, or JSON. The guard counts its bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from tiefvision.errors import InvalidInput, TooLarge, UnsupportedMedia
from tiefvision.maths import boxes
from tiefvision.server.schemas import SearchByName, SearchFields
from tiefvision.settings import ServeSettings
from tiefvision.vision.image_formats import open_header

_PIXELS_PER_MEGAPIXEL = 1_000_000
_MOST_FIELDS = 20
FORM = "multipart/form-data"
# Fields that are lists: in a form their text is JSON.
_LISTS = frozenset({"cells", "positive", "negative"})

_Fields = TypeVar("_Fields", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What to search with: an image's bytes, its id, or the name of an upload that is kept; and
    how. positive: further examples."""

    query: bytes | int | str
    positive: Sequence[int]
    fields: SearchFields


async def search_request(request: Request, limits: ServeSettings) -> SearchRequest:
    """What a request asks. Raises TooLarge, UnsupportedMedia or InvalidInput."""
    kind = _kind(request)
    if kind == "application/json":
        return named(validated(SearchByName, _json(await request.body())))
    if kind == FORM:
        return await _multipart(request, limits)
    raise UnsupportedMedia(
        f"the body is {kind or 'of no type'}; expected multipart/form-data with a file `image`, or "
        "application/json with an `image_id`"
    )


def named(own: SearchByName) -> SearchRequest:
    """A search with what the server has; the first example where nothing else is named."""
    if own.query is not None:
        return SearchRequest(own.query, own.positive, own)
    if own.image_id is not None:
        return SearchRequest(own.image_id, own.positive, own)
    return SearchRequest(own.positive[0], own.positive[1:], own)


def validated(model: type[_Fields], given: object) -> _Fields:
    """A body's fields. Raises InvalidInput that names the first wrong one."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the body"
        raise InvalidInput(f"{place}: {first['msg']}", remedy="see /openapi.json") from error


async def photograph(request: Request, limits: ServeSettings) -> tuple[str, bytes]:
    """The name and the bytes of the only file of a form, `image`. Raises as `search_request`."""
    if _kind(request) != FORM:
        raise UnsupportedMedia(f"the body is {_kind(request) or 'of no type'}; expected {FORM}")
    form = await _form(request)
    try:
        upload = _image(form)
        name, data = upload.filename or "", await upload.read()
    finally:
        await form.close()
    check_size(data, limits)
    if unknown := _form_fields(form):
        raise InvalidInput(f"{next(iter(unknown))} is no field here; expected a file `image` alone")
    return name, data


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _form(request: Request) -> FormData:
    parser = MultiPartParser(
        request.headers, request.stream(), max_files=1, max_fields=_MOST_FIELDS
    )
    try:
        return await parser.parse()
    except (MultiPartException, KeyError) as error:
        words = getattr(error, "message", "it has no boundary")
        raise InvalidInput(f"the form cannot be read: {words}") from error


def _image(form: FormData) -> UploadFile:
    upload = form.get("image")
    if not isinstance(upload, UploadFile):
        raise InvalidInput("the form has no file `image`", remedy="curl -F image=@photo.jpg ...")
    return upload


async def _multipart(request: Request, limits: ServeSettings) -> SearchRequest:
    form = await _form(request)
    try:
        data = await _image(form).read()
    finally:
        await form.close()
    check_size(data, limits)
    fields = validated(SearchFields, _form_fields(form))
    return SearchRequest(data, fields.positive, fields)


def check_size(data: bytes, limits: ServeSettings) -> None:
    """Refuse an upload by its header, before any pixel of it is decoded. Raises TooLarge."""
    try:
        image, _ = open_header(data, shown="the image")
        width, height = image.size
    except Exception:
        return  # the decoder says what is wrong with it, in the same words as everywhere
    if width * height > limits.megapixels * _PIXELS_PER_MEGAPIXEL:
        raise TooLarge(
            f"the image has {width} x {height} px; this server takes up to "
            f"{limits.megapixels} megapixels",
            remedy="send a smaller copy",
        )


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the body is not JSON: {error}") from error


def _form_fields(form: FormData) -> dict[str, object]:
    """The text fields of a form as JSON would have them."""
    fields: dict[str, object] = {}
    for name, value in form.multi_items():
        if name == "image":
            continue
        if not isinstance(value, str):
            raise InvalidInput(f"{name} is a file; the only file is `image`")
        if name in fields:
            raise InvalidInput(f"{name} is given twice")
        fields[name] = value
    if "box" in fields:
        fields["box"] = boxes.parse(str(fields["box"])).as_list()
    for name in _LISTS & fields.keys():
        fields[name] = _json(str(fields[name]).encode("utf-8", "replace"))
    return fields
