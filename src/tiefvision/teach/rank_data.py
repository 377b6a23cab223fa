"""A frozen set of judged images: everything that a rank head is trained and judged on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from tiefvision.errors import InvalidInput
from tiefvision.maths import projection
from tiefvision.maths.centring import PartLayout, centre
from tiefvision.maths.similarity import flat_vector
from tiefvision.maths.triplets import faults

# Images whose cells are centred at once, and how many at most the first directions are fitted on.
_IMAGES_AT_ONCE = 128
_FITTED_ON = 512
_FIRST_SHOWN = 5


def _no_pairs() -> Int64[np.ndarray, "0 2"]:
    return np.empty((0, 2), np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class RankData:
    """Images by position, and what was judged of them.

    cells: (n, rows * cols * channels), as a cell space stores them; mean, parts: those of the
    search space, so that training compares exactly as search does.
    triplets: int64 (t, 3), positions (anchor, positive, negative). derived: which of them were
    made from `classes`, None for none: held-out ones are drawn anew, from held-out images alone.
    pairs, same: int64 (p, 2) and whether a pair is the same.
    groups: a key for each image; what shares one is never torn apart (`splits.group_keys`).
    classes: int64 (n,), -1 for unknown: those of one class are similar; then every valid triplet
    of a batch counts. apart: int64 (n,), such as the sender; positives are of different ones.
    kinds: int64 (n,), -1 for unknown; whole ones are held out.
    others: cells of images that nobody judged. A head's channels are directions in which all of
    the catalogue differs, so that it keeps what tells apart things that were never judged.
    """

    cells: Float[np.ndarray, "n length"]
    rows: int
    cols: int
    mean: Float32[np.ndarray, " channels"]
    parts: tuple[PartLayout, ...]
    triplets: Int64[np.ndarray, "t 3"]
    groups: tuple[str, ...]
    pairs: Int64[np.ndarray, "p 2"] = field(default_factory=_no_pairs)
    same: Bool[np.ndarray, " p"] = field(default_factory=lambda: np.empty(0, bool))
    derived: Bool[np.ndarray, " t"] | None = None
    classes: Int64[np.ndarray, " n"] | None = None
    apart: Int64[np.ndarray, " n"] | None = None
    kinds: Int64[np.ndarray, " n"] | None = None
    others: Float[np.ndarray, "m length"] | None = None

    def check(self) -> None:
        """Raises InvalidInput when the arrays do not belong together or a triplet cannot stand."""
        count = len(self.cells)
        if len(self.groups) != count:
            raise InvalidInput(f"cells of {count} images, but {len(self.groups)} groups")
        if len(self.triplets) + len(self.pairs) == 0:
            raise InvalidInput(
                "there is nothing to learn from: no triplet and no pair",
                remedy="`tiefvision triplets derive --by COLUMN` makes some from an attribute",
            )
        for judged in (self.triplets, self.pairs):
            if judged.size and not 0 <= judged.min() <= judged.max() < count:
                raise InvalidInput(f"a judgement names an image outside the {count} given")
        wrong = faults(self.triplets)
        if wrong:
            told = ", ".join(f"row {fault.row} is {fault.kind}" for fault in wrong[:_FIRST_SHOWN])
            raise InvalidInput(f"{len(wrong)} triplets cannot stand: {told}")

    def centred(self, images: Int64[np.ndarray, " m"]) -> Float32[np.ndarray, "m cells channels"]:
        """The cells of some images as search compares them."""
        return self._centred(self.cells[images])

    def vectors(self, images: Int64[np.ndarray, " m"]) -> Float32[np.ndarray, "m length"]:
        """Their flat vectors: the similarity without a ranker is the dot product."""
        vectors = np.empty((len(images), self.cells.shape[1]), np.float32)
        for own in _slices(len(images)):
            cells = self.centred(images[own])
            vectors[own] = flat_vector(cells.reshape(len(cells), self.rows, self.cols, -1))
        return vectors

    def directions(self, count: int) -> Float32[np.ndarray, "count channels"]:
        """Orthonormal directions in which the catalogue's cells extend furthest; no labels are
        used."""
        some = [self.cells] if self.others is None else [self.cells, self.others]
        sample = [
            self._centred(cells[own]).reshape(-1, len(self.mean))
            for cells in (each[:: max(1, len(each) // _FITTED_ON)] for each in some)
            for own in _slices(len(cells))
        ]
        return projection.fit(lambda: sample, dimensions=count).components

    def along(
        self, directions: Float32[np.ndarray, "count channels"]
    ) -> Float32[np.ndarray, "n cells count"]:
        """Every image's centred cells in these directions."""
        found = np.empty((len(self.cells), self.rows * self.cols, len(directions)), np.float32)
        for own in _slices(len(self.cells)):
            cells = self.centred(np.arange(len(self.cells))[own])
            # As one matrix product: numpy makes a small one for each image otherwise.
            found[own] = (cells.reshape(-1, cells.shape[-1]) @ directions.T).reshape(
                found[own].shape
            )
        return found

    def _centred(
        self, cells: Float[np.ndarray, "m length"]
    ) -> Float32[np.ndarray, "m cells channels"]:
        shaped = cells.reshape(len(cells), self.rows * self.cols, -1)
        return centre(shaped, mean=self.mean, parts=self.parts)


def _slices(count: int) -> Iterator[slice]:
    for start in range(0, count, _IMAGES_AT_ONCE):
        yield slice(start, start + _IMAGES_AT_ONCE)
