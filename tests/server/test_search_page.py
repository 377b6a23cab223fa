"""The search page, in a real browser: the brush, the reasons, the path, filters, comparing,
teaching."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from walking import NARROW, WIDE, Walk, check_access, walking

import made_up_rankers
from small_shop import SmallShop
from tiefvision.store.database import open_database
from tiefvision.store.judgements import Judgements, Triplet
from tiefvision.tasks.keeping.models import activate_model
from tiefvision.tasks.opened import opened

pytestmark = pytest.mark.slow

# Of a cell of the small shop's encoder.
_CHANNELS = 1280


@pytest.fixture(scope="module")
def shop(drawn_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the drawn shop with a ranker called taste."""
    copy = tmp_path_factory.mktemp("search") / "shop"
    shutil.copytree(drawn_shop.catalogue, copy)
    with opened(copy) as own:
        head = made_up_rankers.turned(_CHANNELS, 16)
        activate_model(made_up_rankers.add(own, head, name="taste"), catalogue=copy)
    return copy


@pytest.fixture
def walk(shop: Path) -> Iterator[Walk]:
    with walking(shop) as walk:
        yield walk


def _ids(page: Page, grid: str = "#hits") -> list[int]:
    items = page.locator(f"{grid} li").all()
    return [int(item.get_attribute("data-id") or 0) for item in items]


def _held(shop: Path, name: str = "default") -> list[Triplet]:
    database = open_database(shop)
    try:
        return Judgements(database).triplets(name)
    finally:
        database.close()


# --- brush --------------------------------------------------------------------------------------


def test_cells_are_painted_by_mouse_and_keys_and_rank_again_without_encoding(
    walk: Walk, drawn_shop: SmallShop
) -> None:
    page = walk.open("/")
    page.set_input_files("#file", str(drawn_shop.files[5]))
    expect(page.locator("#hits li")).to_have_count(24)
    before = page.locator("#hits .cap").all_text_contents()
    page.click("#brush")
    cells = page.locator(".brush [role=checkbox]")
    expect(cells).to_have_count(9)
    first, last = cells.nth(0).bounding_box(), cells.nth(2).bounding_box()
    assert first is not None and last is not None
    with page.expect_response("**/api/v1/search") as answered:
        page.mouse.move(first["x"] + 5, first["y"] + 5)
        page.mouse.down()
        page.mouse.move(last["x"] + 5, last["y"] + 5)
        page.mouse.up()
    assert answered.value.request.headers["content-type"] == "application/json"
    assert "encode" not in answered.value.json()["milliseconds"]
    expect(page).to_have_url(re.compile("cells=000-111-111"))
    expect(page.locator("#hits .cap").first).to_be_visible()
    assert page.locator("#hits .cap").all_text_contents() != before

    cells.nth(0).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page).to_have_url(re.compile("cells=000-011-111"))
    page.reload()
    page.click("#brush")
    expect(cells.nth(3)).to_have_attribute("aria-checked", "false")
    expect(cells.nth(4)).to_have_attribute("aria-checked", "true")
    page.click("#unpaint")
    expect(page).not_to_have_url(re.compile("cells="))
    expect(page.locator("#unpaint")).to_be_hidden()
    assert page.locator("#hits .cap").all_text_contents() == before


# --- why ----------------------------------------------------------------------------------------


def test_hovering_or_a_key_shows_why_over_both_pictures(walk: Walk) -> None:
    page = walk.open("/?id=5")
    expect(page.locator("#hits li")).to_have_count(23)
    page.locator("#hits li").nth(1).hover()
    expect(page.locator("#view canvas.heat")).to_be_visible()
    expect(page.locator("#hits li").nth(1).locator("canvas.heat")).to_be_visible()
    expect(page.locator("#reason")).to_contain_text("Most alike in the")
    page.mouse.move(2, 400)
    expect(page.locator("canvas.heat")).to_have_count(0)
    page.locator("#hits li").nth(2).locator("a").focus()
    page.keyboard.press("w")
    expect(page.locator("#hits li").nth(2).locator("canvas.heat")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("canvas.heat")).to_have_count(0)
    ask = page.locator("#hits li").nth(0).locator(".ask")
    ask.click()
    expect(ask).to_have_attribute("aria-pressed", "true")
    expect(page.locator("canvas.heat")).to_have_count(2)
    # What was asked for stays while the pointer passes over others.
    page.locator("#hits li").nth(2).hover()
    page.wait_for_timeout(600)
    expect(page.locator("#hits li").nth(0).locator("canvas.heat")).to_be_visible()


# --- the path and the address -------------------------------------------------------------------


def test_the_path_leads_back_and_so_does_the_browser(walk: Walk, drawn_shop: SmallShop) -> None:
    page = walk.open("/")
    page.set_input_files("#file", str(drawn_shop.files[5]))
    expect(page.locator("#hits li")).to_have_count(24)
    upload = page.url
    page.locator("#hits li").nth(3).locator("a").click()
    expect(page.locator("#trail li")).to_have_count(2)
    second = page.url
    page.locator("#hits li").nth(2).locator("a").click()
    expect(page.locator("#trail li")).to_have_count(3)
    page.locator("#trail a").nth(1).click()
    expect(page).to_have_url(second)
    expect(page.locator("#trail li")).to_have_count(2)
    page.go_back()
    expect(page.locator("#trail li")).to_have_count(3)
    page.locator("#trail a").first.click()
    expect(page).to_have_url(upload)
    expect(page.locator("#trail")).to_be_hidden()
    expect(page.locator("#hits li")).to_have_count(24)


def test_an_upload_lives_in_its_address_until_it_is_no_longer_kept(
    walk: Walk, shop: Path, drawn_shop: SmallShop
) -> None:
    page = walk.open("/")
    page.set_input_files("#file", str(drawn_shop.files[6]))
    expect(page.locator("#hits li")).to_have_count(24)
    found = _ids(page)
    other = walk.open(page.url.removeprefix(walk.url))
    expect(other.locator("#hits li")).to_have_count(24)
    assert _ids(other) == found
    expect(other.locator("#view img")).to_have_attribute("alt", "Query: your photograph")
    shutil.rmtree(shop / "queries")
    page.locator("#whole").click()  # this page has the photograph still, and sends it again
    expect(page.locator("#hint")).to_have_text("The whole picture is compared.")
    expect(page.locator("#hits li")).to_have_count(24)
    shutil.rmtree(shop / "queries")
    other.reload()
    expect(other.locator("#expired")).to_contain_text("no longer kept")
    expect(other.locator("#drop")).to_be_visible()


# --- filters and rankers ------------------------------------------------------------------------


def test_attributes_are_chosen(walk: Walk) -> None:
    page = walk.open("/?id=5")
    expect(page.locator("#hits li")).to_have_count(23)
    page.click("#chosen")
    page.locator("#facets select[name=kind]").select_option(index=1)
    expect(page.locator("#chosen")).to_have_text("Attributes (1)")
    expect(page.locator("#message")).not_to_contain_text("23 of")
    fewer = page.locator("#hits li").count()
    page.get_by_label("price to").fill("60")
    page.get_by_label("price to").blur()
    expect(page.locator("#chosen")).to_have_text("Attributes (2)")
    expect(page).to_have_url(re.compile(r"f\.price=\.\.60"))
    page.wait_for_load_state("networkidle")
    assert 0 <= page.locator("#hits li").count() <= fewer
    page.reload()
    expect(page.get_by_label("price to")).to_have_value("60")
    expect(page.locator("#facets")).to_be_visible()


def test_two_rankers_stand_side_by_side_with_what_moved(walk: Walk) -> None:
    page = walk.open("/?id=5")
    expect(page.locator("#hits li")).to_have_count(23)
    page.locator("#against").select_option("taste")
    expect(page.locator("#others li")).to_have_count(23)
    expect(page.locator("#hits-by")).to_have_text("Unsupervised")
    expect(page.locator("#others-by")).to_have_text("taste")
    left, right = _ids(page), _ids(page, "#others")
    assert left != right
    for place, image in enumerate(right):
        rose = left.index(image) - place if image in left else None
        words = page.locator("#others li").nth(place).locator(".cap").inner_text()
        if rose is None:
            assert "new" in words
        else:
            assert ("▲" in words and str(rose) in words) == (rose > 0)
            assert ("▼" in words and str(-rose) in words) == (rose < 0)
    page.locator("#against").select_option("")
    page.locator("#ranker").select_option("taste")
    expect(page.locator("#second")).to_be_hidden()
    expect(page).to_have_url(re.compile("ranker=taste"))
    page.wait_for_load_state("networkidle")
    assert _ids(page) == right


# --- teaching -----------------------------------------------------------------------------------


def test_gestures_teach_triplets_and_are_undone(walk: Walk, shop: Path) -> None:
    page = walk.open("/?id=5")
    expect(page.locator("#hits li")).to_have_count(23)
    start = _ids(page)
    page.click("#teach")
    page.locator("#hits li").nth(2).drag_to(page.locator("#hits li").nth(0))
    expect(page.locator("#taught li")).to_have_count(1)
    expect(page.locator("#taught")).to_contain_text("is more like")
    expect(page.locator("#taught button")).to_be_visible()
    assert _ids(page)[:3] == [start[2], start[0], start[1]]
    page.wait_for_load_state("networkidle")
    assert len(_held(shop)) == 2

    page.locator("#hits li").nth(1).locator("a").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#taught li")).to_have_count(2)
    assert _ids(page)[:3] == [start[2], start[1], start[0]]
    expect(page.locator(f"#hits li[data-id='{start[0]}'] a")).to_be_focused()
    page.keyboard.press("n")
    expect(page.locator("#taught li")).to_have_count(3)
    assert _ids(page)[-1] == start[0]
    page.wait_for_load_state("networkidle")
    taught = len(_held(shop))
    assert taught > 2
    for left in (2, 1, 0):
        page.keyboard.press("Control+z")
        expect(page.locator("#taught li")).to_have_count(left)
    page.wait_for_load_state("networkidle")
    assert _ids(page) == start
    assert _held(shop) == []


def test_a_photograph_outside_the_catalogue_cannot_be_taught(walk: Walk, tmp_path: Path) -> None:
    from PIL import Image

    Image.effect_noise((300, 400), 60).convert("RGB").save(tmp_path / "mine.jpg")
    page = walk.open("/")
    page.set_input_files("#file", str(tmp_path / "mine.jpg"))
    expect(page.locator("#hits li")).to_have_count(24)
    page.click("#teach")
    expect(page.locator("#lesson-hint")).to_contain_text("needs a photograph of the catalogue")
    expect(page.locator(".gestures")).to_have_count(0)


@pytest.mark.parametrize("size", [WIDE, NARROW])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_states_are_accessible(walk: Walk, size: tuple[int, int], scheme: str) -> None:
    page = walk.open("/?id=5&against=taste&cells=011-111-111", size=size, scheme=scheme)
    expect(page.locator("#others li")).to_have_count(23)
    check_access(page)
    page.locator("#against").select_option("")
    page.click("#brush")
    page.click("#chosen")
    page.click("#teach")
    expect(page.locator(".gestures")).to_have_count(23)
    page.locator("#hits li").nth(1).locator(".ask").click()
    expect(page.locator("#hits canvas.heat")).to_be_visible()
    check_access(page)
