"""What follows a change of boxes goes on in the background, whoever else is at work."""

from __future__ import annotations

import time

import pytest
from served import Served

from tiefvision.store import leases
from tiefvision.tasks.indexing.update import LEASE

pytestmark = pytest.mark.slow

_DRAWN = {"boxes": [{"box": [30.0, 40.0, 200.0, 220.0]}]}


def test_it_waits_for_an_index_run_and_then_does_its_work(served: Served) -> None:
    with leases.hold(served.shop.database, LEASE):
        served.client.put("/api/v1/images/2/boxes", json=_DRAWN)
        time.sleep(2)
        body = served.client.get("/api/v1/status").json()
        assert body["updating"]
        assert body["update_problem"] == ""
    served.settle()
    assert served.client.get("/api/v1/images/2").json()["box_source"] == "human"


def test_what_a_server_left_undone_is_done_by_the_next_change(served: Served) -> None:
    from tiefvision.maths.boxes import Box
    from tiefvision.server.upkeep import Upkeep
    from tiefvision.tasks.locating import box_drawing

    ended = Upkeep(served.shop, gather_s=60)
    box_drawing.draw(served.shop, 7, [("product", Box(10, 10, 90, 90))])
    ended.ask()
    ended.close()
    assert served.client.get("/api/v1/images/7").json()["box_source"] != "human"
    served.client.put("/api/v1/images/8/boxes", json=_DRAWN)
    served.settle()
    assert served.client.get("/api/v1/images/7").json()["box_source"] == "human"
