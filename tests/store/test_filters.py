"""Filters: what parses, where errors point, and that Lance answers as plain Python does."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from tiefvision.errors import InvalidFilter
from tiefvision.store.attributes import arrow_type
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
    Or,
)
from tiefvision.store.filter_parser import MAX_DEPTH
from tiefvision.store.filters import (
    like,
    matches,
    parse,
    render_lance,
    to_text,
    used_columns,
)

COLUMNS = {
    "id": ColumnType.INTEGER,
    "path": ColumnType.TEXT,
    "label": ColumnType.TEXT,
    "price": ColumnType.NUMBER,
    "stock": ColumnType.INTEGER,
    "in_stock": ColumnType.BOOLEAN,
    "date": ColumnType.DATE,
    "seen": ColumnType.TIMESTAMP,
    "Größe (cm)": ColumnType.NUMBER,
    "unit price": ColumnType.NUMBER,
    "in": ColumnType.TEXT,
}
LABEL = Column("label", ColumnType.TEXT)
PRICE = Column("price", ColumnType.NUMBER)
STOCK = Column("stock", ColumnType.INTEGER)


def test_and_binds_tighter_than_or_and_not_tighter_than_and() -> None:
    tree = parse("label = 'a' OR NOT stock = 1 AND price < 80", COLUMNS)
    assert tree == Or(
        (
            Comparison(LABEL, "=", "a"),
            And((Not(Comparison(STOCK, "=", 1)), Comparison(PRICE, "<", 80.0))),
        )
    )


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("LABEL = 'O''Brien'", Comparison(LABEL, "=", "O'Brien")),
        ("price <> -1.5e1", Comparison(PRICE, "!=", -15.0)),
        ("price>=.5", Comparison(PRICE, ">=", 0.5)),
        ("stock = 2.0", Comparison(STOCK, "=", 2)),
        ("stock < 1.5", Comparison(STOCK, "<", Decimal("1.5"))),
        ("stock not in (1, 2)", Not(Membership(STOCK, (1, 2)))),
        ("stock BETWEEN -3 AND 4", Between(STOCK, -3, 4)),
        ("label is Not null", Not(Missing(LABEL))),
        ("label ILIKE 'dr%'", Like(LABEL, "dr%", ignore_case=True)),
        ("in_stock", Comparison(Column("in_stock", ColumnType.BOOLEAN), "=", True)),
        ("in_stock = false", Comparison(Column("in_stock", ColumnType.BOOLEAN), "=", False)),
        (
            "date > '2026-01-31'",
            Comparison(Column("date", ColumnType.DATE), ">", date(2026, 1, 31)),
        ),
        (
            "date > DATE '2026-01-31'",
            Comparison(Column("date", ColumnType.DATE), ">", date(2026, 1, 31)),
        ),
        (
            "seen > '2026-01-31T14:30+02:00'",
            Comparison(Column("seen", ColumnType.TIMESTAMP), ">", datetime(2026, 1, 31, 12, 30)),
        ),
        (
            '"Größe (cm)" = 3',
            Comparison(Column("Größe (cm)", ColumnType.NUMBER), "=", 3.0),
        ),
        ("\"in\" = 'x'", Comparison(Column("in", ColumnType.TEXT), "=", "x")),
        # The o and its dots as two characters, as macOS writes file names.
        ('"Gro\u0308ße (cm)" = 3', Comparison(Column("Größe (cm)", ColumnType.NUMBER), "=", 3.0)),
    ],
)
def test_expressions_become_their_trees(text: str, tree: Filter) -> None:
    assert parse(text, COLUMNS) == tree


@pytest.mark.parametrize(
    ("text", "spot", "says"),
    [
        ("label = 'a' AND prise < 80", "prise", "did you mean price?"),
        ("unitprice < 80", "unitprice", 'did you mean "unit price"?'),
        ("zzz = 1", "zzz", "the columns are id, path, label"),
        ('label = "Dress"', '"Dress"', "'Dress'"),
        ("label = Dress", "Dress", "write texts in single quotes: 'Dress'"),
        ("price = stock", "stock", "columns are not compared"),
        ("price < 'cheap'", "'cheap'", "price is a number; 'cheap' is text"),
        ("price < '80'", "'80'", "write 80 without quotes"),
        ("label = 80", "80", "write '80'"),
        ("in_stock = 1", "1", "in_stock is a boolean"),
        ("in_stock < TRUE", "<", "expected = or !="),
        ("date = '2026-02-30'", "'2026-02-30'", "no date of the calendar"),
        ("date = '20260131'", "'20260131'", "expected a date such as '2026-01-31'"),
        ("price < DATE '2026-01-31'", "'2026-01-31'", "is a date"),
        ("stock = 9223372036854775808", "9223372036854775808", "beyond the whole numbers"),
        ("stock = 1e999999999", "1e999999999", "beyond the whole numbers"),
        ("price = 1e400", "1e400", "beyond the largest number"),
        ("price = 1e99999999999999999999", "1e99999999999999999999", "beyond"),
        ("(price < 80", "(", "never closed"),
        ("price < 80)", ")", "closes none"),
        ("label IN ('a', 'b'", "(", "never closed"),
        ("label IN 'a'", "'a'", "expected ( and a list"),
        ("label IN ()", ")", "expected a text in single quotes"),
        ("label = 'Dress", "'Dress", "not finished"),
        ('"label = 1', '"label = 1', "closing double quote"),
        ("in = 'x'", "in", 'write "in"'),
        ("label = NULL", "NULL", "write label IS NULL"),
        ("label NULL", "NULL", "expected a comparison after label"),
        ("label CONTAINS 'x'", "CONTAINS", "LIKE '%part%'"),
        ("price LIKE '8%'", "LIKE", "compares only texts"),
        ("price == 80", "=", "write a single ="),
        ("price < 80 && stock = 1", "&", "write AND"),
        ("price < 80kg", "80kg", "no number"),
        ("label = \u201cDress\u201d", "\u201c", "straight quotes"),
        ("`price` < 80", "`", "double quotes"),
        ("80 > price", "80", "write the column first"),
        ("price BETWEEN 1 OR 2", "OR", "expected AND and the upper value"),
        ("price IS 3", "3", "expected NULL"),
        ("price < 80 stock = 1", "stock", "expected AND, OR or the end"),
        ("unit price < 80", "unit", 'did you mean "unit price"?'),
    ],
)
def test_errors_point_at_the_spot(text: str, spot: str, says: str) -> None:
    with pytest.raises(InvalidFilter) as caught:
        parse(text, COLUMNS)
    first, line, caret = caught.value.message.splitlines()[:3]
    assert line.strip() == text
    start = caret.index("^")
    assert line[start : start + caret.count("^")] == spot
    assert f"at character {start - 4 + 1}" in first
    assert says in str(caught.value)


def test_error_at_the_end_points_behind_the_last_character() -> None:
    with pytest.raises(InvalidFilter) as caught:
        parse("price <", COLUMNS)
    _, line, caret = caught.value.message.splitlines()[:3]
    assert caret.index("^") == len(line)
    assert "found the end; expected a number" in caught.value.message


def test_caret_stands_under_the_spot_behind_wide_and_far_characters() -> None:
    with pytest.raises(InvalidFilter) as caught:
        parse("label = '连衣裙' AND prise < 80", COLUMNS)
    _, line, caret = caught.value.message.splitlines()[:3]
    # Three wide characters take two columns each.
    assert caret.index("^") == line.index("prise") + 3
    far = " AND ".join(["price < 80"] * 500) + " AND prise < 80"
    with pytest.raises(InvalidFilter) as caught:
        parse(far, COLUMNS)
    _, line, caret = caught.value.message.splitlines()[:3]
    assert len(line) < 110
    assert line[caret.index("^") :].startswith("prise")


@pytest.mark.parametrize("text", ["", "   \n"])
def test_empty_expression_is_an_error(text: str) -> None:
    with pytest.raises(InvalidFilter, match="empty"):
        parse(text, COLUMNS)


def test_length_and_depth_are_limited_without_a_recursion_error() -> None:
    with pytest.raises(InvalidFilter, match="at most 10,000"):
        parse("(" * 10_001, COLUMNS)
    for text in ("(" * 10_000, "NOT " * 2_500, "price < 1 AND (" * 600):
        with pytest.raises(InvalidFilter, match="within each other"):
            parse(text, COLUMNS)


def test_a_filter_of_full_length_parses_quickly() -> None:
    text = " OR ".join(["stock=1"] * 909)
    assert len(text) <= 10_000
    start = time.perf_counter()
    tree = parse(text, COLUMNS)
    assert isinstance(tree, Or) and len(tree.terms) == 909
    assert time.perf_counter() - start < 1


def test_used_columns_are_those_of_all_terms() -> None:
    tree = parse("label = 'a' OR NOT (price < 80 AND stock IS NULL)", COLUMNS)
    assert used_columns(tree) == {"label", "price", "stock"}


# Three-valued truth, by hand: T, F and None for a row without a price.


def test_empty_cells_are_neither_equal_nor_unequal() -> None:
    row = {"price": None, "label": "a"}
    assert matches(parse("price = 80", COLUMNS), row) is None
    assert matches(parse("price != 80", COLUMNS), row) is None
    assert matches(parse("NOT price = 80", COLUMNS), row) is None
    assert matches(parse("price IN (80)", COLUMNS), row) is None
    assert matches(parse("price IS NULL", COLUMNS), row) is True
    assert matches(parse("price = 80 AND label = 'b'", COLUMNS), row) is False
    assert matches(parse("price = 80 AND label = 'a'", COLUMNS), row) is None
    assert matches(parse("price = 80 OR label = 'a'", COLUMNS), row) is True
    assert matches(parse("price = 80 OR label = 'b'", COLUMNS), row) is None
    assert matches(parse("price = 80", COLUMNS), {"price": float("nan")}) is None


def test_dates_match_as_iso_texts_and_as_dates() -> None:
    tree = parse("date >= '2026-01-31' AND seen < '2026-02-01 12:00'", COLUMNS)
    assert matches(tree, {"date": "2026-01-31", "seen": "2026-02-01T11:59:59"}) is True
    assert matches(tree, {"date": date(2026, 1, 30), "seen": datetime(2026, 1, 1)}) is False
    with pytest.raises(InvalidFilter, match="no date"):
        matches(tree, {"date": "31.1.2026", "seen": None})


@pytest.mark.parametrize(
    ("text", "pattern", "fits"),
    [
        ("Dress", "Dr%", True),
        ("dress", "Dr%", False),
        ("Dress", "%res_", True),
        ("Dress", "Dres", False),
        ("", "%", True),
        ("", "_", False),
        ("100%", "100\\%", True),
        ("1000", "100\\%", False),
        ("a_b", "a\\_b", True),
        ("axb", "a\\_b", False),
        ("a\\b", "a\\\\b", True),
        ("a\\", "a\\", True),
        ("two\nlines", "two%lines", True),
        ("aXbXc", "%X%c", True),
        ("abab", "%ab", True),
        ("e\u00e9", "__", True),
    ],
)
def test_like_takes_whole_texts(text: str, pattern: str, fits: bool) -> None:
    assert like(text, pattern) is fits


def test_like_with_many_wildcards_stays_linear_in_text_and_pattern() -> None:
    start = time.perf_counter()
    assert not like("a" * 3_000, "%a" * 200 + "%b")
    assert time.perf_counter() - start < 5


# Random trees over a random table with empty cells, odd names and odd texts.

TEXTS = [
    "Dress", "dress", "DRESS", "Größe", "GRÖSSE", "O'Brien", "100%", "a_b", "axb", "a\\b", "\\",
    "%", "", "x' OR 1=1 --", "'", "''", "`", '"', "two\nlines", "连衣裙", "İx", "ΟΔΟΣ", "NULL",
    "tab\t", "\\'", "nul\x00", "😀",
]  # fmt: skip
TABLE = {
    "label": ColumnType.TEXT,
    "Größe (cm)": ColumnType.INTEGER,
    "unit price": ColumnType.NUMBER,
    'we"ird': ColumnType.TEXT,
    "x\\y'z;": ColumnType.INTEGER,
    "select": ColumnType.BOOLEAN,
    "Day": ColumnType.DATE,
    "day": ColumnType.TIMESTAMP,
}
FIRST_DAY = date(1999, 12, 30)


def random_value(rng: random.Random, type: ColumnType) -> Operand:
    """A value for a cell or a literal, from a small range so that both often meet."""
    days = timedelta(days=rng.randrange(4))
    match type:
        case ColumnType.TEXT:
            return rng.choice(TEXTS)
        case ColumnType.INTEGER:
            return rng.choice([-(2**63) + 1, -1, 0, 1, 2, 3, 2**53 + 1, 2**63 - 1])
        case ColumnType.NUMBER:
            return rng.choice([-1e300, -1.5, -0.0, 0.0, 0.1, 1.0, 1e-7, 1e22, 79.95])
        case ColumnType.BOOLEAN:
            return rng.random() < 0.5
        case ColumnType.DATE:
            return rng.choice([FIRST_DAY + days, date(1, 1, 1), date(9999, 12, 31)])
        case ColumnType.TIMESTAMP:
            near = datetime(1999, 12, 30) + days + timedelta(microseconds=rng.randrange(2))
            return rng.choice([near, datetime(1500, 1, 1), datetime(9999, 12, 31, 23, 59)])


def random_literal(rng: random.Random, column: Column) -> Operand:
    if column.type is ColumnType.INTEGER and rng.random() < 0.3:
        return rng.choice([Decimal("1.5"), Decimal("-0.5"), Decimal("2.0001")])
    return random_value(rng, column.type)


def random_pattern(rng: random.Random) -> str:
    pieces = ["%", "_", "\\%", "\\_", "\\\\", "\\", "'", "a", "b", "re", "D", "s", "ö", "\n"]
    if rng.random() < 0.3:
        return rng.choice(TEXTS)
    return "".join(rng.choice(pieces) for _ in range(rng.randrange(5)))


def random_filter(rng: random.Random, depth: int) -> Filter:
    if depth > 0 and rng.random() < 0.7:
        kind = rng.choice([And, Or, Not])
        if kind is Not:
            return Not(random_filter(rng, depth - 1))
        return kind(tuple(random_filter(rng, depth - 1) for _ in range(rng.randint(2, 3))))
    column = Column(*rng.choice(list(TABLE.items())))
    makers: list[Callable[[], Filter]] = [
        lambda: Missing(column),
        lambda: Membership(
            column, tuple(random_literal(rng, column) for _ in range(rng.randint(1, 3)))
        ),
        lambda: Comparison(column, rng.choice(["=", "!="]), random_literal(rng, column)),
    ]
    if column.type is not ColumnType.BOOLEAN:
        makers += [
            lambda: Comparison(
                column, rng.choice(["<", "<=", ">", ">="]), random_literal(rng, column)
            ),
            lambda: Between(column, random_literal(rng, column), random_literal(rng, column)),
        ]
    if column.type is ColumnType.TEXT:
        makers += 2 * [lambda: Like(column, random_pattern(rng), rng.random() < 0.5)]
    return rng.choice(makers)()


@pytest.fixture(scope="module")
def random_rows() -> list[dict[str, Operand | None]]:
    rng = random.Random(20260131)
    return [
        {
            name: None if rng.random() < 0.15 else random_value(rng, type)
            for name, type in TABLE.items()
        }
        for _ in range(200)
    ]


@pytest.fixture(scope="module")
def lance_rows(
    random_rows: list[dict[str, Operand | None]], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], list[int]]:
    """Asks a real Lance dataset of the rows: filter text in, row numbers out."""
    import lance

    schema = pa.schema([pa.field(name, arrow_type(type)) for name, type in TABLE.items()])
    table = pa.Table.from_pylist(random_rows, schema).append_column(
        "row", pa.array(range(len(random_rows)))
    )
    dataset = lance.write_dataset(table, tmp_path_factory.mktemp("lance") / "rows.lance")

    def ask(sql: str) -> list[int]:
        return sorted(dataset.to_table(columns=["row"], filter=sql)["row"].to_pylist())

    return ask


@pytest.mark.slow
def test_lance_finds_exactly_the_rows_that_match(
    random_rows: list[dict[str, Operand | None]], lance_rows: Callable[[str], list[int]]
) -> None:
    rng = random.Random(7)
    found_counts: list[int] = []
    for _ in range(300):
        tree = random_filter(rng, depth=3)
        expected = [n for n, row in enumerate(random_rows) if matches(tree, row) is True]
        assert lance_rows(render_lance(tree)) == expected, to_text(tree)
        found_counts.append(len(expected))
    # The comparison says something only where filters neither keep nor drop everything.
    assert sum(0 < count < len(random_rows) for count in found_counts) > 150


def test_every_text_is_found_as_literal_and_as_escaped_pattern(
    random_rows: list[dict[str, Operand | None]], lance_rows: Callable[[str], list[int]]
) -> None:
    label = Column("label", ColumnType.TEXT)
    for text in TEXTS:
        expected = [n for n, row in enumerate(random_rows) if row["label"] == text]
        assert lance_rows(render_lance(Comparison(label, "=", text))) == expected, repr(text)
        pattern = "".join("\\" + sign if sign in "%_\\" else sign for sign in text)
        assert lance_rows(render_lance(Like(label, pattern, ignore_case=False))) == expected


@pytest.mark.slow
def test_deepest_and_longest_filters_are_answered_by_lance(
    random_rows: list[dict[str, Operand | None]], lance_rows: Callable[[str], list[int]]
) -> None:
    deep = 'select OR "day" IS NULL'
    for _ in range(MAX_DEPTH):
        deep = f"label LIKE 'D%' OR \"unit price\" < 1 AND ({deep})"
    denied = "label = 'Dress' OR select"
    for _ in range(MAX_DEPTH // 3):
        denied = f"\"unit price\" < 1 OR NOT (label LIKE 'D%' AND ({denied}))"
    texts = [
        deep,
        denied,
        "NOT " * MAX_DEPTH + "label = 'Dress'",
        "(" * MAX_DEPTH + "label = 'Dress'" + ")" * MAX_DEPTH,
        " OR ".join(f'"Größe (cm)"={n}' for n in range(500)),
        " AND ".join(f'"Größe (cm)"!={n}' for n in range(10, 460)),
        f'"Größe (cm)" IN ({",".join(str(n) for n in range(1800))})',
    ]
    for text in texts:
        tree = parse(text, TABLE)
        expected = [n for n, row in enumerate(random_rows) if matches(tree, row) is True]
        start = time.perf_counter()
        assert lance_rows(render_lance(tree)) == expected
        assert time.perf_counter() - start < 10


def test_text_round_trips_to_the_same_tree() -> None:
    rng = random.Random(11)
    for _ in range(300):
        tree = random_filter(rng, depth=3)
        assert parse(to_text(tree), TABLE) == tree


def test_no_text_leaves_its_literal(lance_rows: Callable[[str], list[int]]) -> None:
    """Texts of quotes, backslashes, comments and SQL find nothing where no such cell exists."""
    rng = random.Random(3)
    pieces = ["'", "''", "\\", "\\'", '"', "`", ";", "--", "/*", "*/", " OR 1=1", ")", "\n", "\0"]
    label = Column("label", ColumnType.TEXT)
    for _ in range(200):
        text = "~" + "".join(rng.choice(pieces) for _ in range(rng.randint(1, 8)))
        literal = "'" + text.replace("'", "''") + "'"
        assert parse(f"label = {literal}", TABLE) == Comparison(label, "=", text)
        assert lance_rows(render_lance(parse(f"label = {literal}", TABLE))) == []
        assert lance_rows(render_lance(parse(f"label LIKE {literal}", TABLE))) == []
        assert lance_rows(render_lance(parse(f"label IN ({literal})", TABLE))) == []


def test_a_backtick_in_a_column_name_is_refused_not_rendered() -> None:
    column = Column("a` = 1 OR `b", ColumnType.INTEGER)
    with pytest.raises(InvalidFilter, match="backtick"):
        render_lance(Comparison(column, "=", 1))
