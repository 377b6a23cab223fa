"""The house's one rule: imports point inward only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "tiefvision"

# Inner rings first. A module may import its own ring and those before it.
RINGS = (
    ("errors", "settings"),
    ("maths",),
    ("vision", "demo"),
    ("store",),
    ("teach",),
    ("tasks",),
    ("cluster",),
    ("cli", "server", "__main__"),
)
# Loaded inside functions only, and only where these rings say so.
TORCH_RINGS = ("teach",)


def ring_of(module: str) -> int | None:
    """The ring of a module below tiefvision; None for the package itself."""
    first = module.split(".")[1] if "." in module else ""
    for number, names in enumerate(RINGS):
        if first in names:
            return number
    return None


def imported_modules(tree: ast.AST) -> set[str]:
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "imports are absolute"
            modules |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return modules


def outward_imports(file: Path) -> list[str]:
    own = ring_of(".".join(("tiefvision", *file.relative_to(SOURCE).with_suffix("").parts)))
    if own is None:
        return []  # __init__.py of the package gathers the public names
    found: list[str] = []
    for module in imported_modules(ast.parse(file.read_text(encoding="utf-8"))):
        if module.split(".")[0] == "tiefvision":
            other = ring_of(module)
            if other is not None and other > own:
                found.append(module)
    return found


@pytest.mark.parametrize("file", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.name))
def test_imports_point_inward_only(file: Path) -> None:
    assert outward_imports(file) == []


def test_every_module_belongs_to_a_ring() -> None:
    known = {name for ring in RINGS for name in ring}
    actual = {p.stem for p in SOURCE.iterdir() if p.suffix == ".py" or p.is_dir()}
    assert actual - known - {"__init__", "__pycache__", "py"} == set()


@pytest.mark.parametrize("file", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.name))
def test_torch_is_imported_in_teach_only(file: Path) -> None:
    if file.relative_to(SOURCE).parts[0] in TORCH_RINGS:
        return
    names = {m.split(".")[0] for m in imported_modules(ast.parse(file.read_text("utf-8")))}
    assert not names & {"torch", "transformers", "torchvision", "timm"}


def test_an_outward_import_is_found(tmp_path: Path) -> None:
    assert ring_of("tiefvision.tasks.indexing.index") > ring_of("tiefvision.maths.grids")
    tree = ast.parse("from tiefvision.tasks.indexing import index\nimport tiefvision.cli.main")
    assert {"tiefvision.tasks.indexing.index", "tiefvision.cli.main"} <= imported_modules(tree)
