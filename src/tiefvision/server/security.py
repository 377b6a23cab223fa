"""The guard before every route: whose page asks, with which token, how much is sent, and what
pages may load.

A browser carries cookies, and reaches loopback addresses, on behalf of any site that it shows.
So a request counts as the site's own only when its Host is a name of this server, its Origin (sent
with every write) is that host, its Sec-Fetch-Site is not another site, and a write carries a header
that no form of another site can send. Programs send none of these and are let through with their
token. Sources: OWASP, Cross-Site Request Forgery Prevention; W3C Fetch Metadata.
"""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tiefvision.errors import AccessRefused, TiefVisionError, TokenNeeded, UnknownHost
from tiefvision.server import problems, scopes
from tiefvision.server.access import Access
from tiefvision.server.body_limits import BodyLimits
from tiefvision.server.shares import PICTURE, WHOLE, WRONG_TOKEN, Shares

COOKIE = "tiefvision_token"
OWN_HEADER = "x-tiefvision"

_OWN_SITE = frozenset({"same-origin", "none"})
# What a browser needs before it has a token, and what says that the server lives.
_OPEN_PATHS = frozenset({"/login", "/healthz"})
_LOG_IN = "/api/v1/session"
_OPEN_FOLDER = "/web/"
_API = "/api/"
_PICTURES = ("/thumbnail", "/photo")

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Guard:
    """ASGI middleware that lets through what may ask, and gives every answer its headers."""

    def __init__(self, app: ASGIApp, *, access: Access, limits: BodyLimits, shares: Shares) -> None:
        self._app = app
        self._access = access
        self._limits = limits
        self._shares = shares

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        client = scope.get("client")
        address = client[0] if client else ""
        has_begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                if message["status"] == TokenNeeded.status:
                    self._shares.fine(address, WRONG_TOKEN)
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        headers = Headers(scope=scope)
        try:
            self._check_host(headers)
            self._shares.take(address, _cost(scope["path"]))
            _check_site(scope, headers)
            self._check_token(scope, headers)
            counted = self._limits.counted(scope["path"], headers, receive)
        except TokenNeeded as error:
            if scope["method"] in scopes.READING and "text/html" in headers.get("accept", ""):
                target = RedirectResponse(f"/login?next={quote(scope['path'])}", status_code=303)
                await target(scope, receive, send_with_headers)
            else:
                await problems.of_error(error)(scope, receive, send_with_headers)
        except TiefVisionError as error:
            await problems.of_error(error)(scope, receive, send_with_headers)
        else:
            try:
                await self._app(scope, counted, send_with_headers)
            except Exception as error:
                if has_begun:
                    raise  # the connection is closed: half an answer must not look whole
                problem = problems.of_bug(scope["method"], scope["path"], error)
                await problem(scope, receive, send_with_headers)

    def _check_host(self, headers: Headers) -> None:
        host = headers.get("host", "")
        if not self._access.knows(host):
            raise UnknownHost(
                f"this server is not called {host!r}",
                remedy="start it with --allow-host NAME if it shall be",
            )

    def _check_token(self, scope: Scope, headers: Headers) -> None:
        path = str(scope["path"])
        is_log_in = path == _LOG_IN and scope["method"] not in scopes.READING
        if is_log_in or path in _OPEN_PATHS or path.startswith(_OPEN_FOLDER):
            return
        held = self._access.scope_of(token_of(headers))
        if held is None:
            raise TokenNeeded(
                "this server asks for a token, and the request has none or a wrong one",
                remedy="send it as `Authorization: Bearer TOKEN`, or log in at /login",
            )
        wanted = scopes.needed(scope["method"], path)
        if not scopes.covers(held, wanted):
            raise AccessRefused(
                f"this token is for {held} alone; expected one for {wanted}",
                remedy=f"tiefvision serve --token --scope {wanted} makes one",
            )


def _cost(path: str) -> float:
    return PICTURE if path.startswith(_OPEN_FOLDER) or path.endswith(_PICTURES) else WHOLE


def _check_site(scope: Scope, headers: Headers) -> None:
    """Refuse what another site's page has sent. Raises AccessRefused."""
    is_write = scope["method"] not in scopes.READING
    if not is_write and not str(scope["path"]).startswith(_API):
        return  # following a link to a page
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
        raise AccessRefused(f"a page of {origin!r} may not ask this server")
    if site is not None and site not in _OWN_SITE:
        raise AccessRefused(f"a page of another site ({site}) may not ask this server")
    is_browser = origin is not None or site is not None or "cookie" in headers
    if is_write and is_browser and OWN_HEADER not in headers:
        raise AccessRefused(
            f"a change from a browser must carry the header {OWN_HEADER}",
            remedy=f"send {OWN_HEADER}: 1",
        )


def token_of(headers: Headers) -> str:
    """The token of a program (Authorization: Bearer) or of a page (its cookie)."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""
