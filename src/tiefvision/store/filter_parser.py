"""From a filter expression to its typed tree.

    expression  = conjunction (OR conjunction)*
    conjunction = negation (AND negation)*
    negation    = NOT negation | "(" expression ")" | condition
    condition   = column                                   a boolean column alone
                | column (= != <> < <= > >=) value
                | column [NOT] IN "(" value ("," value)* ")"
                | column [NOT] BETWEEN value AND value
                | column [NOT] (LIKE | ILIKE) text
                | column IS [NOT] NULL
    column      = name | "any name in double quotes"
    value       = 'text' | number | TRUE | FALSE | DATE 'YYYY-MM-DD' | TIMESTAMP 'YYYY-MM-DD HH:MM'

Keywords are read in any case. A name without quotes finds a column that differs only by case when
there is one such column; in double quotes it must be exact.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping

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
)
from tiefvision.store.filter_tokens import Token, fault, tokens
from tiefvision.store.filter_values import quote_name, typed_value

MAX_CHARACTERS = 10_000
# Parentheses and NOTs within each other. DataFusion's parser gives up at 50 levels of its own,
# and one of ours costs it up to three.
MAX_DEPTH = 12
# Columns that an error lists before it says how many more there are.
LISTED_COLUMNS = 20
# difflib's share of common letters above which a name counts as a likely typo.
NEAR_NAME = 0.6

_OPERATORS: dict[str, Operator] = {
    "=": "=",
    "!=": "!=",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
}


def parse(text: str, columns: Mapping[str, ColumnType]) -> Filter:
    """The typed tree of a filter expression over the given columns.

    Raises InvalidFilter, which shows the expression with a caret under the spot, says what was
    found and what was expected, and offers the nearest column to a misspelled one.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidFilter(
            f"the filter has {len(text):,} characters; expected at most {MAX_CHARACTERS:,}",
            remedy="keep long lists as an attribute column and filter by that",
        )
    if not text.strip():
        raise InvalidFilter(
            "the filter is empty; expected a condition",
            remedy="write one such as label = 'Dress' AND price < 80, or leave the option out",
        )
    return _Parser(text, columns).whole()


class _Parser:
    """Reads the tokens of one expression from left to right, one method per grammar rule."""

    def __init__(self, text: str, columns: Mapping[str, ColumnType]) -> None:
        self._text = text
        self._columns = columns
        self._tokens = tokens(text)
        self._place = 0
        self._depth = 0

    def whole(self) -> Filter:
        found = self._expression()
        if self._next.kind != "end":
            raise self._unexpected_after_condition()
        return found

    # Reading tokens.

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        token = self._next
        if token.kind != "end":
            self._place += 1
        return token

    def _take_keyword(self, *keywords: str) -> Token | None:
        """The next token where it is one of these keywords; None leaves it in place."""
        if self._next.kind == "keyword" and self._next.value in keywords:
            return self._take()
        return None

    def _take_mark(self, mark: str) -> Token | None:
        if self._next.kind == "mark" and self._next.value == mark:
            return self._take()
        return None

    # Errors.

    def _fault(self, token: Token, reason: str, *, remedy: str = "") -> InvalidFilter:
        return fault(self._text, token.start, token.end, reason, remedy=remedy)

    def _found(self, token: Token) -> str:
        """How an error names a token."""
        return "the end" if token.kind == "end" else self._text[token.start : token.end]

    def _expected(self, expected: str, *, remedy: str = "") -> InvalidFilter:
        token = self._next
        reason = f"found {self._found(token)}; expected {expected}"
        return self._fault(token, reason, remedy=remedy)

    def _unexpected_after_condition(self) -> InvalidFilter:
        token = self._next
        if token.kind == "mark" and token.value == ")":
            return self._fault(token, "this parenthesis closes none; expected AND, OR or the end")
        return self._expected("AND, OR or the end")

    # Grammar rules.

    def _expression(self) -> Filter:
        terms = self._joined("OR", self._conjunction)
        return terms[0] if len(terms) == 1 else Or(terms)

    def _conjunction(self) -> Filter:
        terms = self._joined("AND", self._negation)
        return terms[0] if len(terms) == 1 else And(terms)

    def _joined(self, keyword: str, rule: Callable[[], Filter]) -> tuple[Filter, ...]:
        terms = [rule()]
        while self._take_keyword(keyword):
            terms.append(rule())
        return tuple(terms)

    def _negation(self) -> Filter:
        opening = self._next
        if self._take_keyword("NOT"):
            self._descend(opening)
            found: Filter = Not(self._negation())
        elif self._take_mark("("):
            self._descend(opening)
            found = self._expression()
            if not self._take_mark(")"):
                raise self._unclosed(opening)
        else:
            return self._condition()
        self._depth -= 1
        return found

    def _descend(self, opening: Token) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._fault(
                opening,
                f"more than {MAX_DEPTH} parentheses and NOTs lie within each other; "
                f"expected at most {MAX_DEPTH}",
            )

    def _unclosed(self, opening: Token) -> InvalidFilter:
        if self._next.kind == "end":
            return self._fault(
                opening, "this parenthesis is never closed; expected ) before the end"
            )
        return self._expected("AND, OR or )")

    def _condition(self) -> Filter:
        start = self._next
        column = self._column()
        operator = self._next
        if operator.kind == "operator":
            return self._comparison(column)
        if self._take_keyword("IS"):
            return self._missing(column)
        negated = self._take_keyword("NOT") is not None
        if self._take_keyword("IN"):
            found: Filter = self._membership(column)
        elif self._take_keyword("BETWEEN"):
            found = self._between(column, operator)
        elif self._next.kind == "keyword" and self._next.value in ("LIKE", "ILIKE"):
            found = self._like(column)
        elif not negated and column.type is ColumnType.BOOLEAN and self._condition_ends():
            return Comparison(column, "=", True)
        else:
            raise self._no_comparison(start, negated=negated)
        return Not(found) if negated else found

    def _condition_ends(self) -> bool:
        token = self._next
        return (
            token.kind == "end"
            or (token.kind == "keyword" and token.value in ("AND", "OR"))
            or (token.kind == "mark" and token.value == ")")
        )

    def _no_comparison(self, column: Token, *, negated: bool) -> InvalidFilter:
        name = self._text[column.start : column.end]
        if negated:
            return self._expected("IN, BETWEEN, LIKE or ILIKE after NOT")
        remedy = ""
        if self._next.kind == "name" and self._next.value.upper() == "CONTAINS":
            remedy = f"write {name} LIKE '%part%'"
        elif self._next.kind == "name":
            both = f"{column.value} {self._next.value}"
            if both in self._columns:
                remedy = f"write {quote_name(both)}"
        return self._expected(
            f"a comparison after {name}: = != < <= > >=, IN, BETWEEN, LIKE or IS NULL",
            remedy=remedy,
        )

    def _column(self) -> Column:
        token = self._next
        if token.kind not in ("name", "quoted name"):
            raise self._no_column(token)
        self._take()
        if token.value in self._columns:
            return Column(token.value, self._columns[token.value])
        if token.kind == "name":
            same = [name for name in self._columns if name.casefold() == token.value.casefold()]
            if len(same) == 1:
                return Column(same[0], self._columns[same[0]])
        raise self._unknown_column(token)

    def _no_column(self, token: Token) -> InvalidFilter:
        remedy = ""
        if token.kind == "keyword":
            raw = self._text[token.start : token.end]
            for name in self._columns:
                if name.casefold() == raw.casefold():
                    remedy = f"for the column of that name write {quote_name(name)}"
            reason = f"found the keyword {token.value}; expected a column"
            return self._fault(token, reason, remedy=remedy)
        if token.kind in ("text", "number"):
            remedy = "write the column first: price < 80"
            if token.kind == "text" and token.value in self._columns:
                remedy = f"write {quote_name(token.value)}, or only the name, for the column"
        return self._expected("a column, NOT or (", remedy=remedy)

    def _unknown_column(self, token: Token) -> InvalidFilter:
        by_folded_name = {name.casefold(): name for name in self._columns}
        near = difflib.get_close_matches(
            token.value.casefold(), by_folded_name, n=1, cutoff=NEAR_NAME
        )
        both = f"{token.value} {self._next.value}"
        likely = both if both in self._columns else by_folded_name[near[0]] if near else ""
        remedy = f"did you mean {quote_name(likely)}?" if likely else ""
        listed = ", ".join(quote_name(name) for name in list(self._columns)[:LISTED_COLUMNS])
        more = len(self._columns) - LISTED_COLUMNS
        tail = f" and {more} more" if more > 0 else ""
        reason = f"no column is called {token.value}; the columns are {listed}{tail}"
        return self._fault(token, reason, remedy=remedy)

    def _comparison(self, column: Column) -> Filter:
        token = self._take()
        if column.type is ColumnType.BOOLEAN and token.value not in ("=", "!="):
            raise self._fault(
                token, f"{column.name} is a boolean; expected = or !=, found {token.value}"
            )
        if self._next.kind == "operator" and self._next.value == "=":
            raise self._fault(self._next, "found ==; expected one =", remedy="write a single =")
        return Comparison(column, _OPERATORS[token.value], self._value(column))

    def _missing(self, column: Column) -> Filter:
        negated = self._take_keyword("NOT") is not None
        if not self._take_keyword("NULL"):
            name = quote_name(column.name)
            raise self._expected("NULL", remedy=f"IS asks only for empty cells: {name} IS NULL")
        return Not(Missing(column)) if negated else Missing(column)

    def _membership(self, column: Column) -> Filter:
        opening = self._next
        if not self._take_mark("("):
            raise self._expected("( and a list of values after IN")
        values = [self._value(column)]
        while self._take_mark(","):
            values.append(self._value(column))
        if not self._take_mark(")"):
            if self._next.kind == "end":
                raise self._unclosed(opening)
            raise self._expected(", or ) in the list after IN")
        return Membership(column, tuple(values))

    def _between(self, column: Column, keyword: Token) -> Filter:
        if column.type is ColumnType.BOOLEAN:
            raise self._fault(keyword, f"{column.name} is a boolean; expected = or !=")
        low = self._value(column)
        if not self._take_keyword("AND"):
            raise self._expected("AND and the upper value of BETWEEN")
        return Between(column, low, self._value(column))

    def _like(self, column: Column) -> Filter:
        keyword = self._take()
        if column.type is not ColumnType.TEXT:
            raise self._fault(
                keyword, f"{column.name} is {column.type}; {keyword.value} compares only texts"
            )
        if self._next.kind != "text":
            raise self._expected(f"a pattern in single quotes after {keyword.value}")
        return Like(column, self._take().value, ignore_case=keyword.value == "ILIKE")

    def _value(self, column: Column) -> Operand:
        """The next one or two tokens as a value of the column's type."""
        token = self._take()
        if (
            token.kind == "name"
            and token.value.upper() in ("DATE", "TIMESTAMP")
            and self._next.kind == "text"
        ):
            return typed_value(self._text, self._take(), column, word=token.value.upper())
        if token.kind == "name" or token.kind == "quoted name":
            raise self._name_for_value(token, column)
        return typed_value(self._text, token, column)

    def _name_for_value(self, token: Token, column: Column) -> InvalidFilter:
        found = self._found(token)
        if token.value in self._columns:
            return self._fault(
                token, f"found the column {found}; expected a value: columns are not compared"
            )
        remedy = ""
        if column.type not in (ColumnType.INTEGER, ColumnType.NUMBER, ColumnType.BOOLEAN):
            quoted = token.value.replace("'", "''")
            remedy = f"write texts in single quotes: '{quoted}'"
        reason = f"found the name {found}; expected a value for {quote_name(column.name)}"
        return self._fault(token, reason, remedy=remedy)
