"""The pages and what they load: files of the package, nothing else."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent.parent / "web"
# Kept, but asked for again: an update of the package shows at once.
_ASK_AGAIN = {"cache-control": "no-cache"}
_PAGES = {
    "/": "search.html",
    "/gallery": "gallery.html",
    "/boxes": "boxes.html",
    "/teach": "teach.html",
    "/models": "models.html",
    "/status": "status.html",
    "/login": "login.html",
}

router = APIRouter(include_in_schema=False)


def _add(path: str, name: str) -> None:
    @router.get(path)
    def page(request: Request) -> Response:
        return FileResponse(FOLDER / name, media_type="text/html", headers=_ASK_AGAIN)


for _path, _name in _PAGES.items():
    _add(_path, _name)


class WebFiles(StaticFiles):
    """The scripts, styles and icons of the package."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_ASK_AGAIN)
        return response
