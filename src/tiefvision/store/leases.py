"""Leases: work with one owner (indexing, optimizing, filling) holds a row that expires by itself.

A killed owner's lease is free again after LEASE_S, or at once when the owner was a process of
this machine that no longer runs. On a server its clock counts, not that of any machine.
"""

from __future__ import annotations

import os
import platform
import threading
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from tiefvision.errors import Conflict, StoreError
from tiefvision.store.database import Database
from tiefvision.store.tables import leases

LEASE_S = 60.0
_RENEWALS_PER_LEASE = 4
# How long a waiting process sleeps before it looks again: at first, and at most.
_FIRST_STEP_S, _LAST_STEP_S = 0.05, 0.5


@contextmanager
def hold(
    database: Database, name: str, *, wait_s: float = 0.0, stop: threading.Event | None = None
) -> Generator[None]:
    """Own the named work for the length of the block, renewed in the background.

    wait_s: how long to wait for another owner to end; stop: set it to wait no longer.
    Raises Conflict naming the owner when another process still has it then.
    """
    owner = f"{platform.node()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    deadline, step_s = time.monotonic() + wait_s, _FIRST_STEP_S
    stop = stop or threading.Event()
    while not _take(database, name, owner, last_try=stop.is_set() or time.monotonic() >= deadline):
        stop.wait(step_s)
        step_s = min(2 * step_s, _LAST_STEP_S)
    released = threading.Event()
    renewal = threading.Thread(
        target=_renew, args=(database, name, owner, released), name=f"lease-{name}", daemon=True
    )
    renewal.start()
    try:
        yield
    finally:
        released.set()
        renewal.join()
        with database.write() as connection:
            connection.execute(
                sa.delete(leases).where(leases.c.name == name, leases.c.owner == owner)
            )


def holder(database: Database, name: str) -> str | None:
    """Who holds the named work now ("host:process:token"); None when it is free."""
    with database.read() as connection:
        row = connection.execute(sa.select(leases).where(leases.c.name == name)).first()
        if row is None or _is_free(row.owner, row.expires_at, now=_now(connection)):
            return None
        return row.owner


def _take(database: Database, name: str, owner: str, *, last_try: bool) -> bool:
    with database.write() as connection:
        row = connection.execute(sa.select(leases).where(leases.c.name == name)).first()
        now = _now(connection)
        if row is not None and not _is_free(row.owner, row.expires_at, now=now):
            if not last_try:
                return False
            host, process, _ = row.owner.rsplit(":", 2)
            raise Conflict(
                f"process {process} on {host} is already at work on this catalogue ({name})",
                remedy=f"wait until it ends; a dead one's claim ends within {LEASE_S:.0f} s",
            )
        connection.execute(sa.delete(leases).where(leases.c.name == name))
        connection.execute(
            sa.insert(leases).values(name=name, owner=owner, expires_at=now + LEASE_S)
        )
    return True


def _renew(database: Database, name: str, owner: str, released: threading.Event) -> None:
    while not released.wait(LEASE_S / _RENEWALS_PER_LEASE):
        try:
            with database.write() as connection:
                connection.execute(
                    sa.update(leases)
                    .where(leases.c.name == name, leases.c.owner == owner)
                    .values(expires_at=_now(connection) + LEASE_S)
                )
        except StoreError:
            continue  # a server that is being restarted may be back before the lease ends


def _now(connection: Connection) -> float:
    """Seconds since 1970, by the one clock of all processes that use the catalogue."""
    if connection.dialect.name == "sqlite":
        return time.time()
    clock = connection.scalar(sa.select(sa.extract("epoch", sa.func.clock_timestamp())))
    assert clock is not None
    return float(clock)


def _is_free(owner: str, expires_at: float, *, now: float) -> bool:
    if expires_at < now:
        return True
    host, process, _ = owner.rsplit(":", 2)
    return host == platform.node() and not _is_running(int(process))


def _is_running(process: int) -> bool:
    if os.name == "nt":
        return True  # signal 0 is Ctrl-C there; a dead owner's lease ends when it expires
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
