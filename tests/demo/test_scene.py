"""The demo's photographs: exact boxes, attributes, and sameness for ever."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple
from itertools import islice

import numpy as np
import pytest

from tiefvision.demo.backgrounds import BACKGROUNDS
from tiefvision.demo.dice import Dice
from tiefvision.demo.palettes import COLOURS
from tiefvision.demo.patterns import PATTERNS
from tiefvision.demo.scene import (
    KINDS,
    VERSION,
    catalogue,
    placed,
    price_of,
    product_at,
    render,
    shot_at,
)
from tiefvision.errors import InvalidInput

SEED = 2016
# Photographs of each kind, pattern and background, among them the smallest and largest products.
SAMPLE = tuple(range(0, 200, 11))


def _changed(index: int) -> list[float]:
    """Oracle: the edges of what differs between a photograph with its product and without."""
    shown = render(index).pixels.astype(int)
    empty = render(index, product_shown=False).pixels.astype(int)
    rows, cols = np.nonzero((shown != empty).any(axis=2))
    return [cols.min(), rows.min(), cols.max() + 1, rows.max() + 1]


@pytest.mark.parametrize("index", SAMPLE)
def test_box_is_exactly_the_pixels_that_the_product_changes(index: int) -> None:
    assert render(index).box.as_list() == _changed(index)


@pytest.mark.slow
def test_every_box_lies_inside_its_image_and_has_the_span_that_was_asked_for() -> None:
    for index in range(60):
        scene, shot = render(index), shot_at(index, seed=SEED)
        box = scene.box
        assert scene.pixels.shape == (shot.height, shot.width, 3)
        assert 0 <= box.left < box.right <= shot.width
        assert 0 <= box.top < box.bottom <= shot.height
        span = max(box.width / shot.width, box.height / shot.height)
        # Outlines are cut to whole pixels on both sides: 3 px of the smallest side.
        assert span == pytest.approx(shot.span, abs=3 / 480)


def test_cluttered_products_vary_widely_in_scale_and_place() -> None:
    shots = [shot_at(index, seed=SEED, background="cluttered") for index in range(200)]
    spans = [shot.span for shot in shots]
    assert min(spans) >= 0.35 and max(spans) <= 0.8
    assert np.std(spans) > 0.1
    assert np.std([shot.across for shot in shots]) > 0.2


def test_same_arguments_draw_the_same_bytes() -> None:
    for index in (0, 8, 16):
        assert render(index).pixels.tobytes() == render(index).pixels.tobytes()


def test_an_image_does_not_depend_on_how_many_are_asked_for() -> None:
    few, many = list(catalogue(4)), list(islice(catalogue(10_000), 4))
    for one, other in zip(few, many, strict=True):
        assert one.name == other.name and one.box == other.box
        assert (one.pixels == other.pixels).all()


def test_another_seed_draws_other_products() -> None:
    one = [product_at(index, seed=1) for index in range(100)]
    other = [product_at(index, seed=2) for index in range(100)]
    assert one != other
    assert (render(3, seed=1).pixels.shape != render(3, seed=2).pixels.shape) or (
        render(3, seed=1).pixels != render(3, seed=2).pixels
    ).any()


def test_three_hundred_photographs_show_every_kind_pattern_colour_and_background() -> None:
    products = [product_at(index, seed=SEED) for index in range(300)]
    assert {product.kind for product in products} == set(KINDS)
    assert {product.pattern for product in products} == set(PATTERNS)
    assert {product.colour for product in products} == set(COLOURS)
    assert len({(product.kind, product.pattern) for product in products}) == 25
    shots = [shot_at(index, seed=SEED) for index in range(300)]
    assert {shot.background for shot in shots} == set(BACKGROUNDS)


def test_a_product_is_photographed_three_or_four_times_on_all_backgrounds() -> None:
    photographs: dict[str, list[str]] = {}
    for index in range(700):
        name = product_at(index, seed=SEED).name
        photographs.setdefault(name, []).append(shot_at(index, seed=SEED).background)
    assert {len(taken) for taken in photographs.values()} == {3, 4}
    assert all(set(taken) == set(BACKGROUNDS) for taken in photographs.values())


def test_a_combination_has_one_or_two_products_until_all_were_used() -> None:
    products = {product_at(index, seed=SEED) for index in range(1575)}
    combinations: dict[tuple[str, str, str], int] = {}
    for product in products:
        key = (product.kind, product.pattern, product.colour)
        combinations[key] = combinations.get(key, 0) + 1
    assert len(products) == 450
    assert len(combinations) == len(KINDS) * len(PATTERNS) * len(COLOURS)
    assert set(combinations.values()) == {1, 2}


def test_photographs_of_one_product_differ_in_all_but_the_product() -> None:
    scenes = [render(index, background="cluttered") for index in range(3)]
    assert len({(scene.product, scene.kind, scene.colour, scene.price) for scene in scenes}) == 1
    assert len({scene.box for scene in scenes}) == 3
    assert len({scene.pixels.tobytes() for scene in scenes}) == 3


@pytest.mark.slow
def test_ten_thousand_places_differ() -> None:
    shots = {shot_at(index, seed=SEED) for index in range(10_000)}
    assert len(shots) == 10_000


def test_an_asked_background_is_used_for_every_photograph() -> None:
    assert {scene.background for scene in catalogue(5, background="studio")} == {"studio"}


@pytest.mark.slow
def test_the_product_stands_out_from_its_background() -> None:
    for index in range(0, 120, 4):
        scene = render(index)
        left, top, right, bottom = (int(edge) for edge in scene.box.as_list())
        shown = scene.pixels[top:bottom, left:right].astype(float)
        empty = render(index, product_shown=False).pixels[top:bottom, left:right].astype(float)
        change = np.abs(shown - empty).max(axis=2)
        assert np.median(change[change > 0]) > 12, scene.name


@pytest.mark.parametrize("kind", tuple(KINDS))
def test_every_design_is_drawable_and_about_as_large_as_life(kind: str) -> None:
    styles: set[str] = set()
    for number in range(100):
        garment = KINDS[kind](Dice("design", number))
        extent = garment.extent()
        width, height = np.ptp(extent, axis=0)
        assert np.isfinite(extent).all()
        assert 0.2 < width < 1.5 and 0.2 < height < 1.6
        styles.add(garment.style)
    assert len(styles) >= 4


def test_geometry_and_attributes_are_those_of_this_version() -> None:
    # The generator is fixed for ever: a change here is a new VERSION, and new demo catalogues.
    rows: list[object] = []
    for index in range(40):
        product, shot = product_at(index, seed=SEED), shot_at(index, seed=SEED)
        garment = KINDS[product.kind](Dice(VERSION, SEED, "product", product.number, "design"))
        extent = placed(garment, shot, floor=None).pixels(garment.extent())
        # To a tenth of a pixel: the last digits of sines differ between machines.
        rows.append([
            astuple(product), price_of(product, seed=SEED), shot.width, shot.height,
            shot.background, shot.mirror,
            [round(number, 4) for number in (shot.span, shot.light, shot.exposure, shot.warmth)],
            [round(float(edge), 1) for edge in (*extent.min(axis=0), *extent.max(axis=0))],
        ])  # fmt: skip
    for kind, make in KINDS.items():
        for number in range(40):
            extent = make(Dice(VERSION, kind, number)).extent()
            measures = (*extent.min(axis=0), *extent.max(axis=0), *extent.mean(axis=0))
            rows.append([round(float(measure), 5) for measure in measures])
    digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    assert digest == "af36afeec869965b5127f26aab1b3441caf2aa44c714907abfee6bd70187da6c"


def test_a_negative_index_an_unknown_background_and_a_negative_count_are_named() -> None:
    with pytest.raises(InvalidInput, match="-1"):
        render(-1)
    with pytest.raises(InvalidInput, match=r"'street'.*plain, studio, cluttered"):
        render(0, background="street")
    with pytest.raises(InvalidInput, match="-5"):
        catalogue(-5)
