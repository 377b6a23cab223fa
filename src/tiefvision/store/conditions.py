"""The typed tree that a filter expression becomes: nodes, column types and literals.

Truth has three values, as in SQL: a condition on an empty cell (NULL) is neither true nor false
but unknown, written None. `NOT unknown` is unknown; AND is false as soon as one part is false, OR
true as soon as one is true; a row is kept only where the whole is true. So `price != 80` and
`NOT price = 80` both leave out the rows without a price; `price IS NULL` finds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

# The largest magnitude of an integer cell or literal. The lowest 64-bit integer is left out:
# DataFusion reads -9223372036854775808 as the negative of a float.
INTEGER_LIMIT = 2**63 - 1


class ColumnType(StrEnum):
    """What a column's cells are. A cell of any type may be empty (NULL)."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"


# A literal of a filter: Decimal only for a fraction compared with an integer column.
Operand = str | int | float | bool | Decimal | date | datetime
Operator = Literal["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its exact name, with its type."""

    name: str
    type: ColumnType


@dataclass(frozen=True, slots=True)
class Comparison:
    """column operator value; the value has the column's type."""

    column: Column
    operator: Operator
    value: Operand


@dataclass(frozen=True, slots=True)
class Membership:
    """column IN (values); at least one value."""

    column: Column
    values: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """low <= column <= high."""

    column: Column
    low: Operand
    high: Operand


@dataclass(frozen=True, slots=True)
class Missing:
    """column IS NULL; true or false, never unknown."""

    column: Column


@dataclass(frozen=True, slots=True)
class Like:
    """column LIKE pattern, over the whole text: % is any text, _ one character, \\% a real %.

    ignore_case (ILIKE) compares the lower-case forms of text and pattern.
    """

    column: Column
    pattern: str
    ignore_case: bool


@dataclass(frozen=True, slots=True)
class Not:
    """NOT term."""

    term: Filter


@dataclass(frozen=True, slots=True)
class And:
    """All of at least two terms."""

    terms: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of at least two terms."""

    terms: tuple[Filter, ...]


Filter = Comparison | Membership | Between | Missing | Like | Not | And | Or


@dataclass(frozen=True, slots=True)
class PatternPart:
    """One literal character (`kind` is "literal") or a wildcard, whose character is empty."""

    kind: Literal["literal", "any text", "any character"]
    character: str = ""


def pattern_parts(pattern: str) -> list[PatternPart]:
    """A LIKE pattern, element by element.

    A backslash before %, _ or a backslash takes that character literally; before anything else,
    and at the end, it is an ordinary character.
    """
    parts: list[PatternPart] = []
    place = 0
    while place < len(pattern):
        character = pattern[place]
        if character == "\\" and pattern[place + 1 : place + 2] in ("%", "_", "\\"):
            place += 1
            parts.append(PatternPart("literal", pattern[place]))
        elif character == "%":
            parts.append(PatternPart("any text"))
        elif character == "_":
            parts.append(PatternPart("any character"))
        else:
            parts.append(PatternPart("literal", character))
        place += 1
    return parts
