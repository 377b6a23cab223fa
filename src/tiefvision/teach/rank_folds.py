"""Heads that are each trained without one fold of images, side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64
from torch import Tensor

from tiefvision.maths.judging import ENOUGH
from tiefvision.teach import splits
from tiefvision.teach.rank_heads import Heads
from tiefvision.teach.rank_networks import RankHead
from tiefvision.teach.splits import Sides

# Held-out triplets of a fold that are looked at while its head is trained, at most.
_LOOKED_AT = 400
# Looks without a lower held-out loss after which no more steps are made.
_PATIENCE = 4


@dataclass(frozen=True, slots=True)
class Step:
    """How far a stage of training is. loss: the mean since the last look, nan at the first;
    held_out_accuracy: of triplets; nan where all are learned from."""

    stage: str
    step: int
    steps: int
    loss: float
    held_out_accuracy: float


Progress = Callable[[Step], None]


@dataclass(frozen=True, slots=True)
class Point:
    """The history at one step, the mean over the folds. loss: on the batches; nan at step 0."""

    step: int
    loss: float
    held_out_loss: float
    held_out_accuracy: float


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One fold held out: its triplets, and a head that was trained without any of its images.

    before, after: by how much the positives are above the negatives, without and with the head:
    plain, and with the anchors' pictures mirrored.
    """

    number: int
    triplets: Int64[np.ndarray, "t 3"]
    head: RankHead
    before: Float32[np.ndarray, "2 t"]
    after: Float32[np.ndarray, "2 t"]


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """What folds say of images not seen. step: how many steps their heads made."""

    folds: list[Fold]
    history: tuple[Point, ...]
    step: int


def hold_out(
    heads: Heads,
    folds: Int64[np.ndarray, " n"],
    *,
    stage: str,
    steps: int,
    choose: bool,
    progress: Progress | None,
) -> HeldOut:
    """For each fold of images a head that was trained without any of them.

    folds: of each image; -1 is never held out. Folds without a whole triplet are passed over.
    choose: the heads are those of the step with the least held-out loss, and training ends where
    it has not become less for a while; else, and where too few are held out, of the last step.
    """
    fits: list[_Fit] = []
    for number, sides in splits.by_anchor(heads.rows, folds):
        triplets = heads.judging(sides.held_out, folds == number)
        if len(triplets):
            fits.append(_Fit(heads, number, sides, triplets, steps))
    choose = choose and sum(len(fit.triplets) for fit in fits) >= ENOUGH
    history: list[Point] = []
    best = 0
    while fits and (not history or history[-1].step < steps):
        history.append(_point(heads, heads.side_by_side(_Fit.look, fits)))
        if history[-1].held_out_loss < history[best].held_out_loss or not choose:
            best = len(history) - 1
        if progress is not None:
            last = history[-1]
            progress(Step(stage, last.step, steps, last.loss, last.held_out_accuracy))
        if len(history) - 1 - best >= _PATIENCE:
            break
    done = heads.side_by_side(lambda fit: fit.done(best), fits)
    return HeldOut(done, tuple(history), history[best].step if history else steps)


class _Fit:
    """The training of one fold's head."""

    def __init__(
        self,
        heads: Heads,
        number: int,
        sides: Sides,
        triplets: Int64[np.ndarray, "t 3"],
        steps: int,
    ) -> None:
        self.heads, self.number, self.triplets = heads, number, triplets
        self.head, self._steps = heads.fit(sides.train, steps=steps)
        self._looked_at = triplets[:: -(-len(triplets) // _LOOKED_AT)]
        self._learned: list[dict[str, Tensor]] = []

    def look(self) -> tuple[int, float, Float32[np.ndarray, " t"]]:
        """Make some more steps: the step, the loss, the gaps of some held-out triplets."""
        step, loss = next(self._steps)
        learned = {name: w for name, w in self.head.named_parameters() if w.requires_grad}
        self._learned.append({name: w.detach().clone() for name, w in learned.items()})
        return step, loss, self.heads.gaps(self.head, self._looked_at)[0]

    def done(self, look: int) -> Fold:
        """The fold with its head as it was at a look."""
        self.head.load_state_dict(self._learned[look], strict=False)
        before = self.heads.gaps(None, self.triplets, both_ways=True)
        after = self.heads.gaps(self.head, self.triplets, both_ways=True)
        return Fold(self.number, self.triplets, self.head, before, after)


def _point(heads: Heads, looks: list[tuple[int, float, Float32[np.ndarray, " _t"]]]) -> Point:
    gaps = np.concatenate([gaps for _, _, gaps in looks])
    return Point(
        looks[0][0],
        float(np.mean([loss for _, loss, _ in looks])),
        float(np.maximum(heads.recipe.margin_cosine - gaps, 0).mean()),
        float((gaps > 0).mean()),
    )
