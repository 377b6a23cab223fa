"""PCA of flat vectors, without whitening: a short vector that ranks as the long one does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from tiefvision.errors import InvalidInput

# Directions carried beside the wanted ones, and passes over the sample: with these 256 directions
# kept .677 of the energy of 1,702 photographs' vectors, where the exact eigenvectors keep .681.
_SPARE_DIRECTIONS = 32
_PASSES = 3

# Rows of the basis that are added to at once, so that no second basis is held in memory.
_ROWS_AT_ONCE = 4_096

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
    found, length = first.shape
    if min(found, length) < dimensions:
        raise InvalidInput(
            f"{found} vectors cannot give {dimensions} components of length {length}; "
            "expected at least as many vectors, and as long, as components"
        )
    # Each of these is tens of megabytes: no more than two of them are alive at once.
    tall = np.ascontiguousarray(first.T)  # (length, directions)
    del first
    basis = _orthonormal(tall)
    del tall
    for _ in range(_PASSES):
        moment = _moment_times(batches(), basis)
        del basis
        basis = _orthonormal(moment)
        del moment
    small = np.zeros((basis.shape[1], basis.shape[1]), np.float64)
    for batch in batches():
        projected = (batch @ basis).astype(np.float64)
        small += projected.T @ projected
    _, rotation = np.linalg.eigh(small)
    largest_first = rotation[:, ::-1][:, :dimensions].astype(np.float32)
    components = largest_first.T @ basis.T  # (dimensions, length)
    for component in components:
        component *= np.sign(component[np.abs(component).argmax()])
    return Projection(components)


def _first_vectors(
    batches: Iterable[Float32[np.ndarray, "n length"]], count: int
) -> Float32[np.ndarray, "found length"]:
    """The first `count` vectors, or all where there are fewer; (0, 0) where there are none."""
    vectors, found = np.empty((0, 0), np.float32), 0
    for batch in batches:
        if found == 0:
            vectors = np.empty((count, batch.shape[1]), np.float32)
        some = batch[: count - found]
        vectors[found : found + len(some)] = some
        found += len(some)
        if found == count:
            break
    return vectors[:found]


def _orthonormal(
    vectors: Float32[np.ndarray, "length directions"],
) -> Float32[np.ndarray, "length kept"]:
    """An orthonormal basis of the columns, which it scales in place to unit length.

    Through the eigenvectors of their small Gram matrix: many times faster than a QR
    factorisation of so tall a matrix, which is left for columns that depend on each other.
    Source: Stathopoulos and Wu, SIAM J. Sci. Comput. 23 (2002), algorithm SVQB.
    """
    vectors /= np.maximum(np.sqrt(np.einsum("ld,ld->d", vectors, vectors)), _SHORTEST)
    energy, rotation = np.linalg.eigh((vectors.T @ vectors).astype(np.float64))
    if energy[0] < _ROUNDING * energy[-1]:
        return np.linalg.qr(vectors)[0]
    return vectors @ (rotation / np.sqrt(energy)).astype(np.float32)


def _moment_times(
    batches: Iterable[Float32[np.ndarray, "n length"]],
    basis: Float32[np.ndarray, "length directions"],
) -> Float32[np.ndarray, "length directions"]:
    """The sample's second moment times a basis, without forming the moment."""
    result = np.zeros_like(basis)
    for batch in batches:
        projected = batch @ basis  # (n, directions)
        for start in range(0, len(result), _ROWS_AT_ONCE):
            own = slice(start, start + _ROWS_AT_ONCE)
            result[own] += batch[:, own].T @ projected
    return result
