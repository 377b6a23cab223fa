"""What each cell sees: predicted by GridGeometry, shown by a single bright pixel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper

from tiefvision.vision.encoders.network import MODEL_FILE, Layer, read_folder
from tiefvision.vision.encoders.recipes import NETWORKS

pytestmark = pytest.mark.slow

HEIGHT, WIDTH = 96, 1800


def _all_ones(model: onnx.ModelProto) -> ort.InferenceSession:
    """The same graph with every weight 1, no bias and no normalisation: what is bright stays
    bright in every cell that sees it, and black stays exactly 0."""
    replaced = {"weight": 1, "bias": 0, "mean": 0, "scale": 1}
    for tensor in model.graph.initializer:
        value = replaced.get(tensor.name.split("_")[0])
        if value is not None:
            shape = tuple(tensor.dims)
            tensor.CopyFrom(numpy_helper.from_array(np.full(shape, value, np.float32), tensor.name))
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _predicted(layer: Layer, pixel: int, cells: int) -> set[int]:
    geometry = layer.geometry
    starts = [geometry.offset + cell * geometry.stride for cell in range(cells)]
    return {
        cell
        for cell, start in enumerate(starts)
        if start <= pixel < start + geometry.receptive_field
    }


@pytest.mark.parametrize("name", list(NETWORKS))
def test_a_bright_pixel_is_seen_by_exactly_the_predicted_cells(
    name: str, weights_cache: Callable[[str], Path]
) -> None:
    folder = read_folder(weights_cache(name))
    session = _all_ones(onnx.load(str(folder.artefact.path(MODEL_FILE))))
    for layer in folder.layers:
        middle = layer.geometry.field(0, 20 * 32 // layer.geometry.stride)
        edges = {int(middle.left) - 1, int(middle.left), int(middle.right) - 1, int(middle.right)}
        for pixel in sorted(p for p in {0, WIDTH - 1, *edges} if 0 <= p < WIDTH):
            pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
            pixels[HEIGHT // 2, pixel] = 255
            (grid,) = session.run([layer.name], {"pixels": pixels})
            seen = {int(col) for col in np.flatnonzero(grid.max(axis=(0, 2)))}
            assert seen == _predicted(layer, pixel, grid.shape[1]), (layer, pixel)


def test_the_fields_are_the_published_ones(weights_cache: Callable[[str], Path]) -> None:
    # AlexNet by hand: 11 + 2*4 + 4*8 + 2*16 + 3 * (2*16) + 2*16 with the strides 4, 8, 16.
    pool5 = read_folder(weights_cache("alexnet")).layer("pool5")
    assert (pool5.geometry.receptive_field, pool5.geometry.stride) == (195, 32)
    # 2 of conv1, 2 cells of 8 pixels of conv2, and 1 cell of 16 of each of conv3 to conv5.
    assert pool5.geometry.offset == -(2 + 2 * 8 + 3 * 16)
    head = read_folder(weights_cache("efficientnet-lite0")).layer("head")
    assert (head.geometry.receptive_field, head.geometry.stride) == (851, 32)
