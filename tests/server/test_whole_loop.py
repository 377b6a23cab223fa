"""The whole loop in a browser: search, correct the box, teach, train, use, search better, undo."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from walking import Walk, walking

import small_shop

pytestmark = pytest.mark.slow

_WAIT_MS = 180_000
_HEADERS = {"x-tiefvision": "1"}
_BY_HAND, _BY_PROGRAM = 20, 200


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    shop = small_shop.built(tmp_path_factory.mktemp("loop"), count=60)
    with walking(shop.catalogue) as walk:
        yield walk


def _images(page: Page, url: str) -> list[dict[str, object]]:
    return page.request.get(f"{url}/api/v1/images?state=indexed&limit=200").json()["images"]


def _precision(page: Page, url: str, colours: dict[int, str]) -> float:
    """The share of the first five hits that have their query's colour, over all queries."""
    right: list[bool] = []
    for query in colours:
        body = {"image_id": query, "k": 6}
        answer = page.request.post(f"{url}/api/v1/search", data=body, headers=_HEADERS).json()
        hits = [hit["id"] for hit in answer["hits"] if hit["id"] != query][:5]
        right += [colours[hit] == colours[query] for hit in hits]
    return float(np.mean(right))


def _teach_by_hand(page: Page, walk: Walk, colours: dict[int, str]) -> None:
    """Answer questions by the colour that the reference has; skip those it does not decide."""
    page.goto(f"{walk.url}/teach")
    expect(page.locator("#candidates button")).to_have_count(2)
    ids = {image["name"]: image["id"] for image in _images(page, walk.url)}
    taught = 0
    while taught < _BY_HAND:
        reference = page.locator("#reference img").get_attribute("alt") or ""
        names = [reference.removeprefix("Reference: ")]
        names += [
            each.get_attribute("title") or "" for each in page.locator("#candidates button").all()
        ]
        own, first, second = (colours[ids[name]] for name in names)
        if (own == first) != (own == second):
            page.keyboard.press("1" if own == first else "2")
            taught += 1
            done = page.locator("#counts dt:text-is('this time') + dd")
            expect(done).to_have_text(str(taught))
        else:  # the question after it may have the same reference
            page.locator("#reference img").evaluate("img => img.classList.add('skipped')")
            page.keyboard.press("s")
            expect(page.locator("#reference img:not(.skipped)")).to_be_visible()


def _teach_by_program(page: Page, walk: Walk, colours: dict[int, str]) -> int:
    """Triplets of one colour against another, in one request; how many were added."""
    rng = np.random.default_rng(0)
    ids = sorted(colours)
    told: dict[tuple[int, frozenset[int]], dict[str, int]] = {}
    while len(told) < _BY_PROGRAM:
        anchor, positive, negative = (int(id_) for id_ in rng.choice(ids, 3, replace=False))
        if colours[anchor] == colours[positive] != colours[negative]:
            key = anchor, frozenset((positive, negative))
            told[key] = {"anchor": anchor, "positive": positive, "negative": negative}
    body = {"triplets": list(told.values())}
    answer = page.request.post(f"{walk.url}/api/v1/triplets", data=body, headers=_HEADERS)
    if answer.status == 400:  # some were taught by hand already
        wrong = {each["entry"] for each in answer.json()["entries"]}
        kept = [each for number, each in enumerate(body["triplets"]) if number not in wrong]
        body = {"triplets": kept}
        answer = page.request.post(f"{walk.url}/api/v1/triplets", data=body, headers=_HEADERS)
    assert answer.status == 201, answer.text()
    return answer.json()["added"]


def test_what_is_taught_makes_the_same_search_better_until_it_is_undone(walk: Walk) -> None:
    page = walk.open("/boxes?id=1")
    expect(page.locator("#view img")).to_be_visible()
    page.locator("#view .box").first.focus()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#message")).to_contain_text("Saved")
    page.goto(f"{walk.url}/status")
    expect(page.locator("#facts")).to_contain_text("product: 1")
    page.wait_for_function(
        "() => fetch('/api/v1/status').then(a => a.json()).then(s => !s.updating)"
    )

    colours = {image["id"]: str(image["attributes"]["colour"]) for image in _images(page, walk.url)}
    before = _precision(page, walk.url, colours)
    _teach_by_hand(page, walk, colours)
    assert _teach_by_program(page, walk, colours) > _BY_PROGRAM - _BY_HAND

    page.goto(f"{walk.url}/models")
    page.get_by_role("button", name="Train ranker default").click()
    expect(page.locator(".badge")).to_have_text("in use", timeout=_WAIT_MS)
    evaluated = page.request.get(f"{walk.url}/api/v1/evaluations").json()["evaluations"][0]
    assert evaluated["headline"]["after"] > evaluated["headline"]["before"]
    shown = f"{100 * evaluated['headline']['after']:.1f} %"
    expect(page.locator(".gain strong")).to_have_text(shown)
    assert _precision(page, walk.url, colours) > before

    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Use Ranker default")).to_be_visible(timeout=_WAIT_MS)
    # What is wanted is told at once; the ranker answers until the job has taken it away.
    page.wait_for_function(
        "() => fetch('/api/v1/status').then(a => a.json()).then(s => s.rankers.length === 0)"
    )
    assert _precision(page, walk.url, colours) == pytest.approx(before)
