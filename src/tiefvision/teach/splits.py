"""Splits that do not leak: whole groups on one side, and the same side in every run.

A group is everything that must not be torn apart: near duplicates and mirrors of one photograph,
one sender's photographs, one product. Which fold a group lies in is decided by the hash of its
key, so that new images never move old ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64

from tiefvision.errors import InvalidInput
from tiefvision.maths.triplets import mirrored_cells

FOLDS = 5

# Mean cosine of centred cells from which two photographs count as the same one saved twice,
# resized, cropped by a little or mirrored; benchmarks/teaching.py prints what it joins.
NEAR_DUPLICATE = 0.9

# Images that are compared with all others at once, and pairs that are looked at closely at once.
_IMAGES_AT_ONCE = 256
_PAIRS_AT_ONCE = 256


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """Which triplets train and which judge; the others belong to neither."""

    train: Bool[np.ndarray, " t"]
    held_out: Bool[np.ndarray, " t"]


def near_duplicates(
    vectors: Callable[[Int64[np.ndarray, " m"]], Float32[np.ndarray, "m length"]],
    count: int,
    *,
    rows: int,
    cols: int,
    at_least: float = NEAR_DUPLICATE,
) -> Int64[np.ndarray, " n"]:
    """For each of `count` images the smallest position in its cluster of near duplicates.

    vectors: gives some images' flat vectors, whose dot product is the similarity.
    Clusters are the connected parts of "at least so similar", straight or mirrored. Only pairs
    are compared whose mean cells do not rule that out: these are orthogonal projections of the
    vectors, the same for an image and its mirror, and what they leave out cannot add more to the
    dot product than the product of its lengths.
    """
    joined = _Joined(count)
    means, rest = _mean_cells(vectors, count, rows * cols)
    for start in range(0, count, _IMAGES_AT_ONCE):
        own = slice(start, start + _IMAGES_AT_ONCE)
        most = means[own] @ means[start:].T + rest[own, None] * rest[None, start:]
        pairs = start + np.argwhere(np.triu(most >= at_least, 1))
        while len(pairs):
            first, second = pairs[:_PAIRS_AT_ONCE].T
            a, b = vectors(first), vectors(second)
            straight = np.einsum("pl,pl->p", a, b)
            turned = np.einsum("pl,pl->p", mirrored_cells(a, rows=rows, cols=cols), b)
            alike = np.maximum(straight, turned) >= at_least
            for image, other in zip(first[alike].tolist(), second[alike].tolist(), strict=True):
                joined.join(image, other)
            pairs, roots = pairs[_PAIRS_AT_ONCE:], joined.roots()
            pairs = pairs[roots[pairs[:, 0]] != roots[pairs[:, 1]]]
    return joined.roots()


def group_keys(image_keys: Sequence[str], *columns: Sequence[Hashable | None]) -> tuple[str, ...]:
    """For each image the key of its group: the smallest key among the images joined to it.

    image_keys: such as content ids. columns: one value an image each, such as the cluster of near
    duplicates and the sender; images that share a value of any column are joined, also through
    others. None joins nothing.
    """
    joined = _Joined(len(image_keys))
    for column in columns:
        if len(column) != len(image_keys):
            raise InvalidInput(f"{len(image_keys)} images, but {len(column)} values of a column")
        first: dict[Hashable, int] = {}
        for image, value in enumerate(column):
            if value is not None:
                joined.join(first.setdefault(value, image), image)
    roots = joined.roots()
    smallest: dict[int, str] = {}
    for key, root in zip(image_keys, roots.tolist(), strict=True):
        smallest[root] = min(key, smallest.get(root, key))
    return tuple(smallest[root] for root in roots.tolist())


def folds(groups: Sequence[Hashable], *, count: int = FOLDS) -> Int64[np.ndarray, " n"]:
    """For each image a fold, 0 to count - 1, by the SHA-256 of its group's key."""
    found = {key: int(hashlib.sha256(str(key).encode()).hexdigest(), 16) % count for key in groups}
    return np.array([found[key] for key in groups], np.int64)


def of_kinds(kinds: Int64[np.ndarray, " n"], *, most: int = FOLDS) -> Int64[np.ndarray, " n"]:
    """For each image a fold of whole kinds, as even in number of kinds as can be; -1 for unknown.

    kinds: -1 for unknown. Dealt in the order of their hashes: there may be few of them. From two
    folds up to `most`, of two kinds each where there are enough, so that they can be told apart.
    """
    known = [int(kind) for kind in np.unique(kinds) if kind >= 0]
    count = max(2, min(most, len(known) // 2))
    dealt = sorted(known, key=lambda kind: hashlib.sha256(str(kind).encode()).digest())
    fold = {kind: place % count for place, kind in enumerate(dealt)}
    return np.array([fold.get(int(kind), -1) for kind in kinds], np.int64)


def by_anchor(
    triplets: Int64[np.ndarray, "t 3"],
    image_folds: Int64[np.ndarray, " n"],
) -> Iterator[tuple[int, Sides]]:
    """Each fold held out once, with its number: it judges by the triplets whose anchor it holds.

    Nothing that touches the fold trains, in whatever role. Folds that would leave no triplet on
    either side are passed over.
    """
    inside = image_folds[triplets]  # (t, 3)
    for fold in range(int(image_folds.max()) + 1):
        held_out = inside[:, 0] == fold
        train = (inside != fold).all(axis=1)
        if held_out.any() and train.any():
            yield fold, Sides(train, held_out)


def _mean_cells(
    vectors: Callable[[Int64[np.ndarray, " m"]], Float32[np.ndarray, "m length"]],
    count: int,
    cells: int,
) -> tuple[Float32[np.ndarray, "n channels"], Float32[np.ndarray, " n"]]:
    """The sum of each vector's cells over sqrt(cells), and the length of what that leaves out."""
    means: list[Float32[np.ndarray, "m channels"]] = []
    rest: list[Float32[np.ndarray, " m"]] = []
    for start in range(0, count, _IMAGES_AT_ONCE):
        own = vectors(np.arange(start, min(start + _IMAGES_AT_ONCE, count)))
        short = own.reshape(len(own), cells, -1).sum(axis=1) / np.float32(np.sqrt(cells))
        energy = np.einsum("ml,ml->m", own, own) - np.einsum("mc,mc->m", short, short)
        means.append(short)
        rest.append(np.sqrt(np.maximum(energy, 0)))
    return np.concatenate(means), np.concatenate(rest)


class _Joined:
    """Union-find over positions; the root of a part is its smallest member."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def join(self, a: int, b: int) -> None:
        low, high = sorted((self._root(a), self._root(b)))
        self._parent[high] = low

    def roots(self) -> Int64[np.ndarray, " n"]:
        return np.array([self._root(i) for i in range(len(self._parent))], np.int64)

    def _root(self, member: int) -> int:
        while self._parent[member] != member:
            self._parent[member] = self._parent[self._parent[member]]
            member = self._parent[member]
        return member
