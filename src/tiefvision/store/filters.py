"""Filter expressions for `--where`: read once into a typed tree, rendered to every engine.

    tree = parse("label = 'Dress' AND price < 80", {"label": ColumnType.TEXT, ...})
    render_lance(tree)         # for a Lance scanner's filter
    matches(tree, row)         # the same answer in plain Python: True, False or None (unknown)

The grammar is in filter_parser, the nodes and the rule for empty cells (three-valued, as in SQL)
in conditions. Texts compare by Unicode code point; LIKE is case-sensitive, ILIKE is not.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from tiefvision.errors import InvalidFilter
from tiefvision.store.conditions import (
    And,
    Between,
    Column,
    ColumnType,
    Comparison,
    Filter,
    Like,
    Membership,
    Missing,
    Not,
    Operand,
    Operator,
    Or,
    PatternPart,
    pattern_parts,
)
from tiefvision.store.filter_parser import parse
from tiefvision.store.filter_values import (
    quote_name,
    quote_text,
    read_date,
    read_timestamp,
    value_text,
)

__all__ = ["ColumnType", "Filter", "matches", "parse", "render_lance", "to_text", "used_columns"]

# A cell as the catalogue gives it: dates and timestamps as ISO texts, or as Python's own.
Cell = str | int | float | bool | date | datetime | None


def used_columns(filter: Filter) -> set[str]:
    """The names of the columns that a filter asks about."""
    match filter:
        case And(terms) | Or(terms):
            return set().union(*(used_columns(term) for term in terms))
        case Not(term):
            return used_columns(term)
        case _:
            return {filter.column.name}


# Written as a filter expression.


def to_text(filter: Filter) -> str:
    """The filter as an expression that parses back to the same tree."""
    match filter:
        case Or(terms):
            return " OR ".join(_in_parentheses(term, Or) for term in terms)
        case And(terms):
            return " AND ".join(_in_parentheses(term, Or, And) for term in terms)
        case Not(Missing(column)):
            return f"{quote_name(column.name)} IS NOT NULL"
        case Not(Membership() | Between() | Like() as term):
            return _condition_text(term, negated=True)
        case Not(term):
            return f"NOT {_in_parentheses(term, Or, And)}"
        case _:
            return _condition_text(filter)


def _in_parentheses(term: Filter, *kinds: type[And] | type[Or]) -> str:
    """The term's expression, in parentheses where it is of one of the kinds."""
    return f"({to_text(term)})" if isinstance(term, kinds) else to_text(term)


def _condition_text(
    filter: Comparison | Membership | Between | Missing | Like, *, negated: bool = False
) -> str:
    name = quote_name(filter.column.name)
    no = "NOT " if negated else ""
    match filter:
        case Comparison(_, sign, value):
            return f"{name} {sign} {value_text(value)}"
        case Membership(_, values):
            return f"{name} {no}IN ({', '.join(value_text(value) for value in values)})"
        case Between(_, low, high):
            return f"{name} {no}BETWEEN {value_text(low)} AND {value_text(high)}"
        case Missing():
            return f"{name} IS NULL"
        case Like(_, pattern, ignore_case):
            word = "ILIKE" if ignore_case else "LIKE"
            return f"{name} {no}{word} {quote_text(pattern)}"


# Evaluated in Python.

_COMPARE: dict[Operator, Callable[[Operand, Operand], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def matches(filter: Filter, row: Mapping[str, Cell]) -> bool | None:
    """Whether a row fulfils the filter; None is unknown. A column the row lacks is empty (NULL).

    NaN counts as empty. Raises InvalidFilter for a date cell that is no ISO date.
    """
    match filter:
        case And(terms):
            return _all(matches(term, row) for term in terms)
        case Or(terms):
            return _negate(_all(_negate(matches(term, row)) for term in terms))
        case Not(term):
            return _negate(matches(term, row))
        case Missing(column):
            return _cell(column, row) is None
        case _:
            cell = _cell(filter.column, row)
            return None if cell is None else _holds(filter, cell)


def _holds(filter: Comparison | Membership | Between | Like, cell: Operand) -> bool:
    """Whether a condition holds for a cell that is not empty."""
    match filter:
        case Comparison(_, sign, value):
            return _COMPARE[sign](cell, value)
        case Membership(_, values):
            return any(_COMPARE["="](cell, value) for value in values)
        case Between(_, low, high):
            return _COMPARE["<="](low, cell) and _COMPARE["<="](cell, high)
        case Like(_, pattern, ignore_case):
            if ignore_case:
                return like(str(cell).lower(), pattern.lower())
            return like(str(cell), pattern)


def _all(truths: Iterable[bool | None]) -> bool | None:
    """Three-valued AND: False as soon as one is, else None as soon as one is."""
    known = True
    for truth in truths:
        if truth is False:
            return False
        known = known and truth is not None
    return True if known else None


def _negate(truth: bool | None) -> bool | None:
    return None if truth is None else not truth


def _cell(column: Column, row: Mapping[str, Cell]) -> Operand | None:
    """The row's value in the type that the column's literals have."""
    cell = row.get(column.name)
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if column.type is ColumnType.NUMBER and isinstance(cell, int):
        return float(cell)
    if not isinstance(cell, str) or column.type not in (ColumnType.DATE, ColumnType.TIMESTAMP):
        return cell
    moment = read_date(cell) if column.type is ColumnType.DATE else read_timestamp(cell)
    if moment is None:
        raise InvalidFilter(
            f"the cell {cell!r} of {column.name} is no {column.type}; expected an ISO text"
        )
    return moment


def like(text: str, pattern: str) -> bool:
    """Whether the whole text fits a LIKE pattern; at most len(text) * len(pattern) steps."""
    parts = pattern_parts(pattern)
    place = part = 0
    # Where to go on when a guess for the last % proves wrong: its part and the text it took.
    retry_part, retry_place = -1, 0
    while place < len(text):
        if part < len(parts) and _takes(parts[part], text[place]):
            place, part = place + 1, part + 1
        elif part < len(parts) and parts[part].kind == "any text":
            retry_part, retry_place = part, place
            part += 1
        elif retry_part >= 0:
            retry_place += 1
            place, part = retry_place, retry_part + 1
        else:
            return False
    return all(rest.kind == "any text" for rest in parts[part:])


def _takes(part: PatternPart, character: str) -> bool:
    """Whether a part of a pattern stands for exactly this character."""
    return part.kind == "any character" or part.character == character


# Rendered for Lance.

_OPPOSITE: dict[Operator, Operator] = {
    "=": "!=",
    "!=": "=",
    "<": ">=",
    "<=": ">",
    ">": "<=",
    ">=": "<",
}


def render_lance(filter: Filter) -> str:
    """The filter as SQL for a Lance scanner (DataFusion), true for exactly the same rows.

    NOT is moved to the conditions (De Morgan, which holds for three values): nested NOTs cost
    DataFusion's parser time exponential in their depth.
    Raises InvalidFilter for a column whose name holds a backtick, which Lance cannot quote.
    """
    return _sql(filter, negated=False)


def _sql(filter: Filter, *, negated: bool) -> str:
    match filter:
        case Not(term):
            return _sql(term, negated=not negated)
        case And(terms) | Or(terms):
            is_and = isinstance(filter, And) is not negated
            parts = [_sql_operand(term, of_and=is_and, negated=negated) for term in terms]
            return (" AND " if is_and else " OR ").join(parts)
        case Comparison():
            return _sql_comparison(filter, negated=negated)
        case Membership(column, values):
            return _sql_membership(column, values, negated=negated)
        case Between(column, low, high):
            bounds = f"{_sql_bound(low, math.ceil)} AND {_sql_bound(high, math.floor)}"
            return f"{_sql_name(column)} {'NOT ' if negated else ''}BETWEEN {bounds}"
        case Missing(column):
            return f"{_sql_name(column)} IS {'NOT ' if negated else ''}NULL"
        case Like(column, pattern, ignore_case):
            name = f"lower({_sql_name(column)})" if ignore_case else _sql_name(column)
            shape = _sql_pattern(pattern.lower() if ignore_case else pattern)
            return f"{name} {'NOT ' if negated else ''}LIKE {shape}"


def _sql_operand(term: Filter, *, of_and: bool, negated: bool) -> str:
    """A term of AND or OR, in parentheses only where it is an OR within an AND.

    Every pair of parentheses brings DataFusion's parser nearer to its limit of depth.
    """
    while isinstance(term, Not):
        term, negated = term.term, not negated
    text = _sql(term, negated=negated)
    is_or = isinstance(term, And if negated else Or)
    return f"({text})" if of_and and is_or else text


def _sql_comparison(filter: Comparison, *, negated: bool) -> str:
    sign = _OPPOSITE[filter.operator] if negated else filter.operator
    name, value = _sql_name(filter.column), filter.value
    if not isinstance(value, Decimal):
        return f"{name} {sign} {_sql_value(value)}"
    # Lance refuses a fraction beside an integer column: ask for the whole numbers around it.
    match sign:
        case "<" | "<=":
            return f"{name} <= {math.floor(value)}"
        case ">" | ">=":
            return f"{name} >= {math.ceil(value)}"
        case "=":
            return "FALSE"
        case "!=":
            return f"{name} IS NOT NULL"


def _sql_membership(column: Column, values: tuple[Operand, ...], *, negated: bool) -> str:
    """IN without the fractions that no integer cell can equal."""
    possible = [_sql_value(value) for value in values if not isinstance(value, Decimal)]
    name = _sql_name(column)
    if not possible:
        return f"{name} IS NOT NULL" if negated else "FALSE"
    return f"{name} {'NOT ' if negated else ''}IN ({', '.join(possible)})"


def _sql_bound(value: Operand, to_whole: Callable[[Decimal], int]) -> str:
    return str(to_whole(value)) if isinstance(value, Decimal) else _sql_value(value)


def _sql_value(value: Operand) -> str:
    """DataFusion reads the filter's own notation: '' in texts, DATE and TIMESTAMP before dates."""
    return value_text(value)


def _sql_name(column: Column) -> str:
    if "`" in column.name:
        raise InvalidFilter(
            f"the column {column.name!r} holds a backtick, which the vector store cannot quote",
            remedy="rename the column in the attribute file and index again",
        )
    return f"`{column.name}`"


def _sql_pattern(pattern: str) -> str:
    """The pattern with every literal %, _ and backslash escaped by a backslash."""
    signs: dict[Literal["any text", "any character"], str] = {"any text": "%", "any character": "_"}
    return quote_text(
        "".join(
            ("\\" if part.character in ("%", "_", "\\") else "") + part.character
            if part.kind == "literal"
            else signs[part.kind]
            for part in pattern_parts(pattern)
        )
    )
