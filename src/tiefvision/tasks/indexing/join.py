"""Joins an attribute file to the photographs by path."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tiefvision.store.attributes import AttributeTable, normalise_path, read_table
from tiefvision.store.filters import ColumnType
from tiefvision.store.records import Attributes

_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class AttributeJoin:
    """An attribute file and the folder that it lies in."""

    table: AttributeTable
    folder: Path

    @property
    def columns(self) -> Mapping[str, ColumnType]:
        return self.table.columns

    @property
    def rows(self) -> Mapping[str, Attributes]:
        return self.table.rows

    @property
    def problems(self) -> Sequence[str]:
        """What is to be said of the file: notices, then rows that were left out."""
        left_out = [f"row {problem.line}: {problem.message}" for problem in self.table.problems]
        more = self.table.problem_count - len(left_out)
        return [*self.table.notices, *left_out, *([f"and {more} more rows"] if more else [])]

    def key_of(self, path: str, file: Path) -> str | None:
        """The row of a photograph: its path below its root, or as seen from the attribute file,
        or in full; None where no row names it."""
        below_table = os.path.relpath(file, self.folder)
        for candidate in (path, below_table, str(file)):
            key = normalise_path(candidate)
            if key in self.table.rows:
                return key
        return None

    def unmatched(self, joined: Collection[str]) -> list[str]:
        """What to say of the rows that named no photograph."""
        missing = [path for path in self.table.rows if path not in joined]
        if not missing:
            return []
        examples = ", ".join(missing[:_EXAMPLES])
        return [f"{len(missing)} rows name no photograph that was found, for example {examples}"]


def read(file: Path, *, known: Mapping[str, ColumnType]) -> AttributeJoin:
    """Read an attribute file (CSV or Parquet); `known` columns keep their types.

    Raises NotFound or InvalidInput.
    """
    return AttributeJoin(read_table(file, known=known), Path(file.expanduser().absolute()).parent)
