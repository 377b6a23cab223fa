"""vision/artefacts.py: model folders are whole and unchanged, or refused."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path

import pytest

from tiefvision.errors import NotFound, WeightsError
from tiefvision.vision import artefacts

FILES = {"model.onnx": b"weights", "more.bin": b"\x00\x01"}


def test_a_written_model_reads_back_with_its_description_and_bytes(tmp_path: Path) -> None:
    written = artefacts.write(tmp_path / "m", description={"a": [1, "ü"]}, files=FILES)
    read = artefacts.read(tmp_path / "m")
    assert read == written
    assert read.description == {"a": [1, "ü"]}
    assert read.path("more.bin").read_bytes() == FILES["more.bin"]
    assert len(read.fingerprint) == 64


def test_fingerprint_depends_on_description_names_and_bytes_and_on_nothing_else(
    tmp_path: Path,
) -> None:
    def fingerprint(folder: str, value: int, files: dict[str, bytes]) -> str:
        written = artefacts.write(tmp_path / folder, description={"a": value}, files=files)
        return written.fingerprint

    first = fingerprint("1", 1, FILES)
    assert fingerprint("2", 1, FILES) == first
    assert fingerprint("3", 2, FILES) != first
    assert fingerprint("4", 1, {**FILES, "more.bin": b"\x00\x02"}) != first
    assert fingerprint("5", 1, {"model.onnx": b"weights", "other.bin": b"\x00\x01"}) != first


@pytest.mark.parametrize("name", ["model.onnx", "model.json"])
def test_one_flipped_byte_is_refused(name: str, tmp_path: Path) -> None:
    artefacts.write(tmp_path / "m", description={"kind": "encoder"}, files=FILES)
    path = tmp_path / "m" / name
    content = bytearray(path.read_bytes())
    content[content.find(b"encoder") if name == "model.json" else 0] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"delete .*m and add the model again"):
        artefacts.read(tmp_path / "m")


def test_a_missing_file_a_missing_folder_and_a_foreign_path_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"holds no model\.json"):
        artefacts.read(tmp_path / "none")
    artefacts.write(tmp_path / "m", description={}, files=FILES)
    (tmp_path / "m" / "more.bin").unlink()
    with pytest.raises(WeightsError, match=r"lacks more\.bin"):
        artefacts.read(tmp_path / "m")
    header = json.loads((tmp_path / "m" / "model.json").read_text())
    header["files"] = {"../secret": "0" * 64}
    (tmp_path / "m" / "model.json").write_text(json.dumps(header))
    with pytest.raises(WeightsError, match="outside itself"):
        artefacts.read(tmp_path / "m")


def test_an_interrupted_write_leaves_no_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="disk full"):
        artefacts.write(tmp_path / "m", description={}, files=FILES)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_folder_and_another_model_are_replaced(tmp_path: Path) -> None:
    artefacts.write(tmp_path / "m", description={}, files=FILES)
    (tmp_path / "m" / "model.onnx").write_bytes(b"rubbish")
    artefacts.write(tmp_path / "m", description={}, files=FILES)
    assert artefacts.read(tmp_path / "m").path("model.onnx").read_bytes() == b"weights"
    artefacts.write(tmp_path / "m", description={"version": 2}, files=FILES)
    assert artefacts.read(tmp_path / "m").description == {"version": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def _write_often(folder: Path) -> None:
    for _ in range(20):
        artefacts.write(folder, description={"same": True}, files={"model.onnx": b"w" * 100_000})


def test_two_processes_may_write_one_model_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_often, args=(tmp_path / "m",)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert artefacts.read(tmp_path / "m").description == {"same": True}
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_copy_lies_under_its_fingerprint_and_is_the_same_model(tmp_path: Path) -> None:
    written = artefacts.write(tmp_path / "m", description={"a": 1}, files=FILES)
    copied = artefacts.copy(written, tmp_path / "models")
    assert copied.folder == tmp_path / "models" / written.fingerprint
    assert (copied.fingerprint, copied.files) == (written.fingerprint, written.files)
    before = (copied.folder / "model.onnx").stat().st_mtime_ns
    artefacts.copy(written, tmp_path / "models")
    assert (copied.folder / "model.onnx").stat().st_mtime_ns == before
