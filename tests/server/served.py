"""The application of a small shop, with what stands behind it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.testclient import TestClient

from small_shop import SmallShop
from tiefvision.server.access import Access, access
from tiefvision.server.app import create_app
from tiefvision.tasks.opened import Opened, opened

BASE = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Served:
    """A client, and the catalogue that it asks."""

    client: TestClient
    shop: Opened
    photographs: SmallShop

    def settle(self) -> None:
        """Wait until the images are encoded that changed boxes ask for."""
        deadline = time.monotonic() + 60
        while self.client.get("/api/v1/status").json()["updating"]:
            assert time.monotonic() < deadline, "still updating"
            time.sleep(0.05)


@contextmanager
def serving(shop: SmallShop, *, rules: Access | None = None) -> Iterator[Served]:
    with opened(shop.catalogue) as own:
        rules = rules or access(own.home, host="127.0.0.1")[0]
        app = create_app(own, access=rules)
        with TestClient(app, base_url=BASE, raise_server_exceptions=False) as client:
            yield Served(client, own, shop)
