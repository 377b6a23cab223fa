"""vision/locator.py with untrained networks: what slides is what was trained, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from locator_samples import CHANNELS, COLS, ROWS, random_networks
from tiefvision.errors import InvalidInput, NotFound, ShapeMismatch, WeightsError
from tiefvision.maths import windows
from tiefvision.maths.merge_rules import Merge
from tiefvision.maths.merging import merge
from tiefvision.teach.export_locator import LocatorNetworks, Weights, write_folder
from tiefvision.vision import encoders, locator
from tiefvision.vision.locator import Heads, Locator, Shape, look_again, whole_grid
from tiefvision.vision.locator_choices import LocatorChoices
from tiefvision.vision.pixels import Pixels

# Beyond whatever untrained networks answer of any cells.
ALWAYS, NEVER = 1e6, -1e6


def _written(
    folder: Path, tiny_encoder: str, networks: LocatorNetworks, label: str = "dress"
) -> Path:
    write_folder(folder, networks, encoder=encoders.load(tiny_encoder), label=label)
    return folder


def _grid(seed: int = 0, rows: int = ROWS, cols: int = COLS) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, cols, CHANNELS)).astype(np.float32)


def _image(width: int = 96, height: int = 96, seed: int = 0) -> Pixels:
    rgb = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Pixels(rgb, original_width=width, original_height=height)


def _answers(weights: Weights, window: np.ndarray) -> np.ndarray:
    """What the networks say of one cropped window (side, side, channels): the slow oracle."""
    seen = window.transpose(2, 0, 1)
    linear = (weights.linear * seen).sum(axis=(1, 2, 3)) + weights.bias
    units = (weights.hidden * seen).sum(axis=(2, 3, 4)) + weights.hidden_bias
    return linear + (weights.out * np.maximum(units, 0)).sum(axis=1)


# The plain locator, and one with windows of two sizes on grids of two sizes.
PLAIN = (LocatorChoices(), ((ROWS, COLS),))
PYRAMID = (LocatorChoices("average", (3, 7), (1.5,)), ((ROWS, COLS), (18, 17)))


@pytest.mark.parametrize(("choices", "shapes"), [PLAIN, PYRAMID], ids=["plain", "pyramid"])
def test_sliding_over_the_grid_equals_cropping_and_applying(
    choices: LocatorChoices,
    shapes: tuple[tuple[int, int], ...],
    tmp_path: Path,
    tiny_encoder: str,
) -> None:
    networks = random_networks(choices=choices, grids=shapes)
    grids = [_grid(rows, rows, cols) for rows, cols in shapes]
    seen = Heads(_written(tmp_path / "model", tiny_encoder, networks)).slide(*grids)
    number = 0
    for grid, slides in zip(grids, networks.slides, strict=True):
        cells = (grid - networks.offset) @ networks.projection
        for side, slide in zip(choices.windows, slides, strict=True):
            padded = np.pad(cells, ((side // 2,) * 2, (side // 2,) * 2, (0, 0)))
            assert slide.weights.place is not None
            for row, col in np.ndindex(grid.shape[:2]):
                answer = _answers(slide.weights, padded[row : row + side, col : col + side])
                answer = answer + slide.weights.place[:, row, col]
                probability = 1 / (1 + np.exp(-answer[0]))
                edges = answer[1:] * slide.scale + slide.place[:, row, col]
                window = _window(row, col, side, *grid.shape[:2])
                box = windows.without(edges[None].astype(np.float64), window)
                np.testing.assert_allclose(seen.windows[number], window[0], atol=1e-12)
                assert seen.probability[number] == pytest.approx(probability, abs=1e-4)
                np.testing.assert_allclose(seen.boxes[number], box[0], atol=1e-4)
                number += 1
    assert number == len(seen.probability)


def _window(row: int, col: int, side: int, rows: int, cols: int) -> np.ndarray:
    left, top = col + 0.5 - side / 2, row + 0.5 - side / 2
    return np.array([[left / cols, top / rows, (left + side) / cols, (top + side) / rows]])


def test_a_second_look_is_the_networks_of_the_cells_in_and_around_the_box(
    tmp_path: Path, tiny_encoder: str
) -> None:
    choices, shapes = PYRAMID
    networks = random_networks(logit=ALWAYS, choices=choices, grids=shapes)
    heads = Heads(_written(tmp_path / "model", tiny_encoder, networks))
    grids = [_grid(rows, rows, cols) for rows, cols in shapes]
    seen = heads.slide(*grids)
    box = seen.boxes.mean(axis=0)[None]
    cells = [(grid - networks.offset) @ networks.projection for grid in grids]
    for _ in range(networks.shape.looks):
        window = windows.grown(windows.ordered(box, least=locator.LEAST_SIDE), by=1.5)
        looked = [windows.cells_in(own, window, side=7)[0] for own in cells]
        answer = _answers(networks.look, np.concatenate(looked, axis=2))
        edges = answer * networks.look_scale + networks.look_mean
        box = windows.without(edges[None].astype(np.float64), window)
    found = heads.find(*grids)
    assert found is not None
    assert found.votes == 2 * (ROWS * COLS + 18 * 17)
    assert found.confidence == pytest.approx(1)
    expected = windows.inside(box, least=locator.LEAST_SIDE)[0]
    np.testing.assert_allclose(found.edges, expected, atol=1e-4)


def test_looking_again_finds_a_product_that_is_seen_rightly() -> None:
    product = np.array([[0.2, 0.3, 0.5, 0.9]])
    shape = Shape(((ROWS, COLS),), (5,), 7, 1.5, 1)
    first = np.array([[0.1, 0.4, 0.6, 0.8]])
    found = look_again(first, shape, lambda window: windows.within(product, window))
    np.testing.assert_allclose(found, product)


def test_windows_below_the_least_probability_have_no_vote(
    tmp_path: Path, tiny_encoder: str
) -> None:
    networks = random_networks()
    heads = Heads(_written(tmp_path / "model", tiny_encoder, networks))
    # The classifier's own answers, moved so that about half of them stand above the threshold.
    sure = heads.slide(_grid()).probability
    logits = np.log(sure / (1 - sure))
    threshold = np.log(locator.LEAST_PROBABILITY / (1 - locator.LEAST_PROBABILITY))
    moved = random_networks(logit=threshold - float(np.median(logits)))
    found = Heads(_written(tmp_path / "moved", tiny_encoder, moved)).find(_grid())
    assert found is not None
    assert found.votes == ROWS * COLS // 2
    assert found.confidence >= locator.LEAST_PROBABILITY


def test_nothing_is_found_where_no_window_is_probable(tmp_path: Path, tiny_encoder: str) -> None:
    folder = _written(tmp_path / "model", tiny_encoder, random_networks(logit=NEVER))
    assert Locator(folder).locate(_image()) is None


def test_a_location_lies_in_the_pixels_of_the_original(tmp_path: Path, tiny_encoder: str) -> None:
    folder = _written(tmp_path / "model", tiny_encoder, random_networks(logit=ALWAYS))
    half = _image(60, 90)
    image = Pixels(half.rgb, original_width=120, original_height=180)
    found, small = Locator(folder).locate(image), Locator(folder).locate(half)
    assert found is not None
    assert small is not None
    box = found.box
    assert 0 <= box.left < box.right <= 120
    assert 0 <= box.top < box.bottom <= 180
    np.testing.assert_allclose(np.array(small.box.as_list()) * 2, box.as_list())


def test_the_same_pixels_always_give_the_same_box(tmp_path: Path, tiny_encoder: str) -> None:
    folder = _written(tmp_path / "model", tiny_encoder, random_networks(logit=ALWAYS))
    assert Locator(folder).locate(_image()) == Locator(folder).locate(_image())


def test_a_cell_of_the_whole_grid_sees_its_part_of_the_image(tiny_encoder: str) -> None:
    encoder = encoders.load(tiny_encoder)
    # Twice as wide as high: squashed to 96 x 96, so a cell is 16 x 8 pixels of it.
    plain = np.zeros((96, 192, 3), np.uint8)
    marked = plain.copy()
    marked[3 * 8 : 4 * 8, 5 * 16 : 6 * 16] = 255
    grids = [whole_grid(encoder, Pixels(rgb, 192, 96)) for rgb in (plain, marked)]
    changed = np.abs(grids[1] - grids[0]).sum(axis=2)
    assert np.unravel_index(int(changed.argmax()), changed.shape) == (3, 5)


def test_a_mirrored_grid_is_that_of_the_mirrored_image(tiny_encoder: str) -> None:
    encoder, image = encoders.load(tiny_encoder), _image()
    flipped = Pixels(np.ascontiguousarray(image.rgb[:, ::-1]), 96, 96)
    mirrored = whole_grid(encoder, image, mirror=True)
    np.testing.assert_array_equal(mirrored, whole_grid(encoder, flipped))
    assert not np.array_equal(mirrored, whole_grid(encoder, image))


def test_a_rule_of_merging_can_be_chosen(tmp_path: Path, tiny_encoder: str) -> None:
    grid, found = _grid(), {}
    for rule in get_args(Merge):
        networks = random_networks(logit=ALWAYS, choices=LocatorChoices(rule))
        networks = replace(networks, shape=replace(networks.shape, looks=0))
        heads = Heads(_written(tmp_path / rule, tiny_encoder, networks))
        seen, location = heads.slide(grid), heads.find(grid)
        assert location is not None and heads.choices.merge == rule
        expected = merge(seen.boxes, seen.probability, seen.windows, by=rule)
        inside = windows.inside(expected[None], least=locator.LEAST_SIDE)[0]
        np.testing.assert_allclose(location.edges, inside, atol=1e-6)
        found[heads.artefact.fingerprint] = rule
    assert len(found) == len(get_args(Merge)), "the rule is a part of the fingerprint"


def test_a_grid_of_another_size_is_refused(tmp_path: Path, tiny_encoder: str) -> None:
    heads = Heads(_written(tmp_path / "model", tiny_encoder, random_networks()))
    with pytest.raises(ShapeMismatch, match="grids of"):
        heads.find(_grid(), _grid())


def test_an_image_is_read_at_every_size_of_the_pyramid(tiny_encoder: str) -> None:
    encoder, image = encoders.load(tiny_encoder), _image(96, 96)
    # A tiny network takes one size only: the picture is enlarged, then brought back to it.
    assert whole_grid(encoder, image, size=2).shape == (ROWS, COLS, CHANNELS)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"windows": (4,)}, "windows of 4 cells were asked for; different ones of 3, 5"),
        ({"windows": (5, 5)}, "different ones"),
        ({"windows": ()}, "windows of no cells"),
        ({"pyramid": (1.0,)}, "a pyramid of 1 times the size was asked for"),
        ({"pyramid": (2.5,)}, "numbers above 1 and up to 2 expected"),
        ({"pyramid": (float("nan"),)}, "a pyramid of nan times"),
    ],
)
def test_what_cannot_be_chosen_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        LocatorChoices(**given)


def test_an_unknown_rule_of_merging_is_refused() -> None:
    choices = LocatorChoices()
    # Past the type check that only tests run with.
    object.__setattr__(choices, "merge", "mode")
    with pytest.raises(InvalidInput, match="merge is 'mode'; one of average, own-side"):
        choices.__post_init__()


def test_label_and_fingerprint_are_those_of_the_model(tmp_path: Path, tiny_encoder: str) -> None:
    first = Locator(_written(tmp_path / "a", tiny_encoder, random_networks(), label="bag"))
    same = Locator(_written(tmp_path / "b", tiny_encoder, random_networks(), label="bag"))
    other = Locator(_written(tmp_path / "c", tiny_encoder, random_networks(seed=1), label="bag"))
    assert first.label == "bag"
    assert first.fingerprint == same.fingerprint != other.fingerprint


def test_a_folder_of_something_else_is_refused(tmp_path: Path, tiny_encoder: str) -> None:
    encoder = encoders.load(tiny_encoder)
    with pytest.raises(WeightsError, match="does not hold a locator"):
        Locator(encoder.folders[0].artefact.folder)
    with pytest.raises(NotFound, match=r"holds no model\.json"):
        Locator(tmp_path)


def test_a_locator_of_an_earlier_version_is_to_be_trained_again(
    tmp_path: Path, tiny_encoder: str
) -> None:
    heads = Heads(_written(tmp_path / "model", tiny_encoder, random_networks()))
    files = {name: heads.artefact.path(name).read_bytes() for name in heads.artefact.files}
    # As the format was before there were window sizes and a pyramid.
    newer = ("windows", "pyramid", "grids")
    earlier = {key: own for key, own in heads.artefact.description.items() if key not in newer}
    earlier |= {"rows": 14, "cols": 14, "kernel": 5}
    locator.artefacts.write(tmp_path / "old", description=earlier, files=files)
    with pytest.raises(
        WeightsError, match=r"by an earlier version of.*type `tiefvision train locator`"
    ):
        Locator(tmp_path / "old")


def test_a_locator_of_other_encoder_weights_is_refused(tmp_path: Path, tiny_encoder: str) -> None:
    folder = _written(tmp_path / "model", tiny_encoder, random_networks())
    heads = Heads(folder)
    files = {name: heads.artefact.path(name).read_bytes() for name in heads.artefact.files}
    changed = {**heads.artefact.description, "networks": ["0" * 64]}
    locator.artefacts.write(tmp_path / "other", description=changed, files=files)
    with pytest.raises(
        WeightsError, match=r"on other weights of onnx:.*type `tiefvision train locator`"
    ):
        Locator(tmp_path / "other")


def test_a_damaged_network_is_refused(tmp_path: Path, tiny_encoder: str) -> None:
    folder = _written(tmp_path / "model", tiny_encoder, random_networks())
    (folder / locator.LOOK_FILE).write_bytes(b"no network")
    with pytest.raises(WeightsError, match=r"look\.onnx of other bytes"):
        Locator(folder)


def test_the_description_says_what_it_was_made_for(tmp_path: Path, tiny_encoder: str) -> None:
    folder = _written(tmp_path / "model", tiny_encoder, random_networks())
    model = json.loads((folder / "model.json").read_text())["model"]
    assert (model["kind"], model["label"], model["merge"]) == ("locator", "dress", "median")
    assert (model["grids"], model["windows"], model["pyramid"]) == ([[12, 12]], [5], [])
    assert model["looks"] == 3
