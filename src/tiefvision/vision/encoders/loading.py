"""From a specification to an encoder: one or more networks side by side."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8

from tiefvision.errors import NotReady
from tiefvision.vision import artefacts
from tiefvision.vision.encoders import cache, specification
from tiefvision.vision.encoders.any_onnx import adapt
from tiefvision.vision.encoders.network import Layer, LoadedNetwork, NetworkFolder
from tiefvision.vision.encoders.protocol import Encoder, Part
from tiefvision.vision.encoders.recipes import NETWORKS, RECIPES
from tiefvision.vision.encoders.specification import HUB, ONNX, Member, Specification
from tiefvision.vision.runtime import Precision, Runtime


@dataclass(frozen=True, slots=True)
class _Choice:
    """A layer of a network with its share of the similarity."""

    folder: NetworkFolder
    layer: Layer
    weight: float


class SideBySide:
    """The parts of one or more networks, in the order of the specification.

    Every network gets the same image. One that was made for another side than the largest
    resizes the image by the ratio of the sides; one of a single input size, to that size.
    A network named by several members runs once.
    """

    def __init__(
        self,
        name: str,
        choices: tuple[_Choice, ...],
        *,
        precision: Precision,
        runtime: Runtime | None,
    ) -> None:
        self._name = name
        self._side = max(choice.folder.side for choice in choices)
        self._folders = tuple({choice.folder.name: choice.folder for choice in choices}.values())
        self._networks: list[tuple[LoadedNetwork, float, list[int]]] = []
        for folder in self._folders:
            positions = [i for i, choice in enumerate(choices) if choice.folder is folder]
            layers = [choices[i].layer for i in positions]
            network = LoadedNetwork(folder, layers, precision=precision, runtime=runtime)
            self._networks.append((network, folder.side / self._side, positions))
        self._parts = tuple(self._part(choice) for choice in choices)
        identity = [
            [choice.folder.artefact.fingerprint, choice.layer.name, part.scale, precision]
            for choice, part in zip(choices, self._parts, strict=True)
        ]
        self._fingerprint = hashlib.sha256(json.dumps(identity).encode()).hexdigest()

    @property
    def name(self) -> str:
        """The specification, written in the one canonical way."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """Of networks, layers, order and precision; the parts' weights do not change cells."""
        return self._fingerprint

    @property
    def parts(self) -> tuple[Part, ...]:
        """The grids that `encode` gives, in order."""
        return self._parts

    @property
    def side(self) -> int:
        """Pixels of the square that a crop is resized to: the largest network's."""
        return self._side

    @property
    def folders(self) -> tuple[NetworkFolder, ...]:
        """The model folders it runs on, each once."""
        return self._folders

    def encode(
        self, pixels: UInt8[np.ndarray, "height width 3"]
    ) -> tuple[Float32[np.ndarray, "_rows _cols _channels"], ...]:
        """One grid for each part. Raises ShapeMismatch for an image too small for a cell."""
        grids: dict[int, Float32[np.ndarray, "_rows _cols _channels"]] = {}
        for network, scale, positions in self._networks:
            grids.update(zip(positions, network.encode(pixels, scale=scale), strict=True))
        return tuple(grids[position] for position in range(len(self._parts)))

    def _part(self, choice: _Choice) -> Part:
        return Part(
            name=f"{choice.folder.name}@{choice.layer.name}",
            channels=choice.layer.channels,
            geometry=choice.layer.geometry,
            weight=choice.weight,
            scale=choice.folder.side / self._side,
            any_size=choice.folder.any_size,
        )


def load(
    spec: str,
    *,
    precision: Precision = "fp32",
    runtime: Runtime | None = None,
    folders: Iterable[Path] = (),
) -> SideBySide:
    """The encoder that a specification names, from `folders` or the user's cache; no network.

    folders: model folders or folders of them, looked at first, such as a catalogue's
    `models/encoder`. An onnx: file that was not adapted before is adapted now.
    Raises InvalidInput for a specification that does not parse, NotReady (with the command to
    type) for an encoder without weights, WeightsError for damaged ones, NotFound for a layer
    that the network does not give.
    """
    parsed = specification.parse(spec)
    places = tuple(folders)
    found = {network: _find(network, places) for network in _networks(parsed)}
    choices = tuple(
        choice for member in parsed.members for choice in _choices(member, found[_network(member)])
    )
    return SideBySide(str(parsed), choices, precision=precision, runtime=runtime)


def copy_into(encoder: Encoder | str, models: Path) -> list[str]:
    """Fingerprints of the networks, each copied to `models/<fingerprint>/`.

    models: a catalogue's `models/encoder`. A network that lies there already is not written.
    """
    if isinstance(encoder, SideBySide):
        found = encoder.folders
    else:
        parsed = specification.parse(encoder if isinstance(encoder, str) else encoder.name)
        found = tuple(_find(network, (models,)) for network in _networks(parsed))
    return [artefacts.copy(folder.artefact, models).fingerprint for folder in found]


def _networks(parsed: Specification) -> list[str]:
    return list(dict.fromkeys(_network(member) for member in parsed.members))


def _network(member: Member) -> str:
    return RECIPES[member.name].network if member.name in RECIPES else member.name


def _choices(member: Member, folder: NetworkFolder) -> list[_Choice]:
    if member.layer is not None:
        names: tuple[str, ...] = (member.layer,)
    elif member.name in RECIPES:
        names = RECIPES[member.name].layers
    else:
        names = (folder.layers[0].name,)
    return [_Choice(folder, folder.layer(name), member.weight / len(names)) for name in names]


def _find(network: str, folders: tuple[Path, ...]) -> NetworkFolder:
    if network.startswith(ONNX):
        # A catalogue's copy is what its cells were made with; else the file as it is now.
        copied = cache.find(network, folders=folders, cached=False)
        return copied or adapt(Path(network.removeprefix(ONNX)))
    found = cache.find(network, folders=folders)
    if found is None:
        raise not_ready(network)
    return found


def not_ready(network: str) -> NotReady:
    """The error that says how to make a network ready."""
    if network.startswith(HUB):
        return NotReady(
            f"the encoder {network} was not exported yet",
            remedy=f"type `tiefvision encoders add {network}` where the teach extra is installed",
        )
    megabytes = NETWORKS[network].source.archive_bytes / 1e6
    return NotReady(
        f"the encoder {network} has no weights on this machine ({megabytes:.0f} MB to fetch)",
        remedy=(
            f"type `tiefvision encoders add {network}`, or without network "
            f"`tiefvision encoders add {network} --from FILE`"
        ),
    )
