"""A real browser on a real server with a real catalogue, for the tests of single pages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Patience on a machine that is busy with other tests.
_WAIT_MS = 30_000
# The browser's own word for a refused request; the page says what is wrong with it.
_ANSWERED = "the server responded with a status of 4"
WIDE, NARROW = (1280, 860), (390, 800)


@dataclass
class Walk:
    """Opens pages; `check` says that nothing was wrong and nothing left the machine."""

    url: str
    browser: Browser
    wrong: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def open(self, path: str, *, size: tuple[int, int] = WIDE, scheme: str = "light") -> Page:
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme
        )
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(_WAIT_MS)
        page.on("console", lambda told: told.type == "error" and self.wrong.append(told.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on(
            "request",
            lambda asked: asked.url.startswith((self.url, "blob:")) or self.wrong.append(asked.url),
        )
        page.goto(self.url + path)
        return page

    def check(self) -> None:
        for context in self.contexts:
            for page in context.pages:
                page.evaluate("0")  # what was told until now has arrived
        # Closing a page cuts off what it is just asking for: that is no fault of the page.
        wrong = [each for each in self.wrong if _ANSWERED not in each]
        for context in self.contexts:
            context.close()
        assert wrong == [], wrong


@contextmanager
def serving_at(catalogue: Path, **environment: str) -> Iterator[str]:
    """The address of `tiefvision serve` for the length of the block."""
    command = [
        sys.executable,
        "-m",
        "tiefvision",
        "serve",
        "-c",
        str(catalogue),
        "--port",
        "0",
        "--json",
    ]
    environ = {**os.environ, **environment}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"].rstrip("/")
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def walking(catalogue: Path, **environment: str) -> Iterator[Walk]:
    """A browser before the site of a catalogue."""
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if program is None:
        assert not os.environ.get("CI"), "no browser: tests/system_packages.sh installs one"
        pytest.skip("no chromium on this machine: tests/system_packages.sh installs it")
    expect.set_options(timeout=_WAIT_MS)
    with serving_at(catalogue, **environment) as url, sync_playwright() as playwright:
        # Chromium's own sandbox needs rights that containers do not have.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        walk = Walk(url, browser)
        yield walk
        walk.check()
        browser.close()


def check_access(page: Page) -> None:
    """Nothing that an accessibility checker finds, and nothing wider than the screen."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
