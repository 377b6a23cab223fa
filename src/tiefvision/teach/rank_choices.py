"""What may be chosen of a rank head, named without torch."""

from __future__ import annotations

from typing import Literal

Network = Literal["linear", "residual"]
NETWORKS: tuple[Network, ...] = ("linear", "residual")

Loss = Literal["cosine", "angle", "siamese"]
LOSSES: tuple[Loss, ...] = ("cosine", "angle", "siamese")

# Channels of a head's cells where nothing else is asked for, at most: PCA to so many ranks as all
# do.
CHANNELS = 256
