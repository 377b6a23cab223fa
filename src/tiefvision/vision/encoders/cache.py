"""Where model folders lie: the user's cache, and the places given, such as a catalogue's."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

import platformdirs

from tiefvision.vision.artefacts import DESCRIPTION
from tiefvision.vision.encoders.network import NetworkFolder, describes, read_folder
from tiefvision.vision.encoders.recipes import NETWORKS

CACHE_VARIABLE = "TIEFVISION_CACHE"
# Enough of a digest to keep two names of one spelling apart.
_DIGEST_LETTERS = 12


def cache_folder() -> Path:
    """The user's cache: TIEFVISION_CACHE, or the platform's place for caches."""
    given = os.environ.get(CACHE_VARIABLE, "")
    return Path(given).expanduser() if given else platformdirs.user_cache_path("tiefvision")


def folder_of(network: str) -> Path:
    """Where the model folder of a network of that name lies in the cache, ready or not."""
    plain = re.sub(r"[^A-Za-z0-9.-]+", "-", network).strip("-.")
    if plain != network:
        plain = f"{plain[-80:]}-{sha256(network.encode()).hexdigest()[:_DIGEST_LETTERS]}"
    return cache_folder() / "encoders" / plain


def find(
    network: str, *, folders: Iterable[Path] = (), cached: bool = True
) -> NetworkFolder | None:
    """The network of that name, from the first place that has it; None when none has.

    folders: model folders, or folders of model folders, looked at before the user's cache.
    cached: whether the user's cache counts. There only what the present recipe makes is taken; a
    catalogue keeps what its cells were made with.
    Raises WeightsError when the one found is damaged.
    """
    for folder in _candidates(folders):
        if _is_of(folder, network):
            return read_folder(folder)
    if not cached:
        return None
    folder = folder_of(network)
    found = read_folder(folder) if (folder / DESCRIPTION).is_file() else None
    return found if found is not None and _is_current(found) else None


def _is_current(folder: NetworkFolder) -> bool:
    """False for a built-in network made by another version's recipe: it must be made anew."""
    recipe = NETWORKS.get(folder.name)
    return recipe is None or folder.artefact.description.get("version") == recipe.version


def _candidates(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        if (folder / DESCRIPTION).is_file():
            yield folder
        elif folder.is_dir():
            yield from sorted(path for path in folder.iterdir() if (path / DESCRIPTION).is_file())


def _is_of(folder: Path, network: str) -> bool:
    try:
        header = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    match header:
        case {"model": dict(description)}:
            return describes(description, network)
        case _:
            return False
