"""Where the product is: windows slide over one grid of the whole image, and one is looked into.

    image, squashed to the encoder's square -> grid of cells, encoded once
    -> slide.onnx: for the window around every cell a probability and four edges
    -> windows under 0.8 are dropped, the boxes of the rest merged
    -> look.onnx, three times: the cells in the box and a margin around it give its edges anew

Both networks are small, read the same grid, and run without torch (teach/ trains them).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float32, Float64

from tiefvision.errors import InvalidInput, WeightsError
from tiefvision.maths import windows
from tiefvision.maths.boxes import clip
from tiefvision.maths.merging import Merge, merge
from tiefvision.vision import artefacts, encoders, pixels
from tiefvision.vision.artefacts import Artefact, Json
from tiefvision.vision.encoders.protocol import Encoder
from tiefvision.vision.location import Location
from tiefvision.vision.pixels import Pixels
from tiefvision.vision.runtime import Precision, Runtime, open_session

# One pass of the smallest network: of the layers tried, the fine one places edges and the deep
# one tells garments apart.
LOCATOR_ENCODER = "efficientnet-lite0@stage5+efficientnet-lite0@stage7"
DEFAULT_MERGE: Merge = "median"
SLIDE_FILE = "slide.onnx"
LOOK_FILE = "look.onnx"
# The networks' inputs and outputs; none has a batch axis but the windows.
CELLS, REDUCED, PROBABILITY, EDGES, WINDOWS = "cells", "reduced", "probability", "edges", "windows"

# TiefVision 2016: windows less likely than this to hold the product have no vote.
LEAST_PROBABILITY = 0.8
# No box is narrower or lower than this share of the image.
LEAST_SIDE = 0.02


@dataclass(frozen=True, slots=True)
class Shape:
    """What the two networks are made for.

    rows, cols: of the grid. kernel: cells of a sliding window's side. look_side: cells that a
    second look reads along either side. look_grown: its window over the box that it corrects.
    looks: how often.
    """

    rows: int
    cols: int
    kernel: int
    look_side: int
    look_grown: float
    looks: int


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the sliding networks say of every window, row by row of the grid.

    windows, boxes: (n, 4) fractions of the image. reduced: the cells that they read, which a
    second look reads too.
    """

    windows: Float64[np.ndarray, "n 4"]
    probability: Float64[np.ndarray, " n"]
    boxes: Float64[np.ndarray, "n 4"]
    reduced: Float32[np.ndarray, "rows cols channels"]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A location in fractions of the image, before it becomes pixels."""

    edges: Float64[np.ndarray, " 4"]
    confidence: float
    votes: int


class Heads:
    """A locator's networks behind the encoder: from the grid of a whole image to a place in it."""

    def __init__(self, folder: Path, *, merge_by: Merge | None = None) -> None:
        """As `Locator`, without the encoder."""
        self.artefact: Artefact = artefacts.read(folder)
        described = _described(self.artefact)
        self.encoder_name, self.networks, self.label, self.shape, taught = described
        self.merge: Merge = merge_by or taught
        if self.merge not in get_args(Merge):
            raise InvalidInput(
                f"merge is {self.merge!r}; one of {', '.join(get_args(Merge))} expected"
            )
        self._slide = open_session(
            self.artefact.path(SLIDE_FILE), outputs=[REDUCED, PROBABILITY, EDGES]
        )
        self._look = open_session(self.artefact.path(LOOK_FILE), outputs=[EDGES])

    def find(self, grid: Float32[np.ndarray, "rows cols channels"]) -> Found | None:
        """Where the product is in the image that `whole_grid` read; None when in no window."""
        seen = self.slide(grid)
        voting = np.flatnonzero(seen.probability >= LEAST_PROBABILITY)
        if len(voting) == 0:
            return None
        likely = seen.probability[voting]
        merged = merge(seen.boxes[voting], likely, seen.windows[voting], by=self.merge)
        box = look_again(merged[None], self.shape, partial(self._edges, seen.reduced))
        return Found(box[0], float(likely.mean()), len(voting))

    def slide(self, grid: Float32[np.ndarray, "rows cols channels"]) -> Seen:
        """What every window says, before any is dropped."""
        reduced, probability, edges = self._slide.run(grid)
        places = windows.sliding(self.shape.rows, self.shape.cols, side=self.shape.kernel)
        boxes = windows.without(edges.reshape(-1, 4).astype(np.float64), places)
        return Seen(places, probability.reshape(-1).astype(np.float64), boxes, reduced)

    def _edges(
        self,
        reduced: Float32[np.ndarray, "rows cols channels"],
        window: Float64[np.ndarray, "1 4"],
    ) -> Float64[np.ndarray, "1 4"]:
        cells = windows.cells_in(reduced, window, side=self.shape.look_side)
        (edges,) = self._look.run(cells)
        return edges.astype(np.float64)


class Locator:
    """The networks of a model folder with the encoder they were trained on.

    Safe to call from several threads at once; the same pixels always give the same box.
    """

    def __init__(
        self,
        folder: Path,
        *,
        merge_by: Merge | None = None,
        folders: Iterable[Path] = (),
        precision: Precision = "fp32",
        runtime: Runtime | None = None,
    ) -> None:
        """merge_by: None takes the rule that the model was trained with.

        folders, precision, runtime: of its encoder, as in encoders.load.
        Raises NotFound or WeightsError for a folder that holds no locator or was made for other
        weights of the encoder, NotReady for an encoder without weights.
        """
        self.heads = Heads(folder, merge_by=merge_by)
        spec = self.heads.encoder_name
        self.encoder = encoders.load(spec, precision=precision, runtime=runtime, folders=folders)
        if networks_of(self.encoder) != self.heads.networks:
            raise WeightsError(
                f"the locator in {folder} was trained on other weights of {spec}",
                remedy="train it again: type `tiefvision train locator`",
            )

    @property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of the model; what a cell space names."""
        return self.heads.artefact.fingerprint

    @property
    def source(self) -> Literal["model"]:
        return "model"

    @property
    def label(self) -> str:
        """What it looks for."""
        return self.heads.label

    def locate(self, image: Pixels) -> Location | None:
        """Where the product is; None when no window holds one."""
        found = self.heads.find(whole_grid(self.encoder, image))
        if found is None:
            return None
        width, height = image.original_width, image.original_height
        box = windows.to_box(found.edges, width=width, height=height)
        return Location(clip(box, width=width, height=height), found.confidence, found.votes)


def networks_of(encoder: encoders.SideBySide) -> tuple[str, ...]:
    """Fingerprints of the networks that a locator's grids come from, whatever the precision."""
    return tuple(folder.artefact.fingerprint for folder in encoder.folders)


def look_again(
    boxes: Float64[np.ndarray, "n 4"],
    shape: Shape,
    edges_in: Callable[[Float64[np.ndarray, "n 4"]], Float64[np.ndarray, "n 4"]],
) -> Float64[np.ndarray, "n 4"]:
    """Boxes corrected by looking at what lies in and around them, several times; inside the image.

    edges_in: the edges, relative to windows, of the products in those windows.
    """
    for _ in range(shape.looks):
        window = windows.grown(windows.ordered(boxes, least=LEAST_SIDE), by=shape.look_grown)
        boxes = windows.without(edges_in(window), window)
    return windows.inside(boxes, least=LEAST_SIDE)


def whole_grid(
    encoder: Encoder, image: Pixels, *, mirror: bool = False
) -> Float32[np.ndarray, "rows cols channels"]:
    """The cells of a whole image, squashed to the encoder's square: what a locator reads.

    The encoder's parts lie side by side, the coarser ones repeated to the finest one's cells.
    mirror: of the image flipped left to right; training reads both.
    """
    square = pixels.resize(image.rgb, width=encoder.side, height=encoder.side)
    if mirror:
        square = np.ascontiguousarray(square[:, ::-1])
    grids = encoder.encode(square)
    rows, cols = max(grid.shape[:2] for grid in grids)
    return np.concatenate([_repeated(grid, rows, cols) for grid in grids], axis=2)


def _repeated(
    grid: Float32[np.ndarray, "_rows _cols channels"], rows: int, cols: int
) -> Float32[np.ndarray, "new_rows new_cols channels"]:
    """For each of rows x cols cells the old cell that its middle lies in."""
    down = ((np.arange(rows) + 0.5) * grid.shape[0] / rows).astype(np.intp)
    across = ((np.arange(cols) + 0.5) * grid.shape[1] / cols).astype(np.intp)
    return grid[down[:, None], across]


def describe(
    shape: Shape, *, encoder: encoders.SideBySide, label: str, merge_by: Merge
) -> dict[str, Json]:
    """The description that makes a model folder a locator's; `Heads` reads it back."""
    return {
        "kind": "locator",
        "encoder": encoder.name,
        "networks": list(networks_of(encoder)),
        "label": label,
        "merge": merge_by,
        "rows": shape.rows,
        "cols": shape.cols,
        "kernel": shape.kernel,
        "look_side": shape.look_side,
        "look_grown": shape.look_grown,
        "looks": shape.looks,
    }


def _described(artefact: Artefact) -> tuple[str, tuple[str, ...], str, Shape, Merge]:
    """Encoder, its networks, label, shape and merge rule of a model folder."""
    description: Mapping[str, Json] = artefact.description
    match description:
        case {
            "kind": "locator",
            "encoder": str(encoder),
            "networks": list(networks),
            "label": str(label),
            "merge": ("average" | "own side" | "probability" | "median" | "greedy") as rule,
            "rows": int(rows),
            "cols": int(cols),
            "kernel": int(kernel),
            "look_side": int(look_side),
            "look_grown": float(look_grown),
            "looks": int(looks),
        } if SLIDE_FILE in artefact.files and LOOK_FILE in artefact.files:
            shape = Shape(rows, cols, kernel, look_side, look_grown, looks)
            return encoder, tuple(str(network) for network in networks), label, shape, rule
        case _:
            raise WeightsError(f"the model folder {artefact.folder} does not hold a locator")
