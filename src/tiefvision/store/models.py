"""Trained models of a catalogue, and which of them is the active one of its kind and name."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from tiefvision.store.database import Database
from tiefvision.store.tables import activations, models

Kind = Literal["locator", "ranker"]


@dataclass(frozen=True, slots=True)
class Model:
    """A trained model. id: its fingerprint. name: a locator's label, a ranker's name; "" for the
    one that is used when none is named. report: what its training measured, as JSON."""

    id: str
    kind: str
    name: str
    created_at: float
    report: Mapping[str, object]
    active: bool


def add(
    database: Database,
    *,
    model_id: str,
    kind: Kind,
    name: str,
    report: Mapping[str, object],
    now: float | None = None,
) -> None:
    """Take note of a model whose folder is written; training the same one again renews its row."""
    row = {
        "id": model_id,
        "kind": kind,
        "name": name,
        "created_at": time.time() if now is None else now,
        "report": dict(report),
    }
    with database.write() as connection:
        known = connection.scalar(sa.select(models.c.id).where(models.c.id == model_id))
        if known is None:
            connection.execute(sa.insert(models).values(row))
        else:
            connection.execute(sa.update(models).where(models.c.id == model_id).values(row))


def each(database: Database, *, kind: Kind | None = None) -> list[Model]:
    """All models, newest first."""
    statement = sa.select(models).order_by(models.c.created_at.desc(), models.c.id)
    if kind is not None:
        statement = statement.where(models.c.kind == kind)
    with database.read() as connection:
        rows = connection.execute(statement).all()
        active = {
            _last(connection, own.kind, own.name)
            for own in {(r.kind, r.name): r for r in rows}.values()
        }
    return [
        Model(row.id, row.kind, row.name, row.created_at, row.report, row.id in active)
        for row in rows
    ]


def activate(
    database: Database, *, kind: Kind, name: str, model_id: str | None, now: float | None = None
) -> None:
    """Make a model the active one of its kind and name; None: no model from now on."""
    row = {
        "kind": kind,
        "name": name,
        "model_id": model_id,
        "activated_at": time.time() if now is None else now,
    }
    with database.write() as connection:
        connection.execute(sa.insert(activations).values(row))


def active(database: Database, *, kind: Kind, name: str) -> str | None:
    """The id of the active model of a kind and name."""
    with database.read() as connection:
        return _last(connection, kind, name)


def active_names(database: Database, *, kind: Kind) -> list[str]:
    """The names under which a model of a kind is active, by name."""
    return sorted(model.name for model in each(database, kind=kind) if model.active)


def previous(database: Database, *, kind: Kind, name: str) -> str | None:
    """What was active before the active one: what an undo activates. None: no model was."""
    statement = (
        sa.select(activations.c.model_id)
        .where(activations.c.kind == kind, activations.c.name == name)
        .order_by(activations.c.id.desc())
    )
    with database.read() as connection:
        history = list(connection.scalars(statement))
    return next((model_id for model_id in history if model_id != history[0]), None)


def remove(database: Database, model_id: str) -> None:
    """Forget a model that is not active, and that it ever was."""
    with database.write() as connection:
        connection.execute(sa.delete(activations).where(activations.c.model_id == model_id))
        connection.execute(sa.delete(models).where(models.c.id == model_id))


def _last(connection: sa.Connection, kind: str, name: str) -> str | None:
    return connection.scalar(
        sa.select(activations.c.model_id)
        .where(activations.c.kind == kind, activations.c.name == name)
        .order_by(activations.c.id.desc())
        .limit(1)
    )
