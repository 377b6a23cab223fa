"""PCA of flat vectors, without whitening: a short vector that ranks as the long one does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from tiefvision.errors import InvalidInput

# Directions carried beside the wanted ones, and passes over the sample: with these the kept
# subspace holds as much of the sample as the exact eigenvectors to three digits (tested).
_SPARE_DIRECTIONS = 32
_PASSES = 3

_SHORTEST = 1e-12
# Of the largest: what rounding in float32 leaves of a direction that is not there.
_ROUNDING = 1e-5


@dataclass(frozen=True, slots=True)
class Projection:
    """A linear map from flat vectors to `dimensions` numbers.

    components: float32 (dimensions, length), orthonormal rows. Nothing is subtracted: the cells
    were centred before, and a plain orthonormal map keeps dot products comparable.
    """

    components: Float32[np.ndarray, "dimensions length"]

    def __call__(
        self, vectors: Float[np.ndarray, "*batch length"]
    ) -> Float32[np.ndarray, "*batch dimensions"]:
        """Projected vectors; their dot product approximates that of the originals."""
        return vectors.astype(np.float32, copy=False) @ self.components.T


def fit(
    batches: Callable[[], Iterable[Float32[np.ndarray, "n length"]]], *, dimensions: int
) -> Projection:
    """The directions of largest second moment of a sample that is read batch by batch.

    batches: gives the whole sample anew at each call, in one fixed order.
    Orthogonal iteration, started from the sample's own first vectors, so that the result depends
    on nothing but the sample; memory is a few times dimensions * length, whatever its size.
    Raises InvalidInput when there are fewer vectors than dimensions, or shorter ones.
    Source: Golub and Van Loan, Matrix Computations, 8.2.4.
    """
    first = _first_vectors(batches(), dimensions + _SPARE_DIRECTIONS)
    if min(first.shape) < dimensions:
        raise InvalidInput(
            f"{first.shape[0]} vectors cannot give {dimensions} components of length "
            f"{first.shape[1]}; expected at least as many vectors, and as long, as components"
        )
    basis = _orthonormal(first.T)  # (length, directions)
    for _ in range(_PASSES):
        basis = _orthonormal(_moment_times(batches(), basis))  # (length, directions)
    small = np.zeros((basis.shape[1], basis.shape[1]), np.float64)
    for batch in batches():
        projected = (batch @ basis).astype(np.float64)
        small += projected.T @ projected
    _, rotation = np.linalg.eigh(small)
    largest_first = rotation[:, ::-1][:, :dimensions].astype(np.float32)
    components = (basis @ largest_first).T  # (dimensions, length)
    peak = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(dimensions), peak])
    return Projection(np.ascontiguousarray(components * signs[:, None], dtype=np.float32))


def _first_vectors(
    batches: Iterable[Float32[np.ndarray, "n length"]], count: int
) -> Float32[np.ndarray, "found length"]:
    """The first `count` vectors, or all where there are fewer; (0, 0) where there are none."""
    found: list[Float32[np.ndarray, "n length"]] = []
    for batch in batches:
        found.append(batch[: count - sum(map(len, found))])
        if sum(map(len, found)) == count:
            break
    return np.concatenate(found) if found else np.empty((0, 0), np.float32)


def _orthonormal(
    vectors: Float32[np.ndarray, "length directions"],
) -> Float32[np.ndarray, "length kept"]:
    """An orthonormal basis of the columns, through the eigenvectors of their small Gram matrix.

    Many times faster than a QR factorisation of so tall a matrix, which is left for columns that
    depend on each other.
    Source: Stathopoulos and Wu, SIAM J. Sci. Comput. 23 (2002), algorithm SVQB.
    """
    scaled = vectors / np.maximum(np.linalg.norm(vectors, axis=0), _SHORTEST)
    energy, rotation = np.linalg.eigh((scaled.T @ scaled).astype(np.float64))
    if energy[0] < _ROUNDING * energy[-1]:
        return np.linalg.qr(vectors)[0]
    return scaled @ (rotation / np.sqrt(energy)).astype(np.float32)


def _moment_times(
    batches: Iterable[Float32[np.ndarray, "n length"]],
    basis: Float32[np.ndarray, "length directions"],
) -> Float32[np.ndarray, "length directions"]:
    """The sample's second moment times a basis, without forming the moment."""
    result = np.zeros_like(basis)
    for batch in batches:
        result += batch.T @ (batch @ basis)
    return result
