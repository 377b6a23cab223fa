"""EfficientNet-Lite and MobileNetV2 as ONNX: one family of inverted residual blocks.

Sources: Sandler et al., "MobileNetV2", arXiv 1801.04381; Tan and Le, "EfficientNet",
arXiv 1905.11946, in the Lite variant of its authors (no squeeze and excitation, ReLU6, stem and
head not scaled).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tiefvision.vision.encoders.graph import GraphWriter, Tensor, fold_batch_norm
from tiefvision.vision.encoders.recipes import IMAGENET_MEAN, IMAGENET_STD, LITE_MEAN, LITE_STD

# Batch norm's epsilon: TensorFlow's in EfficientNet, torch's own in MobileNetV2.
_LITE_EPSILON = 1e-3
_MOBILENET_EPSILON = 1e-5
# Channels are rounded to multiples of this; source: EfficientNet's round_filters.
_CHANNEL_MULTIPLE = 8
_STEM_STRIDE = 2


@dataclass(frozen=True, slots=True)
class _Stage:
    """Blocks of one width; the first one has the stride."""

    blocks: int
    kernel: int
    stride: int
    channels: int


_LITE0_STAGES = (
    _Stage(blocks=1, kernel=3, stride=1, channels=16),
    _Stage(blocks=2, kernel=3, stride=2, channels=24),
    _Stage(blocks=2, kernel=5, stride=2, channels=40),
    _Stage(blocks=3, kernel=3, stride=2, channels=80),
    _Stage(blocks=3, kernel=5, stride=1, channels=112),
    _Stage(blocks=4, kernel=5, stride=2, channels=192),
    _Stage(blocks=1, kernel=3, stride=1, channels=320),
)
_MOBILENET_STAGES = (
    _Stage(blocks=1, kernel=3, stride=1, channels=16),
    _Stage(blocks=2, kernel=3, stride=2, channels=24),
    _Stage(blocks=3, kernel=3, stride=2, channels=32),
    _Stage(blocks=4, kernel=3, stride=2, channels=64),
    _Stage(blocks=3, kernel=3, stride=1, channels=96),
    _Stage(blocks=3, kernel=3, stride=2, channels=160),
    _Stage(blocks=1, kernel=3, stride=1, channels=320),
)


def build_efficientnet_lite(
    weights: Mapping[str, np.ndarray], *, side: int, width: float, depth: float
) -> tuple[GraphWriter, dict[str, Tensor]]:
    """The graph and its tensors stage1 to stage7, expand1 to expand7 and head.

    expandN is the widened tensor inside the first block of stage N, before its stride.
    width, depth: the factors on channels and blocks that make Lite1 and Lite2 of Lite0.
    side: of the images it was trained on; it decides where TensorFlow's "same" padding put the
    odd zero, and that place is kept at every image size, so that cells stay where they are.
    """
    graph = GraphWriter()
    network = _Network(graph, weights, _LITE_EPSILON, side)
    x = graph.pixels(mean=LITE_MEAN, std=LITE_STD)
    x = network.conv(x, "_conv_stem", "_bn0", kernel=3, stride=_STEM_STRIDE, clipped=True)
    outputs: dict[str, Tensor] = {}
    index = 0
    last = len(_LITE0_STAGES)
    for number, stage in enumerate(_LITE0_STAGES, start=1):
        # The first and the last stage keep their depth; source: fix_head_stem.
        blocks = stage.blocks if number in (1, last) else math.ceil(stage.blocks * depth)
        for repeat in range(blocks):
            stride = stage.stride if repeat == 0 else 1
            x, expanded = network.block(x, _lite_names(index), stage.kernel, stride)
            outputs.setdefault(f"expand{number}", expanded)
            index += 1
        if x.channels != _rounded(stage.channels * width):
            raise ValueError(f"stage {number} has {x.channels} channels")
        outputs[f"stage{number}"] = x
    outputs["head"] = network.conv(x, "_conv_head", "_bn1", kernel=1, stride=1, clipped=True)
    return graph, outputs


def build_mobilenetv2(
    weights: Mapping[str, np.ndarray],
) -> tuple[GraphWriter, dict[str, Tensor]]:
    """The graph and its tensors stage1 to stage7 and head."""
    graph = GraphWriter()
    network = _Network(graph, weights, _MOBILENET_EPSILON, None)
    x = graph.pixels(mean=IMAGENET_MEAN, std=IMAGENET_STD)
    x = network.conv(x, "features.0.0", "features.0.1", kernel=3, stride=_STEM_STRIDE, clipped=True)
    outputs: dict[str, Tensor] = {}
    index = 1
    for number, stage in enumerate(_MOBILENET_STAGES, start=1):
        for repeat in range(stage.blocks):
            stride = stage.stride if repeat == 0 else 1
            names = _mobilenet_names(index, expands=index > 1)
            x, _ = network.block(x, names, stage.kernel, stride)
            index += 1
        outputs[f"stage{number}"] = x
    head = (f"features.{index}.0", f"features.{index}.1")
    outputs["head"] = network.conv(x, *head, kernel=1, stride=1, clipped=True)
    return graph, outputs


@dataclass(frozen=True, slots=True)
class _BlockNames:
    """Where a block's convolutions and batch norms lie in the weights; expand may be absent."""

    expand: tuple[str, str]
    depthwise: tuple[str, str]
    project: tuple[str, str]


def _lite_names(index: int) -> _BlockNames:
    at = f"_blocks.{index}."
    return _BlockNames(
        (f"{at}_expand_conv", f"{at}_bn0"),
        (f"{at}_depthwise_conv", f"{at}_bn1"),
        (f"{at}_project_conv", f"{at}_bn2"),
    )


def _mobilenet_names(index: int, *, expands: bool) -> _BlockNames:
    at = f"features.{index}.conv."
    if not expands:
        return _BlockNames((f"{at}none", ""), (f"{at}0", f"{at}1"), (f"{at}3", f"{at}4"))
    return _BlockNames((f"{at}0", f"{at}1"), (f"{at}3", f"{at}4"), (f"{at}6", f"{at}7"))


class _Network:
    """Appends convolutions with their batch norms folded in.

    same_side: pixels of the side at which TensorFlow's "same" padding is laid out; None pads
    (kernel - 1) / 2 on both sides.
    """

    def __init__(
        self,
        graph: GraphWriter,
        weights: Mapping[str, np.ndarray],
        epsilon: float,
        same_side: int | None,
    ) -> None:
        self._graph = graph
        self._weights = weights
        self._epsilon = epsilon
        self._same_side = same_side

    def conv(
        self, x: Tensor, conv: str, norm: str, *, kernel: int, stride: int, clipped: bool
    ) -> Tensor:
        """A convolution and its batch norm; clipped: followed by ReLU6."""
        weight, bias = fold_batch_norm(
            self._weights[f"{conv}.weight"],
            gamma=self._weights[f"{norm}.weight"],
            beta=self._weights[f"{norm}.bias"],
            mean=self._weights[f"{norm}.running_mean"],
            variance=self._weights[f"{norm}.running_var"],
            epsilon=self._epsilon,
        )
        groups = x.channels // weight.shape[1]
        before, after = self._padding(x, kernel, stride)
        x = self._graph.conv(
            x, weight, bias, stride=stride, before=before, after=after, groups=groups
        )
        return self._graph.relu6(x) if clipped else x

    def block(
        self, x: Tensor, names: _BlockNames, kernel: int, stride: int
    ) -> tuple[Tensor, Tensor]:
        """An inverted residual block: its output, and its first, widened tensor."""
        shortcut = x
        if f"{names.expand[0]}.weight" in self._weights:
            x = self.conv(x, *names.expand, kernel=1, stride=1, clipped=True)
        expanded = x
        x = self.conv(x, *names.depthwise, kernel=kernel, stride=stride, clipped=True)
        x = self.conv(x, *names.project, kernel=1, stride=1, clipped=False)
        if stride == 1 and x.channels == shortcut.channels:
            x = self._graph.add(x, shortcut)
        return x, expanded

    def _padding(self, x: Tensor, kernel: int, stride: int) -> tuple[int, int]:
        if self._same_side is None:
            return (kernel - 1) // 2, (kernel - 1) // 2
        cells = math.ceil(self._same_side / x.geometry.stride)
        total = max((math.ceil(cells / stride) - 1) * stride + kernel - cells, 0)
        return total // 2, total - total // 2


def _rounded(channels: float) -> int:
    nearest = int(channels + _CHANNEL_MULTIPLE / 2) // _CHANNEL_MULTIPLE * _CHANNEL_MULTIPLE
    # Never lose more than a tenth of the channels; source: round_filters.
    return nearest + _CHANNEL_MULTIPLE if nearest < 0.9 * channels else nearest
