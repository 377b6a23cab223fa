"""The journal of indexing runs: when, how many files, how far."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from tiefvision.store.database import Database
from tiefvision.store.tables import runs


@dataclass(frozen=True, slots=True)
class Run:
    """One indexing run. finished_at: seconds since 1970; None while it runs or was cut off.

    skipped: reason -> how many files the walk passed over.
    """

    id: int
    started_at: float
    finished_at: float | None
    total: int
    done: int
    skipped: Mapping[str, int]


def begin(database: Database) -> int:
    """Start a run; its id."""
    row = {"started_at": time.time(), "total": 0, "done": 0, "skipped": {}}
    with database.write() as connection:
        id_ = connection.scalar(sa.insert(runs).values(row).returning(runs.c.id))
    assert id_ is not None
    return id_


def note(database: Database, run_id: int, *, total: int, done: int) -> None:
    """Note how far a run is."""
    with database.write() as connection:
        connection.execute(
            sa.update(runs).where(runs.c.id == run_id).values(total=total, done=done)
        )


def finish(database: Database, run_id: int, *, skipped: Mapping[str, int]) -> None:
    """Note that a run came to its end."""
    with database.write() as connection:
        connection.execute(
            sa.update(runs)
            .where(runs.c.id == run_id)
            .values(finished_at=time.time(), skipped=dict(skipped))
        )


def last(database: Database) -> Run | None:
    """The newest run; None before the first."""
    with database.read() as connection:
        row = connection.execute(sa.select(runs).order_by(runs.c.id.desc()).limit(1)).first()
    return None if row is None else Run(*row)
