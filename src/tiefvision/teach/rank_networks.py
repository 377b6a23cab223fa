"""The rank heads, as torch modules that start as the identity and end as plain arrays."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn

from tiefvision.teach.rank_choices import Network
from tiefvision.vision.ranker import Ranker

# Hidden units of the non-linear residual.
HIDDEN = 128


class RankHead(nn.Module):
    """y = A z + U relu(D z + b), with z = E P x; with `wide`, what x has outside P stays beside it.

    P: (k, inputs), orthonormal rows, and E: (k, k) are fixed while it is trained. A and E start
    as the identity and U as 0, so that an untrained head is P, and with `wide` the identity.
    """

    def __init__(
        self,
        directions: Float32[np.ndarray, "k inputs"],
        *,
        network: Network,
        wide: bool,
        seed: int,
    ) -> None:
        super().__init__()
        k = len(directions)
        self.wide = wide
        self.directions = nn.Parameter(torch.from_numpy(directions), requires_grad=False)
        self.evened = nn.Parameter(torch.eye(k), requires_grad=False)
        self.linear = nn.Parameter(torch.eye(k))
        self.residual = network == "residual"
        if self.residual:
            generator = torch.Generator().manual_seed(seed)
            self.down = nn.Parameter(torch.randn(HIDDEN, k, generator=generator) / k**0.5)
            self.bias = nn.Parameter(torch.zeros(HIDDEN))
            self.up = nn.Parameter(torch.zeros(k, HIDDEN))

    def even_out(self, evened: Tensor) -> None:
        """Set E, before `prepare`."""
        self.evened.data.copy_(evened)

    def within(self, cells: Tensor) -> Tensor:
        """P x. cells: (n, cells, inputs) with `wide`, else P x already, (n, cells, k)."""
        return cells @ self.directions.T if self.wide else cells

    def prepare(self, cells: Tensor) -> Tensor:
        """What `forward` takes, made once for all steps. cells: as for `within`."""
        return cells if self.wide else cells @ self.evened.T

    def forward(self, prepared: Tensor) -> Tensor:
        """Ranked cells of unit length, (n, cells, outputs)."""
        z = self.within(prepared) @ self.evened.T if self.wide else prepared  # (n, cells, k)
        ranked = z @ self.linear.T
        if self.residual:
            ranked = ranked + torch.relu(z @ self.down.T + self.bias) @ self.up.T
        if self.wide:
            ranked = prepared + (ranked - self.within(prepared)) @ self.directions
        return nn.functional.normalize(ranked, dim=-1)

    def export(self, mean: Float32[np.ndarray, " inputs"]) -> Ranker:
        """The same map as plain arrays; `mean` is what was subtracted from its cells."""
        with torch.no_grad():
            basis = self.evened @ self.directions  # (k, inputs)
            skip, out = self.linear @ basis, self.directions.T
            if self.wide:
                inside = out @ (skip - self.directions)
                skip = torch.eye(len(out), device=out.device) + inside  # (inputs, inputs)
            if not self.residual:
                return Ranker(mean, _array(skip))
            up = out @ self.up if self.wide else self.up
            return Ranker(
                mean, _array(skip), _array(self.down @ basis), _array(self.bias), _array(up)
            )


def similarities(ranked: Tensor) -> Tensor:
    """Mean cosines (n, n) of ranked cells (n, cells, channels), each cell of unit length.

    The number that search ranks by: `SearchSpace.exact` of the exported head, dot product.
    """
    flat = ranked.reshape(len(ranked), -1)
    return flat @ flat.T / ranked.shape[1]


def _array(tensor: Tensor) -> Float32[np.ndarray, "*shape"]:
    return np.ascontiguousarray(tensor.detach().cpu().numpy().astype(np.float32))
