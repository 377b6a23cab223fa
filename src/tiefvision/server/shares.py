"""How much each client may ask: a bucket of tokens that fills again with time.

Whoever asks from this machine is not limited. Behind a proxy on this machine, whoever it names in
X-Forwarded-For is the client (uvicorn takes that header from loopback peers only).
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from tiefvision.errors import TooManyRequests

# What a request takes of a client's share. A page of a gallery asks for sixty pictures, each of
# which is made once and then read from disk.
WHOLE, PICTURE = 1.0, 0.1
# Tokens have 256 random bits, so guessing one is hopeless; it need not be cheap as well.
WRONG_TOKEN = 20.0

# Buckets that are remembered; the client that has asked for nothing for the longest is forgotten,
# which fills its bucket.
_MOST_CLIENTS = 10_000
# Of an IPv6 address the owner of one line has all below this prefix.
_LINE_BITS = 64
_MINUTE_S = 60.0


class Shares:
    """Each client's requests of the last minute or so. Safe to share between threads.

    per_minute: how fast a bucket fills, and how much it holds; 0: nobody is limited.
    """

    def __init__(self, per_minute: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._now = now
        self._lock = threading.Lock()
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str, cost: float) -> None:
        """Take from a client's share. Raises TooManyRequests when it has too little left."""
        if not self._limits(address):
            return
        with self._lock:
            client = client_of(address)
            level = self._level(client)
            if level < cost:
                self._keep(client, level)
                wait_s = math.ceil((cost - level) * _MINUTE_S / self._per_minute)
                raise TooManyRequests(
                    f"more than {self._per_minute} requests a minute came from {address}",
                    retry_after_s=max(wait_s, 1),
                )
            self._keep(client, level - cost)

    def fine(self, address: str, cost: float) -> None:
        """Take from a client's share what it did not ask for, down to nothing."""
        if self._limits(address):
            with self._lock:
                client = client_of(address)
                self._keep(client, max(self._level(client) - cost, 0.0))

    def _limits(self, address: str) -> bool:
        return self._per_minute > 0 and not _is_local(address)

    def _level(self, client: str) -> float:
        level, then = self._levels.get(client, (float(self._per_minute), 0.0))
        filled = level + max(self._now() - then, 0.0) * self._per_minute / _MINUTE_S
        return min(filled, float(self._per_minute))

    def _keep(self, client: str, level: float) -> None:
        self._levels[client] = level, self._now()
        self._levels.move_to_end(client)
        if len(self._levels) > _MOST_CLIENTS:
            self._levels.popitem(last=False)


def client_of(address: str) -> str:
    """Who asks from an address: it, or of IPv6 the line that it belongs to."""
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(parsed), _LINE_BITS), strict=False))
    return address if parsed is None else str(parsed)


def _is_local(address: str) -> bool:
    """Whether a peer is on this machine; what is no IP address is a socket in a folder of it."""
    parsed = _parsed(address)
    return parsed is None or parsed.is_loopback


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An IP address; one of IPv4 that comes in the clothes of IPv6 as what it is."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed
