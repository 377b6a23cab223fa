"""vision/locator.py with untrained networks: what slides is what was trained, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from locator_samples import CHANNELS, COLS, ROWS, random_networks
from tiefvision.errors import NotFound, WeightsError
from tiefvision.maths import windows
from tiefvision.teach.export_locator import LocatorNetworks, Weights, write_folder
from tiefvision.vision import encoders, locator
from tiefvision.vision.locator import Heads, Locator, Shape, look_again, whole_grid
from tiefvision.vision.pixels import Pixels

# Beyond whatever untrained networks answer of any cells.
ALWAYS, NEVER = 1e6, -1e6


def _written(
    folder: Path, tiny_encoder: str, networks: LocatorNetworks, label: str = "dress"
) -> Path:
    write_folder(folder, networks, encoder=encoders.load(tiny_encoder), label=label)
    return folder


def _grid(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(ROWS, COLS, CHANNELS)).astype(np.float32)


def _image(width: int = 96, height: int = 96, seed: int = 0) -> Pixels:
    rgb = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Pixels(rgb, original_width=width, original_height=height)


def _answers(weights: Weights, window: np.ndarray) -> np.ndarray:
    """What the networks say of one cropped window (side, side, channels): the slow oracle."""
    seen = window.transpose(2, 0, 1)
    linear = (weights.linear * seen).sum(axis=(1, 2, 3)) + weights.bias
    units = (weights.hidden * seen).sum(axis=(2, 3, 4)) + weights.hidden_bias
    return linear + (weights.out * np.maximum(units, 0)).sum(axis=1)


def test_sliding_over_the_grid_equals_cropping_and_applying(
    tmp_path: Path, tiny_encoder: str
) -> None:
    networks, grid = random_networks(), _grid()
    seen = Heads(_written(tmp_path / "model", tiny_encoder, networks)).slide(grid)
    cells = (grid - networks.offset) @ networks.projection
    padded = np.pad(cells, ((2, 2), (2, 2), (0, 0)))
    assert networks.slide.place is not None
    for number in range(ROWS * COLS):
        row, col = divmod(number, COLS)
        answer = _answers(networks.slide, padded[row : row + 5, col : col + 5])
        answer = answer + networks.slide.place[:, row, col]
        probability = 1 / (1 + np.exp(-answer[0]))
        edges = answer[1:] * networks.slide_scale + networks.slide_place[:, row, col]
        box = windows.without(edges[None].astype(np.float64), seen.windows[number : number + 1])
        assert seen.probability[number] == pytest.approx(probability, abs=1e-4)
        np.testing.assert_allclose(seen.boxes[number], box[0], atol=1e-4)


def test_a_second_look_is_the_networks_of_the_cells_in_and_around_the_box(
    tmp_path: Path, tiny_encoder: str
) -> None:
    networks, grid = random_networks(logit=ALWAYS), _grid()
    heads = Heads(_written(tmp_path / "model", tiny_encoder, networks), merge_by="average")
    seen = heads.slide(grid)
    box = seen.boxes.mean(axis=0)[None]
    cells = (grid - networks.offset) @ networks.projection
    for _ in range(networks.shape.looks):
        window = windows.grown(windows.ordered(box, least=locator.LEAST_SIDE), by=1.5)
        answer = _answers(networks.look, windows.cells_in(cells, window, side=7)[0])
        edges = answer * networks.look_scale + networks.look_mean
        box = windows.without(edges[None].astype(np.float64), window)
    found = heads.find(grid)
    assert found is not None
    assert (found.votes, found.confidence) == (ROWS * COLS, pytest.approx(1))
    expected = windows.inside(box, least=locator.LEAST_SIDE)[0]
    np.testing.assert_allclose(found.edges, expected, atol=1e-4)


def test_looking_again_finds_a_product_that_is_seen_rightly() -> None:
    product = np.array([[0.2, 0.3, 0.5, 0.9]])
    shape = Shape(ROWS, COLS, 5, 7, 1.5, 1)
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
    folder = _written(tmp_path / "model", tiny_encoder, random_networks(logit=ALWAYS))
    assert Locator(folder).heads.merge == locator.DEFAULT_MERGE
    assert Locator(folder, merge_by="greedy").heads.merge == "greedy"


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
    assert (model["rows"], model["cols"], model["kernel"], model["looks"]) == (12, 12, 5, 3)
