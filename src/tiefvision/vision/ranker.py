"""A rank head: centred cells in, cells in which similar things point the same way out.

It runs on numpy alone. An untrained one is the identity and shares the base search space.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float, Float32

from tiefvision.errors import ShapeMismatch, WeightsError
from tiefvision.maths.grids import unit_cells
from tiefvision.vision import artefacts
from tiefvision.vision.artefacts import Artefact, Json

KIND = "ranker"
ARRAYS_FILE = "ranker.npz"
_REQUIRED = "mean"
_OPTIONAL = ("skip", "down", "bias", "up")


@dataclass(frozen=True, slots=True, eq=False)
class Ranker:
    """y = skip x + up relu(down x + bias) at each cell x, then scaled to unit length.

    mean: float32 (inputs,): the mean cell that was subtracted from the cells of its training; a
    search space with this ranker subtracts the same.
    skip: float32 (outputs, inputs); None stands for the identity.
    down, bias, up: float32 (hidden, inputs), (hidden,), (outputs, hidden); all None in a linear
    head.
    Source: Deep Ranking, arXiv 1404.4661, as a 1x1 map on cells (TiefVision, 2016).
    """

    mean: Float32[np.ndarray, " inputs"]
    skip: Float32[np.ndarray, "_outputs inputs"] | None = None
    down: Float32[np.ndarray, "_hidden inputs"] | None = None
    bias: Float32[np.ndarray, " _hidden"] | None = None
    up: Float32[np.ndarray, "_outputs _hidden"] | None = None

    def __post_init__(self) -> None:
        layers = (self.down, self.bias, self.up)
        shapes = {name: array.shape for name, array in self.arrays().items()}
        inputs, hidden = len(self.mean), 0 if self.bias is None else len(self.bias)
        wanted = {
            "mean": (inputs,),
            "skip": (self.channels, inputs),
            "down": (hidden, inputs),
            "bias": (hidden,),
            "up": (self.channels, hidden),
        }
        partial = any(layer is None for layer in layers) != all(layer is None for layer in layers)
        if partial or any(shapes[name] != wanted[name] for name in shapes):
            raise ShapeMismatch(f"arrays of shapes {shapes} are no rank head")

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing: its search space is the one without a ranker."""
        if self.up is not None and self.up.any():
            return False
        return self.skip is None or (
            self.skip.shape[0] == self.skip.shape[1]
            and np.array_equal(self.skip, np.eye(len(self.skip), dtype=np.float32))
        )

    @property
    def channels(self) -> int:
        """Channels of the cells that it gives."""
        return len(self.mean) if self.skip is None else len(self.skip)

    def __call__(
        self, cells: Float[np.ndarray, "*shape _inputs"]
    ) -> Float32[np.ndarray, "*shape _outputs"]:
        """Ranked cells of unit length; the very cells given where it has no arrays.

        cells: centred and weighted (`centring.centre`), one grid or a batch.
        Raises ShapeMismatch for cells of other channels than it was trained on.
        """
        if cells.shape[-1] != len(self.mean):
            raise ShapeMismatch(
                f"cells of {cells.shape[-1]} channels cannot be ranked by a head that was trained "
                f"on {len(self.mean)}; use the cell space that it was trained in"
            )
        flat = cells.reshape(-1, cells.shape[-1]).astype(np.float32, copy=False)
        if self.skip is None and self.up is None:
            return flat.reshape(cells.shape)
        ranked = flat if self.skip is None else flat @ self.skip.T  # (cells, outputs)
        if self.down is not None and self.bias is not None and self.up is not None:
            ranked = ranked + np.maximum(flat @ self.down.T + self.bias, 0) @ self.up.T
        return unit_cells(ranked).reshape(*cells.shape[:-1], self.channels)

    def arrays(self) -> dict[str, Float32[np.ndarray, ...]]:
        """Its arrays by name, without those that it does not have."""
        named = {"mean": self.mean, **{name: getattr(self, name) for name in _OPTIONAL}}
        return {name: array for name, array in named.items() if array is not None}


def write(ranker: Ranker, folder: Path, *, description: Mapping[str, Json]) -> Artefact:
    """The model folder of a ranker. description: its name, report and the space of its cells."""
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **ranker.arrays())
    return artefacts.write(
        folder,
        description={**description, "kind": KIND},
        files={ARRAYS_FILE: content.getvalue()},
    )


def load(folder: Path) -> Ranker:
    """The ranker of a model folder.

    Raises NotFound, and WeightsError when it is another kind of model or damaged.
    """
    artefact = artefacts.read(folder)
    if artefact.description.get("kind") != KIND:
        raise WeightsError(
            f"{folder} holds a model of kind {artefact.description.get('kind')!r}, not a {KIND}",
            remedy="`tiefvision models list` names the rankers",
        )
    file = artefact.path(ARRAYS_FILE)
    try:
        with np.load(file, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
        return Ranker(found.pop(_REQUIRED), **found)
    except (OSError, ValueError, KeyError, TypeError, BadZipFile, ShapeMismatch) as error:
        raise WeightsError(
            f"{file} does not hold the arrays of a ranker: {error}",
            remedy=f"delete {folder} and train the ranker again",
        ) from error
