"""Rank heads of one set of judgements: fitted on some of them, and what they make of images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64

from tiefvision.maths.judging import triplet_gaps
from tiefvision.maths.triplets import derive, mirrored_cells, of_pairs
from tiefvision.teach import rank_batches
from tiefvision.teach.rank_batches import Batch
from tiefvision.teach.rank_choices import Network
from tiefvision.teach.rank_data import RankData
from tiefvision.teach.rank_fitting import Recipe, fit
from tiefvision.teach.rank_networks import RankHead

# Steps between two looks at the held-out judgements.
EVERY = 10

# Directions that a head which keeps all channels may turn among themselves.
_DIRECTIONS = 256
# Numbers of the anchors' vectors that are in memory at once.
_NUMBERS_AT_ONCE = 1 << 24

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Heads:
    """One set of judgements, and the heads that are fitted on parts of it.

    rows: int64 (r, 3): the triplets, those that the pairs imply, and the pairs themselves, which
    name their anchor again where a third image would stand. whole: which are true triplets.
    groups: int64 (n,), the number of each image's group.
    """

    def __init__(
        self,
        data: RankData,
        recipe: Recipe,
        network: Network,
        channels: int | None,
        seed: int,
        device: torch.device,
    ) -> None:
        self.data, self.recipe, self.seed = data, recipe, seed
        self.network: Network = network
        self.groups = np.unique(data.groups, return_inverse=True)[1].astype(np.int64)
        self.wide = channels is None
        triplets = np.concatenate([data.triplets, of_pairs(data.pairs, data.same)])
        triplets, first = np.unique(triplets, axis=0, return_index=True)
        same, different = data.pairs[data.same], data.pairs[~data.same]
        self.rows = np.concatenate([triplets, same[:, [0, 1, 0]], different[:, [0, 0, 1]]])
        self.whole = np.arange(len(self.rows)) < len(triplets)
        derived = np.zeros(len(self.rows), bool)
        if data.derived is not None:
            derived[: len(triplets)] = (first < len(data.triplets)) & np.append(
                data.derived, np.zeros(len(triplets), bool)
            )[first]
        self._derived = derived
        possible = min(len(data.mean), len(data.cells) * data.rows * data.cols)
        self._directions = data.directions(min(channels or _DIRECTIONS, possible))
        everything = np.arange(len(data.cells))
        cells = data.centred(everything) if self.wide else data.along(self._directions)
        self._cells = torch.from_numpy(cells).to(device)
        self._threads = torch.get_num_threads() if device.type == "cpu" else 1

    def fit(
        self, train: Bool[np.ndarray, " r"], *, steps: int
    ) -> tuple[RankHead, Iterator[tuple[int, float]]]:
        """A new head, trained on some of the rows as far as `fit`'s iterator is followed."""
        head = RankHead(self._directions, network=self.network, wide=self.wide, seed=self.seed)
        head.to(self._cells.device)
        batches = self._batches(self.rows[train])
        return head, fit(head, self._cells, batches, self.recipe, steps=steps, every=EVERY)

    def side_by_side(
        self, work: Callable[[_Item], _Result], items: Sequence[_Item]
    ) -> list[_Result]:
        """The work done for each item, some at a time, each on one thread.

        Two threads for one of these small operations wait for each other for longer than it
        takes, and many times longer when another process wants the cores.
        """
        with ThreadPoolExecutor(
            self._threads, initializer=torch.set_num_threads, initargs=(1,)
        ) as threads:
            return list(threads.map(work, items))

    def judging(
        self, held_out: Bool[np.ndarray, " r"], inside: Bool[np.ndarray, " n"]
    ) -> Int64[np.ndarray, "t 3"]:
        """The triplets that judge a head: those held out, but derived ones drawn anew, all three
        images of them from `inside`. Hard ones had been chosen by what the old order gets wrong.
        """
        asked = self.rows[held_out & self.whole & ~self._derived]
        count = int((held_out & self._derived).sum())
        if count == 0 or self.data.classes is None:
            return asked
        classes = np.where(inside, self.data.classes, -1)
        drawn = derive(classes, count=count, apart=self.data.apart, rng=self._fresh())
        return np.concatenate([asked, drawn])

    def vectors(
        self, head: RankHead | None, images: Int64[np.ndarray, " m"]
    ) -> Float32[np.ndarray, "m length"]:
        """Flat vectors of some images whose dot product is the similarity; None: without a head."""
        if head is None:
            return self.data.vectors(images)
        with torch.no_grad():
            cells = self._cells[torch.from_numpy(images)]
            flat = head(head.prepare(cells)).cpu().numpy().reshape(len(images), -1)
        return flat / np.float32(np.sqrt(self.data.rows * self.data.cols))

    def gaps(
        self, head: RankHead | None, triplets: Int64[np.ndarray, "t 3"], *, both_ways: bool = False
    ) -> Float32[np.ndarray, "ways t"]:
        """`judging.triplet_gaps` with a head or without: one row, or with `both_ways` another one
        with the anchors' pictures mirrored."""
        gaps = np.empty((1 + both_ways, len(triplets)), np.float32)
        at_once = max(1, _NUMBERS_AT_ONCE // self.data.cells.shape[1])
        for start in range(0, len(triplets), at_once):
            own = slice(start, start + at_once)
            images, places = np.unique(triplets[own], return_inverse=True)
            vectors, rows = self.vectors(head, images), places.reshape(-1, 3)
            gaps[0, own] = triplet_gaps(vectors, rows)
            if both_ways:
                grid = {"rows": self.data.rows, "cols": self.data.cols}
                turned = np.concatenate([vectors, mirrored_cells(vectors[rows[:, 0]], **grid)])
                first = len(images) + np.arange(len(rows))
                gaps[1, own] = triplet_gaps(turned, np.column_stack([first, rows[:, 1:]]))
        return gaps

    def _batches(self, rows: Int64[np.ndarray, "r 3"]) -> Iterator[Batch]:
        """Of the rows that classes imply every valid triplet; of the others what was judged."""
        classes, size = self.data.classes, self.recipe.batch
        if classes is None:
            return rank_batches.of_triplets(rows, size=size, rng=self._fresh())
        anchor, positive, negative = classes[rows].T
        implied = (anchor >= 0) & (anchor == positive) & (negative >= 0) & (negative != anchor)
        kinds_of_batch: list[Iterator[Batch]] = []
        if implied.any():
            among = np.unique(rows[implied])
            kinds_of_batch.append(
                rank_batches.of_classes(
                    classes, self.data.apart, among=among, size=size, rng=self._fresh()
                )
            )
        if not implied.all():
            others = rows[~implied]
            kinds_of_batch.append(rank_batches.of_triplets(others, size=size, rng=self._fresh()))
        return chain.from_iterable(zip(*kinds_of_batch, strict=True))

    def _fresh(self) -> np.random.Generator:
        # Every fit draws anew from the seed, whatever was fitted before it.
        return np.random.default_rng(self.seed)
