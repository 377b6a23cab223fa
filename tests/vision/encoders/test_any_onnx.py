"""onnx:PATH: files of several makes become encoders, or are refused with the reason."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper, save

from tiefvision.errors import InvalidInput, NotFound
from tiefvision.vision import encoders
from tiefvision.vision.encoders.any_onnx import adapt
from tiefvision.vision.encoders.onnx_options import OnnxOptions

SIDE = 32
CHANNELS = 5
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
WEIGHT = np.random.default_rng(1).normal(size=(CHANNELS, 3, 8, 8)).astype(np.float32)
PATCHES = helper.make_node("Conv", ["image", "weight"], ["patches"], strides=[8, 8])


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIEFVISION_CACHE", str(tmp_path / "cache"))


def _save(
    path: Path,
    nodes: Sequence[NodeProto],
    output: tuple[str, list[int | str]],
    *,
    image: Sequence[int | str] = (1, 3, SIDE, SIDE),
    constants: dict[str, np.ndarray] | None = None,
    opset: int = 17,
) -> str:
    graph = helper.make_graph(
        list(nodes),
        "somebody's",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, list(image))],
        [helper.make_tensor_value_info(output[0], TensorProto.FLOAT, output[1])],
        [numpy_helper.from_array(v, k) for k, v in {"weight": WEIGHT, **(constants or {})}.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    save(helper.make_model(graph, opset_imports=opsets, ir_version=8), str(path))
    return f"onnx:{path}"


def _pixels(height: int = SIDE, width: int = SIDE) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (height, width, 3), dtype=np.uint8)


def _expected(pixels: np.ndarray, mean: object = MEAN, std: object = STD) -> np.ndarray:
    """The convolution of step 8 by its definition, (rows, cols, channels)."""
    x = (pixels / 255 - mean) / std
    rows, cols = x.shape[0] // 8, x.shape[1] // 8
    grid = np.zeros((rows, cols, CHANNELS))
    for row in range(rows):
        for col in range(cols):
            window = x[8 * row : 8 * row + 8, 8 * col : 8 * col + 8].transpose(2, 0, 1)
            grid[row, col] = (WEIGHT * window).sum(axis=(1, 2, 3))
    return grid


def _check(spec: str, expected: np.ndarray, pixels: np.ndarray | None = None) -> None:
    (grid,) = encoders.load(spec).encode(_pixels() if pixels is None else pixels)
    np.testing.assert_allclose(grid, expected, rtol=1e-4, atol=1e-3)


def test_a_feature_map_of_one_size_is_found_and_squashes_images_to_it(tmp_path: Path) -> None:
    spec = _save(tmp_path / "net.onnx", [PATCHES], ("patches", [1, CHANNELS, 4, 4]))
    _check(spec, _expected(_pixels()))
    encoder = encoders.load(spec)
    assert (encoder.side, encoder.parts[0].any_size) == (SIDE, False)
    assert encoder.encode(_pixels(100, 50))[0].shape == (4, 4, CHANNELS)


def test_a_network_of_any_size_takes_any_size(tmp_path: Path) -> None:
    shape: list[int | str] = ["n", CHANNELS, "rows", "cols"]
    spec = _save(
        tmp_path / "net.onnx", [PATCHES], ("patches", shape), image=("n", 3, "height", "width")
    )
    encoder = encoders.load(spec)
    assert (encoder.side, encoder.parts[0].any_size) == (224, True)
    _check(spec, _expected(_pixels(40, 72)), _pixels(40, 72))


def test_options_beside_the_file_are_followed(tmp_path: Path) -> None:
    spec = _save(tmp_path / "net.onnx", [PATCHES], ("patches", [1, CHANNELS, 4, 4]))
    plain = encoders.load(spec).fingerprint
    options = {"side": SIDE, "mean": [0, 0, 0], "std": [1 / 255] * 3}
    (tmp_path / "net.json").write_text(json.dumps(options))
    _check(spec, _expected(_pixels(), mean=0, std=1 / 255))
    assert encoders.load(spec).fingerprint != plain


@pytest.mark.parametrize("class_tokens", [0, 1])
def test_tokens_become_a_grid_without_the_class_token(class_tokens: int, tmp_path: Path) -> None:
    nodes = [
        PATCHES,
        helper.make_node("Reshape", ["patches", "flat"], ["channels_first"]),
        helper.make_node("Transpose", ["channels_first"], ["tokens"], perm=[0, 2, 1]),
        helper.make_node("Concat", ["class", "tokens"], ["all"], axis=1),
    ]
    constants = {
        "flat": np.array([1, CHANNELS, 16], np.int64),
        "class": np.full((1, class_tokens, CHANNELS), 99, np.float32),
    }
    shape: list[int | str] = [1, 16 + class_tokens, CHANNELS]
    spec = _save(tmp_path / "vit.onnx", nodes, ("all", shape), constants=constants)
    _check(spec, _expected(_pixels()))


def test_register_tokens_need_to_be_said(tmp_path: Path) -> None:
    nodes = [
        PATCHES,
        helper.make_node("Reshape", ["patches", "flat"], ["channels_first"]),
        helper.make_node("Transpose", ["channels_first"], ["tokens"], perm=[0, 2, 1]),
        helper.make_node("Concat", ["class", "tokens"], ["all"], axis=1),
    ]
    constants = {
        "flat": np.array([1, CHANNELS, 16], np.int64),
        "class": np.full((1, 3, CHANNELS), 99, np.float32),
    }
    spec = _save(tmp_path / "vit.onnx", nodes, ("all", [1, 19, CHANNELS]), constants=constants)
    path = tmp_path / "vit.json"
    path.write_text(json.dumps({"output": "all"}))
    with pytest.raises(InvalidInput, match=r"19 tokens .*skip_tokens"):
        encoders.load(spec)
    path.write_text(json.dumps({"output": "all", "skip_tokens": 3}))
    _check(spec, _expected(_pixels()))


def test_a_classifier_gives_its_last_inner_feature_map(tmp_path: Path) -> None:
    nodes = [
        PATCHES,
        helper.make_node("GlobalAveragePool", ["patches"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["scores"]),
    ]
    spec = _save(tmp_path / "net.onnx", nodes, ("scores", [1, CHANNELS]))
    _check(spec, _expected(_pixels()))


def test_channels_last_networks_are_fed_channels_last(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Transpose", ["nhwc"], ["image_first"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["image_first", "weight"], ["patches"], strides=[8, 8]),
        helper.make_node("Transpose", ["patches"], ["cells"], perm=[0, 2, 3, 1]),
    ]
    nodes[0].input[0] = "image"
    spec = _save(
        tmp_path / "tf.onnx", nodes, ("cells", [1, 4, 4, CHANNELS]), image=(1, SIDE, SIDE, 3)
    )
    _check(spec, _expected(_pixels()))


def test_an_old_opset_is_converted(tmp_path: Path) -> None:
    spec = _save(tmp_path / "net.onnx", [PATCHES], ("patches", [1, CHANNELS, 4, 4]), opset=11)
    _check(spec, _expected(_pixels()))


def test_a_changed_file_is_adapted_again_and_an_unchanged_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    _save(path, [PATCHES], ("patches", [1, CHANNELS, 4, 4]))
    first = adapt(path)
    assert adapt(path) == first
    relu = helper.make_node("Relu", ["patches"], ["positive"])
    _save(path, [PATCHES, relu], ("positive", [1, CHANNELS, 4, 4]))
    assert adapt(path).artefact.fingerprint != first.artefact.fingerprint
    _check(f"onnx:{path}", np.maximum(_expected(_pixels()), 0))


def test_a_catalogues_copy_serves_without_the_file(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    spec = _save(path, [PATCHES], ("patches", [1, CHANNELS, 4, 4]))
    models = tmp_path / "models"
    encoders.copy_into(spec, models)
    path.unlink()
    with pytest.raises(NotFound, match="there is no ONNX file"):
        encoders.load(spec)
    (grid,) = encoders.load(spec, folders=[models]).encode(_pixels())
    np.testing.assert_allclose(grid, _expected(_pixels()), rtol=1e-4, atol=1e-3)


def test_files_that_cannot_be_encoders_are_refused_with_the_reason(tmp_path: Path) -> None:
    rubbish = tmp_path / "rubbish.onnx"
    rubbish.write_bytes(b"rubbish")
    with pytest.raises(InvalidInput, match="not an ONNX model that can be used"):
        encoders.load(f"onnx:{rubbish}")
    pooled = helper.make_node("ReduceMean", ["image"], ["y"], axes=[2, 3], keepdims=0)
    vector = _save(tmp_path / "vector.onnx", [pooled], ("y", [1, 3]))
    with pytest.raises(InvalidInput, match="no tensor that looks like a grid"):
        encoders.load(vector)
    spec = _save(tmp_path / "net.onnx", [PATCHES], ("patches", [1, CHANNELS, 4, 4]))
    with pytest.raises(InvalidInput, match="has no tensor 'conv9'; its outputs are patches"):
        adapt(Path(spec.removeprefix("onnx:")), OnnxOptions(output="conv9"))
    grey = _save(
        tmp_path / "grey.onnx",
        [helper.make_node("Relu", ["image"], ["y"])],
        ("y", [1, 1, SIDE, SIDE]),
        image=(1, 1, SIDE, SIDE),
    )
    with pytest.raises(InvalidInput, match="one square image of three colours"):
        encoders.load(grey)
    log = helper.make_node("Log", ["patches"], ["y"])
    infinite = _save(tmp_path / "log.onnx", [PATCHES, log], ("y", [1, CHANNELS, 4, 4]))
    with pytest.raises(InvalidInput, match="not finite"):
        encoders.load(infinite)


def test_an_unknown_option_is_named(tmp_path: Path) -> None:
    spec = _save(tmp_path / "net.onnx", [PATCHES], ("patches", [1, CHANNELS, 4, 4]))
    (tmp_path / "net.json").write_text('{"sides": 32}')
    with pytest.raises(InvalidInput, match="'sides'; known are side, mean, std"):
        encoders.load(spec)
