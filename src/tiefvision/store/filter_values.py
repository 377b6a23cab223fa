"""The values of a filter: read against a column's type, and written back as text."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from tiefvision.errors import InvalidFilter
from tiefvision.store.conditions import INTEGER_LIMIT, Column, ColumnType, Operand
from tiefvision.store.filter_tokens import KEYWORDS, Token, fault

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIMESTAMP = re.compile(
    r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?)?", re.ASCII
)
_PLAIN_NAME = re.compile(r"[^\W\d]\w*")

_EXPECTED = {
    ColumnType.TEXT: "a text in single quotes",
    ColumnType.INTEGER: "a number such as 80",
    ColumnType.NUMBER: "a number such as 79.95",
    ColumnType.BOOLEAN: "TRUE or FALSE",
    ColumnType.DATE: "a date such as '2026-01-31'",
    ColumnType.TIMESTAMP: "a time such as '2026-01-31 14:30'",
}
_NAMES = {
    ColumnType.TEXT: "text",
    ColumnType.INTEGER: "a whole number",
    ColumnType.NUMBER: "a number",
    ColumnType.BOOLEAN: "a boolean",
    ColumnType.DATE: "a date",
    ColumnType.TIMESTAMP: "a timestamp",
}


def quote_name(name: str) -> str:
    """A column's name as a filter writes it: bare where that reads back, else double-quoted."""
    if _PLAIN_NAME.fullmatch(name) and name.upper() not in KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A text as a filter and SQL write it: in single quotes, each quote inside doubled."""
    return "'" + text.replace("'", "''") + "'"


def value_text(value: Operand) -> str:
    """A value as a filter writes it; reads back as the same value of the same column."""
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case str():
            return quote_text(value)
        case datetime():
            return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case float():
            return repr(value)
        case int() | Decimal():
            return str(value)


def typed_value(expression: str, token: Token, column: Column, *, word: str = "") -> Operand:
    """The token as a value of the column's type. word: DATE or TIMESTAMP where it stood before it.

    Raises InvalidFilter, pointing at the token, where the value does not fit the column.
    """
    if token.kind == "keyword" and token.value == "NULL":
        remedy = f"write {quote_name(column.name)} IS NULL for empty cells"
        raise _misfit(expression, token, "NULL equals nothing, not even NULL", remedy=remedy)
    is_value = token.kind in ("text", "number") or token.value in ("TRUE", "FALSE")
    if not is_value:
        found = "the end" if token.kind == "end" else token.value
        raise _misfit(expression, token, f"found {found}; expected {_EXPECTED[column.type]}")
    if word and column.type not in (ColumnType.DATE, ColumnType.TIMESTAMP):
        raise _wrong_type(expression, token, column, given=f"a {word.lower()}")
    match column.type:
        case ColumnType.TEXT:
            return _text(expression, token, column)
        case ColumnType.INTEGER | ColumnType.NUMBER:
            return _number(expression, token, column)
        case ColumnType.BOOLEAN:
            return _boolean(expression, token, column)
        case ColumnType.DATE:
            return _date(expression, token, column)
        case ColumnType.TIMESTAMP:
            return _timestamp(expression, token, column)


def read_timestamp(text: str) -> datetime | None:
    """A time without zone, in UTC where the text named a zone; None where it is no ISO time."""
    if not _TIMESTAMP.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return None


def read_date(text: str) -> date | None:
    """A date; None where the text is no YYYY-MM-DD of the calendar."""
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _misfit(expression: str, token: Token, reason: str, *, remedy: str = "") -> InvalidFilter:
    return fault(expression, token.start, token.end, reason, remedy=remedy)


def _wrong_type(
    expression: str, token: Token, column: Column, *, given: str = "", remedy: str = ""
) -> InvalidFilter:
    """The error for a value of another type than its column's."""
    shown = expression[token.start : token.end]
    kinds = {"text": "text", "number": "a number"}
    reason = (
        f"{quote_name(column.name)} is {_NAMES[column.type]}; {shown} is "
        f"{given or kinds.get(token.kind, 'a boolean')}; expected {_EXPECTED[column.type]}"
    )
    return _misfit(expression, token, reason, remedy=remedy)


def _text(expression: str, token: Token, column: Column) -> str:
    if token.kind != "text":
        raw = expression[token.start : token.end]
        raise _wrong_type(expression, token, column, remedy=f"write '{raw}'")
    return token.value


def _number(expression: str, token: Token, column: Column) -> Operand:
    if token.kind != "number":
        is_quoted_number = re.fullmatch(r"[-+]?\d+(\.\d+)?", token.value, re.ASCII)
        remedy = f"write {token.value} without quotes" if is_quoted_number else ""
        raise _wrong_type(expression, token, column, remedy=remedy)
    try:
        exact = Decimal(token.value)
    except InvalidOperation:
        raise _misfit(
            expression, token, f"the exponent of {token.value} is beyond any number"
        ) from None
    if column.type is ColumnType.NUMBER:
        number = float(token.value)
        if math.isinf(number):
            reason = f"{token.value} is beyond the largest number, 1.8e308"
            raise _misfit(expression, token, reason)
        return number
    if exact.copy_abs() > INTEGER_LIMIT:
        reason = (
            f"{token.value} is beyond the whole numbers of {quote_name(column.name)}; "
            f"expected at most {INTEGER_LIMIT} in size"
        )
        raise _misfit(expression, token, reason)
    whole = exact.to_integral_value()
    return int(whole) if whole == exact else exact


def _boolean(expression: str, token: Token, column: Column) -> bool:
    if token.kind != "keyword":
        raise _wrong_type(expression, token, column)
    return token.value == "TRUE"


def _date(expression: str, token: Token, column: Column) -> date:
    if token.kind != "text":
        raise _wrong_type(expression, token, column)
    day = read_date(token.value)
    if day is None:
        raise _wrong_type(expression, token, column, given="no date of the calendar")
    return day


def _timestamp(expression: str, token: Token, column: Column) -> datetime:
    if token.kind != "text":
        raise _wrong_type(expression, token, column)
    moment = read_timestamp(token.value)
    if moment is None:
        raise _wrong_type(expression, token, column, given="no date or time of the calendar")
    return moment
