"""Training a rank head, and the report that decides whether it may be used."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from rank_samples import judged, torch_or_skip
from tiefvision.errors import InvalidInput, NotReady
from tiefvision.maths.judging import triplet_accuracy
from tiefvision.teach.rank_choices import LOSSES
from tiefvision.vision import ranker as ranker_files

torch = torch_or_skip()

from tiefvision.teach.rank_fitting import Recipe  # noqa: E402
from tiefvision.teach.rank_folds import Step  # noqa: E402
from tiefvision.teach.rank_report import TrainedRanker  # noqa: E402
from tiefvision.teach.train_ranker import recipe_for, train  # noqa: E402

QUICK = Recipe(steps=40, batch=80)
CHANNELS = 12


@pytest.fixture(scope="module")
def steps() -> list[Step]:
    return []


@pytest.fixture(scope="module")
def trained(steps: list[Step]) -> TrainedRanker:
    data = replace(judged(), kinds=np.arange(120) % 4)
    return train(data, recipe=QUICK, channels=CHANNELS, progress=steps.append)


def test_it_orders_held_out_images_better_and_says_so(trained: TrainedRanker) -> None:
    report = trained.report
    assert report.held_out.verdict == "better" and not report.loses and not report.too_few
    assert report.held_out.after > report.held_out.before + 0.1
    assert report.held_out_mirrored.after > report.held_out_mirrored.before
    assert report.learned.after > report.learned.before
    for figure in (report.map_10, report.recall_1, report.recall_5):
        assert figure is not None and figure.after > figure.before and figure.count > 100
    assert report.unseen_kinds is not None and report.unseen_kinds.count >= 250


def test_what_changed_most_is_shown_with_first_hits(trained: TrainedRanker) -> None:
    better, worse = trained.report.better, trained.report.worse
    assert len(better) == 5 and all(one.gain > 0 for one in better)
    assert all(one.gain < 0 for one in worse)
    assert all(a.gain >= b.gain for a, b in pairwise(better))
    assert all(len({one.query, one.before, one.after}) == 3 for one in (*better, *worse))


def test_progress_tells_every_stage_with_its_held_out_accuracy(
    trained: TrainedRanker, steps: list[Step]
) -> None:
    stages = list(dict.fromkeys(step.stage for step in steps))
    assert stages == ["held-out groups", "unseen kinds", "everything"]
    for step in steps:
        assert math.isnan(step.held_out_accuracy) == (step.stage == "everything")
        most = 40 if step.stage == "held-out groups" else trained.report.steps
        assert 0 <= step.step <= step.steps == most
    assert [point.step for point in trained.report.history] == [0, 10, 20, 30, 40]


def test_the_exported_ranker_orders_what_it_learned_as_the_report_says(
    trained: TrainedRanker, tmp_path: Path
) -> None:
    ranker_files.write(trained.ranker, tmp_path / "model", description={"name": ""})
    ranker = ranker_files.load(tmp_path / "model")
    data = judged()
    cells = data.centred(np.arange(len(data.cells)))
    found = triplet_accuracy(ranker(cells).reshape(len(cells), -1), data.triplets)
    assert found == pytest.approx(trained.report.learned.after, abs=0.01)
    assert ranker.channels == CHANNELS


def test_one_seed_gives_the_same_head_and_report(trained: TrainedRanker) -> None:
    data = replace(judged(), kinds=np.arange(120) % 4)
    again = train(data, recipe=QUICK, channels=CHANNELS)
    assert again.report.history[1:] == trained.report.history[1:]
    assert replace(again.report, history=()) == replace(trained.report, history=())
    arrays = trained.ranker.arrays()
    assert arrays.keys() == again.ranker.arrays().keys()
    assert all(np.array_equal(again.ranker.arrays()[name], arrays[name]) for name in arrays)


@pytest.mark.parametrize("network", ["linear", "residual"])
@pytest.mark.parametrize("loss", LOSSES)
def test_every_network_learns_by_every_loss(loss: str, network: str) -> None:
    data = judged()
    recipe = replace(recipe_for(data, loss), steps=30, batch=80)
    found = train(data, recipe=recipe, network=network, channels=CHANNELS)
    assert found.report.held_out.verdict == "better"


def test_a_head_of_all_channels_learns_too() -> None:
    found = train(judged(), recipe=QUICK, channels=None)
    assert found.report.held_out.verdict == "better" and found.ranker.channels == 20


def test_triplets_without_classes_are_learned_from() -> None:
    report = train(judged(known=False), recipe=QUICK, channels=CHANNELS).report
    assert report.held_out.verdict == "better" and report.held_out.count == 300
    assert report.map_10 is None and report.unseen_kinds is None


def test_pairs_alone_are_learned_from() -> None:
    data = judged(known=False)
    anchor, positive, negative = data.triplets.T
    pairs = np.concatenate([np.stack([anchor, positive], 1), np.stack([anchor, negative], 1)])
    same = np.arange(len(pairs)) < len(anchor)
    pairs, first = np.unique(np.sort(pairs, axis=1), axis=0, return_index=True)
    data = replace(data, triplets=np.empty((0, 3), np.int64), pairs=pairs, same=same[first])
    recipe = replace(recipe_for(data, "siamese"), steps=40, batch=80)
    report = train(data, recipe=recipe, channels=CHANNELS).report
    assert report.held_out.after > report.held_out.before


def test_a_handful_of_judgements_is_too_few_to_judge_and_still_trains() -> None:
    report = train(judged(triplets=10), recipe=QUICK, channels=CHANNELS).report
    assert report.too_few and not report.loses and report.steps == QUICK.steps
    assert str(report.held_out) == f"too few to judge ({report.held_out.count})"


def test_one_group_of_images_trains_and_judges_nothing() -> None:
    data = judged(senders=1, known=False, triplets=1)
    data = replace(data, triplets=np.array([[0, 1, 2]]))
    report = train(data, recipe=QUICK, channels=4).report
    assert report.held_out.count == 0 and report.too_few and report.better == ()


def test_training_stops_where_the_held_out_loss_was_least() -> None:
    """With a class that hardly shows and many steps at a high rate, it learns by heart."""
    data = judged(known=False, triplets=80, loud=0.2)
    recipe = Recipe(steps=120, batch=80, rate=8.0, evenness=10.0)
    report = train(data, recipe=recipe, channels=CHANNELS).report
    losses = [point.held_out_loss for point in report.history]
    best = min(report.history, key=lambda point: point.held_out_loss)
    assert report.steps == best.step < recipe.steps
    assert losses[-1] > min(losses)


def test_only_a_significant_loss_blocks(trained: TrainedRanker) -> None:
    report = trained.report
    for verdict, blocks in (("worse", True), ("no difference", False), ("better", False)):
        held_out = replace(report.held_out, verdict=verdict)
        assert replace(report, held_out=held_out, unseen_kinds=None).loses == blocks
        assert replace(report, unseen_kinds=held_out).loses == blocks


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"channels": 0}, "a head of 0 channels"),
        ({"recipe": Recipe(steps=0)}, "steps is 0"),
        ({"recipe": Recipe(rate=-1.0)}, "rate is -1.0"),
    ],
)
def test_settings_that_are_not_known_are_named(given: dict, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        train(judged(), **given)


def test_a_graphics_card_is_used_where_there_is_one_and_missed_aloud() -> None:
    if torch.cuda.is_available():
        report = train(judged(), recipe=QUICK, channels=CHANNELS, device="cuda").report
        assert report.held_out.verdict == "better"
    else:
        with pytest.raises(NotReady, match="no CUDA device"):
            train(judged(), channels=4, device="cuda")
