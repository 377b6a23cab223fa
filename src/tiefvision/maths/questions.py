"""Which triplet questions are most worth an answer: is the anchor more like this or that?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int64

# The first candidate is drawn by exp(similarity to the anchor / this): where few photographs are
# like the anchor these, where many are, also those far down its ranking. Nearer ones only are easy
# positives; evenly drawn ones are seldom like the anchor at all, so that there is no answer
# (benchmarks/teaching.py).
_SOFTNESS = 0.1
# The second candidate stands at most so many ranks from the first: so their order is uncertain.
_WINDOW = 5
# Pairs of candidates that are weighed for an anchor.
_PROPOSALS = 8
# A question that half of the orders contradict is worth half of this more than one that none does:
# a third of what the contrast of pairs varies by, so that it decides between those alike in it.
_DISAGREEMENT_WEIGHT = 0.1
# Anchors whose similarities with all images are in memory at once.
_ANCHORS_AT_ONCE = 256

Reason = Literal["disagreement", "new", "uncertain"]


@dataclass(frozen=True, slots=True)
class Question:
    """Which of two images is more like the anchor; all are positions in one set of images.

    gap: by how much the first is the more similar one now, as a difference of mean cosines; a
    small one is an uncertain order. contrast: 1 - the similarity of the two to each other; a large
    one teaches much, and seldom are both like the anchor. disagreement: the share of all orders,
    the present one and the other heads', that are outvoted about the two, 0 to 0.5.
    reason: "disagreement" where any is outvoted, "new" where the anchor was never judged,
    else "uncertain".
    """

    anchor: int
    first: int
    second: int
    gap: float
    contrast: float
    disagreement: float
    reason: Reason


def questions(
    vectors: Float[np.ndarray, "n length"],
    *,
    count: int,
    rng: np.random.Generator,
    heads: Sequence[Float[np.ndarray, "n _width"]] = (),
    groups: Int64[np.ndarray, " n"] | None = None,
    asked: Int64[np.ndarray, "t 3"] | None = None,
    alike: float = np.inf,
) -> list[Question]:
    """At most `count` questions, each about another anchor, in the order to ask them.

    vectors: flat vectors of the present search; their dot product is the similarity. heads: the
    same images by other rankers, or by none, to see where they differ.
    groups: what is nearly the same photograph, or of one sender; the three images of a question
    are of three groups, and no group gives two anchors while there are others.
    alike: the cosine of two vectors from which they are one photograph; it is no candidate then.
    asked: judgements that there are; none is asked again, and anchors with few come first.
    Fewer come back where there are not so many images.
    The order of the two is uncertain, and they differ much from each other: what an answer moves
    is the difference of the candidates, and it moves the more the longer that is.
    Source: uncertainty sampling and query by committee, Settles, Active Learning Literature
    Survey (2009), 2.3; Tamuz et al., ICML 2011, of triplets.
    """
    known = np.arange(len(vectors)) if groups is None else groups
    done = np.empty((0, 3), np.int64) if asked is None else asked
    seen = {(anchor, *sorted(pair)) for anchor, *pair in done.tolist()}
    times = np.bincount(done[:, 0], minlength=len(vectors))
    found: list[Question] = []
    lengths = np.linalg.norm(vectors, axis=1)
    anchors = _spread(times, known, rng)
    for start in range(0, len(anchors), _ANCHORS_AT_ONCE):
        own = anchors[start : start + _ANCHORS_AT_ONCE]
        for anchor, similarities in zip(own.tolist(), vectors[own] @ vectors.T, strict=True):
            copies = similarities >= alike * lengths[anchor] * lengths
            pairs = _proposals((known != known[anchor]) & ~copies, similarities, known, rng)
            pairs = [pair for pair in pairs if (anchor, *sorted(pair)) not in seen]
            if pairs:
                new = bool(times[anchor] == 0)
                found.append(_best(anchor, pairs, similarities, [vectors, *heads], new=new))
            if len(found) == count:
                return found
    return found


def _spread(
    times: Int64[np.ndarray, " n"], groups: Int64[np.ndarray, " n"], rng: np.random.Generator
) -> Int64[np.ndarray, " n"]:
    """All images, those judged least first, and of each group one before any gives a second."""
    order = rng.permutation(len(times))
    order = order[np.argsort(times[order], kind="stable")]
    turn = np.zeros(len(order), np.int64)
    drawn: dict[int, int] = {}
    for place, group in enumerate(groups[order].tolist()):
        turn[place] = drawn.get(group, 0)
        drawn[group] = drawn.get(group, 0) + 1
    return order[np.lexsort([turn, times[order]])]


def _proposals(
    others: Bool[np.ndarray, " n"],
    similarities: Float[np.ndarray, " n"],
    groups: Int64[np.ndarray, " n"],
    rng: np.random.Generator,
) -> list[tuple[int, int]]:
    """Pairs of neighbours of the anchor that lie close to each other in its ranking.

    others: what may be asked about beside it.
    """
    ranked = np.argsort(-np.where(others, similarities, -np.inf), kind="stable")
    ranked = ranked[: int(others.sum())]
    pairs: list[tuple[int, int]] = []
    if len(ranked) < 2:
        return pairs
    near_first = similarities[ranked].astype(np.float64)
    chance = np.exp((near_first - near_first[0]) / _SOFTNESS)
    for place in rng.choice(len(ranked), _PROPOSALS, p=chance / chance.sum()).tolist():
        near = ranked[max(0, place - _WINDOW) : place + _WINDOW + 1]
        near = near[groups[near] != groups[ranked[place]]]
        if len(near):
            pairs.append((int(ranked[place]), int(rng.choice(near))))
    return pairs


def _best(
    anchor: int,
    pairs: Sequence[tuple[int, int]],
    similarities: Float[np.ndarray, " n"],
    orders: Sequence[Float[np.ndarray, "n _width"]],
    *,
    new: bool,
) -> Question:
    """The pair that is most worth asking; among equals the first drawn.

    orders: the present vectors, and those of the other heads.
    """
    first, second = np.array(pairs, np.int64).T
    share = np.mean(
        [own[first] @ own[anchor] > own[second] @ own[anchor] for own in orders], axis=0
    )
    outvoted = np.minimum(share, 1 - share)
    contrast = 1 - np.einsum("pl,pl->p", orders[0][first], orders[0][second])
    chosen = int((contrast + _DISAGREEMENT_WEIGHT * outvoted).argmax())
    reason: Reason = "disagreement" if outvoted[chosen] > 0 else "new" if new else "uncertain"
    return Question(
        anchor,
        int(first[chosen]),
        int(second[chosen]),
        gap=float(similarities[first[chosen]] - similarities[second[chosen]]),
        contrast=float(contrast[chosen]),
        disagreement=float(outvoted[chosen]),
        reason=reason,
    )
