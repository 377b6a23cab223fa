"""tiefvision.toml: round trip, and errors that name the key."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tiefvision import settings
from tiefvision.errors import InvalidSettings
from tiefvision.settings import Settings

REFERENCE = Path(__file__).parents[1] / "docs" / "reference" / "settings.md"


def write(folder: Path, text: str) -> Path:
    (folder / settings.FILE_NAME).write_text(text, encoding="utf-8")
    return folder


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    changed = replace(
        Settings(),
        encoder=replace(Settings().encoder, name='onnx:C:\\nets\\"best".onnx', rows=5),
        search=replace(Settings().search, k=9),
    )
    settings.write(tmp_path, changed)
    assert settings.read(tmp_path) == changed


def test_an_absent_file_means_defaults(tmp_path: Path) -> None:
    assert settings.read(tmp_path) == Settings()


def test_an_absent_key_means_its_default(tmp_path: Path) -> None:
    read = settings.read(write(tmp_path, "[search]\nk = 7\n"))
    assert read.search.k == 7
    assert read.search.shortlist == Settings().search.shortlist


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[serach]\nk = 3", "did you mean \\[search\\]"),
        ("[search]\nkk = 3", "did you mean k"),
        ('[search]\nk = "five"', "expected int"),
        ("[search]\nk = 0", "at least 1"),
        ("[search]\nk = true", "expected int"),
        ('[encoder]\nprecision = "fp16"', "one of fp32, bf16"),
        ('[encoder]\npooling = "mex"', "did you mean max"),
        ("search = 3", "expected a section"),
        ("[search\nk = 3", "not TOML"),
    ],
)
def test_a_wrong_line_is_an_error_that_names_it(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(InvalidSettings, match=expected):
        settings.read(write(tmp_path, text))


def test_the_reference_names_every_key_with_its_default() -> None:
    page = REFERENCE.read_text(encoding="utf-8")
    for section, values in asdict(Settings()).items():
        for key, value in values.items():
            assert f"`{key}`" in page or f"`[{section}] {key}`" in page, key
            shown = f'"{value}"' if isinstance(value, str) else str(value)
            assert f"`{shown}`" in page, f"{key} = {shown}"
