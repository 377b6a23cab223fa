"""Writes a convolutional network as ONNX and keeps account of what each cell sees.

Every graph written here has one interface: input `pixels`, uint8 (height, width, 3), RGB;
each output float32 (rows, cols, channels). Normalisation is part of the graph, after which
padding with zeros means what it meant in training.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx
from jaxtyping import Float32
from onnx import helper, numpy_helper

from tiefvision.maths.grids import GridGeometry

INPUT = "pixels"
# Opset 17 with IR 8 is read by every onnxruntime since 1.14 and by every OpenVINO we accept.
OPSET = 17
IR_VERSION = 8


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor inside a graph, (1, channels, rows, cols), and what its cells see."""

    name: str
    channels: int
    geometry: GridGeometry


class GraphWriter:
    """Appends layers one by one; `finish` gives the model's bytes."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def pixels(self, *, mean: Sequence[float], std: Sequence[float]) -> Tensor:
        """The network's input, (pixel - mean) / std by channel; mean and std in 0..255."""
        by_channel = (3, 1, 1)
        shift = self._constant("mean", np.array(mean, np.float32).reshape(by_channel))
        scale = self._constant("scale", (1 / np.array(std, np.float32)).reshape(by_channel))
        # Channels first while pixels are still bytes: the other order takes 8 times as long.
        x = self._append("Transpose", [INPUT], perm=[2, 0, 1])
        x = self._append("Cast", [x], to=onnx.TensorProto.FLOAT)
        x = self._append("Sub", [x, shift])
        x = self._append("Mul", [x, scale])
        axis = self._constant("batch_axis", np.array([0], np.int64))
        x = self._append("Unsqueeze", [x, axis])
        return Tensor(x, 3, GridGeometry(stride=1, receptive_field=1, offset=0))

    def conv(
        self,
        x: Tensor,
        weight: Float32[np.ndarray, "out_channels in_channels kernel kernel"],
        bias: Float32[np.ndarray, " out_channels"],
        *,
        stride: int = 1,
        before: int = 0,
        after: int = 0,
        groups: int = 1,
    ) -> Tensor:
        """A convolution padded with `before` zeros at left and top, `after` at right and bottom."""
        kernel = weight.shape[2]
        index = len(self._nodes)
        name = self._append(
            "Conv",
            [
                x.name,
                self._constant(f"weight_{index}", weight),
                self._constant(f"bias_{index}", bias),
            ],
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=groups,
        )
        geometry = _windowed(x.geometry, kernel=kernel, stride=stride, before=before)
        return Tensor(name, weight.shape[0], geometry)

    def relu(self, x: Tensor) -> Tensor:
        """max(x, 0)."""
        return replace(x, name=self._append("Relu", [x.name]))

    def relu6(self, x: Tensor) -> Tensor:
        """x clipped to 0..6."""
        low = self._constant("zero", np.array(0, np.float32))
        high = self._constant("six", np.array(6, np.float32))
        return replace(x, name=self._append("Clip", [x.name, low, high]))

    def max_pool(self, x: Tensor, *, kernel: int, stride: int) -> Tensor:
        """The largest value of each window; no padding."""
        name = self._append(
            "MaxPool", [x.name], kernel_shape=[kernel, kernel], strides=[stride, stride]
        )
        geometry = _windowed(x.geometry, kernel=kernel, stride=stride, before=0)
        return Tensor(name, x.channels, geometry)

    def add(self, x: Tensor, shortcut: Tensor) -> Tensor:
        """The sum of a block's output and its input; x's field contains the shortcut's."""
        return replace(x, name=self._append("Add", [x.name, shortcut.name]))

    def finish(self, name: str, outputs: Mapping[str, Tensor]) -> bytes:
        """The model, each output a grid (rows, cols, channels) under its key.

        Layers that no output needs are left out.
        """
        for output, tensor in outputs.items():
            squeezed = self._append(
                "Squeeze", [tensor.name, self._constant("batch_axis", np.array([0], np.int64))]
            )
            self._nodes.append(
                helper.make_node("Transpose", [squeezed], [output], name=output, perm=[1, 2, 0])
            )
        nodes, weights = self._needed_for(outputs)
        graph = helper.make_graph(
            nodes,
            name,
            [helper.make_tensor_value_info(INPUT, onnx.TensorProto.UINT8, ["height", "width", 3])],
            [
                helper.make_tensor_value_info(
                    output,
                    onnx.TensorProto.FLOAT,
                    [f"{output}_rows", f"{output}_cols", tensor.channels],
                )
                for output, tensor in outputs.items()
            ],
            weights,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        model.producer_name = "tiefvision"
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString(deterministic=True)

    def _needed_for(
        self, outputs: Iterable[str]
    ) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
        needed = set(outputs)
        nodes: list[onnx.NodeProto] = []
        for node in reversed(self._nodes):
            if needed.intersection(node.output):
                needed.update(node.input)
                nodes.insert(0, node)
        return nodes, [tensor for tensor in self._weights if tensor.name in needed]

    def _append(
        self, operator: str, inputs: Sequence[str], **attributes: int | Sequence[int]
    ) -> str:
        name = f"{operator.lower()}_{len(self._nodes)}"
        node = helper.make_node(operator, inputs, [name], name=name)
        node.attribute.extend(
            helper.make_attribute(key, value) for key, value in attributes.items()
        )
        self._nodes.append(node)
        return name

    def _constant(self, name: str, value: np.ndarray) -> str:
        if all(tensor.name != name for tensor in self._weights):
            self._weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name


def fold_batch_norm(
    weight: Float32[np.ndarray, "out_channels in_channels kernel kernel"],
    *,
    gamma: Float32[np.ndarray, " out_channels"],
    beta: Float32[np.ndarray, " out_channels"],
    mean: Float32[np.ndarray, " out_channels"],
    variance: Float32[np.ndarray, " out_channels"],
    epsilon: float,
) -> tuple[
    Float32[np.ndarray, "out_channels in_channels kernel kernel"],
    Float32[np.ndarray, " out_channels"],
]:
    """Weight and bias of the one convolution that equals a convolution and its batch norm.

    gamma (conv(x) - mean) / sqrt(variance + epsilon) + beta, calculated in float64.
    """
    scale = gamma.astype(np.float64) / np.sqrt(variance.astype(np.float64) + epsilon)
    folded = weight * scale[:, None, None, None]
    bias = beta - mean * scale
    return folded.astype(np.float32), bias.astype(np.float32)


def _windowed(x: GridGeometry, *, kernel: int, stride: int, before: int) -> GridGeometry:
    """What a cell sees after a window of `kernel` cells moved by `stride` cells."""
    return GridGeometry(
        stride=x.stride * stride,
        receptive_field=x.receptive_field + (kernel - 1) * x.stride,
        offset=x.offset - before * x.stride,
    )
