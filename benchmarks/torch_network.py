"""Our networks as people run them in PyTorch: the published layers, one module each, eager.

The graph is read from our model folders, so both sides of a comparison hold the same weights. Our
converter has folded every batch norm into the convolution before it; the published networks, and
everyone who runs them, have both, so here each convolution is followed by a batch norm again (it
holds the bias). `folded` leaves that out.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

# What our graphs do to the pixels before the first convolution, and to the grid after the last.
_BEFORE = {"Transpose", "Cast", "Sub", "Mul", "Unsqueeze"}
_AFTER = {"Squeeze", "Transpose"}


class TorchNetwork(nn.Module):
    """uint8 (height, width, 3) -> float32 (1, channels, rows, cols), the named output's grid."""

    def __init__(self, model: Path, *, output: str, folded: bool = False) -> None:
        super().__init__()
        graph = onnx.load(model).graph
        arrays = {item.name: numpy_helper.to_array(item).copy() for item in graph.initializer}
        self.register_buffer("mean", torch.from_numpy(arrays["mean"]).reshape(3, 1, 1))
        self.register_buffer("scale", torch.from_numpy(arrays["scale"]).reshape(-1, 1, 1))
        self._layers = nn.ModuleList()
        self._steps: list[tuple[Callable[..., torch.Tensor], list[str], str]] = []
        first = True
        for node in _needed(graph, output):
            if node.op_type == "Conv":
                layer = _convolution(node, arrays, folded=folded)
                self._add(layer, ["pixels"] if first else [node.input[0]], node.output[0])
                first = False
            elif node.op_type in ("Clip", "Relu"):
                layer = nn.ReLU6(inplace=True) if node.op_type == "Clip" else nn.ReLU(inplace=True)
                self._add(layer, [node.input[0]], node.output[0])
            elif node.op_type == "MaxPool":
                self._add(_max_pool(node), [node.input[0]], node.output[0])
            elif node.op_type == "Add":
                self._steps.append((torch.add, list(node.input), node.output[0]))
            elif node.op_type not in (_BEFORE if first else _AFTER):
                raise ValueError(f"{model} holds a layer {node.op_type} that is not known here")
        self._result = self._steps[-1][2]
        self.eval()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        values = {"pixels": self.normalised(pixels)[None]}
        return self.grid(values["pixels"])

    def normalised(self, pixels: torch.Tensor) -> torch.Tensor:
        """(height, width, 3) uint8 -> (3, height, width) float32."""
        return (pixels.permute(2, 0, 1).float() - self.mean) * self.scale

    def grid(self, batch: torch.Tensor) -> torch.Tensor:
        """(n, 3, height, width) normalised -> (n, channels, rows, cols)."""
        values = {"pixels": batch}
        for layer, inputs, output in self._steps:
            values[output] = layer(*(values[name] for name in inputs))
        return values[self._result]

    def multiply_adds(self, side: int) -> int:
        """Multiplications with addition of all convolutions for one square image."""
        count = 0

        def note(layer: nn.Module, _inputs: object, output: torch.Tensor) -> None:
            nonlocal count
            assert isinstance(layer, nn.Conv2d)
            count += output.numel() * layer.weight[0].numel()

        layers = [layer for layer in self.modules() if isinstance(layer, nn.Conv2d)]
        handles = [layer.register_forward_hook(note) for layer in layers]
        with torch.inference_mode():
            self(torch.zeros(side, side, 3, dtype=torch.uint8))
        for handle in handles:
            handle.remove()
        return count

    def _add(self, layer: nn.Module, inputs: list[str], output: str) -> None:
        self._layers.append(layer)
        self._steps.append((layer, inputs, output))


def _needed(graph: onnx.GraphProto, output: str) -> list[onnx.NodeProto]:
    """The nodes that an output depends on, in the order in which they run."""
    names, nodes = {output}, list[onnx.NodeProto]()
    for node in reversed(graph.node):
        if names.intersection(node.output):
            nodes.append(node)
            names.update(node.input)
    return nodes[::-1]


def _convolution(
    node: onnx.NodeProto, arrays: dict[str, np.ndarray], *, folded: bool
) -> nn.Sequential:
    options = _options(node)
    weight = torch.from_numpy(arrays[node.input[1]])
    bias = torch.from_numpy(arrays[node.input[2]])
    groups = int(options.get("group", 1))
    top, left, bottom, right = options.get("pads", (0, 0, 0, 0))
    even = (top, left) == (bottom, right)
    layer = nn.Conv2d(
        weight.shape[1] * groups,
        weight.shape[0],
        tuple(weight.shape[2:]),
        stride=tuple(options.get("strides", (1, 1))),
        padding=(top, left) if even else 0,
        groups=groups,
        bias=folded,
    )
    layers: list[nn.Module] = [] if even else [nn.ZeroPad2d((left, right, top, bottom))]
    layers.append(layer)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if layer.bias is not None:
            layer.bias.copy_(bias)
        else:
            norm = nn.BatchNorm2d(weight.shape[0], eps=0.0)
            assert norm.bias is not None
            norm.bias.copy_(bias)
            layers.append(norm)
    return nn.Sequential(*layers)


def _max_pool(node: onnx.NodeProto) -> nn.MaxPool2d:
    options = _options(node)
    if any(options.get("pads", (0,))) or options.get("ceil_mode", 0):
        raise ValueError("a max-pool with padding is not known here")
    return nn.MaxPool2d(tuple(options["kernel_shape"]), stride=tuple(options["strides"]))


def _options(node: onnx.NodeProto) -> dict:
    return {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
