"""From the boxes of many windows to one.

boxes, windows: (n, 4) fractions of the image (see windows); probabilities: (n,) that the window
holds the product. Every rule gives (4,) and needs at least one window.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from tiefvision.maths.merge_rules import Merge
from tiefvision.maths.windows import Boxes

# Boxes that the greedy rule still joins: their middles lie no further apart than this share of
# their mean width and height, and their common part is that much of the smaller.
_NEAR = 0.5
# The greedy rule compares all pairs: of many windows the most probable are enough.
_GREEDY_BOXES = 40


def merge(
    boxes: Boxes,
    probabilities: Float64[np.ndarray, " n"],
    windows: Boxes,
    *,
    by: Merge,
) -> Float64[np.ndarray, " 4"]:
    """One box from many.

    "average": the plain mean of every edge.
    "own-side": each edge's mean over the windows whose middle lies on that edge's half of the
    average box, where the edge is near; all windows where none does.
    "probability": the mean weighted by probability above chance.
    "median": each edge's median, which a few wrong windows do not move.
    "greedy": the two boxes that agree best are averaged, again and again, until none agree; the
    box in which the most probability was gathered (OverFeat, section 4.3).
    """
    match by:
        case "average":
            return boxes.mean(axis=0)
        case "own-side":
            return _own_side(boxes, windows)
        case "probability":
            weights = np.clip(probabilities - 0.5, np.finfo(np.float64).tiny, None)
            return weights @ boxes / weights.sum()
        case "median":
            return np.median(boxes, axis=0)
        case "greedy":
            return _greedy(boxes, probabilities)


def _own_side(boxes: Boxes, windows: Boxes) -> Float64[np.ndarray, " 4"]:
    average = boxes.mean(axis=0)
    middle = (average[:2] + average[2:]) / 2
    centres = (windows[:, :2] + windows[:, 2:]) / 2
    near = np.concatenate([centres <= middle, centres >= middle], axis=1)
    near[:, ~near.any(axis=0)] = True
    return (boxes * near).sum(axis=0) / near.sum(axis=0)


def _greedy(boxes: Boxes, probabilities: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " 4"]:
    chosen = np.argsort(-probabilities, kind="stable")[:_GREEDY_BOXES]
    left, weight = boxes[chosen], probabilities[chosen]
    while len(left) > 1:
        scores = _agreement(left)
        first, second = np.unravel_index(int(scores.argmax()), scores.shape)
        if scores[first, second] <= 0:
            break
        pair = np.array([first, second])
        joined = weight[pair] @ left[pair] / weight[pair].sum()
        left = np.vstack([np.delete(left, pair, axis=0), joined])
        weight = np.append(np.delete(weight, pair), weight[pair].sum())
    return left[int(weight.argmax())]


def _agreement(boxes: Boxes) -> Float64[np.ndarray, "n n"]:
    """How well each pair fits together; above 0 where the rule joins them."""
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    size = boxes[:, 2:] - boxes[:, :2]
    apart = np.abs(middles[:, None] - middles[None]) / ((size[:, None] + size[None]) / 2)
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    area = size.prod(axis=1)
    common = np.clip(high - low, 0, None).prod(axis=2) / np.minimum(area[:, None], area[None])
    scores = np.minimum(_NEAR - apart.max(axis=2), common - _NEAR)
    np.fill_diagonal(scores, -np.inf)
    return scores
