"""vision/runtime.py: one thread for each call, its precision explicit."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from tiefvision.errors import InvalidInput, NotReady, WeightsError
from tiefvision.vision import runtime
from tiefvision.vision.runtime import Session, open_session

SIDE = 16
WEIGHT = np.random.default_rng(3).normal(size=(4, 3, 3, 3)).astype(np.float32)

needs_openvino = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None and not os.environ.get("CI"),
    reason="the runtime openvino needs the extra openvino",
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A convolution and, behind it, its doubled values, for one size."""
    return _saved(tmp_path, SIDE)


def _saved(folder: Path, side: int | str) -> Path:
    inside = side - 2 if isinstance(side, int) else f"{side}_inside"
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "weight"], ["convolved"]),
            helper.make_node("Add", ["convolved", "convolved"], ["doubled"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, side, side])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4, inside, inside])
            for name in ("convolved", "doubled")
        ],
        [numpy_helper.from_array(WEIGHT, "weight")],
    )
    opset = [helper.make_opsetid("", 17)]
    path = folder / "tiny.onnx"
    save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))
    return path


def _image(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(1, 3, SIDE, SIDE)).astype(np.float32)


def _oracle(image: np.ndarray) -> np.ndarray:
    """The convolution by its definition."""
    out = np.zeros((1, 4, SIDE - 2, SIDE - 2))
    for row in range(SIDE - 2):
        for col in range(SIDE - 2):
            window = image[0, :, row : row + 3, col : col + 3]
            out[0, :, row, col] = (WEIGHT * window).sum(axis=(1, 2, 3))
    return out


def _check_threads(session: Session, tolerance: float) -> None:
    images = [_image(seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(session.run, images * 5))
    for i, (result,) in enumerate(results):
        expected = _oracle(images[i % len(images)])
        np.testing.assert_allclose(result, expected, rtol=tolerance, atol=tolerance * 4)


def test_onnxruntime_gives_the_outputs_asked_for_in_their_order(model: Path) -> None:
    session = open_session(model, outputs=["doubled", "convolved"], precision="fp32")
    doubled, convolved = session.run(_image())
    np.testing.assert_allclose(convolved, _oracle(_image()), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(doubled, 2 * convolved)


def test_onnxruntime_serves_several_threads_at_once(model: Path) -> None:
    _check_threads(open_session(model, outputs=["convolved"]), 1e-4)


@needs_openvino
def test_openvino_in_fp32_equals_onnxruntime(model: Path) -> None:
    fast = open_session(model, outputs=["doubled", "convolved"], runtime="openvino")
    plain = open_session(model, outputs=["doubled", "convolved"])
    for ours, theirs in zip(fast.run(_image()), plain.run(_image()), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@needs_openvino
def test_openvino_serves_several_threads_at_once(model: Path) -> None:
    _check_threads(open_session(model, outputs=["convolved"], runtime="openvino"), 1e-4)


@needs_openvino
def test_openvino_compiles_once_for_calls_one_after_the_other(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[object] = []
    compile_one = runtime._OpenVinoSession._compile

    def counted(session: runtime._OpenVinoSession, shape: tuple[int, ...] | None) -> object:
        compiled.append(shape)
        return compile_one(session, shape)

    monkeypatch.setattr(runtime._OpenVinoSession, "_compile", counted)
    session = open_session(model, outputs=["convolved"], runtime="openvino")
    for seed in range(3):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(session.run, _image(seed)).result()
    assert compiled == [None]


@needs_openvino
def test_openvino_takes_other_shapes_than_the_one_it_was_compiled_for(tmp_path: Path) -> None:
    model = _saved(tmp_path, "side")
    usual = (1, 3, SIDE, SIDE)
    session = open_session(model, outputs=["convolved"], runtime="openvino", shape=usual)
    whole = _image()
    for image in (whole, whole[:, :, :9, :9], whole):
        (result,) = session.run(np.ascontiguousarray(image))
        rows = image.shape[2] - 2
        expected = _oracle(whole)[:, :, :rows, :rows]
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


@needs_openvino
def test_openvino_gives_the_precision_asked_for_or_says_that_it_cannot(model: Path) -> None:
    plain = open_session(model, outputs=["convolved"], runtime="openvino", precision="fp32")
    (exact,) = plain.run(_image())
    np.testing.assert_allclose(exact, _oracle(_image()), rtol=1e-4, atol=1e-5)
    try:
        session = open_session(model, outputs=["convolved"], precision="bf16")
    except NotReady as error:
        assert "does not compute in bf16" in error.message
        return
    (rough,) = session.run(_image())
    # bf16 keeps 8 bits: the values agree to about 1 %, and not to the last bits.
    np.testing.assert_allclose(rough, exact, atol=0.02 * float(np.abs(exact).max()))
    assert np.abs(rough - exact).max() > 1e-5


def test_bf16_without_openvino_says_what_to_install(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(NotReady, match=r"pip install 'tiefvision\[openvino\]'"):
        open_session(model, outputs=["convolved"], precision="bf16")


def test_bf16_on_onnxruntime_is_refused(model: Path) -> None:
    with pytest.raises(InvalidInput, match="does not compute in bf16"):
        open_session(model, outputs=["convolved"], precision="bf16", runtime="onnxruntime")


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(b"not a network")
    with pytest.raises(WeightsError, match="not a network that onnxruntime runs"):
        open_session(path, outputs=["x"])


def test_a_call_starts_no_thread(model: Path) -> None:
    code = (
        "import sys, threading, numpy as np; from pathlib import Path\n"
        "from tiefvision.vision.runtime import open_session\n"
        "count = lambda: len(list(Path('/proc/self/task').iterdir()))\n"
        f"session = open_session(Path({str(model)!r}), outputs=['convolved'])\n"
        "before = count(); session.run(np.zeros((1, 3, 16, 16), np.float32))\n"
        "print(count() - before)"
    )
    if not Path("/proc/self/task").is_dir():
        pytest.skip("threads are counted through /proc")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "0", result.stderr
