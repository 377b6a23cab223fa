"""/docs: the whole API, to read."""

from __future__ import annotations

from html import escape
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from walking import NARROW, WIDE, check_access, walking

from small_shop import SmallShop


def test_every_route_parameter_and_shape_is_told(read_only: TestClient) -> None:
    text = read_only.get("/docs").text
    openapi = read_only.get("/openapi.json").json()
    for path, methods in openapi["paths"].items():
        assert f"<code>{escape(path)}</code>" in text
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                assert f"<dt><code>{parameter['name']}</code></dt>" in text
    for name, shape in openapi["components"]["schemas"].items():
        assert f'<article id="{name}">' in text
        for field in shape.get("properties", {}):
            assert f"<code>{field}</code>" in text


def test_it_needs_no_script_and_every_link_leads_somewhere(read_only: TestClient) -> None:
    text = read_only.get("/docs").text
    assert "<script" not in text
    places = {part.split('"')[0] for part in text.split('id="')[1:]}
    linked = {part.split('"')[0] for part in text.split('href="#')[1:]}
    assert linked <= places


@pytest.mark.slow
def test_it_is_read_on_every_screen(drawn_shop: SmallShop) -> None:
    catalogue: Path = drawn_shop.catalogue
    with walking(catalogue) as walk:
        for size in (WIDE, NARROW):
            for scheme in ("light", "dark"):
                check_access(walk.open("/docs", size=size, scheme=scheme))
