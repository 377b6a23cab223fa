"""The location benchmark: what is looked for, its chart, and its first table as anybody runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tiefvision.maths.boxes import Box

_BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_a_chart_is_svg_with_a_line_for_each_name() -> None:
    import curve

    lines = {"a <b>": [(10, 0.5), (100, 0.8)], "c": [(10, 0.4), (100, 0.4)]}
    root = ET.fromstring(curve.chart(lines, across="boxes", up="IoU", dashed=frozenset({"c"})))
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert {"a <b>", "c", "boxes", "IoU", "10", "100", "0.4", "0.8"} <= set(texts)
    dashes = [element.get("stroke-dasharray") for element in root.iter()]
    assert len([dash for dash in dashes if dash]) == 1


def test_an_outfit_is_the_union_of_garments_and_nothing_carried() -> None:
    import street

    boxes = {"dress": [Box(10, 20, 30, 40)], "shoes": [Box(5, 90, 9, 95)], "bag": [Box(0, 0, 9, 9)]}
    photo = street.Photo(Path("x.jpg"), "x", 100, 100, boxes)
    assert photo.union(street.WANTED["outfit"]) == Box(5, 20, 30, 95)
    assert photo.union(street.WANTED["bag"]) == Box(0, 0, 9, 9)
    assert street.Photo(Path("x.jpg"), "x", 9, 9, {}).union(street.WANTED["bag"]) is None


@pytest.mark.slow
@pytest.mark.photos
@pytest.mark.timeout(900)
def test_the_locator_beats_all_baselines_on_dresses(photos: Path, tmp_path: Path) -> None:
    if not os.environ.get("CI"):
        pytest.importorskip("torch", reason="training needs the teach extra")
    figures = tmp_path / "figures.json"
    command = [sys.executable, str(_BENCHMARKS / "location.py"), "--fast", "--json", str(figures)]
    environment = {**os.environ, "TIEFVISION_PHOTOS": str(photos)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    lines = {line["way"]: line for line in json.loads(figures.read_text())["street"]}
    own = lines.pop("locator")
    assert own["iou"] >= 0.62
    assert own["iou"] > max(line["iou"] for line in lines.values()) + 0.04
