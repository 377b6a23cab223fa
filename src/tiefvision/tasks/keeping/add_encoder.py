"""`tiefvision encoders add`: make an encoder ready on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tiefvision.errors import InvalidInput
from tiefvision.tasks.progress import Progress, silent
from tiefvision.tasks.ready_encoder import fetch
from tiefvision.vision import saliency_weights
from tiefvision.vision.encoders import NETWORKS, missing, networks_of, obtain
from tiefvision.vision.encoders.recipes import SALIENCY_NETWORK
from tiefvision.vision.encoders.specification import HUB


@dataclass(frozen=True, slots=True)
class AddedEncoder:
    """A network that is ready now. folder: where its model lies in the user's cache."""

    network: str
    folder: str


def add_encoder(
    spec: str,
    *,
    from_file: str | Path | None = None,
    offline: bool = False,
    progress: Progress = silent,
) -> list[AddedEncoder]:
    """The networks of an encoder, each made ready: fetched, or taken from a local file; so is
    the saliency network of the first guess.

    Raises InvalidInput, NotFound, NotReady (offline) or WeightsError.
    """
    file = None if from_file is None else Path(from_file).expanduser()
    if spec == SALIENCY_NETWORK:
        if file is None:
            fetch(spec, offline=offline, progress=progress)
        return [AddedEncoder(spec, str(saliency_weights.obtain(from_file=file).parent))]
    names = networks_of(spec)
    if file is not None and len(names) > 1:
        raise InvalidInput(
            f"{spec} needs {len(names)} weight files; one was given",
            remedy="add one at a time: " + " and ".join(names),
        )
    added: list[AddedEncoder] = []
    for name in names:
        if name in NETWORKS and file is None:
            fetch(name, offline=offline, progress=progress)
        elif name.startswith(HUB) and not offline and missing(name):
            _export(name, progress)
        folder = obtain(name, from_file=file, offline=offline)
        added.append(AddedEncoder(name, str(folder)))
    return added


def _export(name: str, progress: Progress) -> None:
    # torch, which only this one step needs, takes seconds to import.
    from tiefvision.teach.export import export

    with progress(f"exporting {name}", None):
        export(name)
