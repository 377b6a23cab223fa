"""The box editor tells beside the boxes what the locator that learns from them is worth."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect
from walking import NARROW, check_access, walking

from small_shop import SmallShop
from tiefvision.store import models
from tiefvision.store.database import open_database

pytestmark = pytest.mark.slow

_PLACED = {"iou_low": 0.0, "iou_high": 1.0, "corloc_50": 1.0, "corloc_70": 1.0}


def test_the_locators_held_out_iou_stands_beside_the_boxes(
    drawn_shop: SmallShop, tmp_path: Path
) -> None:
    shop = Path(shutil.copytree(drawn_shop.catalogue, tmp_path / "shop"))
    with walking(shop) as walk:
        page = walk.open("/boxes")
        expect(page.locator("#progress")).to_contain_text("0 photographs have drawn boxes")
        expect(page.locator("#worth")).to_be_hidden()
        # One photograph with boxes of two labels, one with another: two photographs.
        for image_id, labels in ((4, ("bag", "dress")), (6, ("coat",))):
            drawn = [{"box": [10, 10, 90, 90], "label": label} for label in labels]
            answer = page.request.put(
                f"{walk.url}/api/v1/images/{image_id}/boxes",
                data={"boxes": drawn},
                headers={"x-tiefvision": "1"},
            )
            assert answer.ok
        database = open_database(shop)
        placed = {"locator": {"iou": 0.8721, **_PLACED}, "first guess": {"iou": 0.6, **_PLACED}}
        report = {"photographs": 20, "held_out": 20, "placed": placed}
        models.add(database, model_id="a" * 64, kind="locator", name="", report=report)
        models.activate(database, kind="locator", name="", model_id="a" * 64)
        database.close()
        narrow = walk.open("/boxes", size=NARROW, scheme="dark")
        told = "The locator's IoU on held-out boxes: 0.872 (0.600 without it, 20 judged)."
        expect(narrow.locator("#worth")).to_contain_text(told)
        expect(narrow.locator("#progress")).to_contain_text("2 photographs have drawn boxes")
        check_access(narrow)
