"""The pages and what they load: made of files of the package, nothing else."""

from __future__ import annotations

from pathlib import Path
from string import Template

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from tiefvision.server import api_page

FOLDER = Path(__file__).parent.parent / "web"
# Kept, but asked for again: an update of the package shows at once.
_ASK_AGAIN = {"cache-control": "no-cache"}
# What each page is called; its <main> is in the file of that name.
_PAGES = {
    "/": "Search",
    "/gallery": "Gallery",
    "/boxes": "Boxes",
    "/teach": "Teach",
    "/models": "Models",
    "/status": "Status",
}
_LOGIN = {"/login": "Log in"}
_CURRENT = ' aria-current="page"'
# Sheets beside the one that all pages share.
_STYLES = {
    "search": ["search"],
    "teach": ["teach"],
    "models": ["models"],
    "status": ["models"],
    "docs": ["docs"],
}
_SCRIPTS = """<link rel="modulepreload" href="/web/api.js">
<link rel="modulepreload" href="/web/dom.js">
<script type="module" src="/web/{name}.js"></script>"""
_SCOPE = '\n<script type="module" src="/web/scope.js"></script>'
_DOCS = "/docs"

router = APIRouter(include_in_schema=False)


def page(path: str) -> str:
    """The whole HTML of a page: the shell that all share, around what is its own."""
    name = path.strip("/") or "search"
    return _shell(
        path,
        (_PAGES | _LOGIN)[path],
        name,
        main=(FOLDER / f"{name}.html").read_text(encoding="utf-8"),
        scripts=_SCRIPTS.format(name=name) + ("" if path in _LOGIN else _SCOPE),
    )


def _shell(path: str, title: str, name: str, *, main: str, scripts: str = "") -> str:
    styles = [
        f'<link rel="stylesheet" href="/web/{sheet}.css">'
        for sheet in ("style", *_STYLES.get(name, []))
    ]
    return _part("shell").substitute(
        title=title,
        styles="\n".join(styles),
        scripts=scripts,
        header="" if path in _LOGIN else _header(path),
        main=main,
    )


def _header(current: str) -> str:
    links = [
        f'<a href="{path}"{_CURRENT if path == current else ""}>{title}</a>'
        for path, title in _PAGES.items()
    ]
    return _part("header").substitute(links="\n".join(links))


def _part(name: str) -> Template:
    return Template((FOLDER / f"{name}.html").read_text(encoding="utf-8"))


def _add(path: str) -> None:
    text = page(path)

    @router.get(path)
    def answer() -> Response:
        return HTMLResponse(text, headers=_ASK_AGAIN)


for _path in (*_PAGES, *_LOGIN):
    _add(_path)


@router.get(_DOCS)
def docs(request: Request) -> Response:
    """The API, to read."""
    page = _shell(_DOCS, "API", "docs", main=api_page.main_of(request.app.openapi()))
    return HTMLResponse(page, headers=_ASK_AGAIN)


class WebFiles(StaticFiles):
    """The scripts, styles and icons of the package."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_ASK_AGAIN)
        return response
