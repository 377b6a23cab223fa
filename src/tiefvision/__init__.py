"""TiefVision: find the most similar product photographs in your own catalogue.

    import tiefvision as tv

    tv.index(["photos"], catalogue="shop")
    for hit in tv.search("query.jpg", catalogue="shop").hits:
        print(hit.similarity, hit.path)

`tv.open("shop")` keeps a catalogue loaded for many searches.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tiefvision.errors import AccessRefused as AccessRefused
    from tiefvision.errors import Conflict as Conflict
    from tiefvision.errors import InvalidBox as InvalidBox
    from tiefvision.errors import InvalidEntries as InvalidEntries
    from tiefvision.errors import InvalidFilter as InvalidFilter
    from tiefvision.errors import InvalidInput as InvalidInput
    from tiefvision.errors import InvalidSettings as InvalidSettings
    from tiefvision.errors import NotFound as NotFound
    from tiefvision.errors import NotReady as NotReady
    from tiefvision.errors import ShapeMismatch as ShapeMismatch
    from tiefvision.errors import SpaceMismatch as SpaceMismatch
    from tiefvision.errors import StoreError as StoreError
    from tiefvision.errors import TiefVisionError as TiefVisionError
    from tiefvision.errors import TokenNeeded as TokenNeeded
    from tiefvision.errors import TooLarge as TooLarge
    from tiefvision.errors import TooManyRequests as TooManyRequests
    from tiefvision.errors import UnknownHost as UnknownHost
    from tiefvision.errors import UnreadableImage as UnreadableImage
    from tiefvision.errors import UnsupportedMedia as UnsupportedMedia
    from tiefvision.errors import WeightsError as WeightsError
    from tiefvision.maths.boxes import Box as Box
    from tiefvision.tasks.indexing.index import IndexReport as IndexReport
    from tiefvision.tasks.indexing.index import index as index
    from tiefvision.tasks.searching.query import open as open
    from tiefvision.tasks.searching.query import search as search
    from tiefvision.tasks.searching.search import Hit as Hit
    from tiefvision.tasks.searching.search import Searcher as Searcher
    from tiefvision.tasks.searching.search import SearchResult as SearchResult

    __version__: str

__all__ = [
    "AccessRefused",
    "Box",
    "Conflict",
    "Hit",
    "IndexReport",
    "InvalidBox",
    "InvalidEntries",
    "InvalidFilter",
    "InvalidInput",
    "InvalidSettings",
    "NotFound",
    "NotReady",
    "SearchResult",
    "Searcher",
    "ShapeMismatch",
    "SpaceMismatch",
    "StoreError",
    "TiefVisionError",
    "TokenNeeded",
    "TooLarge",
    "TooManyRequests",
    "UnknownHost",
    "UnreadableImage",
    "UnsupportedMedia",
    "WeightsError",
    "__version__",
    "index",
    "open",
    "search",
]

# Names that live elsewhere than in errors. They are imported when first used, so that
# `import tiefvision` and `tiefvision --help` do not wait for numpy and the stores.
_MODULES = {
    "Box": "tiefvision.maths.boxes",
    "Hit": "tiefvision.tasks.searching.search",
    "IndexReport": "tiefvision.tasks.indexing.index",
    "SearchResult": "tiefvision.tasks.searching.search",
    "Searcher": "tiefvision.tasks.searching.search",
    "index": "tiefvision.tasks.indexing.index",
    "open": "tiefvision.tasks.searching.query",
    "search": "tiefvision.tasks.searching.query",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        return import_module("importlib.metadata").version("tiefvision")
    if name not in __all__:
        raise AttributeError(f"module 'tiefvision' has no attribute {name!r}")
    module = import_module(_MODULES.get(name, "tiefvision.errors"))
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
