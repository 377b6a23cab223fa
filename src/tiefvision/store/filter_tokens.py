"""A filter expression cut into tokens, and errors that point at the spot."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from tiefvision.errors import InvalidFilter

KEYWORDS = frozenset(
    ("AND", "OR", "NOT", "IN", "BETWEEN", "IS", "NULL", "LIKE", "ILIKE", "TRUE", "FALSE")
)
# Characters of the expression that an error shows; a terminal line holds about 100.
SHOWN_CHARACTERS = 88
SHOWN_BEFORE = 40

Kind = Literal["name", "quoted name", "keyword", "text", "number", "operator", "mark", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the expression: `value` without quotes and escapes, keywords in upper case.

    start, end: places in the expression, half-open.
    """

    kind: Kind
    value: str
    start: int
    end: int


def fault(expression: str, start: int, end: int, reason: str, *, remedy: str = "") -> InvalidFilter:
    """The error that shows the expression, a caret line under [start, end) and the reason."""
    line, indent, width = _window(expression, start, end)
    caret = " " * indent + "^" * max(width, 1)
    message = f"cannot read the filter at character {start + 1}\n    {line}\n    {caret}\n{reason}"
    return InvalidFilter(message, remedy=remedy)


def tokens(expression: str) -> list[Token]:
    """The expression's tokens, closed by one of kind "end".

    Names and texts come in Unicode's composed form (NFC), as attribute files are read.
    Raises InvalidFilter at an unfinished quote or a character that belongs to no token.
    """
    found: list[Token] = []
    place = 0
    while place < len(expression):
        if expression[place].isspace():
            place += 1
            continue
        token = _next_token(expression, place)
        found.append(token)
        place = token.end
    found.append(Token("end", "", len(expression), len(expression)))
    return found


# A combining accent continues a name: "Größe" typed with o + U+0308 is one name.
_PATTERN = re.compile(
    r"""(?P<text>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")*")
      | (?P<number>[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)
      | (?P<name>[^\W\d](?:\w|[\u0300-\u036f])*)
      | (?P<operator><>|!=|<=|>=|=|<|>)
      | (?P<mark>[(),])""",
    re.VERBOSE,
)


def _next_token(expression: str, place: int) -> Token:
    """The token that starts at `place`, which is no space."""
    match = _PATTERN.match(expression, place)
    if match is None:
        raise _unreadable(expression, place)
    group, raw, end = match.lastgroup, match.group(), match.end()
    if group == "text":
        return Token("text", unicodedata.normalize("NFC", raw[1:-1].replace("''", "'")), place, end)
    if group == "quoted":
        name = unicodedata.normalize("NFC", raw[1:-1].replace('""', '"'))
        return Token("quoted name", name, place, end)
    if group == "number":
        _check_number_ends(expression, place, end)
        return Token("number", raw, place, end)
    if group == "name":
        if raw.upper() in KEYWORDS:
            return Token("keyword", raw.upper(), place, end)
        return Token("name", unicodedata.normalize("NFC", raw), place, end)
    if group == "operator":
        return Token("operator", "!=" if raw == "<>" else raw, place, end)
    return Token("mark", raw, place, end)


def _check_number_ends(expression: str, start: int, end: int) -> None:
    """Raises InvalidFilter where letters or a second point hang on a number: 80kg, 1.2.3."""
    stop = end
    while stop < len(expression) and (expression[stop].isalnum() or expression[stop] in "_."):
        stop += 1
    if stop > end:
        raise fault(
            expression,
            start,
            stop,
            f"{expression[start:stop]} is no number; expected digits such as 80 or 79.95",
            remedy=f"write '{expression[start:stop]}' in single quotes if it is a text",
        )


_HINTS = {
    "`": 'write a column with an odd name in double quotes: "unit price"',
    "&": "write AND",
    "|": "write OR",
    "!": "write NOT, or != for unequal",
    ";": "one filter is one condition; join conditions by AND or OR",
    "%": "the wildcard % belongs into a text after LIKE: label LIKE 'Dr%'",
    "\u2018": "write straight quotes: 'Dress'",
    "\u2019": "write straight quotes: 'Dress'",
    "\u201c": "write straight quotes: 'Dress'",
    "\u201d": "write straight quotes: 'Dress'",
    "\u201e": "write straight quotes: 'Dress'",
}


def _unreadable(expression: str, place: int) -> InvalidFilter:
    """The error for a character that starts no token."""
    character = expression[place]
    end = len(expression)
    if character == "'":
        return fault(
            expression,
            place,
            end,
            "this text is not finished; expected a closing single quote",
            remedy="inside a text write a quote twice: 'O''Brien'",
        )
    if character == '"':
        return fault(
            expression,
            place,
            end,
            "this column name is not finished; expected a closing double quote",
            remedy="inside a quoted name write a double quote twice",
        )
    return fault(
        expression,
        place,
        place + 1,
        f"found {character!r}; expected a column, a value, a comparison or a parenthesis",
        remedy=_HINTS.get(character, ""),
    )


def _window(expression: str, start: int, end: int) -> tuple[str, int, int]:
    """The part of the expression to show on one line; where the spot is, in terminal columns."""
    first = max(0, start - SHOWN_BEFORE)
    last = min(len(expression), first + SHOWN_CHARACTERS)
    before = _on_one_line(expression[first:start])
    spot = _on_one_line(expression[start : min(end, last)])
    after = _on_one_line(expression[min(end, last) : last])
    lead = "..." if first > 0 else ""
    trail = "..." if last < len(expression) else ""
    line = lead + before + spot + after + trail
    return line, len(lead) + _terminal_columns(before), _terminal_columns(spot)


def _on_one_line(text: str) -> str:
    """The text with line breaks, tabs and other control characters shown as spaces."""
    return "".join(
        " " if unicodedata.category(character)[0] in "CZ" else character for character in text
    )


def _terminal_columns(text: str) -> int:
    """How many columns a terminal gives the text: none to accents, two to wide East Asian."""
    columns = 0
    for character in text:
        if not unicodedata.combining(character):
            columns += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return columns
