"""Searching as a program does it: open a catalogue once, or for one query only."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tiefvision.maths.boxes import Box
from tiefvision.tasks.opened import Opened, opened
from tiefvision.tasks.photograph import file_of
from tiefvision.tasks.searching.query_cells import Source
from tiefvision.tasks.searching.search import Searcher, SearchResult
from tiefvision.tasks.showing.sheet import result_row, write_sheet


@contextmanager
def open(catalogue: str | Path | None = None) -> Generator[Searcher]:
    """A catalogue made ready for many searches, for the length of the block.

    catalogue: its folder; None: what TIEFVISION_CATALOGUE names, or the one in or above the
    working folder. Raises NotFound.
    """
    with opened(catalogue) as shop:
        yield Searcher(shop)


def search(
    query: Source,
    *,
    positive: Sequence[Source] = (),
    negative: Sequence[Source] = (),
    catalogue: str | Path | None = None,
    k: int | None = None,
    box: Box | None = None,
    whole: bool = False,
    label: str = "",
    ranker: str = "",
    where: str | None = None,
    mirror: bool = False,
) -> SearchResult:
    """The k most similar images of a catalogue; arguments and errors as of `Searcher.search`.

    Opens the catalogue for this one query: use `open` for many.
    """
    with open(catalogue) as searcher:
        return searcher.search(
            query,
            positive=positive,
            negative=negative,
            k=k,
            box=box,
            whole=whole,
            label=label,
            ranker=ranker,
            where=where,
            mirror=mirror,
        )


def write_result_sheet(
    file: str | Path,
    query: str | Path | int,
    result: SearchResult,
    *,
    catalogue: str | Path | None = None,
) -> Path:
    """Write the contact sheet of a search: the query, then its hits.

    Raises InvalidInput or NotFound where the file cannot be written.
    """
    with opened(catalogue) as shop:
        source = Path(query) if not isinstance(query, int) else _file_of(shop, query)
        return write_sheet(file, [result_row(source, result)], limits=shop.limits)


def _file_of(shop: Opened, image_id: int) -> Path:
    return Path(file_of(shop.catalogue.get([image_id])[image_id]))
