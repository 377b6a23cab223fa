"""The linear part of the locator's networks, solved in closed form (ridge regression)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64, Int8

from tiefvision.maths import windows

# Channels that are kept of a grid, shared evenly by the encoder's parts.
KEPT = 64
# Cells from which a reduction is fitted.
_SAMPLED_CELLS = 40_000
# The penalty of the sliding maps, in windows: as much as so many windows of average cells. Flat
# from a third to three times of it.
_SLIDE_PENALTY = 8_000.0
# A window's place is known exactly: hardly a penalty.
_PLACE_PENALTY = 1.0
# Ridge fits +1 and -1; so many times that is about a logit.
_LOGITS = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Reduction:
    """To few channels: (cell - offset) @ projection, of unit variance on average."""

    offset: Float32[np.ndarray, " channels"]
    projection: Float32[np.ndarray, "channels kept"]


def reduction(
    grids: Float[np.ndarray, "photos 2 rows cols channels"],
    parts: tuple[int, ...],
    *,
    rng: np.random.Generator,
) -> Reduction:
    """The principal components of each part's cells; every part weighs the same."""
    cells = grids.reshape(-1, grids.shape[-1])
    drawn = np.sort(rng.choice(len(cells), min(len(cells), _SAMPLED_CELLS), replace=False))
    sample = cells[drawn].astype(np.float64)
    offset = sample.mean(axis=0)
    sample -= offset
    blocks: list[Float64[np.ndarray, "channels kept"]] = []
    start = 0
    for channels in parts:
        part = sample[:, start : start + channels]
        _, vectors = np.linalg.eigh(part.T @ part)
        main = vectors[:, ::-1][:, : max(1, KEPT // len(parts))]
        # An eigenvector's sign is the library's choice: the largest entry is made positive.
        largest = main[np.abs(main).argmax(axis=0), np.arange(main.shape[1])]
        main = main * np.sign(largest)
        block = np.zeros((cells.shape[1], main.shape[1]))
        block[start : start + channels] = main / (part @ main).std()
        blocks.append(block)
        start += channels
    projection = np.concatenate(blocks, axis=1)
    return Reduction(offset.astype(np.float32), projection.astype(np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """All that the sliding maps are solved from; those of two sets of images can be added.

    squares, products: of the windows' cells and places, for the classifier and for the edges.
    shape: rows, cols, channels and kernel.
    """

    squares: tuple[Float64[np.ndarray, "f f"], Float64[np.ndarray, "f f"]]
    products: tuple[Float64[np.ndarray, "f 1"], Float64[np.ndarray, "f 4"]]
    shape: tuple[int, int, int, int]

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            (self.squares[0] + other.squares[0], self.squares[1] + other.squares[1]),
            (self.products[0] + other.products[0], self.products[1] + other.products[1]),
            self.shape,
        )


def slide_moments(
    cells: Float32[np.ndarray, "n rows cols kept"],
    edges: Float32[np.ndarray, "n 4 rows cols"],
    kinds: Int8[np.ndarray, "n rows cols"],
    *,
    kernel: int,
) -> Moments:
    """What images teach the sliding maps. edges: normalised, of which only the targets' count."""
    rows, cols, kept = cells.shape[1:]
    place = _places(rows, cols)
    total = kept * kernel * kernel + place.shape[1]
    found = Moments(
        (np.zeros((total, total)), np.zeros((total, total))),
        (np.zeros((total, 1)), np.zeros((total, 4))),
        (rows, cols, kept, kernel),
    )
    reach = kernel // 2
    padded = np.pad(cells, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    for grid, wanted, kind in zip(padded, edges, kinds, strict=True):
        seen = np.lib.stride_tricks.sliding_window_view(grid, (kernel, kernel), axis=(0, 1))
        x = np.concatenate([seen.reshape(rows * cols, -1), place], axis=1)
        decided, target = (kind != windows.NEITHER).ravel(), (kind == windows.TARGET).ravel()
        signs = np.where(target, 1.0, -1.0)[decided, None]
        answers = wanted.reshape(4, -1).T[target]
        for number, (chosen, y) in enumerate(((decided, signs), (target, answers))):
            found.squares[number][:] += x[chosen].T @ x[chosen]
            found.products[number][:] += x[chosen].T @ y
    return found


def slide_start(
    moments: Moments,
) -> tuple[Float32[np.ndarray, "5 kept side side"], Float32[np.ndarray, "5 rows cols"]]:
    """The five sliding maps and what each adds by place: a logit, then four normalised edges."""
    rows, cols, kept, kernel = moments.shape
    size = kept * kernel * kernel
    # Cells have unit variance on average, so a window of them counts as one.
    penalty = np.full(len(moments.squares[0]), _SLIDE_PENALTY)
    penalty[size:] = _PLACE_PENALTY
    maps = np.concatenate(
        [
            np.linalg.solve(square + np.diag(penalty), product)
            for square, product in zip(moments.squares, moments.products, strict=True)
        ],
        axis=1,
    )  # total 5
    maps[:, 0] *= _LOGITS
    linear = maps[:size].T.reshape(5, kept, kernel, kernel)
    added = (_places(rows, cols) @ maps[size:]).T.reshape(5, rows, cols)
    return linear.astype(np.float32), added.astype(np.float32)


def look_start(
    cells: Float32[np.ndarray, "n side side kept"],
    edges: Float64[np.ndarray, "n 4"],
    *,
    penalties: tuple[float, ...],
) -> list[tuple[Float32[np.ndarray, "4 kept side side"], Float32[np.ndarray, " 4"]]]:
    """For each penalty the four maps of a second look and what they add.

    edges: normalised. A penalty is in units of a window's mean square length.
    """
    flat = np.ascontiguousarray(cells.transpose(0, 3, 1, 2)).reshape(len(cells), -1)
    mean = flat.mean(axis=0)
    flat = flat - mean
    # The smaller of the two equal systems: by features, or by windows.
    unit = float(np.square(flat).sum(axis=1).mean())
    few = len(flat) < flat.shape[1]
    square = (flat @ flat.T if few else flat.T @ flat).astype(np.float64)
    solved: list[tuple[np.ndarray, np.ndarray]] = []
    for penalty in penalties:
        ridge = square + penalty * unit * np.eye(len(square))
        if few:
            maps = flat.T @ np.linalg.solve(ridge, edges)
        else:
            maps = np.linalg.solve(ridge, flat.T @ edges)
        linear = maps.T.reshape(4, cells.shape[3], *cells.shape[1:3])
        solved.append((linear.astype(np.float32), (-mean @ maps).astype(np.float32)))
    return solved


def _places(rows: int, cols: int) -> Float32[np.ndarray, "places rows_and_cols"]:
    """Each cell's row and column as ones among zeros."""
    down, across = np.repeat(np.eye(rows), cols, axis=0), np.tile(np.eye(cols), (rows, 1))
    return np.concatenate([down, across], axis=1).astype(np.float32)
