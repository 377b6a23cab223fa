"""The locator's networks in torch: one for each edge and one for product or background.

Each reads a window of side x side cells. It is a linear map, solved in closed form, plus a small
hidden layer that learns what is left; both are convolutions, so that what was trained on windows
slides over a whole grid. Torch's order: (n, channels, rows, cols).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int8
from torch import Tensor, nn
from torch.nn import functional

from tiefvision.maths import windows
from tiefvision.teach.export_locator import Weights

# Chosen on street photographs in five folds; twice or half of each changes little.
_HIDDEN = 12
_DROP_CELLS = 0.5
_DROP_HIDDEN = 0.3
_LEARNING_RATE = 1e-3
_WEIGHT_DECAY = 0.1
# The hidden layer's last weights start this small, so that training starts at the linear map.
_START = 0.01
_LARGE_ERROR = 1.0
_MOST_EPOCHS = 8
_PATIENCE = 2

Epoch = Callable[[int, int, float, float | None], None]


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """The linear maps that training starts from; see `Weights`."""

    linear: Float32[np.ndarray, "outputs channels side side"]
    bias: Float32[np.ndarray, " outputs"]
    place: Float32[np.ndarray, "outputs rows cols"] | None


class Networks(nn.Module):
    """Networks of their own weights for each output, in one pass; see `Weights`."""

    def __init__(self, start: Start, *, units: int = _HIDDEN, rng: torch.Generator) -> None:
        super().__init__()
        linear, bias, place = start.linear, start.bias, start.place
        outputs = len(linear)
        reach = 1 / float(np.prod(linear.shape[1:])) ** 0.5
        # Solved already: gradients only overfit it.
        self.linear = nn.Parameter(torch.from_numpy(linear), requires_grad=False)
        self.bias = nn.Parameter(torch.from_numpy(bias))
        self.place = None if place is None else nn.Parameter(torch.from_numpy(place))
        self.hidden = nn.Parameter(_uniform((outputs, units, *linear.shape[1:]), reach, rng))
        self.hidden_bias = nn.Parameter(torch.zeros(outputs, units))
        self.out = nn.Parameter(_uniform((outputs, units), _START, rng))
        # Windows of a grid hang over its border; a second look reads one window, and fits it.
        self.padding = 0 if place is None else linear.shape[-1] // 2
        self._rng = rng

    def forward(self, cells: Tensor) -> Tensor:
        """(n, outputs, rows, cols) of (n, channels, rows, cols); without place one row and col."""
        outputs, units = self.out.shape
        x = functional.conv2d(cells, self.linear, self.bias, padding=self.padding)
        kept = self._drop(cells, _DROP_CELLS)
        h = functional.conv2d(
            kept, self.hidden.flatten(0, 1), self.hidden_bias.flatten(), padding=self.padding
        )  # n outputs*units rows cols
        h = self._drop(functional.relu(h), _DROP_HIDDEN).unflatten(1, (outputs, units))
        x = x + torch.einsum("nourc,ou->norc", h, self.out)
        return x if self.place is None else x + self.place

    def weights(self) -> Weights:
        """What was learned, as arrays."""

        def array(values: Tensor) -> np.ndarray:
            return values.detach().numpy().copy()

        return Weights(
            linear=array(self.linear),
            bias=array(self.bias),
            hidden=array(self.hidden),
            hidden_bias=array(self.hidden_bias),
            out=array(self.out),
            place=None if self.place is None else array(self.place),
        )

    def _drop(self, x: Tensor, share: float) -> Tensor:
        """Dropout that draws from the module's own generator."""
        if not self.training:
            return x
        kept = torch.rand(x.shape, generator=self._rng) >= share
        return x * kept / (1 - share)


def train_slide(
    start: Start,
    cells: Float32[np.ndarray, "n rows cols channels"],
    edges: Float32[np.ndarray, "n 4 rows cols"],
    kinds: Int8[np.ndarray, "n rows cols"],
    *,
    held: int,
    epochs: int | None,
    seed: int,
    batch: int,
    on_epoch: Epoch,
) -> tuple[Weights, int]:
    """The sliding networks and the epochs they took; the first output is the classifier's.

    edges: relative to the windows, normalised. kinds: TARGET, BACKGROUND, NEITHER.
    held: that many images at the end are not trained on; with `epochs` None training stops when
    the loss on them has not fallen for some epochs, and the best epoch's weights are taken.
    """
    x = torch.from_numpy(np.ascontiguousarray(cells.transpose(0, 3, 1, 2)))
    wanted, kind = torch.from_numpy(edges), torch.from_numpy(kinds)
    trained = kind[: len(kind) - held]
    targets = int((trained == windows.TARGET).sum())
    # As many windows of background as of product, in effect.
    balance = torch.tensor(int((trained == windows.BACKGROUND).sum()) / max(1, targets))

    def loss(networks: Networks, chosen: Tensor) -> Tensor:
        y = networks(x[chosen])
        decided = kind[chosen] != windows.NEITHER
        target = kind[chosen] == windows.TARGET
        found = functional.binary_cross_entropy_with_logits(
            y[:, 0][decided], target[decided].float(), pos_weight=balance
        )
        errors = functional.smooth_l1_loss(
            y[:, 1:], wanted[chosen], beta=_LARGE_ERROR, reduction="none"
        ).mean(dim=1)  # n rows cols
        return found + errors[target].sum() / target.sum().clamp(min=1)

    return _descend(start, loss, len(x), held, epochs, seed, batch, on_epoch)


def train_look(
    start: Start,
    cells: Float32[np.ndarray, "n side side channels"],
    boxes: Float32[np.ndarray, "n 4"],
    mean: Float64[np.ndarray, " 4"],
    deviation: Float64[np.ndarray, " 4"],
    *,
    held: int,
    epochs: int | None,
    seed: int,
    batch: int,
    on_epoch: Epoch,
) -> tuple[Weights, int]:
    """The second look's networks, as `train_slide`; the loss is 1 - IoU.

    boxes: relative to their windows. mean, deviation: what the networks' answers are scaled by.
    """
    x = torch.from_numpy(np.ascontiguousarray(cells.transpose(0, 3, 1, 2)))
    wanted = torch.from_numpy(boxes)
    shift, scale = torch.from_numpy(mean).float(), torch.from_numpy(deviation).float()

    def loss(networks: Networks, chosen: Tensor) -> Tensor:
        found = networks(x[chosen])[:, :, 0, 0] * scale + shift  # n 4
        return 1 - _iou(found, wanted[chosen]).mean()

    return _descend(start, loss, len(x), held, epochs, seed, batch, on_epoch)


def answers(
    weights: Weights, cells: Float32[np.ndarray, "n rows cols channels"]
) -> Float32[np.ndarray, "n outputs out_rows out_cols"]:
    """What trained networks say, in torch; the exported graphs say the same."""
    start = Start(weights.linear, weights.bias, weights.place)
    networks = Networks(start, units=weights.out.shape[1], rng=torch.Generator()).eval()
    networks.load_state_dict(
        {name: torch.from_numpy(getattr(weights, name)) for name in networks.state_dict()}
    )
    with torch.no_grad():
        x = torch.from_numpy(np.ascontiguousarray(cells.transpose(0, 3, 1, 2)))
        return networks(x).numpy()


@contextmanager
def _one_thread() -> Generator[None]:
    """Torch's two threads are hardly faster on networks this small, and where another process is
    busy they wait for each other: minutes instead of seconds."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@_one_thread()
def _descend(
    start: Start,
    loss: Callable[[Networks, Tensor], Tensor],
    count: int,
    held: int,
    epochs: int | None,
    seed: int,
    batch: int,
    on_epoch: Epoch,
) -> tuple[Weights, int]:
    rng = torch.Generator().manual_seed(seed)
    networks = Networks(start, rng=rng)
    learned = [value for value in networks.parameters() if value.requires_grad]
    optimiser = torch.optim.AdamW(learned, lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    kept = torch.arange(count - held, count)
    best, best_epoch, best_weights = np.inf, 0, networks.weights()
    if held and epochs is None:
        best = _evaluated(networks, loss, kept, batch)
    most = _MOST_EPOCHS if epochs is None else epochs
    for epoch in range(1, most + 1):
        networks.train()
        total = 0.0
        for chosen in torch.randperm(count - held, generator=rng).split(batch):
            optimiser.zero_grad()
            value = loss(networks, chosen)
            value.backward()
            optimiser.step()
            total += float(value.detach()) * len(chosen)
        held_loss = _evaluated(networks, loss, kept, batch) if held else None
        on_epoch(epoch, most, total / (count - held), held_loss)
        if epochs is not None or held_loss is None or held_loss < best:
            best, best_epoch, best_weights = held_loss or 0.0, epoch, networks.weights()
        elif epoch - best_epoch >= _PATIENCE:
            break
    return best_weights, best_epoch


def _evaluated(
    networks: Networks,
    loss: Callable[[Networks, Tensor], Tensor],
    chosen: Tensor,
    batch: int,
) -> float:
    networks.eval()
    with torch.no_grad():
        parts = [(float(loss(networks, part)), len(part)) for part in chosen.split(batch)]
    return sum(value * size for value, size in parts) / len(chosen)


def _iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union, row by row; boxes without area count as tiny ones."""
    least = 1e-3
    common = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0)
    areas = [(box[:, 2:] - box[:, :2]).clamp(min=least).prod(dim=1) for box in (a, b)]
    shared = common.prod(dim=1)
    return shared / (areas[0] + areas[1] - shared)


def _uniform(shape: tuple[int, ...], reach: float, rng: torch.Generator) -> Tensor:
    return (torch.rand(shape, generator=rng) * 2 - 1) * reach
