"""The angle between two grids: the arccos of their mean cosine, the number that search ranks by.

A mean of the cells' own angles would order differently; this is never that.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64


def angles(similarities: Float[np.ndarray, "*shape"]) -> Float64[np.ndarray, "*shape"]:
    """Angles in degrees, 0 to 180, of mean cosines; smaller is more alike.

    similarities: mean cosines; what rounding put outside [-1, 1] counts as the nearest end.
    Source: Wan et al., MM'14, of the mean cosine of `similarity.mean_cosine`.
    """
    return np.degrees(np.arccos(np.clip(similarities.astype(np.float64), -1.0, 1.0)))
