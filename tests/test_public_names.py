"""The names that `import tiefvision` gives."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

import tiefvision
from tiefvision import errors


def test_every_listed_name_can_be_imported() -> None:
    for name in tiefvision.__all__:
        assert getattr(tiefvision, name) is not None, name


def test_every_error_is_a_public_name() -> None:
    own = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.TiefVisionError)
    }
    assert own <= set(tiefvision.__all__)
    assert tiefvision.NotReady is errors.NotReady


def test_names_list_is_the_public_surface_of_dir() -> None:
    assert set(tiefvision.__all__) <= set(dir(tiefvision))
    assert sorted(tiefvision.__all__) == tiefvision.__all__


def test_version_is_the_installed_one() -> None:
    assert tiefvision.__version__ == importlib.metadata.version("tiefvision")


def test_unknown_name_is_an_attribute_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="serch"):
        tiefvision.serch  # noqa: B018


def test_importing_the_package_loads_no_heavy_module() -> None:
    code = "import sys, tiefvision; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"numpy", "sqlalchemy", "PIL", "pyarrow", "onnxruntime", "typer"}
