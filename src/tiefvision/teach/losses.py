"""What a rank head is trained on: hinges over triplets, a contrast over pairs.

They look at mean cosines only, the number that search ranks by. Each is 0 where nothing is wrong,
and falls as positives come nearer or negatives go farther.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

# The slope of arccos is infinite at +-1; here it is held to that at a sine of this much (6
# degrees), so that two all but equal grids do not throw a step away.
_SMALLEST_SINE = 0.1


class _Angle(torch.autograd.Function):
    """arccos, exact in value and bounded in slope."""

    @staticmethod
    def forward(ctx: Any, similarities: Tensor) -> Tensor:  # pyright: ignore
        inside = similarities.clamp(-1, 1)
        ctx.save_for_backward(inside)
        return torch.arccos(inside)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:  # pyright: ignore
        (inside,) = ctx.saved_tensors
        sine = torch.sqrt(1 - inside * inside).clamp(min=_SMALLEST_SINE)
        return -slope / sine


def angle(similarities: Tensor) -> Tensor:
    """The angle of mean cosines in radians, with a slope that stays bounded at 0 and 180 degrees.

    Its value is that of `maths.angles.angles`.
    """
    return _Angle.apply(similarities)  # pyright: ignore


def hinge_on_angle(positive: Tensor, negative: Tensor, *, margin_degrees: float) -> Tensor:
    """max(0, angle(positive) + margin - angle(negative)), in radians, of each triplet.

    positive, negative: mean cosines of the anchor with either, of one shape.
    Source: Wan et al., MM'14, equation 5, on angles as TiefVision (2016).
    """
    return torch.relu(angle(positive) + math.radians(margin_degrees) - angle(negative))


def hinge_on_cosine(positive: Tensor, negative: Tensor, *, margin: float) -> Tensor:
    """max(0, negative + margin - positive) of each triplet. Arguments as in `hinge_on_angle`."""
    return torch.relu(negative + margin - positive)


def contrastive(similarities: Tensor, same: Tensor, *, margin: float) -> Tensor:
    """(1 - similarity)^2 of a pair that is the same, max(0, similarity - margin)^2 of another.

    similarities: mean cosines; same: bool, of the same shape; margin: the similarity that two
    different ones may keep.
    Source: Hadsell, Chopra and LeCun, CVPR 2006, equation 4, on cosines.
    """
    return torch.where(same, (1 - similarities) ** 2, torch.relu(similarities - margin) ** 2)


def mean_of_valid(losses: Tensor, valid: Tensor) -> Tensor:
    """The mean over the valid triplets, also those whose loss is 0; 0 without any.

    So the steps become smaller by themselves as fewer triplets are wrong. A mean over the wrong
    ones only keeps steps large to the end, and overfits: benchmarks/teaching.py.
    """
    return (losses * valid).sum() / valid.sum().clamp(min=1)
