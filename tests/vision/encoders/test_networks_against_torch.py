"""The built-in networks give what torch gives from the same published weight files."""

from __future__ import annotations

import importlib
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tiefvision.vision import encoders
from tiefvision.vision.encoders.recipes import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    LITE_MEAN,
    LITE_STD,
    NETWORKS,
)

pytestmark = pytest.mark.slow


def _import(name: str) -> ModuleType:
    """A test-only module; where CI is set, its absence fails the test."""
    if os.environ.get("CI"):
        return importlib.import_module(name)
    return pytest.importorskip(name, reason=f"the comparison with torch needs {name}")


torch = _import("torch")
F = torch.nn.functional


def _batch(pixels: np.ndarray, mean: tuple[float, ...], std: tuple[float, ...]) -> Any:
    values = (pixels.astype(np.float64) - mean) / std
    return torch.tensor(values.transpose(2, 0, 1)[None], dtype=torch.float32)


def _assert_same(spec: str, expected: Any, pixels: np.ndarray) -> None:
    (grid,) = encoders.load(spec).encode(pixels)
    wanted = expected[0].numpy().transpose(1, 2, 0)
    assert grid.shape == wanted.shape
    assert np.abs(wanted).max() > 1
    np.testing.assert_allclose(grid, wanted, rtol=1e-4, atol=1e-4 * float(np.abs(wanted).max()))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_efficientnet_lite_equals_its_torch_package(
    number: int,
    weights_cache: Callable[[str], Path],
    weight_file: Callable[[str], bytes],
    noise: Callable[[int, int], np.ndarray],
) -> None:
    package = _import("efficientnet_lite_pytorch")
    name = f"efficientnet-lite{number}"
    weights_cache(name)
    side = NETWORKS[name].side
    # Its static padding is TensorFlow's for images of that side.
    network = package.EfficientNet.from_name(name, image_size=side)
    state = torch.load(io.BytesIO(weight_file(name)), map_location="cpu", weights_only=True)
    network.load_state_dict(state, strict=True)
    network.eval()
    kept: dict[str, Any] = {}
    stages = {"stage5": 112, "stage7": 320}
    for layer, channels in stages.items():
        wide = [b for b in network._blocks if _width(b) == _scaled(channels, number)]
        wide[-1].register_forward_hook(
            lambda _module, _inputs, output, layer=layer: kept.__setitem__(layer, output)
        )
    for height, width in ((side, side), (side + 37, side + 96)):
        pixels = noise(height, width)
        with torch.no_grad():
            head = network.extract_features(_batch(pixels, LITE_MEAN, LITE_STD))
        _assert_same(name, head, pixels)
        for layer in stages:
            _assert_same(f"{name}@{layer}", kept[layer], pixels)


def _width(block: Any) -> int:
    return int(block._project_conv.out_channels)


def _scaled(channels: int, number: int) -> int:
    """Lite2 is 1.1 times as wide, in multiples of 8: 120 and 352."""
    return {112: 120, 320: 352}[channels] if number == 2 else channels


def test_alexnet_equals_torch_layer_by_layer(
    weights_cache: Callable[[str], Path],
    weight_file: Callable[[str], bytes],
    noise: Callable[[int, int], np.ndarray],
) -> None:
    weights_cache("alexnet")
    # The hash was checked, so that Python's own reader may serve as the oracle here.
    weights = pickle.loads(weight_file("alexnet"))["AlexNet_0"]
    pixels = noise(300, 260)
    x = _batch(pixels, IMAGENET_MEAN, IMAGENET_STD)
    for i, (stride, padding) in enumerate(((4, 2), (1, 2), (1, 1), (1, 1), (1, 1))):
        kernel = torch.tensor(np.array(weights[f"Conv_{i}"]["kernel"]).transpose(3, 2, 0, 1))
        bias = torch.tensor(np.array(weights[f"Conv_{i}"]["bias"]))
        x = F.relu(F.conv2d(x, kernel, bias, stride=stride, padding=padding))
        if i < 2:
            x = F.max_pool2d(x, 3, 2)
    _assert_same("alexnet", F.max_pool2d(x, 3, 2), pixels)
    _assert_same("alexnet-dense", F.max_pool2d(x, 3, 1), pixels)


def test_mobilenetv2_equals_torch_layers(
    weights_cache: Callable[[str], Path],
    weight_file: Callable[[str], bytes],
    noise: Callable[[int, int], np.ndarray],
) -> None:
    weights_cache("mobilenetv2")
    state = torch.load(
        io.BytesIO(weight_file("mobilenetv2")), map_location="cpu", weights_only=True
    )
    network = torch.nn.Sequential()
    network.features = _mobilenet_features()
    network.load_state_dict(state, strict=True)
    network.eval()
    for height, width in ((224, 224), (250, 310)):
        pixels = noise(height, width)
        with torch.no_grad():
            head = network.features(_batch(pixels, IMAGENET_MEAN, IMAGENET_STD))
        _assert_same("mobilenetv2", head, pixels)


def _conv(inside: int, outside: int, kernel: int, stride: int, groups: int) -> list[Any]:
    conv = torch.nn.Conv2d(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, torch.nn.BatchNorm2d(outside)]


class _Block(torch.nn.Module):  # type: ignore[name-defined,misc]
    def __init__(self, inside: int, outside: int, stride: int, expand: int) -> None:
        super().__init__()
        wide = inside * expand
        widened = [*_conv(inside, wide, 1, 1, 1), torch.nn.ReLU6()] if expand > 1 else []
        self.conv = torch.nn.Sequential(
            *widened,
            *_conv(wide, wide, 3, stride, wide),
            torch.nn.ReLU6(),
            *_conv(wide, outside, 1, 1, 1),
        )
        self.shortcut = stride == 1 and inside == outside

    def forward(self, x: Any) -> Any:
        return self.conv(x) + x if self.shortcut else self.conv(x)


def _mobilenet_features() -> Any:
    """The table 2 of arXiv 1801.04381: expansion, channels, blocks, stride."""
    table = (
        *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
        *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
    )
    layers = [torch.nn.Sequential(*_conv(3, 32, 3, 2, 1), torch.nn.ReLU6())]
    inside = 32
    for expand, channels, blocks, stride in table:
        for block in range(blocks):
            layers.append(_Block(inside, channels, stride if block == 0 else 1, expand))
            inside = channels
    layers.append(torch.nn.Sequential(*_conv(inside, 1280, 1, 1, 1), torch.nn.ReLU6()))
    return torch.nn.Sequential(*layers)
