"""Files of triplets, pairs and groups: what is written comes back, what is odd is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tiefvision.errors import InvalidInput, NotFound
from tiefvision.store.judgement_formats import FORMATS, JudgementFormat, of_file, of_name
from tiefvision.store.judgement_formats.entries import (
    Flaw,
    Judged,
    Kind,
    NamedGroup,
    NamedPair,
    NamedTriplet,
)

ODD = ["a.jpg", "deep/é ü.png", 'with "quotes", and commas.jpg', " space .jpg", "line\nbreak\r.jpg"]

JUDGED: dict[Kind, list[Judged]] = {
    "triplets": [
        NamedTriplet(1, ODD[0], ODD[1], ODD[2], False, "people", "default"),
        NamedTriplet(2, ODD[3], ODD[3], ODD[4], True, "mirrored", "shape, colour"),
    ],
    "pairs": [
        NamedPair(1, ODD[0], ODD[4], True, "asked", "default"),
        NamedPair(2, ODD[1], ODD[3], False, "imported", "Größe"),
    ],
    "groups": [
        NamedGroup(1, "dress, long", ODD[0], "train", "Ann", "default"),
        NamedGroup(2, "0123", ODD[1], "validation", "", "default"),
        NamedGroup(3, " spaced ", ODD[4], "", "7", "n"),
    ],
}


def read(file: Path) -> tuple[Kind, list[Judged | Flaw]]:
    kind, entries = of_file(file).read(file)
    return kind, list(entries)


def text_file(folder: Path, name: str, *lines: str) -> Path:
    file = folder / name
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def unplaced(judged: Sequence[Judged | Flaw]) -> list[tuple[object, ...]]:
    """Judgements without their lines, which differ between formats."""
    return [
        tuple(getattr(each, field) for field in each.__dataclass_fields__ if field != "line")
        for each in judged
    ]


@pytest.mark.parametrize("kind", JUDGED)
@pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
def test_judgements_come_back_exactly(format: JudgementFormat, kind: Kind, tmp_path: Path) -> None:
    file = tmp_path / f"judged{format.suffixes[0]}"
    format.write(file, kind, JUDGED[kind])
    found_kind, found = read(file)
    assert found_kind == kind
    assert unplaced(found) == unplaced(JUDGED[kind])


def test_the_originals_and_other_programs_columns_are_known(tmp_path: Path) -> None:
    original = text_file(tmp_path, "1.csv", "Reference;positive; negative ;note", "a;b;c;x")
    assert read(original) == ("triplets", [NamedTriplet(2, "a", "b", "c")])
    oml = text_file(tmp_path, "2.csv", "label,path,split,is_query,sequence", "3,a,train,,9")
    assert read(oml) == ("groups", [NamedGroup(2, "3", "a", "train", "9")])
    bare = text_file(tmp_path, "3.csv", "filename,label", "a,dress")
    assert read(bare) == ("groups", [NamedGroup(2, "dress", "a")])
    pairs = text_file(tmp_path, "4.csv", "first,second,same", "a,b,YES", "a,c,0", "b,c,different")
    assert [each.same for each in read(pairs)[1]] == [True, False, False]
    numbers = tmp_path / "5.parquet"
    pq.write_table(
        pa.table({"label": [7, None], "path": ["a", "b"], "split": ["train"] * 2}), numbers
    )
    kind, (first, second) = read(numbers)
    assert (kind, first) == ("groups", NamedGroup(1, "7", "a", "train"))
    assert isinstance(second, Flaw) and (second.line, second.message) == (2, "no label")


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    file = text_file(tmp_path, "1.csv", "anchor,positive,other", "a,b,c")
    with pytest.raises(InvalidInput, match=r"no column negative; its columns are anchor, pos") as e:
        read(file)
    assert e.value.remedy.startswith("name its columns anchor,positive,negative or first,second")
    lines = text_file(tmp_path, "2.jsonl", '{"first": "a", "same": true}')
    with pytest.raises(InvalidInput, match="no column second"):
        read(lines)
    both = text_file(tmp_path, "3.csv", "anchor,reference,positive,negative", "a,b,c,d")
    with pytest.raises(InvalidInput, match="more than one column for the anchor: anchor, refe"):
        read(both)
    twice = text_file(tmp_path, "4.csv", "anchor,positive,positive,negative", "a,b,c,d")
    with pytest.raises(InvalidInput, match="more than one column for the positive"):
        read(twice)


def test_bad_lines_are_told_and_the_others_read(tmp_path: Path) -> None:
    file = text_file(
        tmp_path,
        "1.csv",
        "anchor,positive,negative,mirrored,source",
        "a,b,c,,",
        "a,b",
        "",
        "a,,c,,",
        "a,b,c,perhaps,",
        "a,b,c,1,peopel",
        "a,b,c,yes,people",
    )
    assert read(file)[1] == [
        NamedTriplet(2, "a", "b", "c"),
        Flaw(
            3,
            "2 cells; expected 5 as in the header",
            "put a cell that holds the delimiter in double quotes",
        ),
        Flaw(5, "no positive", "every line names all of its photographs"),
        Flaw(6, "mirrored is 'perhaps'", "mirrored must be true or false"),
        Flaw(7, "there is no source 'peopel'", "did you mean people?"),
        NamedTriplet(8, "a", "b", "c", True, "people"),
    ]
    lines = [
        json.dumps({"first": "a", "second": "b", "same": True}),
        "{broken",
        json.dumps([1]),
        json.dumps({"first": "a", "second": ["b"], "same": True}),
        json.dumps({"first": "a", "second": "b"}),
        '{"first": "a", "second": "\\ud800", "same": false}',
    ]
    found = read(text_file(tmp_path, "2.jsonl", *lines))[1]
    assert [(each.line, type(each)) for each in found] == [
        (1, NamedPair),
        (2, Flaw),
        (3, Flaw),
        (4, Flaw),
        (5, Flaw),
        (6, NamedPair),
    ]
    messages = [each.message for each in found if isinstance(each, Flaw)]
    assert messages[0].startswith("no JSON: ") and messages[1] == "no JSON object"
    assert messages[2:] == ["second is ['b']", "same is ''"]
    halves = text_file(
        tmp_path, "2.jsonl", '{"label": "\\ud800", "path": "a"}', '{"label": true, "path": "a"}'
    )
    half, truth = read(halves)[1]
    assert isinstance(half, Flaw) and half.message.startswith("label is '\\ud800'")
    assert truth == NamedGroup(2, "true", "a")
    split = text_file(tmp_path, "3.csv", "label,path,split", "dress,a,test")
    assert read(split)[1] == [Flaw(2, "there is no split 'test'", "expected train, validation")]


def test_a_cell_of_several_lines_counts_from_its_first(tmp_path: Path) -> None:
    file = text_file(tmp_path, "1.csv", "anchor,positive,negative", '"a\nb",c,d', "e,f")
    first, second = read(file)[1]
    assert (first.line, second.line) == (2, 4)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    def refused(name: str, content: bytes, match: str) -> None:
        file = tmp_path / name
        file.write_bytes(content)
        with pytest.raises(InvalidInput, match=match) as e:
            read(file)
        assert e.value.remedy or "binary" in match

    refused("0.csv", b"", "is empty")
    refused("1.csv", b"anchor,positive,negative\na,\x00,b\n", "is a binary file")
    refused("2.csv", b'anchor,positive,negative\na,b,c\na,"b,c\nd,e,f\n', "from line 3: unexpected")
    refused("3.parquet", b"PAR1 and nothing else", "no readable Parquet file")
    refused("4.jsonl", b"\xff\xfe{}\n", "line 1: no JSON")
    whole = tmp_path / "5.parquet"
    FORMATS["parquet"].write(whole, "triplets", JUDGED["triplets"] * 5_000)
    content = bytearray(whole.read_bytes())
    content[200:900] = b"\xff" * 700
    refused("6.parquet", bytes(content), "no readable Parquet file")
    refused("7.parquet", whole.read_bytes()[:-100], "no readable Parquet file")


def test_formats_are_told_by_name_or_suffix(tmp_path: Path) -> None:
    assert [of_name(Path(name)).name for name in ("a.CSV", "a.tsv", "a.pq", "a.ndjson")] == [
        "csv",
        "csv",
        "parquet",
        "jsonl",
    ]
    assert of_name(Path("a.txt"), "jsonl").name == "jsonl"
    with pytest.raises(InvalidInput, match="cannot be told") as e:
        of_name(Path("a.txt"))
    assert e.value.remedy == "say which: --format csv|parquet|jsonl"
    with pytest.raises(InvalidInput, match="no format 'xml' of judgements"):
        of_name(Path("a.csv"), "xml")
    with pytest.raises(InvalidInput, match="is a folder"):
        of_file(tmp_path)
    text_file(tmp_path, "triplets.csv", "anchor,positive,negative")
    with pytest.raises(NotFound, match="there is no file") as missing:
        of_file(tmp_path / "triplet.csv")
    assert missing.value.remedy == f"did you mean {tmp_path / 'triplets.csv'}?"
