"""The two identities that decide which vectors may be compared.

A cell space is everything that made stored cells from pixels. A search space is a cell space plus
what turns its cells into comparable vectors: the mean cell, a ranker, a projection. Their ids are
hashes of their definitions, so that equal ways of working meet in one space.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float, Float32

from tiefvision.errors import StoreError
from tiefvision.maths.centring import PartLayout, centre
from tiefvision.maths.grids import Pooling
from tiefvision.maths.projection import Projection
from tiefvision.maths.similarity import flat_vector
from tiefvision.vision.ranker import Ranker

_ID_DIGITS = 16

# Images whose cells are centred and ranked at once: their temporary copies stay at a few megabytes,
# and a ranker's products are long enough to be quick (benchmarks/refill.py).
_IMAGES_AT_ONCE = 64
# The file of a search space that nothing else can be derived from.
ARRAYS = "space.npz"
_RANKER = "ranker_"


@dataclass(frozen=True, slots=True)
class CellSpace:
    """What made stored cells from pixels.

    encoder: its specification; fingerprint: of its networks, preprocessing and precision.
    locator: fingerprint of what found the boxes that were cropped; None for whole images.
    label: what the boxes show; "" for the product, whatever it is.
    """

    encoder: str
    fingerprint: str
    precision: Literal["fp32", "bf16"]
    preprocess: str
    rows: int
    cols: int
    pooling: Pooling
    parts: tuple[PartLayout, ...]
    locator: str | None = None
    label: str = ""

    @property
    def id(self) -> str:
        identity = asdict(self)
        # A specification is only a name for the fingerprint; weights and layout are in `parts`.
        del identity["encoder"]
        # Spaces made before there were labels keep their ids.
        if not self.label:
            del identity["label"]
        return _digest(identity)

    @property
    def channels(self) -> int:
        return sum(part.channels for part in self.parts)

    @property
    def cell_length(self) -> int:
        """Numbers in one image's flattened cells."""
        return self.rows * self.cols * self.channels

    def definition(self) -> dict[str, object]:
        """The JSON form that the catalogue holds."""
        return asdict(self)

    @staticmethod
    def parse(definition: dict[str, object]) -> CellSpace:
        """A cell space from its JSON form."""
        values = dict(definition)
        parts = tuple(PartLayout(**part) for part in values.pop("parts"))  # pyright: ignore
        return CellSpace(parts=parts, **values)  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True, slots=True)
class NamedRanker:
    """A trained ranker of a catalogue. id: of its model."""

    name: str
    id: str
    head: Ranker


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """How the cells of a cell space are compared.

    mean: float32 (channels,), the ranker's own where there is one. projection: None where vectors
    are compared as they are. fitted_on: how many images the mean and the projection were fitted
    on; sample: the SHA-256 of their content ids; both 0 and "" for a space that was fitted on
    nothing. ranker: what cells go through once they are centred; None in the base space.
    """

    cell_space: CellSpace
    mean: Float32[np.ndarray, " channels"]
    projection: Projection | None
    fitted_on: int
    sample: str
    ranker: NamedRanker | None = None

    @property
    def id(self) -> str:
        return _digest(self.definition())

    @property
    def name(self) -> str:
        """The name of its ranker; "" for the base space."""
        return "" if self.ranker is None else self.ranker.name

    @property
    def exact_length(self) -> int:
        """Numbers in an exact vector."""
        own = self.cell_space
        channels = own.channels if self.ranker is None else self.ranker.head.channels
        return own.rows * own.cols * channels

    @property
    def dimensions(self) -> int | None:
        """Length of compact vectors; None where there are none."""
        return None if self.projection is None else len(self.projection.components)

    def exact(
        self, cells: Float[np.ndarray, "n _length"]
    ) -> Float32[np.ndarray, "n _exact_length"]:
        """Vectors whose dot product is the similarity: stored cells centred, ranked, flat."""
        vectors = np.empty((len(cells), self.exact_length), np.float32)
        for start in range(0, len(cells), _IMAGES_AT_ONCE):
            own = slice(start, start + _IMAGES_AT_ONCE)
            vectors[own] = self._exact(cells[own])
        return vectors

    def compact(self, cells: Float[np.ndarray, "n length"]) -> Float32[np.ndarray, "n dimensions"]:
        """Short vectors whose dot product approximates the similarity; exact ones without one."""
        if self.projection is None:
            return self.exact(cells)
        vectors = np.empty((len(cells), len(self.projection.components)), np.float32)
        for start in range(0, len(cells), _IMAGES_AT_ONCE):
            own = slice(start, start + _IMAGES_AT_ONCE)
            vectors[own] = self.projection(self._exact(cells[own]))
        return vectors

    def _exact(
        self, cells: Float[np.ndarray, "n _length"]
    ) -> Float32[np.ndarray, "n _exact_length"]:
        space = self.cell_space
        shaped = cells.reshape(-1, space.rows, space.cols, space.channels)
        centred = centre(shaped, mean=self.mean, parts=space.parts)
        return flat_vector(centred if self.ranker is None else self.ranker.head(centred))

    def definition(self) -> dict[str, object]:
        """The JSON form that the catalogue holds; the arrays lie beside it in a file."""
        return {
            "cell_space": self.cell_space.id,
            "fitted_on": self.fitted_on,
            "sample": self.sample,
            "dimensions": self.dimensions,
            "ranker": None if self.ranker is None else self.ranker.id,
        }


def save(space: SearchSpace, folder: Path) -> None:
    """Write a search space's arrays into its folder, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {"mean": space.mean}
    if space.projection is not None:
        arrays["components"] = space.projection.components
    if space.ranker is not None:
        arrays |= {f"{_RANKER}{name}": own for name, own in space.ranker.head.arrays().items()}
    handle, temporary = tempfile.mkstemp(dir=folder, suffix=".partial")
    with os.fdopen(handle, "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).replace(folder / ARRAYS)


def load(
    definition: dict[str, object], cell_space: CellSpace, folder: Path, *, name: str = ""
) -> SearchSpace:
    """A search space from its JSON form and its folder; name: of its ranker, "" without one.

    Raises StoreError when it is damaged.
    """
    file, ranker_id = folder / ARRAYS, definition["ranker"]
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
            arrays = {own: stored[own] for own in stored.files}
        ranker = None
        if ranker_id is not None:
            own = {key: array for key, array in arrays.items() if key.startswith(_RANKER)}
            head = Ranker(**{key.removeprefix(_RANKER): array for key, array in own.items()})
            ranker = NamedRanker(name, str(ranker_id), head)
        components = arrays.get("components")
        return SearchSpace(
            cell_space=cell_space,
            mean=arrays["mean"],
            projection=None if components is None else Projection(components),
            fitted_on=int(str(definition["fitted_on"])),
            sample=str(definition["sample"]),
            ranker=ranker,
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise StoreError(
            f"{file} cannot be read: {error}", remedy="run tiefvision index again to rebuild it"
        ) from error


def sample_digest(content_ids: list[str]) -> str:
    """The SHA-256 that names a sample of images by their content ids."""
    return hashlib.sha256("\n".join(content_ids).encode()).hexdigest()


def _digest(definition: dict[str, object]) -> str:
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_ID_DIGITS]
