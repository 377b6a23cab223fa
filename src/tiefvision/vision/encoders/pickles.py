"""Reads published weight files that are pickles, by unpicklers that build arrays only.

A pickle may name any function of the machine and call it. These unpicklers know a handful of
names, each replaced by code of this file; any other name ends the reading before it is called.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from tiefvision.errors import WeightsError

# The three numbers that open a torch file of the time before zip archives.
# Source: torch/serialization.py, _legacy_save.
_TORCH_MAGIC = 0x1950A86A20F9469CFC6C
_TORCH_PROTOCOL = 1001
_TORCH_DTYPES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "LongStorage": np.dtype("<i8"),
}


# What a damaged pickle makes the standard unpickler raise.
_BROKEN = (
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
    OverflowError,
)


def read_torch(content: bytes) -> dict[str, np.ndarray]:
    """Name to array of a state dict that `torch.save` wrote in its old, not zipped format.

    Raises WeightsError for another format, and for a pickle that holds more than tensors.
    """
    file = io.BytesIO(content)
    try:
        magic = _ArraysOnly(file).load()
        protocol = _ArraysOnly(file).load()
        system = _ArraysOnly(file).load()
    except _BROKEN as error:
        raise WeightsError(f"this is not a torch weight file: {error}") from error
    if magic != _TORCH_MAGIC or protocol != _TORCH_PROTOCOL:
        raise WeightsError("this is not a weight file in torch's format before version 1.6")
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise WeightsError("this torch weight file was not written on a little-endian machine")
    try:
        unpickler = _TorchTensors(file)
        tensors = unpickler.load()
        _fill_storages(file, unpickler.storages, _ArraysOnly(file).load())
        return {name: tensor.array() for name, tensor in tensors.items()}
    except _BROKEN as error:
        raise WeightsError(f"the torch weight file is damaged: {error}") from error


def read_numpy(content: bytes) -> dict[str, np.ndarray]:
    """Slash-joined name to array of a pickled tree of dictionaries of NumPy arrays.

    Raises WeightsError for a pickle that holds anything else.
    """
    try:
        tree = _NumpyArrays(io.BytesIO(content)).load()
    except _BROKEN as error:
        raise WeightsError(f"the weight file is damaged: {error}") from error
    return dict(_leaves(tree, prefix=""))


@dataclass(slots=True)
class _Storage:
    """A run of numbers in a torch file; its values follow after all pickles."""

    dtype: np.dtype[np.generic]
    length: int
    values: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class _StridedTensor:
    """A view of a storage, in elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> np.ndarray:
        """A copy of the values in C order. Raises ValueError when they leave the storage."""
        values = self.storage.values
        last = self.offset + sum(
            (size - 1) * step for size, step in zip(self.shape, self.strides, strict=True)
        )
        if values is None or min(self.offset, last, *self.strides, 0) < 0 or last >= len(values):
            raise ValueError("a tensor reaches outside its storage")
        steps = [step * values.itemsize for step in self.strides]
        view = np.lib.stride_tricks.as_strided(
            values[self.offset :], self.shape, steps, writeable=False
        )
        return np.array(view, order="C")


class _ArraysOnly(pickle.Unpickler):
    """Numbers, text, tuples, lists and dictionaries; no name of any module."""

    def find_class(self, module: str, name: str) -> object:
        raise WeightsError(
            f"the weight file asks for {module}.{name}, which is not part of an array; "
            "nothing of it was run",
            remedy="use the published file: `tiefvision encoders add NAME` fetches and checks it",
        )


class _TorchTensors(_ArraysOnly):
    """The state dict of a torch file, its tensors still without values."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> object:
        match module, name:
            case "collections", "OrderedDict":
                return OrderedDict
            case "torch._utils", "_rebuild_tensor_v2":
                return _rebuild_tensor
            case "torch", _ if name in _TORCH_DTYPES:
                return _TORCH_DTYPES[name]
            case _:
                return super().find_class(module, name)

    def persistent_load(self, pid: object) -> _Storage:
        match pid:
            case ("storage", np.dtype() as dtype, str(key), str(), int(length), None):
                return self.storages.setdefault(key, _Storage(dtype, length))
            case _:
                raise pickle.UnpicklingError(f"unknown storage {pid!r}")


def _rebuild_tensor(
    storage: _Storage,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    _requires_grad: bool,
    _hooks: object,
) -> _StridedTensor:
    return _StridedTensor(storage, offset, shape, strides)


def _fill_storages(file: io.BytesIO, storages: Mapping[str, _Storage], keys: list[str]) -> None:
    """Reads the values of each storage: an int64 count, then that many numbers."""
    for key in keys:
        storage = storages[key]
        count = int(np.frombuffer(file.read(8), "<i8")[0])
        content = file.read(count * storage.dtype.itemsize)
        if count != storage.length or len(content) != count * storage.dtype.itemsize:
            raise ValueError(f"storage {key} has {count} numbers, {storage.length} expected")
        storage.values = np.frombuffer(content, storage.dtype)


class _NumpyArrays(_ArraysOnly):
    """A tree of dictionaries whose leaves are plain numeric arrays."""

    def find_class(self, module: str, name: str) -> object:
        match module, name:
            case "numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct":
                return _new_array
            case "numpy", "ndarray":
                return "ndarray"
            case "numpy", "dtype":
                return _PickledDtype
            case _:
                return super().find_class(module, name)


class _PickledDtype:
    """A number type by its letter and size, such as f4."""

    __slots__ = ("dtype",)

    def __init__(self, letters: str, _align: bool, _copy: bool) -> None:
        dtype = np.dtype(letters)
        if dtype.kind not in "fiu":
            raise ValueError(f"arrays of {letters} are not weights")
        self.dtype = dtype

    def __setstate__(self, state: tuple[int, str, *tuple[object, ...]]) -> None:
        self.dtype = self.dtype.newbyteorder("big" if state[1] == ">" else "little")


class _PickledArray:
    """An array whose values arrive with its state."""

    __slots__ = ("array",)

    def __init__(self) -> None:
        self.array: np.ndarray = np.zeros(0, np.float32)

    def __setstate__(self, state: tuple[int, tuple[int, ...], _PickledDtype, bool, bytes]) -> None:
        _version, shape, pickled, column_major, content = state
        flat = np.frombuffer(content, pickled.dtype)
        self.array = flat.reshape(shape, order="F" if column_major else "C")


def _new_array(_kind: str, _shape: tuple[int, ...], _letter: bytes) -> _PickledArray:
    return _PickledArray()


def _leaves(tree: object, *, prefix: str) -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(tree, dict):
        for name, branch in tree.items():
            yield from _leaves(branch, prefix=f"{prefix}/{name}" if prefix else str(name))
    elif isinstance(tree, _PickledArray):
        yield prefix, tree.array
    else:
        raise WeightsError(f"{prefix or 'the weight file'} is a {type(tree).__name__}, no array")
