"""From drawn boxes to a locator that is used: on drawn garments, whose boxes are exact."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from small_shop import require
from tiefvision.demo import folder as drawn
from tiefvision.errors import InvalidInput
from tiefvision.maths.boxes import Box, iou
from tiefvision.store import registry
from tiefvision.store.boxes import Boxes
from tiefvision.tasks.indexing.index import index
from tiefvision.tasks.keeping import models
from tiefvision.tasks.locating.locate import locate
from tiefvision.tasks.locating.preview_samples import preview_samples
from tiefvision.tasks.locating.train_locator import train_locator
from tiefvision.tasks.opened import opened
from tiefvision.tasks.progress import Advance
from tiefvision.tasks.searching.search import Searcher
from tiefvision.vision import pixels
from tiefvision.vision.locator import LOCATOR_ENCODER
from tiefvision.vision.locator_choices import LocatorChoices

pytestmark = pytest.mark.slow

_IMAGES = 40
_TAUGHT = 30


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A catalogue of drawn garments; of the first ones the boxes are imported."""
    pytest.importorskip("torch")
    for spec in ("mobilenetv2", LOCATOR_ENCODER):
        require(spec)
    folder = tmp_path_factory.mktemp("located")
    drawn.write(folder / "photos", count=_IMAGES)
    index([folder / "photos"], catalogue=folder / "shop", encoder="mobilenetv2", workers_wanted=2)
    truth = _truth(folder)
    with opened(folder / "shop") as shop:
        wanted = {
            pixels.content_id(file.read_bytes()): [("garment", box)]
            for file, box in list(truth.items())[:_TAUGHT]
        }
        Boxes(shop.database).replace(wanted, now=time.time())
    yield folder


def _truth(folder: Path) -> dict[Path, Box]:
    with (folder / "photos" / drawn.BOXES_FILE).open(encoding="utf-8") as file:
        return {
            folder / "photos" / row["path"]: Box(
                *(float(row[edge]) for edge in ("left", "top", "right", "bottom"))
            )
            for row in csv.DictReader(file)
        }


def _folder(shop: Path, model_id: str) -> Path:
    return Path(models.show_model(model_id, catalogue=shop).folder)


def test_a_preview_draws_windows_with_the_product_and_without(place: Path) -> None:
    drawn = preview_samples(place / "windows.png", catalogue=place / "shop", seed=1)
    assert (drawn.photographs, len(drawn.dataset)) == (_TAUGHT, 64)
    with Image.open(drawn.sheet) as sheet:
        assert sheet.width > 1_000 and sheet.height > 1_000
    again = preview_samples(place / "again.png", catalogue=place / "shop", seed=1)
    assert Path(again.sheet).read_bytes() == Path(drawn.sheet).read_bytes()
    assert models.list_models(place / "shop") == [], "nothing is trained"


@pytest.mark.timeout(900)
def test_a_locator_is_taught_used_and_undone(place: Path) -> None:
    shop_folder = place / "shop"
    notes: list[str] = []

    @contextmanager
    def heard(_stage: str, _total: int | None, /, *, unit: str = "images") -> Iterator[Advance]:
        def advance(_amount: int, /, *, note: str = "") -> None:
            notes.append(note)

        yield advance

    lesson = train_locator(catalogue=shop_folder, progress=heard)
    assert any("loss" in note and "held out" in note for note in notes)
    assert (lesson.photographs, lesson.left_out, lesson.held_out) == (_TAUGHT, 0, _TAUGHT)
    # The boxes are encoded in the space that still answers, and all images in the new one.
    assert lesson.activated and lesson.encoded == _TAUGHT + _IMAGES
    own, mean_box = lesson.placed["locator"], lesson.placed["mean box"]
    assert own.iou > mean_box.iou and own.iou > lesson.placed["whole image"].iou
    taught = json.loads((_folder(shop_folder, lesson.model_id) / "dataset.json").read_text())
    assert taught["sha256"] == lesson.dataset and len(taught["photographs"]) == _TAUGHT
    assert lesson.worst is not None and Path(lesson.worst).is_file()
    with opened(shop_folder) as shop:
        space = registry.active_cell_space(shop.database)
        assert space is not None and space.locator == lesson.model_id
    # Photographs that it never saw, by file, as a query is located.
    unseen = list(_truth(place).items())[_TAUGHT:]
    seen = locate([file for file, _ in unseen], catalogue=shop_folder, sheet=place / "seen.png")
    reached = [iou(Box(*one.box), box) for one, (_, box) in zip(seen.located, unseen, strict=True)]
    assert np.mean(reached) > mean_box.iou
    assert all(one.box_source == "model" for one in seen.located if one.votes)
    with opened(shop_folder) as shop:
        searcher = Searcher(shop)
        hit = searcher.search(unseen[0][0], k=1).hits[0]
        assert (Path(hit.path), hit.similarity > 0.99) == (unseen[0][0], True)
        drawn_hit = searcher.search(next(iter(_truth(place))), k=1).hits[0]
        assert drawn_hit.box_source == "human", "a drawn box beats the model's"

    again = train_locator(catalogue=shop_folder, keep=True)
    assert again.model_id == lesson.model_id, "the same boxes and seed give the same model"
    assert [model.active for model in models.list_models(shop_folder)] == [True]
    other = train_locator(
        catalogue=shop_folder, keep=True, choices=LocatorChoices("average", (3, 5), (1.5,))
    )
    assert other.model_id != lesson.model_id, "what was chosen is a part of the model"
    report = models.show_model(other.model_id, catalogue=shop_folder).report
    chosen = (report["merge"], report["windows"], report["pyramid"])
    assert chosen == ("average", [3, 5], [1.5])
    assert lesson.milliseconds is not None and other.milliseconds is not None
    assert other.milliseconds > lesson.milliseconds > 0
    undone = models.deactivate(catalogue=shop_folder, back=True)
    assert (undone.model_id, undone.previous_id) == (None, lesson.model_id)
    with opened(shop_folder) as shop:
        space = registry.active_cell_space(shop.database)
        assert space is not None and space.locator != lesson.model_id
    models.activate_model(lesson.model_id[:8], catalogue=shop_folder)
    assert models.show_model(lesson.model_id[:8], catalogue=shop_folder).model.active


def test_too_few_boxes_say_how_many_are_needed(place: Path) -> None:
    with pytest.raises(InvalidInput, match="at least 5 expected") as caught:
        train_locator(catalogue=place / "shop", label="hat")
    assert "boxes import" in caught.value.remedy
