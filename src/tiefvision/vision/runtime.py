"""A network ready to run: one thread for each call, its precision always explicit.

onnxruntime computes in fp32. OpenVINO (extra "openvino") computes in fp32 or bf16. Both run in
the thread that calls, so symmetric workers need no pool and do not wait for each other.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np
import onnxruntime as ort

from tiefvision.errors import InvalidInput, NotReady, WeightsError

Precision = Literal["fp32", "bf16"]
Runtime = Literal["onnxruntime", "openvino"]

# onnxruntime's levels: 3 is errors and worse; warnings about other people's models help nobody.
_ORT_ERRORS_ONLY = 3
# OpenVINO's Python binding stands still for ever when two threads make their first call at the
# same moment (2026.4: both inside the first openvino.Tensor of an array), so firsts take turns.
_OPENVINO_STARTS = threading.Lock()
_OPENVINO_HINTS: dict[Precision, str] = {"fp32": "f32", "bf16": "bf16"}


@runtime_checkable
class Session(Protocol):
    """A loaded network. Safe to call from several threads at once."""

    def run(self, values: np.ndarray) -> tuple[np.ndarray, ...]:
        """The chosen outputs, in the order in which they were named, for the one input."""
        ...


def open_session(
    model: Path,
    *,
    outputs: Sequence[str],
    precision: Precision = "fp32",
    runtime: Runtime | None = None,
    shape: tuple[int, ...] | None = None,
) -> Session:
    """A network from an ONNX file with exactly one input.

    runtime: None takes onnxruntime for fp32 and OpenVINO for bf16. shape: what most inputs will
    have; OpenVINO is 4 % faster on a network compiled for one shape, onnxruntime is not.
    Raises InvalidInput for a precision that the runtime does not have, NotReady when OpenVINO
    is not installed or this processor has no bf16, WeightsError for a file that does not load.
    """
    if precision not in get_args(Precision):
        raise InvalidInput(
            f"precision is {precision!r}; {' or '.join(get_args(Precision))} expected"
        )
    runtime = runtime or ("openvino" if precision == "bf16" else "onnxruntime")
    if runtime not in get_args(Runtime):
        raise InvalidInput(f"runtime is {runtime!r}; {' or '.join(get_args(Runtime))} expected")
    if runtime == "openvino":
        return _OpenVinoSession(model, outputs, precision, shape)
    if precision == "bf16":
        raise InvalidInput(
            "onnxruntime does not compute in bf16 on a processor",
            remedy="choose the runtime openvino, or the precision fp32",
        )
    return _OrtSession(model, outputs)


class _OrtSession:
    def __init__(self, model: Path, outputs: Sequence[str]) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        options.log_severity_level = _ORT_ERRORS_ONLY
        try:
            self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            # onnxruntime's exceptions share no base class but Exception.
            raise WeightsError(
                f"{model} is not a network that onnxruntime runs: {error}"
            ) from error
        self._outputs = list(outputs)
        (self._input,) = (value.name for value in self._session.get_inputs())

    def run(self, values: np.ndarray) -> tuple[np.ndarray, ...]:
        results = self._session.run(self._outputs, {self._input: values})
        return tuple(np.asarray(result) for result in results)


@runtime_checkable
class _InferRequest(Protocol):
    """The part of openvino.InferRequest used here; openvino may not be installed."""

    def infer(self, inputs: Mapping[int, np.ndarray]) -> Mapping[int, np.ndarray]: ...


class _OpenVinoSession:
    """As many compiled networks as threads ever call at once; idle ones wait for the next call.

    Requests of one compiled network wait for its single stream, so threads that share it take
    turns: two threads then encode no faster than one (6.4 ms an image instead of 3.9).
    """

    def __init__(
        self,
        model: Path,
        outputs: Sequence[str],
        precision: Precision,
        shape: tuple[int, ...] | None,
    ) -> None:
        # openvino is an extra, and takes a third of a second to import.
        try:
            openvino = importlib.import_module("openvino")
        except ImportError as error:
            raise NotReady(
                "the runtime openvino is not installed",
                remedy="type `pip install 'tiefvision[openvino]'`",
            ) from error
        self._core = openvino.Core()
        try:
            network = self._core.read_model(model)
        except RuntimeError as error:
            raise WeightsError(f"{model} is not a network that OpenVINO runs: {error}") from error
        # Only the outputs asked for, so that nothing behind them is computed.
        results = [network.output(name).node for name in outputs]
        self._network = openvino.Model(results, network.get_parameters())
        self._count = len(results)
        self._precision: Precision = precision
        self._usual = shape
        # Requests by the shape that they are compiled for; None takes every shape. Those that ran
        # wait in `_idle`; a list's append and pop need no lock. Compiling here shows at once
        # whether the precision is there, and what was compiled is the first to be used.
        self._idle: dict[tuple[int, ...] | None, list[_InferRequest]] = {None: [], shape: []}
        self._fresh = {shape: self._compile(shape)}

    def run(self, values: np.ndarray) -> tuple[np.ndarray, ...]:
        shape = self._usual if values.shape == self._usual else None
        idle = self._idle[shape]
        try:
            request = idle.pop()
        except IndexError:
            with _OPENVINO_STARTS:
                request = self._fresh.pop(shape, None) or self._compile(shape)
                results = self._infer(request, values)
        else:
            results = self._infer(request, values)
        idle.append(request)
        return results

    def _infer(self, request: _InferRequest, values: np.ndarray) -> tuple[np.ndarray, ...]:
        # Results are copies: the request may serve another thread by the time they are read.
        results = request.infer({0: values})
        return tuple(np.asarray(results[index], np.float32) for index in range(self._count))

    def _compile(self, shape: tuple[int, ...] | None) -> _InferRequest:
        network = self._network
        if shape is not None:
            network = network.clone()
            network.reshape(list(shape))
        hint = _OPENVINO_HINTS[self._precision]
        compiled = self._core.compile_model(
            network,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": hint,
                "INFERENCE_NUM_THREADS": 1,
                "NUM_STREAMS": 1,
                "ENABLE_CPU_PINNING": False,
            },
        )
        # OpenVINO answers with fp32, silently, where the processor has no bf16.
        taken = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
        if taken != hint:
            raise NotReady(
                f"this processor does not compute in {self._precision} (OpenVINO takes {taken})",
                remedy="choose the precision fp32",
            )
        return compiled.create_infer_request()
