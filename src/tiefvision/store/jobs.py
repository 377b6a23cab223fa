"""Jobs: long work that a server was asked for, its state, and how far it is.

A job runs in a process of its own, which holds a lease while it does: so every process that opens
the catalogue can tell a job at work from one whose process has died.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from tiefvision.errors import Conflict, NotFound
from tiefvision.store import leases
from tiefvision.store.database import Database
from tiefvision.store.tables import job_events, jobs

Kind = Literal["index", "train-ranker", "train-locator", "activate", "undo"]
State = Literal["waiting", "running", "done", "failed", "cancelled", "interrupted"]

AT_WORK: tuple[State, ...] = ("waiting", "running")
# As long as a process may take from its start until it holds its lease.
_START_S = 60.0


@dataclass(frozen=True, slots=True)
class JobEvent:
    """How far a job was at a time. total: None where it is not known. note: how it goes."""

    id: int
    at: float
    stage: str
    done: int
    total: int | None
    unit: str
    note: str


@dataclass(frozen=True, slots=True)
class Job:
    """Long work that was asked for.

    state: waiting, running, done, failed, cancelled, or interrupted (its process has died). Times
    are seconds since 1970. outcome: the verb's report when it is done, {"detail", "remedy"} when
    it failed. last: how far it is; None before its first step.
    """

    id: int
    kind: str
    options: Mapping[str, object]
    state: State
    asked_at: float
    started_at: float | None
    finished_at: float | None
    cancel: bool
    outcome: Mapping[str, object]
    last: JobEvent | None


def lease_of(job_id: int) -> str:
    """The name of the lease that a job's process holds."""
    return f"job {job_id}"


# --- changing ------------------------------------------------------------------------------------


def add(database: Database, kind: Kind, options: Mapping[str, object]) -> int:
    """Ask for a job; its id. Raises Conflict while one of its kind is at work."""
    row = {
        "kind": kind,
        "options": dict(options),
        "state": "waiting",
        "asked_at": time.time(),
        "cancel": False,
        "outcome": {},
    }
    # Looked at while nobody else writes: of two that ask at once, one is refused.
    with database.write() as connection:
        _refuse_second(database, kind)
        id_ = connection.scalar(sa.insert(jobs).values(row).returning(jobs.c.id))
    assert id_ is not None
    return id_


def ask_again(database: Database, job_id: int) -> None:
    """Let a job that ended begin once more. Raises NotFound; Conflict while it is at work."""
    values = {"state": "waiting", "asked_at": time.time(), "cancel": False, "outcome": {}}
    times = {"started_at": None, "finished_at": None}
    with database.write() as connection:
        own = one(database, job_id)
        _refuse_second(database, own.kind)
        if own.state == "done":
            raise Conflict(f"job {job_id} is done", remedy="start a new one")
        connection.execute(sa.update(jobs).where(jobs.c.id == job_id).values({**values, **times}))


def begin(database: Database, job_id: int) -> None:
    """Note that a job's process is at work. It holds the job's lease."""
    _update(database, job_id, {"state": "running", "started_at": time.time()})


def tell(
    database: Database,
    job_id: int,
    *,
    stage: str,
    done: int,
    total: int | None,
    unit: str,
    note: str,
) -> None:
    """Note how far a job is."""
    row = {"stage": stage, "done": done, "total": total, "unit": unit, "note": note}
    with database.write() as connection:
        connection.execute(sa.insert(job_events).values(job_id=job_id, at=time.time(), **row))


def finish(database: Database, job_id: int, state: State, *, outcome: Mapping[str, object]) -> None:
    """Note how a job ended."""
    values = {"state": state, "finished_at": time.time(), "outcome": dict(outcome)}
    _update(database, job_id, values)


def ask_cancel(database: Database, job_id: int) -> None:
    """Ask a job to end. Raises NotFound; Conflict when it is at its end already."""
    own = one(database, job_id)
    if own.state not in AT_WORK:
        raise Conflict(f"job {job_id} is {own.state} already")
    _update(database, job_id, {"cancel": True})


# --- reading -------------------------------------------------------------------------------------


def one(database: Database, job_id: int) -> Job:
    """A job. Raises NotFound."""
    found = _select(database, sa.select(jobs).where(jobs.c.id == job_id))
    if not found:
        raise NotFound(f"there is no job {job_id}", remedy="GET /api/v1/jobs lists all")
    return found[0]


def newest(database: Database, *, limit: int) -> list[Job]:
    """The newest jobs, the newest first."""
    return _select(database, sa.select(jobs).order_by(jobs.c.id.desc()).limit(limit))


def count_by_state(database: Database) -> dict[State, int]:
    """How many jobs are in each state, those of dead processes as interrupted."""
    at_work = jobs.c.state.in_(AT_WORK)
    ended = sa.select(jobs.c.state, sa.func.count()).where(~at_work).group_by(jobs.c.state)
    with database.read() as connection:
        counts: Counter[State] = Counter({state: n for state, n in connection.execute(ended)})
    counts.update(own.state for own in _select(database, sa.select(jobs).where(at_work)))
    return dict(counts)


def must_end(database: Database, job_id: int) -> bool:
    """Whether somebody asked a job to end."""
    with database.read() as connection:
        return bool(connection.scalar(sa.select(jobs.c.cancel).where(jobs.c.id == job_id)))


def events(database: Database, job_id: int, *, after: int = 0) -> list[JobEvent]:
    """How a job went, from after an event's id on."""
    statement = (
        sa.select(*_EVENT)
        .where(job_events.c.job_id == job_id, job_events.c.id > after)
        .order_by(job_events.c.id)
    )
    with database.read() as connection:
        return [JobEvent(*row) for row in connection.execute(statement)]


_EVENT = tuple(column for column in job_events.c if column.name != "job_id")


def _select(database: Database, statement: sa.Select[tuple[object, ...]]) -> list[Job]:
    with database.read() as connection:
        rows: Sequence[sa.Row[tuple[object, ...]]] = connection.execute(statement).all()
        last = {row.id: _last(connection, row.id) for row in rows}
    return [
        Job(
            row.id,
            row.kind,
            row.options,
            _state(database, row.id, row.state, row.asked_at),
            row.asked_at,
            row.started_at,
            row.finished_at,
            row.cancel,
            row.outcome,
            last[row.id],
        )
        for row in rows
    ]


def _last(connection: Connection, job_id: int) -> JobEvent | None:
    newest = sa.select(*_EVENT).where(job_events.c.job_id == job_id)
    row = connection.execute(newest.order_by(job_events.c.id.desc()).limit(1)).first()
    return None if row is None else JobEvent(*row)


def _state(database: Database, job_id: int, state: State, asked_at: float) -> State:
    """The state as it is: a job whose process has died cannot write it itself."""
    starting = state == "waiting" and time.time() < asked_at + _START_S
    if state not in AT_WORK or starting or leases.holder(database, lease_of(job_id)):
        return state
    return "interrupted"


def _refuse_second(database: Database, kind: str) -> None:
    statement = sa.select(jobs).where(jobs.c.kind == kind, jobs.c.state.in_(AT_WORK))
    for own in _select(database, statement):
        if own.state in AT_WORK:
            raise Conflict(
                f"job {own.id} ({kind}) is at work already", remedy="wait until it ends, or cancel"
            )


def _update(database: Database, job_id: int, values: Mapping[str, object]) -> None:
    with database.write() as connection:
        connection.execute(sa.update(jobs).where(jobs.c.id == job_id).values(dict(values)))
