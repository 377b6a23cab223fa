"""vision/encoders/loading.py: networks side by side, from the cache or a catalogue."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tiefvision.errors import NotFound, NotReady, ShapeMismatch, WeightsError
from tiefvision.vision import encoders

TWO = "0.4*alexnet+0.6*efficientnet-lite0"
Noise = Callable[[int, int], np.ndarray]
Weights = Callable[[str], Path]


@pytest.fixture
def two(weights_cache: Weights) -> encoders.SideBySide:
    for name in encoders.networks_of(TWO):
        weights_cache(name)
    return encoders.load(TWO)


def test_side_by_side_gives_each_networks_own_grid(two: encoders.SideBySide, noise: Noise) -> None:
    pixels = noise(224, 224)
    alexnet, lite = two.encode(pixels)
    np.testing.assert_array_equal(alexnet, encoders.load("alexnet").encode(pixels)[0])
    np.testing.assert_array_equal(lite, encoders.load("efficientnet-lite0").encode(pixels)[0])
    assert [part.weight for part in two.parts] == [0.4, 0.6]
    assert [part.name for part in two.parts] == ["alexnet@pool5", "efficientnet-lite0@head"]


def test_layers_of_one_network_come_in_the_order_named(
    weights_cache: Weights, noise: Noise
) -> None:
    weights_cache("efficientnet-lite0")
    encoder = encoders.load("efficientnet-lite0@stage5+efficientnet-lite0@head")
    middle, head = encoder.encode(noise(224, 224))
    assert (middle.shape, head.shape) == ((14, 14, 112), (7, 7, 1280))
    assert len(encoder.folders) == 1


def test_a_network_of_another_side_resizes_for_itself(weights_cache: Weights, noise: Noise) -> None:
    for name in ("alexnet", "efficientnet-lite2"):
        weights_cache(name)
    encoder = encoders.load("alexnet+efficientnet-lite2")
    pixels = noise(520, 260)
    alexnet, lite = encoder.encode(pixels)
    assert encoder.side == 260
    assert [part.scale for part in encoder.parts] == [224 / 260, 1]
    resized = np.asarray(Image.fromarray(pixels).resize((224, 448), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(alexnet, encoders.load("alexnet").encode(resized)[0])
    np.testing.assert_array_equal(lite, encoders.load("efficientnet-lite2").encode(pixels)[0])


def test_many_threads_get_the_same_grids_as_one(two: encoders.SideBySide, noise: Noise) -> None:
    images = [noise(224 + 8 * i, 224) for i in range(6)]
    alone = [two.encode(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(two.encode, images * 4))
    for i, grids in enumerate(together):
        for grid, expected in zip(grids, alone[i % len(images)], strict=True):
            np.testing.assert_array_equal(grid, expected)


def test_an_image_too_small_for_a_cell_is_refused(two: encoders.SideBySide, noise: Noise) -> None:
    assert encoders.load("alexnet").encode(noise(63, 63))[0].shape == (1, 1, 256)
    with pytest.raises(ShapeMismatch, match="at least 63 x 63 expected"):
        two.encode(noise(62, 200))


def test_fingerprint_follows_networks_and_precision_and_not_weights(
    two: encoders.SideBySide,
) -> None:
    assert encoders.load("alexnet+efficientnet-lite0").fingerprint == two.fingerprint
    assert encoders.load("efficientnet-lite0+alexnet").fingerprint != two.fingerprint
    assert encoders.load("alexnet").fingerprint != two.fingerprint
    assert encoders.load("alexnet").fingerprint != encoders.load("alexnet-dense").fingerprint


def test_a_copied_catalogue_needs_no_cache(
    two: encoders.SideBySide, noise: Noise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models" / "encoder"
    fingerprints = encoders.copy_into(two, models)
    assert sorted(path.name for path in models.iterdir()) == sorted(fingerprints)
    moved = tmp_path / "elsewhere"
    shutil.move(models, moved)
    monkeypatch.setenv(encoders_cache_variable(), str(tmp_path / "empty"))
    with pytest.raises(NotReady, match="type `tiefvision encoders add alexnet`"):
        encoders.load(TWO)
    again = encoders.load(TWO, folders=[moved])
    assert again.fingerprint == two.fingerprint
    pixels = noise(224, 224)
    for grid, expected in zip(again.encode(pixels), two.encode(pixels), strict=True):
        np.testing.assert_array_equal(grid, expected)
    assert encoders.missing(TWO, folders=[moved]) == []
    assert encoders.missing(TWO) == ["alexnet", "efficientnet-lite0"]


def encoders_cache_variable() -> str:
    from tiefvision.vision.encoders.cache import CACHE_VARIABLE

    return CACHE_VARIABLE


def test_a_damaged_copy_is_refused(two: encoders.SideBySide, tmp_path: Path) -> None:
    (fingerprint,) = encoders.copy_into("alexnet", tmp_path)
    model = tmp_path / fingerprint / "model.onnx"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    with pytest.raises(WeightsError, match=r"model\.onnx of other bytes"):
        encoders.load("alexnet", folders=[tmp_path])


def test_an_unknown_layer_lists_the_known_ones(weights_cache: Weights) -> None:
    weights_cache("alexnet")
    with pytest.raises(NotFound, match="has no layer 'conv9'; it has conv3, pool5, pool5-dense"):
        encoders.load("alexnet@conv9")


def test_loading_imports_neither_onnx_nor_torch(weights_cache: Weights) -> None:
    weights_cache("alexnet")
    code = (
        "import sys; from tiefvision.vision import encoders; encoders.load('alexnet'); "
        "print(sorted({'onnx', 'torch', 'openvino', 'transformers'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr
