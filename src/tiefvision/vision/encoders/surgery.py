"""Rewrites somebody's ONNX graph to our interface: pixels in, one grid out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper, shape_inference

from tiefvision.errors import InvalidInput
from tiefvision.vision.artefacts import Json
from tiefvision.vision.encoders.graph import INPUT
from tiefvision.vision.encoders.onnx_options import WHITE, Layout, OnnxOptions

GRID = "grid"
_PREFIX = "tiefvision_"
_DEFAULT_SIDE = 224
_COLOURS = 3
# The first opset in which Squeeze and Unsqueeze take their axes as an input.
_OPSET = 13
_FLOATS: dict[int, type[np.floating]] = {
    onnx.TensorProto.FLOAT: np.float32,
    onnx.TensorProto.FLOAT16: np.float16,
}
# How much larger the second trial image is, to see whether any size is taken.
_LARGER = 64


@dataclass(frozen=True, slots=True)
class _Input:
    """The one image input of somebody's graph."""

    name: str
    element: int
    channels_last: bool
    side: int
    any_size: bool


def rewrite(path: Path, options: OnnxOptions, *, name: str) -> tuple[bytes, dict[str, Json]]:
    """The rewritten model and what model.json says about it, after a trial run on noise.

    Raises InvalidInput when the file is no ONNX model, has no single image input, or gives no
    finite grid.
    """
    model = _read(path)
    image = _image_input(model, options, name)
    output = options.output or _guess_output(model, image, name)
    if all(output not in node.output for node in model.graph.node):
        raise InvalidInput(
            f"{name} has no tensor {output!r}; its outputs are "
            f"{', '.join(value.name for value in model.graph.output)}"
        )
    _feed_pixels(model, image, options)
    _keep_only(model, output)
    raw = _run(model, image.side, name).shape
    layout = options.layout or _guess_layout(raw)
    grid_shape = _append_grid(model, output, raw, layout, options, name)
    grid = _run(model, image.side, name)
    if grid.shape != grid_shape or not np.isfinite(grid).all():
        raise InvalidInput(f"{name} gives {grid.shape} with values that are not finite")
    any_size = image.any_size and layout != "tokens" and _takes_any_size(model, image.side, name)
    return model.SerializeToString(deterministic=True), _describe(
        name, grid_shape, side=image.side, any_size=any_size
    )


def _read(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(str(path))
        onnx.checker.check_model(model)
        opset = max(i.version for i in model.opset_import if i.domain in ("", "ai.onnx"))
        if opset < _OPSET:
            model = onnx.version_converter.convert_version(model, _OPSET)
    except Exception as error:
        # Protobuf, the checker and the converter raise exceptions of no common base.
        raise InvalidInput(f"{path} is not an ONNX model that can be used: {error}") from error
    return model


def _image_input(model: onnx.ModelProto, options: OnnxOptions, name: str) -> _Input:
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs)
        raise InvalidInput(f"{name} has {len(inputs)} inputs ({names}); one image expected")
    kind = inputs[0].type.tensor_type
    dims = [dim.dim_value if dim.HasField("dim_value") else 0 for dim in kind.shape.dim]
    if len(dims) != 4 or kind.elem_type not in _FLOATS:
        raise InvalidInput(
            f"{name} takes {inputs[0].name} of shape {dims}; a batch of float images expected"
        )
    channels_last = dims[3] == _COLOURS and dims[1] != _COLOURS
    height, width = dims[1:3] if channels_last else dims[2:4]
    if dims[3 if channels_last else 1] not in (0, _COLOURS) or dims[0] > 1 or height != width:
        raise InvalidInput(
            f"{name} takes {inputs[0].name} of shape {dims}; one square image of three colours "
            "expected"
        )
    if options.side is not None and height not in (0, options.side):
        raise InvalidInput(f"{name} takes {height} pixels; the options say {options.side}")
    side = options.side or height or _DEFAULT_SIDE
    return _Input(inputs[0].name, kind.elem_type, channels_last, side, height == 0)


def _guess_output(model: onnx.ModelProto, image: _Input, name: str) -> str:
    """The last output with rows and columns or tokens, else the last inner feature map."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    for value in fixed.graph.input:
        if value.name == image.name:
            sizes = [1, image.side, image.side, image.side]
            sizes[3 if image.channels_last else 1] = _COLOURS
            for dim, size in zip(value.type.tensor_type.shape.dim, sizes, strict=True):
                dim.dim_value = size
    inferred = shape_inference.infer_shapes(fixed, data_prop=True).graph
    values = [*inferred.value_info, *inferred.output]
    shapes = {value.name: _shape(value) for value in values}
    outputs = [value.name for value in model.graph.output]
    for candidate in reversed(outputs):
        if _is_map(shapes.get(candidate, ())) or _is_tokens(shapes.get(candidate, ())):
            return candidate
    for node in reversed(model.graph.node):
        for candidate in node.output:
            if _is_map(shapes.get(candidate, ())):
                return candidate
    raise InvalidInput(
        f"{name} has no tensor that looks like a grid; its outputs are "
        + ", ".join(f"{output} {shapes.get(output, ())}" for output in outputs),
        remedy="name the tensor as `output` in the options file beside it",
    )


def _shape(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    """The dimensions; 0 for one that is not known."""
    return tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)


def _is_map(shape: Sequence[int]) -> bool:
    """Four dimensions of which at least three are more than 1 wide: a grid, no pooled vector."""
    return len(shape) == 4 and sum(size > 1 for size in shape) == 3


def _is_tokens(shape: Sequence[int]) -> bool:
    return len(shape) == 3 and shape[1] > 1 and _square(shape[1]) is not None


def _square(tokens: int) -> int | None:
    """How many tokens to skip to leave a square: 0, 1, or None when neither does."""
    return next((skip for skip in (0, 1) if math.isqrt(tokens - skip) ** 2 == tokens - skip), None)


def _feed_pixels(model: onnx.ModelProto, image: _Input, options: OnnxOptions) -> None:
    """Puts our input and the normalisation in front of somebody's image input."""
    shape = (1, 1, _COLOURS) if image.channels_last else (_COLOURS, 1, 1)
    element = _FLOATS[image.element]
    constants = {
        "mean": (np.array(options.mean) * WHITE).reshape(shape).astype(element),
        "scale": (1 / (np.array(options.std) * WHITE)).reshape(shape).astype(element),
        "batch_axis": np.array([0], np.int64),
    }
    names = {name: _PREFIX + name for name in constants}
    ordered = _PREFIX + "ordered"
    first = helper.make_node(
        "Transpose", [INPUT], [ordered], perm=[0, 1, 2] if image.channels_last else [2, 0, 1]
    )
    cast, centred, scaled = (_PREFIX + step for step in ("cast", "centred", "scaled"))
    nodes = [
        first,
        helper.make_node("Cast", [ordered], [cast], to=image.element),
        helper.make_node("Sub", [cast, names["mean"]], [centred]),
        helper.make_node("Mul", [centred, names["scale"]], [scaled]),
        helper.make_node("Unsqueeze", [scaled, names["batch_axis"]], [image.name]),
        *model.graph.node,
    ]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    kept = [value for value in model.graph.input if value.name != image.name]
    del model.graph.input[:]
    pixels = helper.make_tensor_value_info(
        INPUT, onnx.TensorProto.UINT8, ["height", "width", _COLOURS]
    )
    model.graph.input.extend([pixels, *kept])
    model.graph.initializer.extend(
        numpy_helper.from_array(value, names[name]) for name, value in constants.items()
    )


def _keep_only(model: onnx.ModelProto, output: str) -> None:
    """Makes a tensor the one output, and drops every node behind it."""
    needed = {output}
    nodes: list[onnx.NodeProto] = []
    for node in reversed(model.graph.node):
        if needed.intersection(node.output):
            needed.update(_reads(node))
            nodes.insert(0, node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    weights = [
        tensor
        for tensor in model.graph.initializer
        if tensor.name in needed | {_PREFIX + "batch_axis"}
    ]
    del model.graph.initializer[:]
    model.graph.initializer.extend(weights)
    # Shapes noted for another batch or size would contradict the new input.
    del model.graph.value_info[:]
    _set_output(model, output, [None] * 4)


def _reads(node: onnx.NodeProto) -> set[str]:
    """The tensors that a node reads, those of its inner graphs included."""
    names = set(node.input)
    for attribute in node.attribute:
        for graph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
            for inner in graph.node:
                names |= _reads(inner)
    return names


def _set_output(model: onnx.ModelProto, name: str, shape: Sequence[str | int | None]) -> None:
    del model.graph.output[:]
    value = helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
    if all(size is None for size in shape):
        value = onnx.ValueInfoProto(name=name)
    model.graph.output.append(value)


def _guess_layout(shape: tuple[int, ...]) -> Layout:
    if len(shape) == 3:
        return "tokens"
    return "nhwc" if len(shape) == 4 and shape[1] == shape[2] != shape[3] else "nchw"


def _append_grid(
    model: onnx.ModelProto,
    output: str,
    raw: tuple[int, ...],
    layout: Layout,
    options: OnnxOptions,
    name: str,
) -> tuple[int, int, int]:
    """Adds what turns the raw tensor into a float32 grid; gives the grid's shape."""
    if len(raw) != (3 if layout == "tokens" else 4) or raw[0] != 1:
        raise InvalidInput(f"{name} gives {output} of shape {raw}, which is not {layout}")
    batch, flat, ordered = (_PREFIX + step for step in ("batch_axis", "flat", "ordered_grid"))
    nodes = [helper.make_node("Squeeze", [output, batch], [flat])]
    if layout == "tokens":
        rows, cols, skip = _token_grid(raw, options, output, name)
        constants = {
            "first": np.array([skip], np.int64),
            "last": np.array([raw[1]], np.int64),
            "shape": np.array([rows, cols, raw[2]], np.int64),
        }
        model.graph.initializer.extend(
            numpy_helper.from_array(value, _PREFIX + key) for key, value in constants.items()
        )
        patches = _PREFIX + "patches"
        nodes += [
            helper.make_node("Slice", [flat, _PREFIX + "first", _PREFIX + "last"], [patches]),
            helper.make_node("Reshape", [patches, _PREFIX + "shape"], [ordered]),
        ]
        shape = (rows, cols, raw[2])
    elif layout == "nchw":
        nodes.append(helper.make_node("Transpose", [flat], [ordered], perm=[1, 2, 0]))
        shape = (raw[2], raw[3], raw[1])
    else:
        nodes.append(helper.make_node("Identity", [flat], [ordered]))
        shape = (raw[1], raw[2], raw[3])
    nodes.append(helper.make_node("Cast", [ordered], [GRID], to=onnx.TensorProto.FLOAT))
    model.graph.node.extend(nodes)
    _set_output(model, GRID, ["rows", "cols", shape[2]])
    return shape


def _token_grid(
    raw: tuple[int, ...], options: OnnxOptions, output: str, name: str
) -> tuple[int, int, int]:
    """Rows, columns, and the tokens to skip before them."""
    skip = options.skip_tokens if options.skip_tokens is not None else _square(raw[1])
    rows = math.isqrt(max(raw[1] - (skip or 0), 0))
    if skip is None or rows == 0 or rows * rows != raw[1] - skip:
        raise InvalidInput(
            f"{name} gives {raw[1]} tokens in {output}, which are no square of patches",
            remedy="say in the options file how many come before the patches (skip_tokens)",
        )
    return rows, rows, skip


def _run(model: onnx.ModelProto, side: int, name: str) -> np.ndarray:
    """The one output for noise, which has no symmetry that could hide a mistake."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    # Errors only: warnings about somebody's graph come back as the exception's text.
    options.log_severity_level = 3
    noise = np.random.default_rng(0).integers(0, 256, (side, side, _COLOURS), dtype=np.uint8)
    try:
        session = ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        (result,) = session.run(None, {INPUT: noise})
    except Exception as error:
        # onnxruntime's exceptions share no base class but Exception.
        raise InvalidInput(f"{name} does not run on {side} x {side} pixels: {error}") from error
    return np.asarray(result)


def _takes_any_size(model: onnx.ModelProto, side: int, name: str) -> bool:
    try:
        larger = _run(model, side + _LARGER, name)
    except InvalidInput:
        return False
    return larger.shape[0] > 0 and larger.shape[1] > 0


def _describe(
    name: str, shape: tuple[int, int, int], *, side: int, any_size: bool
) -> dict[str, Json]:
    """What cells see is not known here, so they are said to see the whole image and more."""
    stride = max(1, round(side / shape[0]))
    return {
        "kind": "encoder",
        "name": name,
        "side": side,
        "any_size": any_size,
        "layers": [
            {
                "name": GRID,
                "channels": shape[2],
                "stride": stride,
                "receptive_field": stride + 2 * side,
                "offset": -side,
            }
        ],
    }
