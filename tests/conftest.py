"""Runtime type checks for the whole package, and fixtures that many tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from jaxtyping import install_import_hook
from PIL import Image

# Before anything of the package is imported: every annotated function of it checks its arrays,
# shapes and values in this process.
assert "tiefvision" not in sys.modules, "imported before its types could be checked"
install_import_hook("tiefvision", "runtime_types.checked")

if TYPE_CHECKING:
    from indexing import Indexing
    from postgresql_server import Server


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of real photographs (clothing, street, grocery); skips loudly without it."""
    folder = os.environ.get("TIEFVISION_PHOTOS", "")
    if not folder:
        pytest.skip("set TIEFVISION_PHOTOS to the folder that holds clothing, street and grocery")
    path = Path(folder)
    assert (path / "clothing" / "labels.csv").is_file(), f"no clothing/labels.csv under {path}"
    return path


@pytest.fixture(scope="session")
def tiny_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real but tiny ONNX encoder: 96 px in, 12 x 12 cells of 12 channels out, under 1 ms."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weight = np.random.default_rng(2016).normal(size=(12, 3, 8, 8)).astype(np.float32)
    weight -= weight.mean(axis=(1, 2, 3), keepdims=True) * 0.5
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "weight"], ["convolved"], strides=[8, 8]),
            helper.make_node("Relu", ["convolved"], ["cells"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 96, 96])],
        [helper.make_tensor_value_info("cells", TensorProto.FLOAT, [1, 12, 12, 12])],
        [numpy_helper.from_array(weight, "weight")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    file = tmp_path_factory.mktemp("network") / "tiny.onnx"
    onnx.save(model, str(file))
    return file


@pytest.fixture(scope="session")
def tiny_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder of the test run's own, in which the tiny encoder is adapted once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def judged_catalogue(
    tmp_path_factory: pytest.TempPathFactory, tiny_network: Path, tiny_cache: Path
) -> Path:
    """The catalogue of `judged_shop`, without judgements; tests change only copies of it."""
    import judged_shop  # not before the hook above is installed

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIEFVISION_CACHE", str(tiny_cache))
        return judged_shop.build(tmp_path_factory.mktemp("judged"), f"onnx:{tiny_network}")


@pytest.fixture
def tiny_encoder(tiny_network: Path, tiny_cache: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The specification of the tiny encoder; the user's own cache is out of reach."""
    monkeypatch.setenv("TIEFVISION_CACHE", str(tiny_cache))
    return f"onnx:{tiny_network}"


@pytest.fixture
def shop(tmp_path: Path, tiny_encoder: str) -> Indexing:
    """An empty catalogue to index into: `shop(folder)`; it lies in `shop.catalogue`."""
    from indexing import Indexing  # not before the hook above is installed

    return Indexing(tmp_path / "shop", tiny_encoder)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A real PostgreSQL server; skips loudly where none is installed, and fails in CI."""
    import postgresql_server  # not before the hook above is installed

    folder = postgresql_server.programs()
    if folder is None:
        assert not os.environ.get("CI"), "CI tests with PostgreSQL: run tests/system_packages.sh"
        pytest.skip("no PostgreSQL server is installed: run tests/system_packages.sh")
    server = postgresql_server.Server(folder)
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def either_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The catalogue in `tmp_path` has its database in a file, or on a server."""
    if request.param == "sqlite":
        yield request.param
        return
    server: Server = request.getfixturevalue("postgresql")
    from postgresql_server import name_database

    url = server.new_catalogue()
    name_database(tmp_path, url)
    yield request.param
    server.drop(url)


@pytest.fixture(scope="session")
def draw() -> Callable[..., list[Path]]:
    """`draw(folder, seeds)` writes a small PNG for each seed, named after it; their paths."""

    from indexing import picture  # not before the hook above is installed

    def write(folder: Path, seeds: Sequence[int]) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / f"{seed:03}.png" for seed in seeds]
        for seed, file in zip(seeds, files, strict=True):
            Image.fromarray(picture(seed)).save(file, compress_level=1)
        return files

    return write
