"""The type of an attribute column, found in the texts of all its cells.

Nothing that is no quantity becomes a number: codes with leading zeros (00123), with more digits
than 64 bits hold, or that only look like a power of ten (12E5) stay text.
pyarrow is imported inside the functions: a search without filters must not pay for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tiefvision.store.conditions import INTEGER_LIMIT, ColumnType

if TYPE_CHECKING:
    import pyarrow as pa

    ArrowColumn = pa.ChunkedArray[pa.Scalar[pa.DataType]]
    ArrowTexts = pa.ChunkedArray[pa.StringScalar]

# Words that mean "no value" among numbers, booleans and dates; a text column keeps them.
EMPTY_WORDS = ("NULL", "null", "NaN", "nan", "NA", "N/A", "n/a", "#N/A", "None", "none")

_INTEGER = r"^-?(0|[1-9][0-9]*)$"
# Programs write powers of ten with a point or a signed exponent (1.5E10, 1e-05, 1e+20).
_NUMBER = (
    r"^[+-]?(0|[1-9][0-9]*)?(\.[0-9]+([eE][+-]?[0-9]+)?|\.)?$"
    r"|^[+-]?[1-9][0-9]*[eE][+-][0-9]+$"
)
_DECIMAL_COMMA = r"^-?[0-9]+(,[0-9]+)?$"
_BOOLEAN = r"^(?i:true|false)$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_CLOCK = r"[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_LOCAL_TIME = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}({_CLOCK})?$"
_ZONED_TIME = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{_CLOCK}(Z|[+-][0-9]{{2}}:?[0-9]{{2}})$"


def arrow_type(type: ColumnType) -> pa.DataType:
    """The Arrow type that holds a column: string, int64, float64, bool, date32, timestamp[us]."""
    import pyarrow as pa

    return {
        ColumnType.TEXT: pa.string(),
        ColumnType.INTEGER: pa.int64(),
        ColumnType.NUMBER: pa.float64(),
        ColumnType.BOOLEAN: pa.bool_(),
        ColumnType.DATE: pa.date32(),
        ColumnType.TIMESTAMP: pa.timestamp("us"),
    }[type]


def typed_column(texts: ArrowTexts) -> tuple[ColumnType, ArrowColumn, str]:
    """A column of texts (NULL: empty) in the narrowest type that fits every cell.

    Returns the type, the cells in its Arrow type, and a notice for the user or "".
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    words = pc.utf8_trim_whitespace(texts)
    nothing = pa.scalar(None, pa.string())
    words = pc.if_else(pc.is_in(words, value_set=pa.array(EMPTY_WORDS)), nothing, words)
    if words.null_count == len(words):
        return ColumnType.TEXT, texts, ""
    if _all_match(words, _INTEGER):
        return _or_text(words, texts, ColumnType.INTEGER)
    if _all_match(words, _NUMBER):
        return _or_text(words, texts, ColumnType.NUMBER)
    if _all_match(words, _BOOLEAN):
        return _or_text(pc.utf8_lower(words), texts, ColumnType.BOOLEAN)
    if _all_match(words, _DATE):
        return _or_text(words, texts, ColumnType.DATE)
    if _all_match(words, _LOCAL_TIME):
        return _or_text(words, texts, ColumnType.TIMESTAMP)
    if _all_match(words, _ZONED_TIME):
        type, cells, notice = _or_text(words, texts, ColumnType.TIMESTAMP, zoned=True)
        return type, cells, notice or "its times are kept in UTC"
    if _all_match(words, _DECIMAL_COMMA):
        return ColumnType.TEXT, texts, "its numbers have a decimal comma: write 3.99 for a number"
    return ColumnType.TEXT, texts, ""


def stored_column(column: ArrowColumn) -> tuple[ColumnType, ArrowColumn, str]:
    """A Parquet column in our type of its kind: the type, the cells in its Arrow type, a notice."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as kinds

    plain = column.cast(column.type.value_type) if kinds.is_dictionary(column.type) else column
    stored = plain.type
    if kinds.is_boolean(stored):
        return ColumnType.BOOLEAN, plain, ""
    if kinds.is_date(stored):
        return ColumnType.DATE, plain.cast(pa.date32()), ""
    if kinds.is_timestamp(stored):
        notice = "its times are kept in UTC" if stored.tz else ""
        utc = plain.cast(pa.timestamp("us", stored.tz), safe=False)
        return ColumnType.TIMESTAMP, utc.cast(pa.timestamp("us")), notice
    if kinds.is_integer(stored):
        largest, smallest = pc.max(plain).as_py() or 0, pc.min(plain).as_py() or 0
        if max(largest, -smallest) <= INTEGER_LIMIT:
            return ColumnType.INTEGER, plain.cast(pa.int64()), ""
        return ColumnType.TEXT, plain.cast(pa.string()), "kept as text: a number is beyond 64 bits"
    if kinds.is_floating(stored) or kinds.is_decimal(stored):
        numbers = plain.cast(pa.float64())
        finite = pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, pa.float64()))
        lost = finite.null_count - numbers.null_count
        notice = f"{lost} cells that are no finite number count as empty" if lost else ""
        return ColumnType.NUMBER, finite, notice
    texts = plain.cast(pa.string())
    nothing = pa.scalar(None, pa.string())
    return ColumnType.TEXT, pc.if_else(pc.equal(texts, pa.scalar("")), nothing, texts), ""


def composed(texts: ArrowColumn) -> ArrowColumn:
    """Texts in composed Unicode (NFC), the form of a filter's literals."""
    import pyarrow.compute as pc

    # pyarrow's stubs lack this function.
    return pc.utf8_normalize(texts, form="NFC")  # pyright: ignore[reportAttributeAccessIssue]


def _all_match(words: ArrowTexts, pattern: str) -> bool:
    """Whether every cell that is not NULL matches; the first thousand decide most columns."""
    import pyarrow.compute as pc

    first = pc.all(pc.match_substring_regex(words.slice(0, 1000), pattern)).as_py()
    if first is False:
        return False
    return pc.all(pc.match_substring_regex(words, pattern)).as_py() is not False


def _or_text(
    words: ArrowTexts, texts: ArrowTexts, type: ColumnType, *, zoned: bool = False
) -> tuple[ColumnType, ArrowColumn, str]:
    """The words in the type; the texts themselves where one is beyond it (20 digits)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        if zoned:
            cells = words.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))
        else:
            cells = words.cast(arrow_type(type))
    except pa.ArrowInvalid as error:
        if type in (ColumnType.DATE, ColumnType.TIMESTAMP):
            return ColumnType.TEXT, texts, f"kept as text: {_first_line(error)}"
        return ColumnType.TEXT, texts, ""
    if type is ColumnType.INTEGER and pc.any(pc.less(cells, pa.scalar(-INTEGER_LIMIT))).as_py():
        return ColumnType.TEXT, texts, ""
    if type is ColumnType.NUMBER and pc.any(pc.is_inf(cells)).as_py():
        return ColumnType.TEXT, texts, "kept as text: a number is beyond 1.8e308"
    return type, cells, ""


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
