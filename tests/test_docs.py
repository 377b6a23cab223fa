"""The README's and the docs' commands work as printed, and generated pages are up to date."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tiefvision.demo import folder as demo_folder

PROJECT = Path(__file__).parents[1]
README = PROJECT / "README.md"

# Set-up commands, run by `make` itself and by whoever installs.
NOT_RUN_HERE = ("make ", "pip install ")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder as the README assumes it: photos/ with attributes.csv and
    boxes.csv, query.jpg."""
    place = tmp_path_factory.mktemp("desk")
    photographs = demo_folder.write(place / "photos", count=60, seed=2016)
    (place / "query.jpg").write_bytes((place / "photos" / photographs[3].path).read_bytes())
    return place


def run(command: list[str], desk: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        command, cwd=desk, env=environment, capture_output=True, text=True, timeout=400
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_command_of_the_readme_runs(desk: Path) -> None:
    lines = [line for block in blocks(README, "bash") for line in block.splitlines()]
    left_out = NOT_RUN_HERE
    if importlib.util.find_spec("torch") is None and not os.environ.get("CI"):
        left_out += ("tiefvision train ",)
    commands = [line for line in lines if line and not line.startswith(left_out)]
    assert len(commands) >= 8
    for line in commands:
        result = run(shlex.split(line, comments=True), desk)
        assert result.returncode == 0, f"{line}\n{result.stdout}\n{result.stderr}"
    assert (desk / "out.png").stat().st_size > 10_000


@pytest.mark.slow
def test_the_python_of_the_readme_runs(desk: Path) -> None:
    (code,) = blocks(README, "python")
    assert len([line for line in code.splitlines() if line]) <= 6
    result = run([sys.executable, "-c", code], desk)
    assert result.returncode == 0, result.stderr
    found = [line.split(maxsplit=1) for line in result.stdout.splitlines()]
    similarities = [float(similarity) for similarity, _ in found]
    assert len(similarities) == 5
    closest = desk / found[0][1]
    assert closest.read_bytes() == (desk / "query.jpg").read_bytes(), "it is one of the photographs"
    assert similarities == sorted(similarities, reverse=True)


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 150
    for page in (README, *PROJECT.glob("docs/**/*.md")):
        for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_command_line_page_is_up_to_date() -> None:
    page = (PROJECT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "typer", "tiefvision.cli", "utils", "docs", "--name", "tiefvision"],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "COLUMNS": "100"},
    )
    assert result.returncode == 0, result.stderr
    assert page == result.stdout, "run `make docs`"
