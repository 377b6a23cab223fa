"""`tiefvision triplets`: into a catalogue, out of it, and what is said of bad files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple
from pathlib import Path

import pytest

import boxed_catalogue
from boxed_catalogue import Row, content_id
from tiefvision.errors import Conflict, InvalidInput, NotFound, NotReady
from tiefvision.store.database import open_database
from tiefvision.store.judgement_formats import FORMATS
from tiefvision.store.judgement_formats.entries import Flaw
from tiefvision.store.judgements import Group, Judgements, NameCount, NewTriplet
from tiefvision.tasks.teaching.triplets import (
    TripletRemovalReport,
    export_triplets,
    import_triplets,
    list_triplets,
    remove_triplets,
)

HEADER = "anchor,positive,negative"


@contextmanager
def judgements_of(catalogue: Path) -> Iterator[Judgements]:
    database = open_database(catalogue)
    yield Judgements(database)
    database.close()


def held(catalogue: Path, name: str = "default") -> set[tuple[str, str, str, bool, str]]:
    with judgements_of(catalogue) as judgements:
        return {
            (t.anchor, t.positive, t.negative, t.mirrored, t.source)
            for t in judgements.triplets(name)
        }


def nothing(catalogue: Path) -> bool:
    with judgements_of(catalogue) as judgements:
        return judgements.names() == []


def photo(number: int) -> str:
    """The content id of a photograph below."""
    return content_id(f"{boxed_catalogue.ROOT}/a/{number}.jpg")


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    rows = [Row(f"a/{number}.jpg") for number in range(1, 7)]
    twins = [Row("a/copy of 1.jpg", content=f"{boxed_catalogue.ROOT}/a/1.jpg")]
    bad = [Row("a/bad.jpg", state="refused", reason="truncated")]
    return boxed_catalogue.make(tmp_path / "shop", [*rows, *twins, *bad])


def csv_file(folder: Path, *lines: str, header: str = HEADER) -> Path:
    file = folder / "triplets.csv"
    file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return file


# --- importing -----------------------------------------------------------------------------------


def test_import_takes_triplets_over_and_says_what_it_did(catalogue: Path, tmp_path: Path) -> None:
    file = csv_file(tmp_path, "a/1.jpg,a/2.jpg,a/3.jpg", "a/1.jpg,a/3.jpg,4.jpg")
    report = import_triplets(file, catalogue=catalogue)
    assert (report.format, report.kind, report.names) == ("csv", "triplets", {"default": 2})
    assert (report.imported, report.unchanged, report.problem_count) == (2, 0, 0)
    assert held(catalogue) == {
        (photo(1), photo(2), photo(3), False, "imported"),
        (photo(1), photo(3), photo(4), False, "imported"),
    }
    csv_file(tmp_path, "a/1.jpg,a/2.jpg,a/3.jpg", "a/5.jpg,a/6.jpg,a/3.jpg")
    again = import_triplets(file, catalogue=catalogue)
    assert (again.imported, again.unchanged) == (1, 1)


def test_the_originals_columns_and_the_files_own_names_and_sources_count(
    catalogue: Path, tmp_path: Path
) -> None:
    file = csv_file(
        tmp_path,
        "1.jpg,1.jpg,2.jpg,true,mirrored,shape",
        "1.jpg,2.jpg,3.jpg,,,",
        header="reference,positive,negative,mirrored,source,name",
    )
    report = import_triplets(file, catalogue=catalogue)
    assert report.names == {"shape": 1, "default": 1}
    assert held(catalogue, "shape") == {(photo(1), photo(1), photo(2), True, "mirrored")}
    assert held(catalogue) == {(photo(1), photo(2), photo(3), False, "imported")}
    renamed = import_triplets(file, catalogue=catalogue, name=" colour ")
    assert renamed.names == {"colour": 2}
    with pytest.raises(InvalidInput, match="is no name"):
        import_triplets(file, catalogue=catalogue, name=" ")


def test_pairs_and_groups_are_taken_over(catalogue: Path, tmp_path: Path) -> None:
    pairs = csv_file(tmp_path, "1.jpg,2.jpg,1", "3.jpg,1.jpg,0", header="first,second,same")
    assert import_triplets(pairs, catalogue=catalogue).kind == "pairs"
    groups = csv_file(
        tmp_path,
        "dress,a/1.jpg,train,Ann",
        "hat,a/2.jpg,validation,",
        header="label,path,split,sequence",
    )
    assert import_triplets(groups, catalogue=catalogue).imported == 2
    more = csv_file(
        tmp_path, "dress,a/1.jpg,train,Ann", "bag,3.jpg,,", header="label,path,split,apart"
    )
    report = import_triplets(more, catalogue=catalogue)
    assert (report.imported, report.unchanged) == (1, 1)
    with judgements_of(catalogue) as judgements:
        assert {(p.first, p.second, p.same) for p in judgements.pairs("default")} == {
            (*sorted((photo(1), photo(2))), True),
            (*sorted((photo(1), photo(3))), False),
        }
        assert judgements.groups("default") == {
            photo(1): Group("dress", "Ann", "train"),
            photo(2): Group("hat", "", "validation"),
            photo(3): Group("bag", "", ""),
        }


BAD_TRIPLETS = {
    "unknown": (
        "a/77.jpg,a/2.jpg,a/3.jpg",
        "a/77.jpg: no photograph of the catalogue has this name",
    ),
    "refused": ("a/1.jpg,a/bad.jpg,a/3.jpg", "a/bad.jpg: /photos/a/bad.jpg was refused: truncated"),
    "itself": ("a/1.jpg,a/1.jpg,a/3.jpg", "one photograph stands twice in it"),
    "a copy": (
        "a/2.jpg,a/1.jpg,a/copy of 1.jpg",
        "or two copies of it: a/2.jpg, a/1.jpg, a/copy of 1.jpg",
    ),
    "repeated": ("a/5.jpg,a/6.jpg,a/4.jpg", "repeats line 2"),
    "repeated by a copy": ("a/6.jpg,a/copy of 1.jpg,a/2.jpg", "repeats line 3"),
    "contradictory": ("a/5.jpg,a/4.jpg,a/6.jpg", "contradicts line 2"),
    "against the catalogue": (
        "a/1.jpg,a/3.jpg,a/2.jpg",
        "contradicts number 1 of default in the cat",
    ),
    "too short": ("a/1.jpg,a/2.jpg", "2 cells; expected 3"),
    "empty": ("a/1.jpg,,a/2.jpg", "no positive"),
}


@pytest.mark.parametrize("case", BAD_TRIPLETS)
def test_a_bad_line_is_told_and_nothing_imported(
    case: str, catalogue: Path, tmp_path: Path
) -> None:
    with judgements_of(catalogue) as judgements:
        known = [NewTriplet(photo(1), photo(2), photo(3))]
        judgements.add_triplets("default", known, source="people", now=5.0)
    before = held(catalogue)
    line, message = BAD_TRIPLETS[case]
    file = csv_file(
        tmp_path,
        "a/5.jpg,a/6.jpg,a/4.jpg",
        "a/6.jpg,a/1.jpg,a/2.jpg",
        line,
        "a/2.jpg,a/4.jpg,a/5.jpg",
    )
    with pytest.raises(InvalidInput) as caught:
        import_triplets(file, catalogue=catalogue)
    told = caught.value.message.splitlines()
    assert told[0] == f"nothing was imported: 1 lines of {file} cannot be taken over"
    assert told[1].startswith("line 4: ") and message in told[1] and told[1].endswith(")")
    assert caught.value.remedy == "mend them in the file, or leave them out with --skip-bad"
    assert held(catalogue) == before
    report = import_triplets(file, catalogue=catalogue, skip_bad=True)
    assert (report.imported, report.problem_count) == (3, 1)
    assert (report.problems[0].line, len(held(catalogue))) == (4, 4)
    assert report.problems[0].remedy


def test_unknown_photographs_come_with_the_nearest_name(catalogue: Path, tmp_path: Path) -> None:
    file = csv_file(tmp_path, "a/copy of 2.jpg,a/1.jpg,a/2.jpg", "another thing,a/1.jpg,a/2.jpg")
    report = import_triplets(file, catalogue=catalogue, skip_bad=True)
    unknown = "no photograph of the catalogue has this name"
    assert report.problems == [
        Flaw(2, f"a/copy of 2.jpg: {unknown}", "did you mean a/copy of 1.jpg?"),
        Flaw(
            3, f"another thing: {unknown}", "index its photograph, or change the name in the file"
        ),
    ]


def test_bad_pairs_and_groups_are_told(catalogue: Path, tmp_path: Path) -> None:
    def told(header: str, *lines: str) -> list[str]:
        with pytest.raises(InvalidInput) as caught:
            import_triplets(csv_file(tmp_path, *lines, header=header), catalogue=catalogue)
        return caught.value.message.splitlines()[1:]

    pairs = told(
        "first,second,same", "a/1.jpg,a/2.jpg,1", "a/2.jpg,a/1.jpg,0", "a/1.jpg,a/copy of 1.jpg,1"
    )
    assert pairs[0] == "line 3: contradicts line 2 (remove one of the two)"
    assert pairs[1].startswith("line 4: one photograph stands twice")
    groups = told(
        "label,path,split",
        "dress,a/1.jpg,train",
        "hat,a/copy of 1.jpg,train",
        "dress,a/1.jpg,train",
        "dress,a/9.jpg,train",
    )
    assert groups[0].startswith("line 3: contradicts line 2: hat train, not dress train")
    assert groups[1].startswith("line 4: repeats line 2")
    assert groups[2].startswith("line 5: a/9.jpg: no photograph")
    assert nothing(catalogue)
    one = csv_file(tmp_path, "dress,a/1.jpg,train", header="label,path,split")
    import_triplets(one, catalogue=catalogue)
    (against,) = told("label,path,split", "hat,a/1.jpg,train")
    assert against == (
        "line 2: contradicts the catalogue: hat train, not dress train (remove what it holds: "
        "tiefvision triplets remove --groups --name default)"
    )


def test_copies_of_a_photograph_may_share_a_group(catalogue: Path, tmp_path: Path) -> None:
    file = csv_file(tmp_path, "dress,a/1.jpg,", "dress,a/copy of 1.jpg,", header="label,path,split")
    report = import_triplets(file, catalogue=catalogue)
    assert (report.imported, report.problem_count) == (1, 0)


def test_many_bad_lines_are_counted(catalogue: Path, tmp_path: Path) -> None:
    lines = [f"x{number}.jpg,1.jpg,2.jpg" for number in range(250)]
    with pytest.raises(InvalidInput) as caught:
        import_triplets(csv_file(tmp_path, *lines), catalogue=catalogue)
    told = caught.value.message.splitlines()
    assert told[0].startswith("nothing was imported: 250 lines") and told[-1] == "and 150 more"
    assert len(told) == 102


def test_files_that_cannot_be_used_are_refused(catalogue: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="holds no triplets: it has only a header"):
        import_triplets(csv_file(tmp_path), catalogue=catalogue)
    with pytest.raises(InvalidInput, match="no column positive"):
        import_triplets(csv_file(tmp_path, "a,b", header="anchor,negative"), catalogue=catalogue)
    broken = csv_file(tmp_path, "1.jpg,2.jpg,3.jpg", '1.jpg,"2.jpg,4.jpg')
    with pytest.raises(InvalidInput, match="from line 3"):
        import_triplets(broken, catalogue=catalogue, skip_bad=True)
    assert nothing(catalogue)
    empty = boxed_catalogue.make(tmp_path / "empty", [])
    with pytest.raises(NotReady, match="holds no photographs yet"):
        import_triplets(csv_file(tmp_path, "1.jpg,2.jpg,3.jpg"), catalogue=empty)
    with pytest.raises(NotFound, match="there is no file"):
        import_triplets(tmp_path / "none.csv", catalogue=catalogue)


# --- exporting -----------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["triplets", "pairs", "groups"])
@pytest.mark.parametrize("format", FORMATS)
def test_what_is_exported_comes_back_exactly(
    format: str, what: str, catalogue: Path, tmp_path: Path
) -> None:
    fresh = tmp_path / "fresh"
    shutil.copytree(catalogue, fresh)
    csv_file(
        tmp_path,
        "1.jpg,1.jpg,2.jpg,1,mirrored,shape",
        "1.jpg,2.jpg,3.jpg,0,people,default",
        "3.jpg,2.jpg,1.jpg,0,asked,default",
        header="anchor,positive,negative,mirrored,source,name",
    )
    import_triplets(tmp_path / "triplets.csv", catalogue=catalogue)
    csv_file(tmp_path, "1.jpg,2.jpg,1", "3.jpg,1.jpg,0", header="first,second,same")
    import_triplets(tmp_path / "triplets.csv", catalogue=catalogue)
    csv_file(tmp_path, "hat,1.jpg,train,Ann", "bag,3.jpg,,", header="label,path,split,apart")
    import_triplets(tmp_path / "triplets.csv", catalogue=catalogue)
    file = tmp_path / f"out.{format}"
    report = export_triplets(file, catalogue=catalogue, what=what)
    again = import_triplets(file, catalogue=fresh)
    assert again.imported == report.written and again.problem_count == 0
    for name in ("default", "shape"):
        assert contents(fresh, what, name) == contents(catalogue, what, name)
    assert contents(fresh, what, "default")


def contents(catalogue: Path, what: str, name: str) -> list[tuple[object, ...]]:
    """What a catalogue holds, without when it was taught."""
    with judgements_of(catalogue) as judgements:
        if what == "groups":
            return sorted((id_, *astuple(group)) for id_, group in judgements.groups(name).items())
        rows = judgements.triplets(name) if what == "triplets" else judgements.pairs(name)
        return sorted(
            tuple(value for field, value in asdict(row).items() if field not in ("id", "taught_at"))
            for row in rows
        )


def test_export_says_what_it_wrote_and_what_is_gone(catalogue: Path, tmp_path: Path) -> None:
    with judgements_of(catalogue) as judgements:
        known = [
            NewTriplet(photo(1), photo(2), photo(3)),
            NewTriplet(photo(1), photo(2), content_id("gone")),
        ]
        judgements.add_triplets("shape", known, source="people", now=5.0)
    target = tmp_path / "out.csv"
    target.write_text("old")
    report = export_triplets(target, catalogue=catalogue)
    assert (report.format, report.kind, report.written, report.orphans) == ("csv", "triplets", 1, 1)
    assert target.read_text() == (
        "anchor,positive,negative,mirrored,source,name\n"
        "a/1.jpg,a/2.jpg,a/3.jpg,false,people,shape\n"
    )
    with pytest.raises(NotFound, match="there are no pairs to write"):
        export_triplets(target, catalogue=catalogue, what="pairs")
    with pytest.raises(NotFound, match="no judgements named 'shap'; the names are shape") as e:
        export_triplets(target, catalogue=catalogue, name="shap")
    assert e.value.remedy == "did you mean shape?"
    with pytest.raises(InvalidInput, match="there are no 'boxes'; expected triplets, pairs, gr"):
        export_triplets(target, catalogue=catalogue, what="boxes")
    with pytest.raises(Conflict, match="is a folder"):
        export_triplets(tmp_path, catalogue=catalogue, format="csv")
    assert target.read_text().startswith("anchor")
    assert not list(tmp_path.glob(".triplets-*"))


def test_paths_of_two_roots_are_told_apart(tmp_path: Path) -> None:
    rows = [Row(f"{n}.jpg", root=root) for root in ("/x", "/y") for n in (1, 2)]
    shop = boxed_catalogue.make(tmp_path / "shop", [*rows, Row("3.jpg", root="/y")])
    target = tmp_path / "out.csv"
    target.write_text(f"{HEADER}\n/x/1.jpg,/y/1.jpg,3.jpg\n")
    import_triplets(target, catalogue=shop)
    before = held(shop)
    export_triplets(target, catalogue=shop)
    assert target.read_text().splitlines()[1] == "/x/1.jpg,/y/1.jpg,3.jpg,false,imported,default"
    assert import_triplets(target, catalogue=shop).unchanged == 1
    assert held(shop) == before


# --- listing and removing ------------------------------------------------------------------------


@pytest.fixture
def taught(catalogue: Path) -> Path:
    """A catalogue with judgements of two names."""
    with judgements_of(catalogue) as judgements:
        two = [
            NewTriplet(photo(1), photo(2), photo(3)),
            NewTriplet(photo(4), photo(5), content_id("gone")),
        ]
        judgements.add_triplets("default", two, source="people", now=5.0, ranker="f00d")
        derived = [NewTriplet(photo(1), photo(5), photo(6))]
        judgements.add_triplets("default", derived, source="derived", now=6.0)
        judgements.add_triplets("shape", two, source="asked", now=7.0)
        judgements.set_groups("default", {photo(1): Group("dress")})
        judgements.add_repeat(1, True, 8.0)
        judgements.add_repeat(1, False, 9.0)
    return catalogue


def test_list_counts_names_and_shows_the_newest_triplets(taught: Path) -> None:
    default = NameCount("default", {"derived": 1, "people": 2}, {}, 1)
    found = list_triplets(catalogue=taught)
    assert found.names == [default, NameCount("shape", {"asked": 2}, {}, 0)]
    assert found.listed == []
    of_name = list_triplets(catalogue=taught, name="default", limit=2)
    assert (of_name.names, of_name.repeated, of_name.agreed) == ([default], 2, 1)
    assert [(t.id, t.anchor, t.negative, t.ranker) for t in of_name.listed] == [
        (3, "a/1.jpg", "a/6.jpg", None),
        (2, "a/4.jpg", None, "f00d"),
    ]
    with pytest.raises(NotFound, match="no judgements named 'x'; the names are default, shape"):
        list_triplets(catalogue=taught, name="x")


def test_remove_takes_what_it_is_told(taught: Path) -> None:
    assert remove_triplets([1], catalogue=taught) == TripletRemovalReport("default", 1, 0, 0, 1)
    with pytest.raises(NotFound, match="default has no triplet 1"):
        remove_triplets([1, 2], catalogue=taught)
    derived = remove_triplets(catalogue=taught, source="derived")
    assert derived == TripletRemovalReport("default", 1, 0, 0, 1)
    groups = remove_triplets(catalogue=taught, groups=True)
    assert groups == TripletRemovalReport("default", 0, 0, 1, 0)
    everything = remove_triplets(catalogue=taught, everything=True)
    assert everything == TripletRemovalReport("default", 1, 0, 0, 0)
    with pytest.raises(NotFound, match="no judgements named 'default'; the names are shape"):
        remove_triplets(catalogue=taught, everything=True)
    assert remove_triplets(catalogue=taught, name="shape", everything=True).triplets == 2


def test_remove_must_be_told_what(taught: Path) -> None:
    with pytest.raises(InvalidInput, match="say which judgements") as caught:
        remove_triplets(catalogue=taught)
    assert "--all" in caught.value.remedy
    with pytest.raises(InvalidInput, match="say which judgements"):
        remove_triplets([1], catalogue=taught, everything=True)
    with pytest.raises(InvalidInput, match="there is no source 'drived'") as caught:
        remove_triplets(catalogue=taught, source="drived")
    assert caught.value.remedy == "did you mean derived?"
