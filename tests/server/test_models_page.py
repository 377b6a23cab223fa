"""The models page, in a real browser: taught, trained with a live curve, used, taken back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from walking import NARROW, WIDE, Walk, check_access, walking

from small_shop import SmallShop
from tiefvision.tasks.teaching.derive_triplets import derive_triplets

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def walk(drawn_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    shop = tmp_path_factory.mktemp("models") / "shop"
    shutil.copytree(drawn_shop.catalogue, shop)
    derive_triplets(catalogue=shop, by="kind")
    with walking(shop) as walk:
        yield walk


def test_a_ranker_is_trained_with_its_curve_then_taken_back_and_used_again(walk: Walk) -> None:
    page = walk.open("/models")
    triplets = page.locator("#figures dt:text-is('triplets') + dd")
    expect(triplets).not_to_have_text("0")
    expect(page.get_by_role("button", name="Train the locator")).to_be_disabled()
    page.get_by_role("button", name="Train ranker default").click()
    expect(page.locator(".live svg.curve").first).to_be_visible(timeout=120_000)
    check_access(page)
    expect(page.locator(".badge")).to_have_text("in use", timeout=120_000)
    expect(page.locator("#message")).to_contain_text("Training the ranker")
    expect(page.locator(".live svg.curve")).to_be_visible()
    expect(page.locator(".scores")).to_contain_text("held out")
    check_access(page)
    page.get_by_role("button", name="Undo").click()
    use = page.get_by_role("button", name="Use Ranker default")
    expect(use).to_be_visible(timeout=120_000)
    use.click()
    expect(page.locator(".badge")).to_have_text("in use", timeout=120_000)


def test_jobs_are_shown_on_the_status_page_and_begun_there(walk: Walk) -> None:
    page = walk.open("/status")
    page.get_by_role("button", name="Look for new photographs").click()
    expect(page.locator("#joblist li").first).to_contain_text("Indexing")
    expect(page.locator("#joblist li").first).to_contain_text("is done", timeout=120_000)
    check_access(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_page_is_accessible(walk: Walk, size: tuple[int, int], scheme: str) -> None:
    page = walk.open("/models", size=size, scheme=scheme)
    expect(page.locator(".card").first).to_be_visible()
    check_access(page)
