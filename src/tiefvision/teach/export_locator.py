"""Trained networks as a locator's model folder: two ONNX graphs that run without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from jaxtyping import Float32
from onnx import helper, numpy_helper

from tiefvision.vision import artefacts, locator
from tiefvision.vision.artefacts import Artefact
from tiefvision.vision.encoders import SideBySide
from tiefvision.vision.encoders.graph import IR_VERSION, OPSET
from tiefvision.vision.locator import Shape
from tiefvision.vision.locator_choices import LocatorChoices

REPORT_FILE = "report.json"
DATASET_FILE = "dataset.json"


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """Networks side by side, one for each output; `place` is added at each of the grid's cells.

    The output is linear * window + out . relu(hidden * window + hidden_bias) + bias.
    """

    linear: Float32[np.ndarray, "outputs channels side side"]
    bias: Float32[np.ndarray, " outputs"]
    hidden: Float32[np.ndarray, "outputs units channels side side"]
    hidden_bias: Float32[np.ndarray, "outputs units"]
    out: Float32[np.ndarray, "outputs units"]
    place: Float32[np.ndarray, "outputs rows cols"] | None


@dataclass(frozen=True, slots=True, eq=False)
class Slide:
    """Five networks that answer at every cell of a grid, for the window about it: a logit and
    four edges.

    place, scale: what the edges' answers are added to and multiplied by, in fractions of the
    window.
    """

    weights: Weights
    place: Float32[np.ndarray, "4 rows cols"]
    scale: Float32[np.ndarray, " 4"]


@dataclass(frozen=True, slots=True, eq=False)
class LocatorNetworks:
    """All that training learned.

    offset, projection: the grids' cells less their mean, to few channels. slides: for each grid
    one for each window size. look: four networks that answer of one window; look_mean,
    look_scale: as a slide's place and scale.
    """

    shape: Shape
    choices: LocatorChoices
    offset: Float32[np.ndarray, " channels"]
    projection: Float32[np.ndarray, "channels kept"]
    slides: tuple[tuple[Slide, ...], ...]
    look: Weights
    look_mean: Float32[np.ndarray, " 4"]
    look_scale: Float32[np.ndarray, " 4"]


def write_folder(
    folder: Path,
    networks: LocatorNetworks,
    *,
    encoder: SideBySide,
    label: str,
    report: bytes = b"",
    dataset: bytes = b"",
) -> Artefact:
    """The model folder that `Locator` loads, written whole or not at all.

    encoder: of the grids that were learned from. report, dataset: JSON that is kept beside the
    networks where it is not empty.
    """
    files = {locator.LOOK_FILE: _look(networks)}
    for grid in range(len(networks.slides)):
        files[locator.slide_file(grid)] = _slides(networks, grid)
    files |= {name: own for name, own in ((REPORT_FILE, report), (DATASET_FILE, dataset)) if own}
    description = locator.describe(networks.shape, networks.choices, encoder=encoder, label=label)
    return artefacts.write(folder, description=description, files=files)


class _Graph:
    """Nodes and weights, appended one by one; each call gives the name of what it made."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def constant(self, values: np.ndarray) -> str:
        name = f"constant_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, kind: str, inputs: Sequence[str], name: str = "", **attributes: object) -> str:
        name = name or f"value_{len(self.nodes)}"
        made = helper.make_node(kind, list(inputs), [name], name=name)
        made.attribute.extend(helper.make_attribute(key, v) for key, v in attributes.items())
        self.nodes.append(made)
        return name

    def squeezed(self, x: str, name: str = "") -> str:
        """(1, channels, rows, cols) as (rows, cols, channels)."""
        x = self.node("Squeeze", [x, self.constant(np.array([0], np.int64))])
        return self.node("Transpose", [x], name, perm=[1, 2, 0])

    def networks(self, x: str, weights: Weights, padding: int) -> str:
        """The answers of networks side by side, (n, outputs, rows, cols)."""
        outputs, units = weights.out.shape
        pads = [padding] * 4
        linear = self.node(
            "Conv", [x, self.constant(weights.linear), self.constant(weights.bias)], pads=pads
        )
        kernel = weights.hidden.reshape(outputs * units, *weights.hidden.shape[2:])
        h = self.node(
            "Conv", [x, self.constant(kernel), self.constant(weights.hidden_bias.reshape(-1))],
            pads=pads,
        )  # fmt: skip
        h = self.node("Relu", [h])
        # Every network reads its own units only: one group each.
        out = self.constant(weights.out[:, :, None, None])
        h = self.node("Conv", [h, out], group=outputs)
        return self.node("Add", [linear, h])

    def finish(
        self, name: str, given: onnx.ValueInfoProto, answers: Sequence[onnx.ValueInfoProto]
    ) -> bytes:
        graph = helper.make_graph(self.nodes, name, [given], list(answers), self.weights)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString()


def _slides(networks: LocatorNetworks, grid: int) -> bytes:
    """The networks of all window sizes on one grid: their answers lie one after the other."""
    (rows, cols), graph = networks.shape.grids[grid], _Graph()
    channels, kept = networks.projection.shape
    x = graph.node("Transpose", [locator.CELLS], perm=[2, 0, 1])
    x = graph.node("Unsqueeze", [x, graph.constant(np.array([0], np.int64))])
    kernel = networks.projection.T[:, :, None, None]
    x = graph.node("Sub", [x, graph.constant(networks.offset[None, :, None, None])])
    x = graph.node("Conv", [x, graph.constant(kernel)])
    graph.squeezed(x, locator.REDUCED)
    answers = [_slide(graph, x, one) for one in networks.slides[grid]]
    for number, name in enumerate((locator.PROBABILITY, locator.EDGES)):
        graph.node("Concat", [own[number] for own in answers], name, axis=0)
    count = len(answers) * rows
    return graph.finish(
        "slide",
        _floats(locator.CELLS, [rows, cols, channels]),
        [
            _floats(locator.REDUCED, [rows, cols, kept]),
            _floats(locator.PROBABILITY, [count, cols]),
            _floats(locator.EDGES, [count, cols, 4]),
        ],
    )


def _slide(graph: _Graph, x: str, slide: Slide) -> tuple[str, str]:
    """Probability (rows, cols) and edges (rows, cols, 4) of one window size."""
    weights = slide.weights
    y = graph.networks(x, weights, weights.linear.shape[-1] // 2)
    if weights.place is not None:
        y = graph.node("Add", [y, graph.constant(weights.place[None])])
    split = graph.constant(np.array([1, 4], np.int64))
    logit, normalised = f"{y}_logit", f"{y}_normalised"
    graph.nodes.append(helper.make_node("Split", [y, split], [logit, normalised], axis=1))
    likely = graph.node("Sigmoid", [logit])
    likely = graph.node("Squeeze", [likely, graph.constant(np.array([0, 1], np.int64))])
    edges = graph.node("Mul", [normalised, graph.constant(slide.scale[None, :, None, None])])
    edges = graph.node("Add", [edges, graph.constant(slide.place[None])])
    return likely, graph.squeezed(edges)


def _look(networks: LocatorNetworks) -> bytes:
    side, graph = networks.shape.look_side, _Graph()
    kept = networks.look.linear.shape[1]
    x = graph.node("Transpose", [locator.WINDOWS], perm=[0, 3, 1, 2])
    y = graph.networks(x, networks.look, 0)
    y = graph.node("Squeeze", [y, graph.constant(np.array([2, 3], np.int64))])
    y = graph.node("Mul", [y, graph.constant(networks.look_scale)])
    graph.node("Add", [y, graph.constant(networks.look_mean)], locator.EDGES)
    return graph.finish(
        "look",
        _floats(locator.WINDOWS, ["n", side, side, kept]),
        [_floats(locator.EDGES, ["n", 4])],
    )


def _floats(name: str, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, list(shape))
