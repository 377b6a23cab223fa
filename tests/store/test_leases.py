"""Work with one owner: taken, waited for, renewed, and free again after a death."""

from __future__ import annotations

import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tiefvision.errors import Conflict
from tiefvision.store import leases
from tiefvision.store.database import Database, open_database
from tiefvision.store.tables import leases as table

pytestmark = pytest.mark.usefixtures("either_database")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path)
    yield opened
    opened.close()


def _put(database: Database, owner: str, expires_at: float) -> None:
    with database.write() as connection:
        connection.execute(
            sa.insert(table).values(name="index", owner=owner, expires_at=expires_at)
        )


def _ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_lease_is_held_for_the_block_and_free_after_it(database: Database) -> None:
    assert leases.holder(database, "index") is None
    with leases.hold(database, "index"):
        assert leases.holder(database, "index") is not None
        with leases.hold(database, "other"):
            pass
        with pytest.raises(Conflict, match="already at work"), leases.hold(database, "index"):
            pass
    assert leases.holder(database, "index") is None


def test_a_dead_process_of_this_machine_loses_its_lease_at_once(database: Database) -> None:
    _put(database, f"{platform.node()}:{_ended_process()}:token", time.time() + 3600)
    assert leases.holder(database, "index") is None
    with leases.hold(database, "index"):
        pass


def test_an_owner_on_another_machine_keeps_its_lease_until_it_expires(database: Database) -> None:
    _put(database, "far:away:1234:token", time.time() + 3600)
    with pytest.raises(Conflict, match="process 1234 on far:away"), leases.hold(database, "index"):
        pass
    with database.write() as connection:
        connection.execute(sa.update(table).values(expires_at=time.time() - 1))
    with leases.hold(database, "index"):
        pass


def test_waiting_ends_when_the_owner_ends(database: Database) -> None:
    held, order = threading.Event(), []

    def first() -> None:
        with leases.hold(database, "index"):
            held.set()
            time.sleep(0.2)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    held.wait()
    with leases.hold(database, "index", wait_s=10):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_a_lease_is_renewed_while_it_is_held(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE_S", 0.4)
    with leases.hold(database, "index"):
        time.sleep(1.0)
        assert leases.holder(database, "index") is not None


def test_who_lost_a_lease_does_not_free_the_new_owners(database: Database) -> None:
    with leases.hold(database, "index"), database.write() as connection:
        connection.execute(
            sa.update(table).values(owner="other:1:token", expires_at=time.time() + 60)
        )
    assert leases.holder(database, "index") == "other:1:token"
