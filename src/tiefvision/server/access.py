"""Who may ask: the names that the server answers to, and its tokens."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import secrets
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tiefvision.errors import InvalidSettings, StoreError
from tiefvision.server.scopes import SCOPES, Scope
from tiefvision.store.home import Home

TOKEN_VARIABLE = "TIEFVISION_TOKEN"

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
# 256 random bits: nobody guesses them, so that one round of SHA-256 is hash enough.
_TOKEN_BYTES = 32
_FEWEST_CHARACTERS = 16
_OWNER_ONLY = 0o600
_SCOPES: Mapping[str, Scope] = {scope: scope for scope in SCOPES}


@dataclass(frozen=True, slots=True)
class Access:
    """What a request must bring.

    names: hosts that this server is called by; any_address: also every IP address, which no
    other site can make a browser believe to be its own name. tokens: hexadecimal SHA-256 of each
    token -> what it may do; empty where none is asked for.
    """

    names: frozenset[str]
    any_address: bool
    tokens: Mapping[str, Scope]

    def knows(self, host: str) -> bool:
        """Whether a Host header, with or without a port, names this server."""
        name = _without_port(host)
        return name in self.names or (self.any_address and _is_address(name))

    def scope_of(self, token: str) -> Scope | None:
        """What a token may do; None for an unknown one, everything where none is asked for."""
        if not self.tokens:
            return "full"
        given = hash_of(token)
        for known, scope in self.tokens.items():
            if hmac.compare_digest(given, known):
                return scope
        return None


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to an address."""
    if host in _LOOPBACK_NAMES:
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def access(
    home: Home,
    *,
    host: str,
    allowed_hosts: Iterable[str] = (),
    new_token: Scope | None = None,
) -> tuple[Access, str | None]:
    """What requests to a server on `host` must bring, and the token where a new one was made.

    allowed_hosts: further names that it is called by, for example behind a proxy. new_token: make
    one that may do this, in place of the catalogue's former one of the same scope. A token is
    asked for wherever others than this machine may call, and where one was made on purpose. The
    environment's token stands for the full one. Raises InvalidSettings when there is none, and
    StoreError when the file of tokens cannot be read.
    """
    further = {_without_port(name).lower() for name in allowed_hosts}
    local = is_loopback(host)
    names = _LOOPBACK_NAMES | further | {host.lower()}
    if not local:
        names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    known = _kept(home)
    made = None
    if new_token is not None:
        made = secrets.token_urlsafe(_TOKEN_BYTES)
        known = _with(known, made, new_token)
        _keep(home, known)
    if new_token != "full" and TOKEN_VARIABLE in os.environ:
        known = _with(known, _of_environment(), "full")
    needed = new_token is not None or TOKEN_VARIABLE in os.environ or not local or bool(further)
    if needed and not known:
        raise InvalidSettings(
            f"others than this machine may call {host}, and there is no token to ask them for",
            remedy=f"--token makes one, {TOKEN_VARIABLE} sets one",
        )
    return Access(frozenset(names), not local, known if needed else {}), made


def hash_of(token: str) -> str:
    """The form in which a token is kept."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _keep(home: Home, tokens: Mapping[str, Scope]) -> None:
    file = home.token_file
    partial = file.with_name(f"{file.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "w") as to:
        to.writelines(f"{known} {scope}\n" for known, scope in tokens.items())
    partial.replace(file)


def _with(tokens: Mapping[str, Scope], token: str, scope: Scope) -> dict[str, Scope]:
    """The tokens with this one in place of those of its scope."""
    others: dict[str, Scope] = {known: held for known, held in tokens.items() if held != scope}
    others[hash_of(token)] = scope
    return others


def _of_environment() -> str:
    """The environment's token. Raises InvalidSettings when it is too short to be one, or cannot
    be sent in a header."""
    given = os.environ[TOKEN_VARIABLE]
    if len(given) < _FEWEST_CHARACTERS or not (given.isascii() and given.isprintable()):
        raise InvalidSettings(
            f"{TOKEN_VARIABLE} has {len(given)} characters; expected at least "
            f"{_FEWEST_CHARACTERS}, all of them printable ASCII",
            remedy="make one: python3 -c 'import secrets; print(secrets.token_urlsafe())'",
        )
    return given


def _kept(home: Home) -> dict[str, Scope]:
    """The hashes that the catalogue keeps, one a line with its scope; alone it is a full one."""
    try:
        lines = home.token_file.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return {}
    known: dict[str, Scope] = {}
    for line in filter(None, lines):
        digest, _, named = line.partition(" ")
        scope = _SCOPES.get(named or "full")
        if scope is None:
            raise StoreError(
                f"{home.token_file} names the scope {named!r}; expected {', '.join(SCOPES)}",
                remedy="remove the file, then tiefvision serve --token makes a new token",
            )
        known[digest] = scope
    return known


def _without_port(host: str) -> str:
    """The name of "name:8000", "name", "[::1]:8000", "[::1]" or "::1"."""
    text = host.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    name, _, port = text.partition(":")
    return text if ":" in port else name


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
