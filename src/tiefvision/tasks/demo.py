"""`tiefvision demo`: from nothing to the five closest of three photographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tiefvision.demo import folder as photographs
from tiefvision.errors import InvalidInput, NotReady
from tiefvision.store.records import Image
from tiefvision.store.tables import images
from tiefvision.tasks.indexing.index import IndexReport, index
from tiefvision.tasks.opened import Opened, opened
from tiefvision.tasks.progress import Progress, silent
from tiefvision.tasks.searching.search import Searcher, SearchResult, file_of
from tiefvision.tasks.showing.sheet import result_row, write_sheet

SHEET_FILE = "closest.png"
# As on the original's sheets: the closest to the fifth closest.
_CLOSEST = 5
_QUERIES = 3


@dataclass(frozen=True, slots=True)
class DemoQuery:
    """A photograph of the catalogue and its closest others."""

    path: str
    result: SearchResult


@dataclass(frozen=True, slots=True)
class DemoReport:
    """A finished demo. photographs: their folder; sheet: the contact sheet's file."""

    catalogue: str
    photographs: str
    index: IndexReport
    queries: Sequence[DemoQuery]
    sheet: str


def demo(
    folder: str | Path = "demo",
    *,
    count: int = 300,
    photos: str | Path | None = None,
    offline: bool = False,
    progress: Progress = silent,
) -> DemoReport:
    """Draw photographs, index them, and search for the five closest of three of them.

    folder: gets photos/, the catalogue shop/ and closest.png. photos: a folder of real photographs
    that is indexed instead of drawing any. Raises InvalidInput, NotFound, NotReady, WeightsError.
    """
    home = Path(folder).expanduser()
    source = home / "photos" if photos is None else Path(photos).expanduser()
    attributes = None
    if photos is None:
        draw(source, count, progress)
        attributes = source / photographs.ATTRIBUTES_FILE
    _make(home)
    report = index(
        [source],
        catalogue=home / "shop",
        attributes_file=attributes,
        prune=True,
        offline=offline,
        progress=progress,
    )
    with opened(home / "shop") as shop:
        queries = _ask(shop)
        sheet = write_sheet(
            home / SHEET_FILE,
            [result_row(Path(query.path), query.result) for query in queries],
            title="The image to search, then the closest to the fifth closest",
            limits=shop.limits,
        )
    return DemoReport(str(home / "shop"), str(source), report, queries, str(sheet))


def draw(folder: Path, count: int, progress: Progress) -> None:
    """Draw the photographs. Raises InvalidInput."""
    if count < _QUERIES:
        raise InvalidInput(f"a demo of {count} photographs; expected at least {_QUERIES}")
    with progress("drawing photographs", count) as advance:
        photographs.write(folder, count=count, progress=lambda _done, _count: advance(1))


def _make(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(
            f"{home} cannot be made: {error.strerror or error}",
            remedy="name a folder that you may write to: tiefvision demo FOLDER",
        ) from error


def _ask(shop: Opened) -> list[DemoQuery]:
    searcher = Searcher(shop)
    queries: list[DemoQuery] = []
    for image in _chosen(shop):
        path = file_of(image)
        # One more than is shown: the query is in the catalogue, and closest to itself.
        result = searcher.search(path, k=_CLOSEST + 1)
        others = [hit for hit in result.hits if path not in (hit.path, *hit.also)]
        queries.append(DemoQuery(path, replace(result, hits=others[:_CLOSEST])))
    return queries


def _chosen(shop: Opened) -> list[Image]:
    """Photographs to search with, evenly spread; of differing kinds and backgrounds where known."""
    known = [
        image
        for image in shop.catalogue.each(where=images.c.state == "indexed")
        if image.duplicate_of is None and not image.vanished
    ]
    if not known:
        raise NotReady(
            "the demo's catalogue has no images", remedy="name a folder of photographs: --photos"
        )
    chosen: list[Image] = []
    for turn in range(min(_QUERIES, len(known))):
        start = turn * len(known) // _QUERIES
        following = known[start:] + known[:start]
        chosen.append(next((i for i in following if _is_new(i, chosen)), following[0]))
    return chosen


def _is_new(image: Image, chosen: Sequence[Image]) -> bool:
    """Whether an image differs from the chosen ones in all that the demo's attributes say."""
    return all(
        image.id != other.id
        and (
            not image.attributes
            or all(
                image.attributes.get(key) != other.attributes.get(key)
                for key in ("kind", "pattern", "background")
            )
        )
        for other in chosen
    )
