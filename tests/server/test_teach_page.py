"""The triplet editor, in a real browser: by clicks and by keys alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from walking import NARROW, WIDE, Walk, check_access, walking

from small_shop import SmallShop
from tiefvision.store.database import open_database
from tiefvision.store.judgements import Judgements, Triplet

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(drawn_shop: SmallShop, tmp_path: Path) -> Path:
    return Path(shutil.copytree(drawn_shop.catalogue, tmp_path / "shop"))


@pytest.fixture
def walk(shop: Path) -> Iterator[Walk]:
    with walking(shop) as walk:
        yield walk


def _held(shop: Path, name: str = "default") -> list[Triplet]:
    database = open_database(shop)
    try:
        return Judgements(database).triplets(name)
    finally:
        database.close()


def _count(page: Page, term: str) -> str:
    return page.locator(f"#counts dt:text-is('{term}') + dd").inner_text()


def _wait_for(page: Page, term: str, value: str) -> None:
    expect(page.locator(f"#counts dt:text-is('{term}') + dd")).to_have_text(value)


def test_questions_are_answered_skipped_and_taken_back_by_keys(walk: Walk, shop: Path) -> None:
    page = walk.open("/teach")
    expect(page.locator("#reason")).to_have_text(
        "Asked because nothing was said about this photograph yet."
    )
    expect(page.locator("#candidates button")).to_have_count(2)
    page.keyboard.press("1")
    _wait_for(page, "in all", "1")
    page.keyboard.press("s")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#candidates button").first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#candidates button").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    _wait_for(page, "in all", "2")
    assert [each.source for each in _held(shop)] == ["asked", "asked"]
    page.keyboard.press("Backspace")
    _wait_for(page, "in all", "1")
    assert len(_held(shop)) == 1
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    check_access(page)


def test_the_candidate_that_is_clicked_is_the_more_similar_one(walk: Walk, shop: Path) -> None:
    page = walk.open("/teach?ranker=colour")
    second = page.locator("#candidates button").nth(1)
    expect(second).to_be_visible()
    name = second.get_attribute("title")
    second.click()
    _wait_for(page, "this time", "1")
    (held,) = _held(shop, "colour")
    taught = page.request.get(f"{walk.url}/api/v1/triplets?ranker=colour").json()["triplets"]
    assert (taught[0]["id"], taught[0]["positive"]["name"]) == (held.id, name)
    page.get_by_role("button", name="Remove").click()
    _wait_for(page, "in all", "0")
    assert _held(shop, "colour") == []


def test_among_the_closest_the_first_pick_is_blue_and_the_second_red(
    walk: Walk, shop: Path
) -> None:
    page = walk.open("/teach?image=3")
    choices = page.locator("#candidates button")
    expect(choices).to_have_count(12)
    choices.nth(0).click()
    expect(choices.nth(0)).to_have_class("choice more")
    page.keyboard.press("0")
    expect(choices.nth(9)).to_have_class("choice less")
    expect(page.locator("#save")).to_be_enabled()
    check_access(page)
    page.keyboard.press("Enter")
    _wait_for(page, "in all", "1")
    assert [each.source for each in _held(shop)] == ["people"]
    # The same again is refused in the server's words, and nothing is lost.
    choices.nth(0).click()
    choices.nth(9).click()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#message")).to_contain_text("repeats number 1 of default")
    page.keyboard.press("f")
    expect(choices).to_have_count(2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_page_is_accessible(walk: Walk, size: tuple[int, int], scheme: str) -> None:
    page = walk.open("/teach", size=size, scheme=scheme)
    expect(page.locator("#candidates button")).to_have_count(2)
    check_access(page)
