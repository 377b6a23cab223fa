"""Every page's main story, in a real browser on a real server with a real catalogue."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from walking import serving_at

from small_shop import SmallShop
from tiefvision.server.access import hash_of
from tiefvision.store.database import open_database

pytestmark = pytest.mark.slow

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_TOKEN = "a-token-of-more-than-sixteen-characters"
# Patience on a machine that is busy with other tests.
_WAIT_MS = 30_000
# The browser's own word for a filter that does not parse; the page says what is wrong with it.
_ANSWERED = "the server responded with a status of 400"
_WIDE, _NARROW = (1360, 860), (390, 800)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if program is None:
        assert not os.environ.get("CI"), "no browser: tests/system_packages.sh installs one"
        pytest.skip("no chromium on this machine: tests/system_packages.sh installs it")
    expect.set_options(timeout=_WAIT_MS)
    with sync_playwright() as playwright:
        # Chromium's own sandbox needs rights that containers do not have.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def shop(drawn_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    catalogue = tmp_path_factory.mktemp("pages") / "shop"
    shutil.copytree(drawn_shop.catalogue, catalogue)
    return catalogue


@pytest.fixture(scope="module")
def url(browser: Browser, shop: Path) -> Iterator[str]:
    with serving_at(shop) as url:
        yield url


Visit = Callable[..., Page]


@pytest.fixture
def visit(browser: Browser, url: str) -> Iterator[Visit]:
    """`visit(path)` opens a page; at the end nothing was wrong and nothing left the machine."""
    wrong: list[str] = []
    contexts = []

    def open_page(
        path: str, *, at: str = url, size: tuple[int, int] = _WIDE, scheme: str = "light"
    ) -> Page:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(_WAIT_MS)
        page.on("console", lambda told: told.type == "error" and wrong.append(told.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request",
            lambda asked: asked.url.startswith((at, "blob:")) or wrong.append(asked.url),
        )
        page.goto(at + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [each for each in wrong if _ANSWERED not in each] == []


def _asked(page: Page) -> str:
    return re.sub(r"^[^?]*", "", page.url)


# --- search ------------------------------------------------------------------------------------


def test_a_photograph_is_searched_corrected_and_followed(
    visit: Visit, drawn_shop: SmallShop
) -> None:
    page = visit("/")
    expect(page.locator("#strip img")).to_have_count(18)
    page.set_input_files("#file", str(drawn_shop.files[3]))
    hits = page.locator("#hits li")
    expect(hits).to_have_count(24)
    expect(hits.first.locator("strong")).to_have_text("1.00")
    expect(hits.first).to_contain_text(drawn_shop.files[3].name)
    box = page.locator("#view .box")
    expect(box).to_have_count(1)
    assert re.fullmatch(r"\?query=[0-9a-f]{32}", _asked(page))

    before = page.locator("#message").text_content()
    handle = box.locator("[data-edges=se]").bounding_box()
    assert handle is not None
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(handle["x"] - 40, handle["y"] - 60, steps=4)
    page.mouse.up()
    expect(page.locator("#hint")).to_have_text("Your box.")
    assert re.search(r"box=[\d.]+%2C", page.url)
    assert before is not None

    page.get_by_text("Whole image").click()
    expect(page.locator("#hint")).to_have_text("The whole picture is compared.")
    expect(box).to_have_count(0)
    assert "whole=1" in page.url
    page.get_by_text("Whole image").click()
    expect(box).to_have_count(1)

    page.fill("#where", "price < 50")
    expect(page.locator("#message")).not_to_contain_text("24 of")
    assert 0 < hits.count() < 24
    page.fill("#where", "prize < 50")
    expect(page.locator("#message.problem")).to_contain_text("price")
    expect(hits).to_have_count(0)
    page.fill("#where", "")
    expect(hits).to_have_count(24)
    address = page.url

    name = hits.nth(4).locator(".cap span").text_content()
    hits.nth(4).locator("a").click()
    expect(page.locator("#view img")).to_have_attribute("alt", f"Query: {name}")
    assert re.fullmatch(r"\?id=\d+", _asked(page))
    expect(page.locator("#edit")).to_be_visible()
    page.go_back()
    expect(page.locator("#view img")).to_have_attribute("alt", f"Query: {drawn_shop.files[3].name}")
    expect(hits.first.locator("strong")).to_have_text("1.00")
    assert page.url == address


def test_the_address_of_a_catalogue_image_holds_the_query(visit: Visit) -> None:
    page = visit("/?id=5&box=10,20,200,260&where=price+%3E+1")
    expect(page.locator("#hint")).to_have_text("Your box.")
    expect(page.locator("#where")).to_have_value("price > 1")
    first = page.locator("#hits .cap").all_text_contents()
    page.reload()
    expect(page.locator("#hint")).to_have_text("Your box.")
    assert page.locator("#hits .cap").all_text_contents() == first
    page.click("#reset")
    expect(page.locator("#hint")).not_to_have_text("Your box.")
    assert "box=" not in page.url
    page.click("#again")
    expect(page.locator("#drop")).to_be_visible()


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_a_photograph_is_dropped_or_pasted(visit: Visit, drawn_shop: SmallShop, way: str) -> None:
    page = visit("/")
    expect(page.locator("#drop")).to_be_visible()
    page.evaluate(
        """([bytes, way]) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "mine.jpg", { type: "image/jpeg" }));
            const given = way === "drop" ? { dataTransfer: data } : { clipboardData: data };
            const kind = way === "drop" ? DragEvent : ClipboardEvent;
            window.dispatchEvent(new kind(way, { bubbles: true, cancelable: true, ...given }));
        }""",
        [list(drawn_shop.files[6].read_bytes()), way],
    )
    expect(page.locator("#hits li")).to_have_count(24)
    expect(page.locator("#hits li").first).to_contain_text(drawn_shop.files[6].name)


def test_an_empty_catalogue_says_how_to_fill_it(visit: Visit, tmp_path: Path) -> None:
    open_database(tmp_path).close()
    with serving_at(tmp_path) as empty:
        for path in ("/gallery", "/boxes", "/status"):
            page = visit(path, at=empty)
            expect(page.get_by_text("No photographs yet")).to_be_visible()
            expect(page.locator("code")).to_have_text(f"tiefvision index PHOTOS -c {tmp_path}")
            page.close()


# --- gallery and status ------------------------------------------------------------------------


def test_the_gallery_shows_states_and_leads_to_a_search(visit: Visit) -> None:
    page = visit("/gallery")
    expect(page.locator("#images li")).to_have_count(26)
    page.select_option("#state", "refused")
    expect(page.locator("#images li")).to_have_count(1)
    expect(page.locator("#images")).to_contain_text("<img src=x onerror=alert(1)>.jpg")
    assert page.locator("img[src=x]").count() == 0
    page.select_option("#state", "indexed")
    expect(page.locator("#images li")).to_have_count(24)
    page.fill("#where", "price < 50")
    expect(page.locator("#message")).not_to_have_text("24 photographs")
    assert 0 < page.locator("#images li").count() < 24
    page.locator("#images a").first.click()
    expect(page.locator("#hits li")).to_have_count(23)


def test_the_status_names_reasons_and_remedies(visit: Visit) -> None:
    page = visit("/status")
    expect(page.locator("#figures dd")).to_have_text(["25", "24", "1", "1", "0", "0"])
    files = page.locator("#files")
    expect(files).to_contain_text("Refused (1)")
    expect(files).to_contain_text("<img src=x onerror=alert(1)>.jpg")
    assert page.locator("#files .soft").first.text_content()


# --- boxes -------------------------------------------------------------------------------------


def _sizes(page: Page) -> list[str]:
    return page.locator("#list small").all_text_contents()


def test_boxes_are_accepted_corrected_and_undone(visit: Visit, url: str) -> None:
    page = visit("/boxes?id=4")
    box = page.locator("#view .box")
    expect(box).to_have_count(1)
    expect(page.locator("#origin")).to_contain_text("guess")

    def left() -> float:
        return float(box.first.evaluate("box => parseFloat(box.style.left)"))

    width = page.evaluate("fetch('/api/v1/images/4').then(a => a.json()).then(i => i.width)")
    start = left()
    page.keyboard.press("ArrowRight")
    assert left() == pytest.approx(start + 100 / width, abs=1e-3)
    page.keyboard.press("Shift+ArrowLeft")
    assert left() == pytest.approx(start - 900 / width, abs=1e-3)
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    assert left() == pytest.approx(start, abs=1e-3)
    page.keyboard.press("Control+Shift+z")
    assert left() == pytest.approx(start + 100 / width, abs=1e-3)

    page.keyboard.press("n")
    expect(box).to_have_count(2)
    page.fill("#label", "bag")
    expect(page.locator("#list li").nth(1)).to_contain_text("bag")
    page.locator("#view .box").nth(1).focus()
    page.keyboard.press("Delete")
    expect(box).to_have_count(1)
    page.keyboard.press("Control+z")
    expect(box).to_have_count(2)

    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()

    name = page.locator("#name").text_content()
    page.locator("#view .box").nth(1).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#message")).to_have_text(f"Saved {name}.")
    expect(page.locator("#name")).not_to_have_text(name or "")
    drawn = page.evaluate("fetch('/api/v1/images/4/boxes').then(a => a.json())")["boxes"]
    assert sorted(each["label"] for each in drawn) == ["bag", "product"]
    expect(page.locator("#progress")).to_contain_text("1 photograph has drawn boxes")

    page.keyboard.press("PageUp")
    expect(page.locator("#name")).to_have_text(name or "")
    expect(page.locator("#origin")).to_have_text("Drawn by hand.")
    expect(box).to_have_count(2)
    page.keyboard.press("PageDown")
    expect(page.locator("#name")).not_to_have_text(name or "")


def test_a_box_is_drawn_with_the_mouse(visit: Visit) -> None:
    page = visit("/boxes")
    expect(page.locator("#view img")).to_be_visible()
    page.wait_for_load_state("networkidle")
    while page.locator("#view .box").count():
        page.click("#remove")
    picture = page.locator("#view img").bounding_box()
    assert picture is not None
    page.mouse.move(picture["x"] + picture["width"] * 0.25, picture["y"] + picture["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(
        picture["x"] + picture["width"] * 0.75, picture["y"] + picture["height"] * 0.9, steps=3
    )
    page.mouse.up()
    box = page.locator("#view .box").bounding_box()
    assert box is not None
    assert box["width"] == pytest.approx(picture["width"] * 0.5, abs=3)
    assert box["height"] == pytest.approx(picture["height"] * 0.4, abs=3)


# --- the token ---------------------------------------------------------------------------------


def test_a_browser_logs_in_and_goes_where_it_wanted(visit: Visit, shop: Path) -> None:
    with serving_at(shop, TIEFVISION_TOKEN=_TOKEN) as guarded:
        page = visit("/gallery", at=guarded)
        assert page.url == f"{guarded}/login?next=/gallery"
        page.fill("#token", _TOKEN)
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("#images li")).to_have_count(26)
        assert page.evaluate("document.cookie") == ""
        page.close()


def test_a_token_for_reading_sees_nothing_that_it_would_be_refused(
    visit: Visit, drawn_shop: SmallShop, tmp_path: Path
) -> None:
    shop = shutil.copytree(drawn_shop.catalogue, tmp_path / "shop")
    reading = "a-token-that-may-only-search"
    (shop / "token.sha256").write_text(f"{hash_of(reading)} read\n")
    with serving_at(shop, TIEFVISION_TOKEN=_TOKEN) as guarded:
        for token, is_shown in ((reading, False), (_TOKEN, True)):
            page = visit("/status", at=guarded)
            page.fill("#token", token)
            page.get_by_role("button", name="Log in").click()
            expect(page.locator("#figures dd").first).to_be_visible()
            for wanted in ("a[href='/teach']", "a[href='/boxes']", "text=Add photographs"):
                expect(page.locator(wanted).first).to_be_visible(visible=is_shown)
            expect(page.locator("text=Look for new photographs")).to_be_visible(visible=is_shown)
            expect(page.locator("a[href='/gallery']")).to_be_visible()
            page.goto(f"{guarded}/?id=2")
            expect(page.locator("#hits img").first).to_be_visible()
            expect(page.locator("#teach")).to_be_visible(visible=is_shown)
            page.context.clear_cookies()
            page.close()


# --- everybody ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "scheme"), [(_WIDE, "light"), (_NARROW, "dark")], ids=["wide light", "narrow dark"]
)
def test_nothing_shuts_anybody_out(visit: Visit, scheme: str, size: tuple[int, int]) -> None:
    ready = {
        "/": "#strip img",
        "/?id=2": "#hits img",
        "/gallery": "#images img",
        "/boxes": "#view img",
        "/status": "#figures dd",
        "/login": "#token",
    }
    for path, selector in ready.items():
        page = visit(path, size=size, scheme=scheme)
        expect(page.locator(selector).first).to_be_visible()
        found = Axe().run(page).response["violations"]
        told = [f"{each['id']}: {[n['html'] for n in each['nodes']][:2]}" for each in found]
        assert told == [], path
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, f"{path} scrolls sideways"
