"""Runs migrations on the connection that database.py hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

from tiefvision.store import postgresql
from tiefvision.store.tables import metadata

_connection = context.config.attributes["connection"]
_on_postgresql = _connection.dialect.name == "postgresql"

if _on_postgresql:
    postgresql.check_encoding(_connection)
context.configure(
    connection=_connection,
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
if _on_postgresql:
    postgresql.compare_by_code_point(_connection)
