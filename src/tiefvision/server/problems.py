"""Errors as application/problem+json (RFC 9457), in the words of the command line."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import asdict
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from tiefvision.errors import (
    EntryFault,
    InvalidEntries,
    InvalidInput,
    TiefVisionError,
    TokenNeeded,
    TooManyRequests,
)

CONTENT_TYPE = "application/problem+json"

# Any route may answer with one.
RESPONSES: dict[int | str, dict[str, object]] = {
    "default": {
        "description": "what is wrong, and what to do",
        "content": {
            CONTENT_TYPE: {
                "schema": {
                    "type": "object",
                    "required": ["type", "title", "status", "detail", "remedy"],
                    "properties": {
                        "type": {"type": "string", "format": "uri"},
                        "title": {"type": "string"},
                        "status": {"type": "integer"},
                        "detail": {"type": "string"},
                        "remedy": {"type": "string"},
                        "entries": {
                            "description": "which of several things are wrong, counted from 0",
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["entry", "detail", "remedy"],
                                "properties": {
                                    "entry": {"type": "integer"},
                                    "detail": {"type": "string"},
                                    "remedy": {"type": "string"},
                                },
                            },
                        },
                    },
                }
            }
        },
    }
}

_log = logging.getLogger("tiefvision.server")
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


class ProblemResponse(JSONResponse):
    """A problem's body with its content type; in ASCII, as file names in messages may need it."""

    media_type = CONTENT_TYPE

    def render(self, content: object) -> bytes:
        return json.dumps(content).encode("ascii")


def of_error(error: TiefVisionError) -> ProblemResponse:
    """An error of the tree: its status, its message as the detail, and its remedy."""
    name = type(error).__name__
    headers: dict[str, str] = {}
    if isinstance(error, TokenNeeded):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(error.retry_after_s)
    return _problem(
        error.status,
        kind=f"urn:tiefvision:{name}",
        title=_WORD.sub(" ", name).capitalize(),
        detail=error.message,
        remedy=error.remedy,
        headers=headers,
        entries=error.faults if isinstance(error, InvalidEntries) else (),
    )


def of_bug(method: str, path: str, error: Exception) -> ProblemResponse:
    """An error that nobody expected: the log says what it was, the answer only that it was."""
    _log.error("%s %s failed", method, path, exc_info=error)
    return _problem(
        500,
        kind="about:blank",
        title=HTTPStatus.INTERNAL_SERVER_ERROR.phrase,
        detail="the server failed at this request; its log says more",
        remedy="",
    )


def install(app: FastAPI) -> None:
    """Make every expected error that leaves a route a problem."""
    app.add_exception_handler(TiefVisionError, _tiefvision)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


async def _tiefvision(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, TiefVisionError)
    return of_error(error)


async def _invalid(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:]) or "the request"
    return of_error(InvalidInput(f"{place}: {first['msg']}", remedy="see /openapi.json"))


async def _http(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, TiefVisionError):
        return of_error(error.__cause__)  # raised while the body was read
    return _problem(
        error.status_code,
        kind="about:blank",
        title=HTTPStatus(error.status_code).phrase,
        detail=str(error.detail),
        remedy="",
        headers=dict(error.headers or {}),
    )


def _problem(
    status: int,
    *,
    kind: str,
    title: str,
    detail: str,
    remedy: str,
    headers: dict[str, str] | None = None,
    entries: Sequence[EntryFault] = (),
) -> ProblemResponse:
    body: dict[str, object] = {"type": kind, "title": title, "status": status}
    body |= {"detail": detail, "remedy": remedy}
    if entries:
        body["entries"] = [asdict(each) for each in entries]
    return ProblemResponse(body, status_code=status, headers=headers)
