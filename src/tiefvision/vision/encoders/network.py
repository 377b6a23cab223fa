"""One network read from a model folder: pixels in, the chosen layers' grids out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from tiefvision.errors import NotFound, ShapeMismatch, WeightsError
from tiefvision.maths.grids import GridGeometry
from tiefvision.vision import artefacts
from tiefvision.vision.artefacts import Artefact, Json
from tiefvision.vision.runtime import Precision, Runtime, Session, open_session

MODEL_FILE = "model.onnx"
_SIDES = 2
_COLOURS = 3


@dataclass(frozen=True, slots=True)
class Layer:
    """A grid that a network can give."""

    name: str
    channels: int
    geometry: GridGeometry


@dataclass(frozen=True, slots=True)
class NetworkFolder:
    """A network on disk, checked.

    name: of the built-in network, or the specification onnx:... or hf:... it was made from.
    side: pixels of the square that it was made for. any_size: whether it takes other sizes.
    layers: in the order of the recipe; the first is the one meant when none is named.
    """

    artefact: Artefact
    name: str
    side: int
    any_size: bool
    layers: tuple[Layer, ...]

    def layer(self, name: str) -> Layer:
        """A layer by name. Raises NotFound with the names there are."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        names = ", ".join(layer.name for layer in self.layers)
        raise NotFound(f"{self.name} has no layer {name!r}; it has {names}")


def read_folder(folder: Path) -> NetworkFolder:
    """The network in a model folder. Raises NotFound or WeightsError as `artefacts.read` does."""
    artefact = artefacts.read(folder)
    match artefact.description:
        case {
            "kind": "encoder",
            "name": str(name),
            "side": int(side),
            "any_size": bool(any_size),
            "layers": list(layers),
        } if MODEL_FILE in artefact.files:
            read = tuple(_layer(folder, layer) for layer in layers)
            return NetworkFolder(artefact, name, side, any_size, read)
        case _:
            raise WeightsError(f"the model folder {folder} does not hold an encoder")


class LoadedNetwork:
    """A network with some of its layers, ready to run in several threads at once."""

    def __init__(
        self,
        folder: NetworkFolder,
        layers: Sequence[Layer],
        *,
        precision: Precision,
        runtime: Runtime | None,
    ) -> None:
        self._folder = folder
        self._layers = tuple(layers)
        self._session: Session = open_session(
            folder.artefact.path(MODEL_FILE),
            outputs=[layer.name for layer in layers],
            precision=precision,
            runtime=runtime,
            shape=(folder.side, folder.side, _COLOURS),
        )

    def encode(
        self, pixels: UInt8[np.ndarray, "height width 3"], *, scale: float
    ) -> tuple[Float32[np.ndarray, "_rows _cols _channels"], ...]:
        """The layers' grids of an image resized by `scale`, or to the one size it takes.

        Raises ShapeMismatch for an image too small to give a cell.
        """
        height, width = pixels.shape[:_SIDES]
        if self._folder.any_size:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            self._check_size(size)
        else:
            size = (self._folder.side, self._folder.side)
        return self._session.run(_resized(pixels, size))

    def _check_size(self, size: tuple[int, int]) -> None:
        for layer in self._layers:
            needed = layer.geometry.receptive_field + 2 * layer.geometry.offset
            if min(size) < needed:
                raise ShapeMismatch(
                    f"an image of {size[0]} x {size[1]} pixels gives no cell of "
                    f"{self._folder.name}; at least {needed} x {needed} expected"
                )


def _resized(
    pixels: UInt8[np.ndarray, "height width 3"], size: tuple[int, int]
) -> UInt8[np.ndarray, "new_height new_width 3"]:
    if size == (pixels.shape[1], pixels.shape[0]):
        return np.ascontiguousarray(pixels)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def _layer(folder: Path, layer: Json) -> Layer:
    match layer:
        case {
            "name": str(name),
            "channels": int(channels),
            "stride": int(stride),
            "receptive_field": int(receptive_field),
            "offset": int(offset),
        }:
            return Layer(name, channels, GridGeometry(stride, receptive_field, offset))
        case _:
            raise WeightsError(f"the model folder {folder} describes a layer as {layer!r}")


def describes(description: Mapping[str, Json], name: str) -> bool:
    """Whether a model.json is that of the network of that name."""
    return description.get("kind") == "encoder" and description.get("name") == name
