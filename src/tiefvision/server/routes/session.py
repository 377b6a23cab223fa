"""A browser's log-in: the token goes into a cookie that scripts cannot read."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tiefvision.errors import TokenNeeded
from tiefvision.server.schemas import Session, SessionFields
from tiefvision.server.security import COOKIE, token_of
from tiefvision.server.site import SiteOf, document

router = APIRouter(prefix="/session", tags=["session"])

_KEPT_S = 30 * 24 * 3600


@router.get("", response_model=Session)
def held(request: Request, site: SiteOf) -> Response:
    """What the request's token may do: read, teach or full."""
    scope = site.access.scope_of(token_of(request.headers))
    assert scope is not None, "the guard asks for a token"
    return document(Session(scope))


@router.post("", status_code=204)
def log_in(request: Request, site: SiteOf, fields: SessionFields) -> Response:
    """Keep the token in a cookie of this site; where none is asked for, there is none to keep."""
    if site.access.scope_of(fields.token) is None:
        raise TokenNeeded(
            "this is not the token", remedy="tiefvision serve --token makes a new one"
        )
    response = Response(status_code=204)
    if site.access.tokens:
        response.set_cookie(
            COOKIE,
            fields.token,
            max_age=_KEPT_S,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
    return response


@router.delete("", status_code=204)
def log_out() -> Response:
    """Forget the token."""
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response
