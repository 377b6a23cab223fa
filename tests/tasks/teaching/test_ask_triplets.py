"""Asking for judgements and taking over the answers, on a catalogue with a tiny encoder."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import judged_shop
import made_up_rankers
from tiefvision.errors import Conflict, InvalidInput
from tiefvision.store.judgements import Group, Judgements, Triplet
from tiefvision.tasks.keeping.models import activate_model
from tiefvision.tasks.opened import opened
from tiefvision.tasks.searching.search import Searcher
from tiefvision.tasks.teaching import ask_triplets as module
from tiefvision.tasks.teaching.answer_triplets import answer_triplets
from tiefvision.tasks.teaching.ask_triplets import TripletQuestion, ask_triplets
from tiefvision.teach import splits

_CHANNELS = 12


@pytest.fixture
def catalogue(judged_catalogue: Path, tmp_path: Path) -> Path:
    shutil.copytree(judged_catalogue, tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    return tmp_path / "questions.csv"


def held(catalogue: Path, name: str = "default") -> list[Triplet]:
    with opened(catalogue) as shop:
        return Judgements(shop.database).triplets(name)


def consistency(catalogue: Path) -> tuple[int, int]:
    with opened(catalogue) as shop:
        return Judgements(shop.database).consistency("default")


def ids(question: TripletQuestion) -> tuple[str, str, str]:
    anchor, first, second = (image.content_id for image in question.images)
    return anchor, first, second


def unordered(triplet: Sequence[str]) -> tuple[str, frozenset[str]]:
    return triplet[0], frozenset(triplet[1:])


def rows_of(sheet: Path) -> list[dict[str, str]]:
    with sheet.open(newline="") as file:
        return list(csv.DictReader(file))


def fill(sheet: Path, answers: Sequence[str]) -> None:
    """Write answers into a sheet, as a person does."""
    rows = rows_of(sheet)
    with sheet.open("w", newline="") as file:
        written = csv.DictWriter(file, rows[0])
        written.writeheader()
        for row, answer in zip(rows, answers, strict=True):
            written.writerow({**row, "answer": answer})


def answered(catalogue: Path, sheet: Path, count: int = 10) -> None:
    """Answer so many questions, all with 1."""
    ask_triplets(count, catalogue=catalogue, out=sheet, seed=3)
    fill(sheet, ["1"] * count)
    answer_triplets(sheet, catalogue=catalogue)
    sheet.unlink()


def test_questions_name_three_photographs_of_one_side_and_their_gap(catalogue: Path) -> None:
    with opened(catalogue) as shop:
        images = {image.content_id or "": image for image in shop.catalogue.each()}
        senders = {id_: str(image.attributes["sender"]) for id_, image in images.items()}
        groups = {id_: Group("", sender) for id_, sender in senders.items()}
        Judgements(shop.database).set_groups("default", groups)
    found = ask_triplets(20, catalogue=catalogue, seed=1)
    assert (len(found.questions), found.repeats, found.repeated, found.ranked) == (20, 0, 0, False)
    contents = sorted(images)
    keys = splits.group_keys(contents, [senders[id_] for id_ in contents])
    side = dict(zip(contents, splits.folds(keys).tolist(), strict=True))
    for question in found.questions:
        assert len({side[id_] for id_ in ids(question)}) == 1
        assert len({senders[id_] for id_ in ids(question)}) == 3
        for image in question.images:
            assert judged_shop.content_id(Path(image.path)) == image.content_id
            assert images[image.content_id].id == image.id
    asked = {side[question.anchor.content_id] for question in found.questions}
    of_side = {own: {senders[id_] for id_ in contents if side[id_] == own} for own in range(5)}
    assert asked == {own for own, some in of_side.items() if len(some) >= 3} and len(asked) > 3
    assert {q.reason for q in found.questions} == {"nothing was said about this photograph yet"}


def test_the_gap_is_that_of_the_search(catalogue: Path) -> None:
    question = ask_triplets(1, catalogue=catalogue, seed=2).questions[0]
    with opened(catalogue) as shop:
        result = Searcher(shop).search(question.anchor.id, k=200)
    similarity = {hit.id: hit.similarity for hit in result.hits}
    expected = similarity[question.first.id] - similarity[question.second.id]
    assert question.gap == pytest.approx(expected, abs=2e-3)


def test_the_order_of_the_named_ranker_is_asked_about(catalogue: Path) -> None:
    plain = ask_triplets(5, catalogue=catalogue, name="n", seed=2)
    with opened(catalogue) as shop:
        model_id = made_up_rankers.add(shop, made_up_rankers.dropping(_CHANNELS, 0, 1), name="n")
    assert activate_model(model_id, catalogue=catalogue).notes == ()
    ranked = ask_triplets(5, catalogue=catalogue, name="n", seed=2)
    other = ask_triplets(5, catalogue=catalogue, name="other", seed=2)
    assert (plain.ranked, ranked.ranked, other.ranked) == (False, True, False)
    assert other.questions == plain.questions != ranked.questions


def test_one_seed_asks_the_same_and_none_asks_anew(catalogue: Path) -> None:
    first, same = (ask_triplets(8, catalogue=catalogue, seed=5) for _ in range(2))
    assert first == same
    assert ask_triplets(8, catalogue=catalogue) != ask_triplets(8, catalogue=catalogue)


def test_nothing_answered_is_asked_anew_except_one_in_five(catalogue: Path, sheet: Path) -> None:
    answered(catalogue, sheet)
    known = {unordered((t.anchor, t.positive, t.negative)) for t in held(catalogue)}
    swapped: set[bool] = set()
    for seed in range(4):
        found = ask_triplets(20, catalogue=catalogue, seed=seed)
        again = [each for each in found.questions if each.repeat]
        assert len(found.questions) == 20 and found.repeats == len(again) == 4
        for each in found.questions:
            assert (unordered(ids(each)) in known) == each.repeat
            assert (ids(each)[0] in {anchor for anchor, _ in known}) == each.repeat
        said = {(t.anchor, t.positive, t.negative) for t in held(catalogue)}
        swapped |= {ids(each) not in said for each in again}
        others = {each.reason for each in found.questions if not each.repeat}
        assert {each.reason for each in again} <= others
    assert swapped == {False, True}


def test_fewer_than_five_answers_are_not_asked_once_more(catalogue: Path, sheet: Path) -> None:
    answered(catalogue, sheet, 4)
    assert ask_triplets(20, catalogue=catalogue).repeats == 0
    judged_shop.teach(catalogue, 20, source="derived")
    assert ask_triplets(20, catalogue=catalogue).repeats == 0
    answered(catalogue, sheet, 1)
    assert ask_triplets(20, catalogue=catalogue).repeats == 4


def test_a_sheet_becomes_triplets_as_it_was_answered(catalogue: Path, sheet: Path) -> None:
    found = ask_triplets(6, catalogue=catalogue, name="shape", out=sheet, seed=0)
    assert list(rows_of(sheet)[0]) == list(module.question_sheet.COLUMNS)
    assert [row["answer"] for row in rows_of(sheet)] == [""] * 6
    fill(sheet, ["1", "2", "", " 1.0 ", "2", ""])
    report = answer_triplets(sheet, catalogue=catalogue)
    assert (report.names, report.added, report.skipped) == ({"shape": 4}, 4, 2)
    expected = []
    for question, answer in zip(found.questions, [1, 2, 0, 1, 2, 0], strict=True):
        anchor, first, second = ids(question)
        expected += {0: [], 1: [(anchor, first, second)], 2: [(anchor, second, first)]}[answer]
    taught = held(catalogue, "shape")
    assert [(t.anchor, t.positive, t.negative) for t in taught] == expected
    assert {t.source for t in taught} == {"asked"} and held(catalogue) == []


def test_an_answer_remembers_the_ranker_that_was_active(catalogue: Path, sheet: Path) -> None:
    with opened(catalogue) as shop:
        model_id = made_up_rankers.add(shop, made_up_rankers.dropping(_CHANNELS, 0, 1))
    activate_model(model_id, catalogue=catalogue)
    answered(catalogue, sheet, 1)
    assert [t.ranker for t in held(catalogue)] == [model_id]


def test_repeats_measure_how_consistent_the_answers_are(catalogue: Path, sheet: Path) -> None:
    answered(catalogue, sheet)
    before = held(catalogue)
    said = {(t.anchor, t.positive, t.negative) for t in before}
    found = ask_triplets(10, catalogue=catalogue, out=sheet, seed=1)
    # The first repeat is answered as before, the second one the other way round.
    alike = iter((True, False))
    answers = [
        "" if not each.repeat else "1" if (ids(each) in said) == next(alike) else "2"
        for each in found.questions
    ]
    fill(sheet, answers)
    report = answer_triplets(sheet, catalogue=catalogue)
    assert (report.repeats, report.alike, report.added, report.skipped) == (2, 1, 0, 8)
    assert held(catalogue) == before and consistency(catalogue) == (1, 2)
    later = ask_triplets(1, catalogue=catalogue)
    assert (later.agreed, later.repeated) == (1, 2)


def test_a_sheet_can_be_taken_over_again_when_more_is_answered(
    catalogue: Path, sheet: Path
) -> None:
    answered(catalogue, sheet)
    found = ask_triplets(10, catalogue=catalogue, out=sheet, seed=1)
    new = [not each.repeat for each in found.questions]
    half = [str(1 + number % 2) if number < 5 else "" for number in range(10)]
    fill(sheet, half)
    first = answer_triplets(sheet, catalogue=catalogue)
    assert first.added == sum(new[:5]) and first.repeats == 5 - sum(new[:5])
    noted = consistency(catalogue)
    again = answer_triplets(sheet, catalogue=catalogue)
    assert (again.added, again.repeats, again.unchanged) == (0, 0, 5)
    assert consistency(catalogue) == noted
    fill(sheet, half[:5] + ["2"] * 5)
    rest = answer_triplets(sheet, catalogue=catalogue)
    assert (rest.added, rest.unchanged) == (sum(new[5:]), 5)
    assert len(held(catalogue)) == 10 + sum(new) and consistency(catalogue)[1] == 2


def test_bad_lines_are_told_by_number_and_nothing_is_half_imported(
    catalogue: Path, sheet: Path
) -> None:
    answered(catalogue, sheet)
    before = held(catalogue)
    found = ask_triplets(10, catalogue=catalogue, out=sheet, seed=1)
    fill(sheet, ["1", "3"] + ["1"] * 8)
    with sheet.open("a") as file:
        file.write("nothing.png,000.png,001.png,1\n")
        file.write("nothing.png,000.png,001.png,1,,,\n")
        file.write("000.png,001.png,001.png,1,,,\n")
        file.write("000.png,001.png,,2,,,\n")
        file.write("000.png,001.png,002.png,2,,,yesterday\n")
    with pytest.raises(InvalidInput) as caught:
        answer_triplets(sheet, catalogue=catalogue)
    told = str(caught.value).splitlines()
    assert "6 lines of" in told[0]
    for number, part in (
        (3, "the answer is '3' (write 1 or 2, or nothing"),
        (12, "4 cells; expected 7"),
        (13, "nothing.png: no photograph of the catalogue has this name"),
        (14, "one photograph stands twice"),
        (15, "no second"),
        (16, "asked is 'yesterday', which is no time"),
    ):
        assert any(line.startswith(f"line {number}: {part}") for line in told), (number, told)
    assert held(catalogue) == before and consistency(catalogue) == (0, 0)
    report = answer_triplets(sheet, catalogue=catalogue, skip_bad=True)
    assert report.problem_count == 6 and report.added + report.repeats == 9
    assert report.repeats == sum(q.repeat for q in found.questions[:1] + found.questions[2:])


def test_a_changed_mind_about_a_new_answer_is_a_bad_line(catalogue: Path, sheet: Path) -> None:
    ask_triplets(2, catalogue=catalogue, out=sheet, seed=0)
    fill(sheet, ["1", "1"])
    answer_triplets(sheet, catalogue=catalogue)
    fill(sheet, ["1", "2"])
    number = held(catalogue)[1].id
    with pytest.raises(InvalidInput, match=rf"line 3: contradicts number {number} of default"):
        answer_triplets(sheet, catalogue=catalogue)


def test_one_question_twice_in_a_sheet_is_a_bad_line(catalogue: Path, sheet: Path) -> None:
    for text, verb in (("1", "repeats"), ("2", "contradicts")):
        sheet.write_text(
            f"anchor,first,second,answer\n000.png,001.png,002.png,1\n000.png,001.png,002.png,{text}"
        )
        with pytest.raises(InvalidInput, match=f"line 3: {verb} line 2"):
            answer_triplets(sheet, catalogue=catalogue)


def test_a_sheet_of_a_spreadsheet_is_read_too(catalogue: Path, sheet: Path) -> None:
    sheet.write_bytes("\ufeffAnchor;First;Second;Answer\r\n000.png;001.png;002.png;2\r\n".encode())
    assert answer_triplets(sheet, catalogue=catalogue).names == {"default": 1}


def test_what_is_no_filled_sheet_is_said(catalogue: Path, sheet: Path) -> None:
    ask_triplets(2, catalogue=catalogue, out=sheet)
    with pytest.raises(InvalidInput, match=r"no question of .* is answered"):
        answer_triplets(sheet, catalogue=catalogue)
    with pytest.raises(Conflict, match="may hold answers"):
        ask_triplets(2, catalogue=catalogue, out=sheet)
    sheet.write_text("anchor,positive,negative\n")
    with pytest.raises(InvalidInput, match="has no column first, second, answer"):
        answer_triplets(sheet, catalogue=catalogue)
    with pytest.raises(InvalidInput, match="count is 0"):
        ask_triplets(0, catalogue=catalogue)


def test_a_contact_sheet_has_a_row_for_each_question(catalogue: Path, tmp_path: Path) -> None:
    heights = []
    for count in (1, 2, 3):
        picture = tmp_path / f"{count}.png"
        found = ask_triplets(count, catalogue=catalogue, sheet_file=picture, seed=0)
        assert found.sheet == str(picture)
        with Image.open(picture) as opened_picture:
            heights.append(opened_picture.height)
    assert heights[0] < heights[1] and np.ptp(np.diff(heights)) == 0
    shown = module._rows(found.questions)[0]
    assert [tile.heading for tile in (shown.query, *shown.hits)] == ["question 1", "1", "2"]
    first = found.questions[0]
    assert [tile.source for tile in shown.hits] == [Path(first.first.path), Path(first.second.path)]


def test_a_large_catalogue_is_asked_about_in_part(
    catalogue: Path, sheet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(catalogue, sheet)
    monkeypatch.setattr(module, "MOST_PHOTOGRAPHS", 60)
    found = ask_triplets(20, catalogue=catalogue, seed=0)
    with opened(catalogue) as shop:
        contents = sorted(image.content_id or "" for image in shop.catalogue.each())
    said = {id_ for t in held(catalogue) for id_ in (t.anchor, t.positive, t.negative)}
    used = {id_ for each in found.questions for id_ in ids(each)}
    assert used <= {*contents[:60], *said} and found.repeats == 4
    assert "the 60 photographs with the smallest content ids" in found.notes[0]


def test_where_nothing_can_be_asked_it_is_said(
    catalogue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_PHOTOGRAPHS", 2)
    with pytest.raises(InvalidInput, match="no question can be asked about 2 photographs"):
        ask_triplets(catalogue=catalogue)
    monkeypatch.setattr(module, "MOST_PHOTOGRAPHS", 20)
    found = ask_triplets(1_000, catalogue=catalogue)
    assert f"only {len(found.questions)} questions worth asking were found" in found.notes


def test_a_question_that_was_answered_elsewhere_has_no_place_on_a_side() -> None:
    members = np.array([4, 1])
    answered = np.array([[1, 4, 2], [2, 1, 4], [4, -1, 1], [-1, 1, 4]])
    assert module._within(members, answered, 5).tolist() == [[1, 0, -1], [0, -1, 1]]
