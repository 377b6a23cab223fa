"""What is asked once per image or per query costs the same in a catalogue of any size: SQLite's
plans reach their rows by an index, and pages come in an index's order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tiefvision.store.database import Database, open_database
from tiefvision.store.encodings import Encodings
from tiefvision.store.tables import cell_spaces


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path)
    row = {"id": "space", "definition": {}, "label": "", "state": "x"}
    with opened.write() as connection:
        connection.execute(sa.insert(cell_spaces), [row])
    yield opened
    opened.close()


_ASKED: dict[str, Callable[[Encodings], object]] = {
    "images by id": lambda own: own.get([1, 2, 3]),
    "an image with the same content": lambda own: own.with_content("c", box_revision=0),
    "exact duplicates": lambda own: own.twins(["a", "b"]),
    "a page of keys": lambda own: next(own.keys(shown=True), None),
    "some keys": lambda own: next(own.keys(first_id=5, last_id=9), None),
    "what changed": lambda own: next(own.keys(since=7, up_to=9, shown=True), None),
}


@pytest.mark.parametrize("asked", _ASKED)
def test_no_table_and_no_cell_space_is_walked_through(database: Database, asked: str) -> None:
    steps = _steps(database, lambda: _ASKED[asked](Encodings(database, "space")))
    assert steps
    for step in steps:
        assert not step.startswith("SCAN"), steps
        assert not step.endswith("(cell_space_id=?)"), steps


@pytest.mark.parametrize("asked", ["a page of keys", "some keys", "what changed"])
def test_pages_come_in_the_order_of_an_index(database: Database, asked: str) -> None:
    steps = _steps(database, lambda: _ASKED[asked](Encodings(database, "space")))
    assert "USE TEMP B-TREE FOR ORDER BY" not in steps


def _steps(database: Database, ask: Callable[[], object]) -> list[str]:
    """What SQLite does for the queries of a call, in its own words."""
    asked: list[tuple[str, object]] = []

    def note(
        _connection: object, _cursor: object, statement: str, values: object, *_: object
    ) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, values))

    with database.read() as connection:
        engine = connection.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    ask()
    sa.event.remove(engine, "before_cursor_execute", note)
    with database.read() as connection:
        return [
            str(row[3])
            for statement, values in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)  # pyright: ignore[reportArgumentType]
        ]
