"""`tiefvision serve`: the site and the API of one catalogue."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from tiefvision.errors import Conflict
from tiefvision.server import workers
from tiefvision.server.access import access
from tiefvision.server.app import create_app
from tiefvision.server.scopes import Scope
from tiefvision.server.site import Site, site_of
from tiefvision.store import home
from tiefvision.store.database import open_database
from tiefvision.store.home import Home
from tiefvision.tasks.opened import opened

# An address that means every one of this machine's; a browser is sent to the loopback one.
_EVERYWHERE = frozenset({"0.0.0.0", "::"})
# How long open requests may take to end after Ctrl-C.
_GRACE_S = 5
# Connections that wait to be accepted, as uvicorn itself has it.
_BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Address:
    """Where the site is, and the new token where one was made: it is shown this once."""

    url: str
    token: str | None


def serve(
    catalogue: str | Path | None,
    *,
    host: str,
    port: int,
    allowed_hosts: Sequence[str] = (),
    new_token: Scope | None = None,
    new: bool = False,
    count: int = 1,
    started: Callable[[Address], None],
) -> None:
    """Serve a catalogue until it is interrupted; `started` is told where.

    port: 0 takes a free one. new_token: make one that may do this. new: make an empty catalogue
    where there is none. Raises NotFound without a catalogue, InvalidSettings without a token
    where one is needed, and Conflict where the port is taken. count: processes that answer.
    """
    if new:
        _make(home.named(catalogue))
    with opened(catalogue) as shop:
        rules, token = access(
            shop.home, host=host, allowed_hosts=allowed_hosts, new_token=new_token
        )
        with _listening(host, port) as listener:
            name = "localhost" if host in _EVERYWHERE else host
            shown = f"[{name}]" if ":" in name else name
            started(Address(f"http://{shown}:{listener.getsockname()[1]}/", token))
            if count > 1:
                workers.run(shop.home.folder, listener, access=rules, count=count)
            else:
                server_of(create_app(shop, access=rules)).run(sockets=[listener])


def server_of(app: FastAPI) -> Server:
    """What answers for an application, once it is run."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    return Server(config, site_of(app))


class Server(uvicorn.Server):
    """Tells open streams that it ends: it would wait for them until the grace is over."""

    def __init__(self, config: uvicorn.Config, site: Site) -> None:
        super().__init__(config)
        self._site = site

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._site.closing.set()
        await super().shutdown(sockets)


def _make(place: Home) -> None:
    if not place.exists:
        place.folder.mkdir(parents=True, exist_ok=True)
        open_database(place.folder).close()


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise Conflict(
            f"cannot listen on {host}, port {port}: {error.strerror or error}",
            remedy="name another with --port or --host; 0 takes a free port",
        ) from error
