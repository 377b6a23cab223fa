"""Who may ask: the names that the server answers to, and its token."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from tiefvision.errors import InvalidSettings
from tiefvision.store.home import Home

TOKEN_VARIABLE = "TIEFVISION_TOKEN"

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
# 256 random bits: nobody guesses them, so that one round of SHA-256 is hash enough.
_TOKEN_BYTES = 32
_FEWEST_CHARACTERS = 16
_OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class Access:
    """What a request must bring.

    names: hosts that this server is called by; any_address: also every IP address, which no
    other site can make a browser believe to be its own name. token_hash: hexadecimal SHA-256 of
    the token; None where none is asked for.
    """

    names: frozenset[str]
    any_address: bool
    token_hash: str | None

    def knows(self, host: str) -> bool:
        """Whether a Host header, with or without a port, names this server."""
        name = _without_port(host)
        return name in self.names or (self.any_address and _is_address(name))

    def opens(self, token: str) -> bool:
        """Whether this is the token, or none is asked for."""
        if self.token_hash is None:
            return True
        return hmac.compare_digest(hash_of(token), self.token_hash)


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to an address."""
    if host in _LOOPBACK_NAMES:
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def access(
    home: Home, *, host: str, allowed_hosts: Iterable[str] = (), new_token: bool = False
) -> tuple[Access, str | None]:
    """What requests to a server on `host` must bring, and the token where a new one was made.

    allowed_hosts: further names that it is called by, for example behind a proxy. new_token: make
    one, in place of the catalogue's former one. A token is asked for wherever others than this
    machine may call, and where one was made on purpose. Raises InvalidSettings when there is none.
    """
    further = {_without_port(name).lower() for name in allowed_hosts}
    local = is_loopback(host)
    names = _LOOPBACK_NAMES | further | {host.lower()}
    if not local:
        names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    made = None
    if new_token:
        made = secrets.token_urlsafe(_TOKEN_BYTES)
        _keep(home, made)
    known = hash_of(made) if made is not None else _known(home)
    needed = new_token or TOKEN_VARIABLE in os.environ or not local or bool(further)
    if needed and known is None:
        raise InvalidSettings(
            f"others than this machine may call {host}, and there is no token to ask them for",
            remedy=f"--token makes one, {TOKEN_VARIABLE} sets one",
        )
    return Access(frozenset(names), not local, known if needed else None), made


def hash_of(token: str) -> str:
    """The form in which a token is kept."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _keep(home: Home, token: str) -> None:
    file = home.token_file
    partial = file.with_name(f"{file.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "w") as to:
        to.write(hash_of(token) + "\n")
    partial.replace(file)


def _known(home: Home) -> str | None:
    """The hash of the environment's token, else of the catalogue's."""
    given = os.environ.get(TOKEN_VARIABLE)
    if given is not None:
        if len(given) < _FEWEST_CHARACTERS:
            raise InvalidSettings(
                f"{TOKEN_VARIABLE} has {len(given)} characters; expected at least "
                f"{_FEWEST_CHARACTERS}",
                remedy="make one: python3 -c 'import secrets; print(secrets.token_urlsafe())'",
            )
        return hash_of(given)
    try:
        return home.token_file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None


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
