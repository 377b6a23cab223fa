"""vision/encoders/pickles.py: arrays only, and nothing of a pickle is ever run."""

from __future__ import annotations

import os
import pickle
import struct
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from tiefvision.errors import WeightsError
from tiefvision.vision.encoders import pickles

MAGIC = [pickle.dumps(0x1950A86A20F9469CFC6C, 2), pickle.dumps(1001, 2)]
SYSTEM = pickle.dumps({"protocol_version": 1001, "little_endian": True, "type_sizes": {}}, 2)
# A state dict of one tensor "w" of two floats as torch's old format spells it.
STATE = (
    b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n("
    b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
    b"K%cNtQK%c(K%ct(K\x01t\x89ccollections\nOrderedDict\n)RtRs."
)


def _torch_file(state: bytes, numbers: bytes) -> bytes:
    return b"".join([*MAGIC, SYSTEM, state, pickle.dumps(["0"], 2), numbers])


def _state(length: int, offset: int, size: int) -> bytes:
    return STATE % (bytes([length]), bytes([offset]), bytes([size]))


class _Attack:
    """What a malicious pickle holds: a call of os.system when it is read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self._path}",)


def test_the_old_torch_format_reads_by_hand_built_bytes() -> None:
    content = _torch_file(_state(3, 1, 2), struct.pack("<q3f", 3, 1.5, 2.5, 3.5))
    arrays = pickles.read_torch(content)
    assert list(arrays) == ["w"]
    np.testing.assert_array_equal(arrays["w"], np.array([2.5, 3.5], np.float32))


def test_a_tensor_outside_its_storage_is_refused() -> None:
    content = _torch_file(_state(3, 2, 2), struct.pack("<q3f", 3, 1.5, 2.5, 3.5))
    with pytest.raises(WeightsError, match="outside its storage"):
        pickles.read_torch(content)


def test_a_numpy_tree_reads_by_slash_joined_names() -> None:
    # Column-major, because jax stores some kernels so.
    kernel = np.asfortranarray(np.arange(6, dtype=">f4").reshape(2, 3))
    tree = {"net": {"conv": {"kernel": kernel, "bias": np.arange(2, dtype=np.float64)}}}
    arrays = pickles.read_numpy(pickle.dumps(tree, 3))
    assert list(arrays) == ["net/conv/kernel", "net/conv/bias"]
    np.testing.assert_array_equal(arrays["net/conv/kernel"], kernel)
    np.testing.assert_array_equal(arrays["net/conv/bias"], [0.0, 1.0])


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_malicious_pickle_is_refused_and_does_not_run(protocol: int, tmp_path: Path) -> None:
    target = tmp_path / "attacked"
    attack = pickle.dumps({"w": _Attack(target)}, protocol)
    for read, content in (
        (pickles.read_numpy, attack),
        (pickles.read_torch, attack),
        (pickles.read_torch, _torch_file(attack, b"")),
    ):
        with pytest.raises(WeightsError, match="nothing of it was run"):
            read(content)
    assert not target.exists()
    # The same bytes do run when Python's own reader gets them.
    pickle.loads(attack)
    assert target.exists()


@pytest.mark.parametrize("value", [OrderedDict(a=1), np.float32(3), {"w": print}])
def test_anything_but_a_tree_of_arrays_is_refused(value: object) -> None:
    with pytest.raises(WeightsError):
        pickles.read_numpy(pickle.dumps(value, 3))


def test_an_array_of_objects_is_refused() -> None:
    with pytest.raises(WeightsError):
        pickles.read_numpy(pickle.dumps({"w": np.array([{}], object)}, 3))


def test_every_truncation_is_refused() -> None:
    content = _torch_file(_state(3, 1, 2), struct.pack("<q3f", 3, 1.5, 2.5, 3.5))
    for length in range(len(content)):
        with pytest.raises(WeightsError):
            pickles.read_torch(content[:length])
