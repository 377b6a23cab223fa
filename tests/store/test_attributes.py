"""Attribute files: the types that are inferred, the join by path, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tiefvision.errors import Conflict, InvalidInput, NotFound
from tiefvision.store.attributes import (
    AttributeTable,
    ColumnType,
    arrow_type,
    describe,
    merge_types,
    normalise_path,
    read_table,
)


def read(folder: Path, content: str | bytes, **known: ColumnType) -> AttributeTable:
    file = folder / "shop.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(file, known=known)


def column_type(folder: Path, *cells: str) -> ColumnType:
    rows = "".join(f'{number}.jpg,"{cell}"\n' for number, cell in enumerate(cells))
    return read(folder, "path,x\n" + rows).columns["x"]


@pytest.mark.parametrize(
    ("cells", "type"),
    [
        (["1", "-2", "", "0"], "integer"),
        (["1", "n/a", "NULL"], "integer"),
        (["1", "2.5"], "number"),
        (["1e-05", "1.5E10", ".5", "5."], "number"),
        (["00123", "45"], "text"),
        (["0123.5"], "text"),
        (["12E5", "10001"], "text"),
        (["12345678901234567890"], "text"),
        (["9223372036854775807"], "integer"),
        (["-9223372036854775808"], "text"),
        (["1", "x"], "text"),
        (["3,99", "4,50"], "text"),
        (["true", "False", ""], "boolean"),
        (["0", "1"], "integer"),
        (["2026-01-31", ""], "date"),
        (["2026-01-31", "2026-02-30"], "text"),
        (["31.1.2026"], "text"),
        (["2026-01-31T10:00:00.5", "2026-01-31 10:00", "2026-01-31"], "timestamp"),
        (["2026-01-31T10:00:00Z", "2026-01-31T10:00+02:00"], "timestamp"),
        (["2026-01-31T10:00:00Z", "2026-01-31T10:00"], "text"),
        (["", ""], "text"),
        (["NULL", "nan"], "text"),
        (["inf"], "text"),
        ([".", ""], "text"),
    ],
)
def test_types_are_inferred_from_all_cells(tmp_path: Path, cells: list[str], type: str) -> None:
    assert column_type(tmp_path, *cells) == type


def test_a_text_far_down_makes_the_whole_column_text(tmp_path: Path) -> None:
    cells = ["1"] * 200_000 + ["one"]
    assert column_type(tmp_path, *cells) == ColumnType.TEXT


def test_cells_are_json_values(tmp_path: Path) -> None:
    table = read(
        tmp_path,
        "path,name,sku,stock,price,new,day,seen\n"
        "a.jpg,Tee,007,3,2.5,true,2026-01-31,2026-01-31T10:00:00+02:00\n"
        "b.jpg,,008,,1,FALSE,,\n",
    )
    assert dict(table.rows) == {
        "a.jpg": {
            "name": "Tee",
            "sku": "007",
            "stock": 3,
            "price": 2.5,
            "new": True,
            "day": "2026-01-31",
            "seen": "2026-01-31T08:00:00",
        },
        "b.jpg": {
            "name": None,
            "sku": "008",
            "stock": None,
            "price": 1.0,
            "new": False,
            "day": None,
            "seen": None,
        },
    }
    assert json.loads(json.dumps(table.rows["a.jpg"])) == table.rows["a.jpg"]
    assert [row for batch in table.rows.batches(1) for row in batch] == list(table.rows.items())
    for name, type in table.columns.items():
        assert table.arrow.schema.field(name).type == arrow_type(type)
    assert any("UTC" in notice for notice in table.notices)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_delimiter_and_byte_order_mark_are_found(
    tmp_path: Path, delimiter: str, start: str
) -> None:
    text = start + 'path|label|"a, b; c"\r\nä.jpg|"x|\r\ny"|3\r\n\r\n'.replace("|", delimiter)
    table = read(tmp_path, text)
    assert table.columns == {"label": "text", "a, b; c": "integer"}
    assert dict(table.rows) == {"ä.jpg": {"label": f"x{delimiter}\r\ny", "a, b; c": 3}}


def test_other_encodings_are_read_and_named(tmp_path: Path) -> None:
    text = "path;Größe\na.jpg;fünf €\n"
    table = read(tmp_path, text.encode("cp1252"))
    assert table.rows["a.jpg"] == {"Größe": "fünf €"}
    assert table.notices == ("shop.csv is not UTF-8; read as cp1252",)
    assert read(tmp_path, text.encode("utf-16")).rows["a.jpg"] == {"Größe": "fünf €"}
    # 0x81 is no character of Windows-1252.
    assert "latin-1" in read(tmp_path, b"path,x\na.jpg,\x81\xe4\n").notices[0]


def test_join_column_and_decimal_comma_are_told(tmp_path: Path) -> None:
    table = read(tmp_path, "price;File;image\n3,99;a.jpg;front\n")
    assert table.join_column == "File"
    assert table.columns == {"price": "text", "image": "text"}
    assert table.notices[0] == "joined by the column File"
    assert "decimal comma" in table.notices[1]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a/b.jpg", "a/b.jpg"),
        (".\\a\\b.jpg", "a/b.jpg"),
        ("./././a//b/./c.jpg", "a/b/c.jpg"),
        ("  u\u0308.jpg ", "ü.jpg"),
        (".hidden/x.jpg", ".hidden/x.jpg"),
        ("../x.jpg", "../x.jpg"),
        ("/abs/x.jpg", "/abs/x.jpg"),
    ],
)
def test_paths_are_normalised(tmp_path: Path, given: str, expected: str) -> None:
    assert normalise_path(given) == expected
    assert list(read(tmp_path, f"path,x\n{given},1\n").rows) == [expected]


def test_repeated_and_missing_paths_are_reported_with_their_lines(tmp_path: Path) -> None:
    table = read(
        tmp_path,
        'path,x\na.jpg,"two\nlines"\n\n./a.jpg,2\n,3\nb.jpg,4\n  ,5\n',
    )
    # Line 1 is the header, a.jpg takes lines 2 and 3, line 4 is blank.
    assert [(problem.line, problem.message[:24]) for problem in table.problems] == [
        (5, "a.jpg stands already in "),
        (6, "no path; the row is left"),
        (8, "no path; the row is left"),
    ]
    assert "already in line 2" in table.problems[0].message
    assert {path: row["x"] for path, row in table.rows.items()} == {
        "a.jpg": "two\nlines",
        "b.jpg": "4",
    }


def test_many_problems_are_counted_and_the_first_told(tmp_path: Path) -> None:
    table = read(tmp_path, "path,x\n" + "a.jpg,1\n" * 1_000)
    assert table.problem_count == 999
    assert len(table.problems) == 100
    assert table.problems[-1].line == 102


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("path,x,y\na.jpg,1,2\nb.jpg,1\n", "line 3: 2 cells; expected 3"),
        ('path,x\na.jpg,"1\n2"\nb.jpg,1,2\n', "line 4: 3 cells; expected 2"),
        ('path,x\na.jpg,1\nb.jpg,"2\nc.jpg,3\n', "line 3: a quoted text begins here"),
        ("", "empty"),
        ("\n\n", "empty"),
        ("label,x\na,1\n", "no column `path`; its columns are label, x"),
        ("path\na.jpg\n", "only the column path"),
        ("path,x,x\na,1,2\n", "more than one column x"),
        ("path,,x\na,1,2\n", "column 2 has no name"),
        ("path,ID\na,1\n", "reserved for TiefVision itself; rename it, for example to product_ID"),
        ("path,Path\na,1\n", "reserved"),
        ("path,similarity\na,1\n", "reserved"),
        ("path,cells\na,1\n", "reserved"),
        ("path,_x\na,1\n", "product_x"),
        ("path,vector_1\na,1\n", "reserved"),
        ("path,Art.Nr.\na,1\n", "rename it, for example to Art Nr"),
        ("path,a`b\na,1\n", "which no column may hold"),
        ("path," + ",".join(f"c{n}" for n in range(200)) + "\n", "201 columns; expected at most"),
        (b"path,x\n\x00\x01\n", "binary"),
    ],
)
def test_unusable_files_are_refused_with_the_place(
    tmp_path: Path, content: str | bytes, says: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(tmp_path, content)
    assert says in str(caught.value)


def test_missing_files_offer_near_names(tmp_path: Path) -> None:
    (tmp_path / "products.csv").write_text("path,x\n")
    with pytest.raises(NotFound, match=r"did you mean .*products\.csv"):
        read_table(tmp_path / "product.csv")
    with pytest.raises(NotFound, match="no folder"):
        read_table(tmp_path / "nowhere" / "product.csv")
    with pytest.raises(InvalidInput, match="folder"):
        read_table(tmp_path)
    (tmp_path / "products.xlsx").write_bytes(b"PK")
    with pytest.raises(InvalidInput, match="save the table as CSV"):
        read_table(tmp_path / "products.xlsx")


def test_a_file_without_rows_has_no_rows(tmp_path: Path) -> None:
    table = read(tmp_path, "path,x\n")
    assert (dict(table.rows), table.columns, table.empty) == ({}, {"x": "text"}, {"x"})


def test_parquet_columns_keep_their_types(tmp_path: Path) -> None:
    zoned = datetime(2026, 1, 31, 10, tzinfo=UTC)
    table = pa.table(
        {
            "filename": ["a\\b.jpg", "c.jpg", "c.jpg", None],
            "sku": pa.array(["007", "", None, None]).dictionary_encode(),
            "stock": pa.array([1, None, 2, 3], pa.int8()),
            "price": pa.array([Decimal("2.50"), None, None, None]),
            "weight": [1.5, float("nan"), float("inf"), 1.0],
            "new": [True, None, False, False],
            "day": [date(2026, 1, 31), None, None, None],
            "seen": pa.array([zoned, None, None, None], pa.timestamp("ms", "UTC")),
            "tags": [["x"], [], [], []],
            "nothing": pa.nulls(4),
            "big": pa.array([2**64 - 1, 0, 0, 0], pa.uint64()),
            "__index_level_0__": [0, 1, 2, 3],
        }
    )
    pq.write_table(table, tmp_path / "shop.parquet")
    read_back = read_table(tmp_path / "shop.parquet")
    assert read_back.columns == {
        "sku": "text",
        "stock": "integer",
        "price": "number",
        "weight": "number",
        "new": "boolean",
        "day": "date",
        "seen": "timestamp",
        "nothing": "text",
        "big": "text",
    }
    assert read_back.rows["a/b.jpg"] == {
        "sku": "007",
        "stock": 1,
        "price": 2.5,
        "weight": 1.5,
        "new": True,
        "day": "2026-01-31",
        "seen": "2026-01-31T10:00:00",
        "nothing": None,
        "big": "18446744073709551615",
    }
    assert read_back.rows["c.jpg"]["weight"] is None
    assert read_back.rows["c.jpg"]["sku"] is None
    assert [problem.line for problem in read_back.problems] == [3, 4]
    assert any("tags is left out" in notice for notice in read_back.notices)
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(InvalidInput, match="no readable Parquet"):
        read_table(tmp_path / "bad.parquet")


def test_known_text_columns_stay_text(tmp_path: Path) -> None:
    table = read(tmp_path, "path,sku\na.jpg,123\n", sku=ColumnType.TEXT)
    assert table.rows["a.jpg"] == {"sku": "123"}


def test_types_of_a_second_file_merge_or_conflict() -> None:
    text, integer, number = ColumnType.TEXT, ColumnType.INTEGER, ColumnType.NUMBER
    assert merge_types({"a": integer, "b": text}, {"a": number, "c": text}) == {
        "a": number,
        "b": text,
        "c": text,
    }
    assert merge_types({"a": number}, {"a": integer}) == {"a": number}
    assert merge_types({"a": number}, {"a": text}, empty=frozenset({"a"})) == {"a": number}
    with pytest.raises(Conflict, match=r"column a is number .* text .*make every cell of a number"):
        merge_types({"a": number}, {"a": text})


def test_description_has_a_line_per_column(tmp_path: Path) -> None:
    table = read(tmp_path, "path,label,price,none\na.jpg,Dress,79.95,\nb.jpg,Tee,,\n")
    assert describe(table).splitlines() == [
        "label  text    such as Dress  0% empty",
        "price  number  such as 79.95  50% empty",
        "none   text    no value       100% empty",
    ]


def test_filters_and_attributes_import_without_pyarrow() -> None:
    code = (
        "import sys, tiefvision.store.filters, tiefvision.store.attributes;"
        "sys.exit('pyarrow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_a_million_rows_are_read_in_bounded_processor_time(tmp_path: Path) -> None:
    with (tmp_path / "shop.csv").open("w") as file:
        file.write("path,label,price,stock,day,sku\n")
        for n in range(1_000_000):
            file.write(f"folder/{n}.jpg,label {n % 50},{n % 997}.5,{n % 90},2026-01-31,{n:07}\n")
    start = time.process_time()
    table = read_table(tmp_path / "shop.csv")
    seconds = time.process_time() - start
    print(f"1,000,000 rows x 5 columns: {seconds:.1f} s")
    assert [str(type) for type in table.columns.values()] == [
        "text",
        "number",
        "integer",
        "date",
        "text",
    ]
    assert table.rows["folder/999999.jpg"]["sku"] == "0999999"
    assert seconds < 15
