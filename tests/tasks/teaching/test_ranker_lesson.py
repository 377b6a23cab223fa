"""From judgements to a ranker that searches are ranked by, or not."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

import judged_shop
from rank_samples import torch_or_skip
from tiefvision.cli import app
from tiefvision.errors import NotFound
from tiefvision.maths.judging import Comparison, Difference
from tiefvision.store import models
from tiefvision.tasks.keeping import models as model_verbs
from tiefvision.tasks.opened import opened
from tiefvision.tasks.progress import Advance
from tiefvision.tasks.searching.search import Searcher, SearchResult
from tiefvision.tasks.teaching.train_ranker import RankerLesson, _decide, train_ranker
from tiefvision.vision import ranker

torch_or_skip()

from tiefvision.teach.rank_report import RankReport  # noqa: E402


@pytest.fixture
def catalogue(tmp_path: Path, judged_catalogue: Path, tiny_cache: Path) -> Generator[Path]:
    """Without judgements yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIEFVISION_CACHE", str(tiny_cache))
        yield Path(shutil.copytree(judged_catalogue, tmp_path / "shop"))


def _train(catalogue: Path, **options: object) -> RankerLesson:
    lesson = train_ranker(catalogue=catalogue, **options)  # type: ignore[arg-type]
    assert lesson is not None
    return lesson


def _search(catalogue: Path, query: int = 1, **options: object) -> SearchResult:
    with opened(catalogue) as shop:
        return Searcher(shop).search(query, k=10, **options)  # type: ignore[arg-type]


def _hits(result: SearchResult) -> list[tuple[int, float]]:
    return [(hit.id, round(hit.similarity, 4)) for hit in result.hits]


# --- learning, using and going back --------------------------------------------------------------


def test_a_ranker_is_taught_used_and_undone(catalogue: Path) -> None:
    judged_shop.teach(catalogue, 300)
    plain = _search(catalogue)
    lesson = _train(catalogue, groups=["sender"], kind="sort")
    assert (lesson.triplets, lesson.left_out, lesson.activated) == (300, 0, True)
    held_out = lesson.judged["held-out triplets"]
    assert held_out.verdict == "better" and held_out.count == 300
    assert lesson.judged["unseen kinds"].count > 250
    assert lesson.reason == str(held_out)
    ranked = _search(catalogue)
    assert ranked.ranker == "default" and _hits(ranked) != _hits(plain)
    assert _hits(_search(catalogue, ranker="none")) == _hits(plain)
    model_verbs.deactivate(kind="ranker", name="default", back=True, catalogue=catalogue)
    assert _hits(_search(catalogue)) == _hits(plain)


def test_groups_show_how_well_images_find_their_like(catalogue: Path) -> None:
    judged_shop.teach(catalogue, 200, source="derived", groups=True)
    lesson = _train(catalogue, keep=True)
    assert not lesson.activated and lesson.reason.endswith("kept, as was asked")
    for figure in ("R@1", "R@5", "mAP@10"):
        assert lesson.judged[figure].after >= lesson.judged[figure].before
    assert lesson.judged["mAP@10"].verdict == "better"


def test_the_model_folder_holds_dataset_report_and_what_changed_most(catalogue: Path) -> None:
    judged_shop.teach(catalogue, 200)
    lesson = _train(catalogue, keep=True)
    details = model_verbs.show_model(lesson.model_id, catalogue=catalogue)
    folder = Path(details.folder)
    dataset = (folder / "dataset.json").read_bytes()
    assert hashlib.sha256(dataset).hexdigest() == lesson.dataset
    report = json.loads((folder / "report.json").read_text())
    assert report == details.report and report["dataset"] == lesson.dataset
    assert report["judged"]["held-out triplets"]["count"] == 200
    assert [point["step"] for point in report["history"]][:3] == [0, 10, 20]
    assert Path(report["better"][0]["query"]).is_file()
    assert lesson.changed == str(folder / "changed.jpg") and Path(lesson.changed).is_file()
    assert ranker.load(folder).channels <= 12, "no more than the cells have"


def test_one_seed_gives_the_same_model_and_another_one_another(catalogue: Path) -> None:
    judged_shop.teach(catalogue, 60)
    first, again, other = (_train(catalogue, keep=True, seed=seed) for seed in (0, 0, 1))
    assert first.model_id == again.model_id != other.model_id
    assert len(model_verbs.list_models(catalogue)) == 2


def test_no_photograph_is_needed(catalogue: Path, judged_catalogue: Path) -> None:
    judged_shop.teach(catalogue, 60)
    photos = judged_catalogue.parent / "photos"
    photos.rename(photos.with_name("away"))
    try:
        assert _train(catalogue, force=True).activated
        assert _search(catalogue).ranker == "default"
    finally:
        photos.with_name("away").rename(photos)


def test_two_names_are_two_rankers(catalogue: Path) -> None:
    judged_shop.teach(catalogue, 60)
    judged_shop.teach(catalogue, 80, name="colour")
    for name in (None, "colour"):
        assert _train(catalogue, name=name, force=True).activated
    assert _search(catalogue, ranker="colour").ranker == "colour"
    assert _search(catalogue).ranker == "default"


def test_a_search_by_the_ranker_needs_no_torch(catalogue: Path) -> None:
    judged_shop.teach(catalogue, 60)
    _train(catalogue, force=True)
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from tiefvision.tasks.opened import opened\n"
        "from tiefvision.tasks.searching.search import Searcher\n"
        "with opened(sys.argv[1]) as shop:\n"
        "    print(Searcher(shop).search(1).ranker)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(catalogue)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "default"


# --- whether it is used --------------------------------------------------------------------------


def _judged(verdict: str, count: int = 80) -> Comparison:
    after = {"better": 0.8, "worse": 0.6}.get(verdict, 0.7)
    change = Difference(after - 0.7, after - 0.72, after - 0.68)
    return Comparison(0.7, after, count, change, verdict)  # type: ignore[arg-type]


def _report(held_out: str, unseen_kinds: str | None = None) -> RankReport:
    kinds = None if unseen_kinds is None else _judged(unseen_kinds)
    own = {name: None for name in RankReport.__dataclass_fields__}
    own |= {"held_out": _judged(held_out, 80), "unseen_kinds": kinds}
    if held_out == "too few to judge":
        own["held_out"] = _judged(held_out, 12)
    known = SimpleNamespace(**own)
    known.loses = RankReport.loses.fget(known)  # type: ignore[attr-defined]
    known.too_few = RankReport.too_few.fget(known)  # type: ignore[attr-defined]
    return known  # type: ignore[return-value]


Answer = Callable[[str], bool]


@pytest.mark.parametrize(
    ("held_out", "unseen_kinds", "options", "used", "reason"),
    [
        ("better", None, {}, True, "better: 0.700 -> 0.800"),
        ("no difference", None, {}, True, "no difference"),
        ("better", "no difference", {}, True, "better"),
        ("better", "too few to judge", {}, True, "better"),
        ("worse", None, {}, False, "what it never saw worse: worse: 0.700 -> 0.600"),
        ("better", "worse", {}, False, "what it never saw worse"),
        ("too few to judge", "worse", {}, False, "what it never saw worse"),
        ("worse", None, {"force": True}, True, "used, as was asked"),
        ("better", None, {"keep": True}, False, "kept, as was asked"),
        ("too few to judge", None, {}, False, "too few to judge (12); kept, as nobody"),
        ("too few to judge", None, {"ask": lambda _: True}, True, "used, as was answered"),
        ("too few to judge", None, {"ask": lambda _: False}, False, "too few to judge (12)"),
        (
            "too few to judge",
            None,
            {"force": True},
            True,
            "too few to judge (12); used, as was asked",
        ),
    ],
)
def test_only_a_significant_loss_blocks_and_too_little_is_asked_about(
    held_out: str, unseen_kinds: str | None, options: dict, used: bool, reason: str
) -> None:
    defaults = {"keep": False, "force": False, "ask": None}
    found = _decide(_report(held_out, unseen_kinds), **{**defaults, **options})
    assert found[0] == used and reason in found[1]


def test_nobody_is_asked_where_there_is_enough(catalogue: Path) -> None:
    def ask(question: str) -> bool:
        raise AssertionError(question)

    judged_shop.teach(catalogue, 120)
    assert _train(catalogue, ask=ask).activated


def test_a_ranker_that_measured_worse_is_kept_and_not_used(
    catalogue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tiefvision.teach import train_ranker as teach

    real = teach.train

    def worse(*given: object, **options: object) -> object:
        trained = real(*given, **options)
        return replace(trained, report=replace(trained.report, held_out=_judged("worse")))

    monkeypatch.setattr(teach, "train", worse)
    judged_shop.teach(catalogue, 60)
    lesson = _train(catalogue)
    assert not lesson.activated and "worse" in lesson.reason
    assert [model.active for model in model_verbs.list_models(catalogue)] == [False]
    assert _search(catalogue).ranker == "none"
    model_verbs.activate_model(lesson.model_id, catalogue=catalogue)
    assert _search(catalogue).ranker == "default"


# --- interrupted and killed ----------------------------------------------------------------------


def test_ctrl_c_while_it_learns_leaves_nothing(catalogue: Path) -> None:
    judged_shop.teach(catalogue, 60)
    stop = threading.Event()

    @contextmanager
    def progress(stage: str, total: int | None, /, *, unit: str = "images") -> Generator[Advance]:
        def advance(amount: int, /, *, note: str = "") -> None:
            if unit == "steps" and amount:
                assert note.startswith("loss 0.") and "held out 0." in note
                stop.set()

        yield advance

    assert train_ranker(catalogue=catalogue, progress=progress, stop=stop) is None
    assert model_verbs.list_models(catalogue) == []
    assert not list((catalogue / "models").glob("ranker/*"))


# For each "n catalogue" a fork that kills itself the n-th time that something is about to be
# written, or (n = 0) while it learns; prints how it ended, and the number of writes.
_KILLED = """
import os, signal, sys
import lance, onnxruntime, torch
from tiefvision.store import models
from tiefvision.store.database import Database
from tiefvision.tasks.teaching import train_ranker
from tiefvision.teach import rank_folds
from tiefvision.teach import train_ranker as teach
from tiefvision.vision import artefacts

done = 0

def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def watch(owner, name, at):
    real = getattr(owner, name)
    def counted(*args, **options):
        global done
        done += 1
        if done == at:
            kill()
        return real(*args, **options)
    setattr(owner, name, counted)

for line in sys.stdin:
    at, catalogue = line.split(" ", 1)
    process = os.fork()
    if process == 0:
        if at == "0":
            rank_folds._Fit.done = kill
        for owner, name in (
            (artefacts, "copy"),
            (artefacts, "_move_into_place"),
            (train_ranker, "save"),
            (Database, "write"),
        ):
            watch(owner, name, int(at))
        train_ranker.train_ranker(catalogue=catalogue.strip(), force=True)
        os._exit(done)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""


def _killed(jobs: list[tuple[int, Path]]) -> list[int]:
    done = subprocess.run(
        [sys.executable, "-c", _KILLED],
        input="".join(f"{at} {catalogue}\n" for at, catalogue in jobs),
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(line) for line in done.stdout.split()]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills processes the POSIX way")
def test_killed_at_any_write_the_old_order_answers_and_the_next_run_goes_on(
    catalogue: Path, tmp_path: Path
) -> None:
    judged_shop.teach(catalogue, 40)
    plain = _hits(_search(catalogue))
    whole = Path(shutil.copytree(catalogue, tmp_path / "undisturbed"))
    (writes,) = _killed([(1_000, whole)])
    assert writes > 6
    ranked = _hits(_search(whole))
    (model,) = model_verbs.list_models(whole)
    jobs = [
        (at, Path(shutil.copytree(catalogue, tmp_path / f"killed-{at}")))
        for at in range(writes + 1)
    ]
    assert _killed(jobs) == [-signal.SIGKILL] * len(jobs)
    for at, own in jobs:
        assert _hits(_search(own)) in (plain, ranked), at
        if at == 0:
            assert model_verbs.list_models(own) == [] and not (own / "models" / "ranker").exists()
    # The next run, as undisturbed as the first.
    assert all(status > 0 for status in _killed([(1_000, own) for _, own in jobs]))
    for at, own in jobs:
        assert _hits(_search(own)) == ranked, at
        with opened(own) as shop:
            assert models.active(shop.database, kind="ranker", name="default") == model.id


# --- typed ---------------------------------------------------------------------------------------


def _typed(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_typed_it_says_what_was_learned_and_what_it_is_worth(catalogue: Path) -> None:
    judged_shop.teach(catalogue, 120)
    done = _typed("train", "ranker", "-c", catalogue, "--group", "sender", "--kind", "sort")
    assert done.exit_code == 0, done.output
    assert "learned default from 120 triplets and 0 pairs" in done.stdout
    for row in ("held-out triplets", "unseen kinds", "what changed most", "it is used now"):
        assert row in done.stdout


def test_as_json_too_few_to_judge_is_kept_and_yes_uses_it(catalogue: Path) -> None:
    judged_shop.teach(catalogue, 20)
    done = _typed("train", "ranker", "-c", catalogue, "--json")
    lesson = json.loads(done.stdout)
    assert (done.exit_code, lesson["activated"]) == (0, False)
    assert lesson["reason"] == "too few to judge (20); kept, as nobody could be asked"
    lesson = json.loads(_typed("train", "ranker", "-c", catalogue, "--json", "--yes").stdout)
    assert lesson["activated"] and lesson["reason"].endswith("used, as was answered")


def test_all_options_reach_the_training(catalogue: Path) -> None:
    judged_shop.teach(catalogue, 60, name="colour")
    options = ["--name", "colour", "--network", "residual", "--loss", "angle", "--seed", 3]
    done = _typed(
        "train", "ranker", "-c", catalogue, *options, "--channels", "all", "--keep", "--json"
    )
    lesson = json.loads(done.stdout)
    details = model_verbs.show_model(lesson["model_id"], catalogue=catalogue)
    report = details.report
    assert (report["network"], report["seed"]) == ("residual", 3)
    assert report["recipe"]["loss"] == "angle" and report["recipe"]["margin"] > 1
    head = ranker.load(Path(details.folder))
    assert head.channels == len(head.mean) and head.up is not None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--channels", "many"], "--channels many is no number"),
        (["--channels", "0"], "a head of 0 channels; expected at least 1"),
        (["--loss", "huge"], "'huge' is not one of"),
    ],
)
def test_what_cannot_be_chosen_is_said(catalogue: Path, words: list[str], said: str) -> None:
    judged_shop.teach(catalogue, 5)
    done = _typed("train", "ranker", "-c", catalogue, *words)
    assert done.exit_code == 2 and said in done.output


def test_without_judgements_it_says_how_to_get_some(catalogue: Path) -> None:
    with pytest.raises(NotFound, match="nothing was judged"):
        train_ranker(catalogue=catalogue)
    done = _typed("train", "ranker", "-c", catalogue)
    assert done.exit_code == NotFound.exit_code and "triplets derive --by COLUMN" in done.output
