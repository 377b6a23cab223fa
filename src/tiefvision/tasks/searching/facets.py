"""What the attribute columns hold, so that filters can be chosen instead of typed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from tiefvision.store import columns
from tiefvision.store.conditions import ColumnType
from tiefvision.tasks.opened import Opened

# A column of more values than this is no choice between few.
_MOST_VALUES = 20
# Images that are looked at: reading their attributes takes a fifth of a second.
_MOST_IMAGES = 20_000
_NUMBERS = (ColumnType.INTEGER, ColumnType.NUMBER)


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value of a column, and how many images have it."""

    value: str | bool
    images: int


@dataclass(frozen=True, slots=True)
class Facet:
    """An attribute column. type: as filters have it. values: of a text or boolean column that has
    few of them, the most frequent first. least, most: of a column of numbers."""

    name: str
    type: str
    values: Sequence[FacetValue] = ()
    least: float | None = None
    most: float | None = None


def facets(shop: Opened) -> list[Facet]:
    """All attribute columns in their order, from the first 20,000 indexed images."""
    types = columns.read(shop.database)
    counts: dict[str, Counter[object]] = {name: Counter() for name in types}
    for image in islice(shop.catalogue.each(), _MOST_IMAGES if types else 0):
        for name, value in image.attributes.items():
            if name in counts and value is not None:
                counts[name][value] += 1
    return [_facet(name, type, counts[name]) for name, type in types.items()]


def _facet(name: str, type: ColumnType, counted: Counter[object]) -> Facet:
    if type in _NUMBERS:
        numbers = [own for own in counted if isinstance(own, int | float)]
        return Facet(
            name, type.value, least=min(numbers, default=None), most=max(numbers, default=None)
        )
    if type not in (ColumnType.TEXT, ColumnType.BOOLEAN) or len(counted) > _MOST_VALUES:
        return Facet(name, type.value)
    values = [
        FacetValue(own, images)
        for own, images in counted.most_common()
        if isinstance(own, str | bool)
    ]
    return Facet(name, type.value, values=values)
