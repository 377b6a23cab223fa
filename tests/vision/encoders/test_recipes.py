"""vision/encoders/recipes.py: what the dictionary says is what the networks do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image, ImageOps

from tiefvision.vision import encoders
from tiefvision.vision.encoders import pickles
from tiefvision.vision.encoders.network import MODEL_FILE, read_folder
from tiefvision.vision.encoders.recipes import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    LITE_MEAN,
    LITE_STD,
    NETWORKS,
    RECIPES,
)


@pytest.mark.parametrize("name", list(RECIPES))
def test_a_recipe_gives_the_cells_and_channels_it_promises(
    name: str, weights_cache: Callable[[str], Path], noise: Callable[[int, int], np.ndarray]
) -> None:
    weights_cache(name)
    encoder = encoders.load(name)
    grids = encoder.encode(noise(encoder.side, encoder.side))
    assert encoder.side == NETWORKS[RECIPES[name].network].side
    assert grids[0].shape == (*RECIPES[name].cells, RECIPES[name].channels)
    for grid, part in zip(grids, encoder.parts, strict=True):
        assert grid.dtype == np.float32
        assert grid.shape[2] == part.channels


@pytest.mark.parametrize("name", list(NETWORKS))
def test_a_network_gives_every_layer_it_lists(
    name: str, weights_cache: Callable[[str], Path]
) -> None:
    layers = read_folder(weights_cache(name)).layers
    assert tuple(layer.name for layer in layers) == NETWORKS[name].layers


def test_batch_norms_are_folded_away(weights_cache: Callable[[str], Path]) -> None:
    folder = weights_cache("efficientnet-lite0")
    model = onnx.load(str(folder / MODEL_FILE))
    assert "BatchNormalization" not in {node.op_type for node in model.graph.node}
    weights = sum(numpy_helper.to_array(t).size for t in model.graph.initializer)
    # 4.65 million parameters (the authors' figure) without the classifier's 1.281 million.
    assert 3.3e6 < weights < 3.4e6


def _stem_variance(paths: list[Path], kernel: np.ndarray, mean: object, std: object) -> np.ndarray:
    values = []
    for path in paths:
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB").resize((224, 224))
        x = ((np.asarray(image, np.float64) - mean) / std).transpose(2, 0, 1)
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))[:, ::2, ::2]
        values.append(np.einsum("chwij,ocij->ohw", windows, kernel, optimize=True))
    return np.concatenate(values, axis=2).var(axis=(1, 2))


@pytest.mark.photos
@pytest.mark.slow
def test_lite_was_trained_with_its_authors_normalisation_not_torchvisions(
    photos: Path, weight_file: Callable[[str], bytes]
) -> None:
    weights = pickles.read_torch(weight_file("efficientnet-lite0"))
    trained = weights["_bn0.running_var"]
    alive = trained > 1e-6
    paths = sorted((photos / "grocery").rglob("*.jp*g"))[::40]

    def ratio(mean: object, std: object) -> float:
        seen = _stem_variance(paths, weights["_conv_stem.weight"], mean, std)
        return float(np.median(seen[alive] / trained[alive]))

    # The batch norm behind the stem noted the variance that it saw in training.
    assert 0.5 < ratio(LITE_MEAN, LITE_STD) < 2
    assert ratio(IMAGENET_MEAN, IMAGENET_STD) > 3
