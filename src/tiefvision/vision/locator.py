"""Where the product is: windows slide over one grid of the whole image, and one is looked into.

    image, squashed to the encoder's square -> grid of cells, encoded once
    -> slide.onnx: for the window around every cell a probability and four edges
    -> windows under 0.8 are dropped, the boxes of the rest merged
    -> look.onnx, three times: the cells in the box and a margin around it give its edges anew

Both networks are small, read the same grid, and run without torch (teach/ trains them).
With a pyramid the image is encoded at further sizes: windows slide over each of those grids too
(slide-1.onnx, ...), all vote together, and a look reads the cells of all of them side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float32, Float64

from tiefvision.errors import ShapeMismatch, WeightsError
from tiefvision.maths import windows
from tiefvision.maths.boxes import clip
from tiefvision.maths.merging import merge
from tiefvision.vision import artefacts, encoders, pixels
from tiefvision.vision.artefacts import Artefact, Json
from tiefvision.vision.encoders.protocol import Encoder
from tiefvision.vision.location import Location
from tiefvision.vision.locator_choices import LocatorChoices
from tiefvision.vision.pixels import Pixels
from tiefvision.vision.runtime import Precision, Runtime, open_session

# One pass of the smallest network: of the layers tried, the fine one places edges and the deep
# one tells garments apart.
LOCATOR_ENCODER = "efficientnet-lite0@stage5+efficientnet-lite0@stage7"
LOOK_FILE = "look.onnx"
# The networks' inputs and outputs; none has a batch axis but the windows.
CELLS, REDUCED, PROBABILITY, EDGES, WINDOWS = "cells", "reduced", "probability", "edges", "windows"

# TiefVision 2016: windows less likely than this to hold the product have no vote.
LEAST_PROBABILITY = 0.8
# No box is narrower or lower than this share of the image.
LEAST_SIDE = 0.02


# One for each size at which the image is encoded, the plain one first; a pyramid has several.
Grids = Sequence[Float32[np.ndarray, "_rows _cols channels"]]


@dataclass(frozen=True, slots=True)
class Shape:
    """What the networks are made for.

    grids: rows and columns of each grid. windows: cells of the sliding windows' sides, on every
    grid. look_side: cells that a second look reads along either side. look_grown: its window over
    the box that it corrects. looks: how often.
    """

    grids: tuple[tuple[int, int], ...]
    windows: tuple[int, ...]
    look_side: int
    look_grown: float
    looks: int

    def sliding(self, grid: int) -> Float64[np.ndarray, "n 4"]:
        """The windows of one grid: those of the first side row by row, then the next side's."""
        rows, cols = self.grids[grid]
        return np.concatenate([windows.sliding(rows, cols, side=side) for side in self.windows])


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the sliding networks say of every window, grid by grid as `Shape.sliding` orders them.

    windows, boxes: (n, 4) fractions of the image. reduced: the cells that they read, which a
    second look reads too.
    """

    windows: Float64[np.ndarray, "n 4"]
    probability: Float64[np.ndarray, " n"]
    boxes: Float64[np.ndarray, "n 4"]
    reduced: Grids


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A location in fractions of the image, before it becomes pixels."""

    edges: Float64[np.ndarray, " 4"]
    confidence: float
    votes: int


class Heads:
    """A locator's networks behind the encoder: from the grids of an image to a place in it."""

    def __init__(self, folder: Path) -> None:
        """As `Locator`, without the encoder."""
        self.artefact: Artefact = artefacts.read(folder)
        described = _described(self.artefact)
        self.encoder_name, self.networks, self.label, self.shape, self.choices = described
        self._slides = [
            open_session(
                self.artefact.path(slide_file(grid)), outputs=[REDUCED, PROBABILITY, EDGES]
            )
            for grid in range(len(self.shape.grids))
        ]
        self._look = open_session(self.artefact.path(LOOK_FILE), outputs=[EDGES])

    def find(self, *grids: Float32[np.ndarray, "_rows _cols channels"]) -> Found | None:
        """Where the product is in the image that `whole_grid` read, at every size of the
        locator's; None when in no window. Raises ShapeMismatch for other grids."""
        seen = self.slide(*grids)
        voting = np.flatnonzero(seen.probability >= LEAST_PROBABILITY)
        if len(voting) == 0:
            return None
        likely = seen.probability[voting]
        merged = merge(seen.boxes[voting], likely, seen.windows[voting], by=self.choices.merge)
        box = look_again(merged[None], self.shape, partial(self._edges, seen.reduced))
        return Found(box[0], float(likely.mean()), len(voting))

    def slide(self, *grids: Float32[np.ndarray, "_rows _cols channels"]) -> Seen:
        """What every window says, before any is dropped."""
        given = tuple(grid.shape[:2] for grid in grids)
        if given != self.shape.grids:
            raise ShapeMismatch(f"grids of {given} cells; the locator reads {self.shape.grids}")
        said = [slide.run(grid) for slide, grid in zip(self._slides, grids, strict=True)]
        reduced, probability, edges = zip(*said, strict=True)
        places = np.concatenate([self.shape.sliding(grid) for grid in range(len(grids))])
        flat = np.concatenate([own.reshape(-1, 4) for own in edges]).astype(np.float64)
        likely = np.concatenate([own.reshape(-1) for own in probability]).astype(np.float64)
        return Seen(places, likely, windows.without(flat, places), reduced)

    def _edges(
        self, reduced: Grids, window: Float64[np.ndarray, "1 4"]
    ) -> Float64[np.ndarray, "1 4"]:
        (edges,) = self._look.run(look_cells(reduced, window, side=self.shape.look_side))
        return edges.astype(np.float64)


class Locator:
    """The networks of a model folder with the encoder they were trained on.

    Safe to call from several threads at once; the same pixels always give the same box.
    """

    def __init__(
        self,
        folder: Path,
        *,
        folders: Iterable[Path] = (),
        precision: Precision = "fp32",
        runtime: Runtime | None = None,
    ) -> None:
        """folders, precision, runtime: of its encoder, as in encoders.load.
        Raises NotFound or WeightsError for a folder that holds no locator or was made for other
        weights of the encoder, NotReady for an encoder without weights.
        """
        self.heads = Heads(folder)
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
        sizes = self.heads.choices.sizes
        found = self.heads.find(*(whole_grid(self.encoder, image, size=size) for size in sizes))
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


def look_cells(
    grids: Grids, window: Float64[np.ndarray, "n 4"], *, side: int
) -> Float32[np.ndarray, "n side side all_channels"]:
    """What a second look reads of each window: side x side cells of every grid, side by side."""
    return np.concatenate([windows.cells_in(grid, window, side=side) for grid in grids], axis=3)


def whole_grid(
    encoder: Encoder, image: Pixels, *, mirror: bool = False, size: float = 1.0
) -> Float32[np.ndarray, "rows cols channels"]:
    """The cells of a whole image, squashed to the encoder's square: what a locator reads.

    The encoder's parts lie side by side, the coarser ones repeated to the finest one's cells.
    mirror: of the image flipped left to right; training reads both. size: of the square, in times
    the encoder's side; of a pyramid above 1.
    """
    side = round(encoder.side * size)
    square = pixels.resize(image.rgb, width=side, height=side)
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


def slide_file(grid: int) -> str:
    """The file of the networks that slide over a grid, of several the first one's plainly."""
    return f"slide-{grid}.onnx" if grid else "slide.onnx"


def describe(
    shape: Shape, choices: LocatorChoices, *, encoder: encoders.SideBySide, label: str
) -> dict[str, Json]:
    """The description that makes a model folder a locator's; `Heads` reads it back."""
    return {
        "kind": "locator",
        "encoder": encoder.name,
        "networks": list(networks_of(encoder)),
        "label": label,
        "merge": choices.merge,
        "windows": [*choices.windows],
        "pyramid": [*choices.pyramid],
        "grids": [[rows, cols] for rows, cols in shape.grids],
        "look_side": shape.look_side,
        "look_grown": shape.look_grown,
        "looks": shape.looks,
    }


def _described(
    artefact: Artefact,
) -> tuple[str, tuple[str, ...], str, Shape, LocatorChoices]:
    """Encoder, its networks, label, shape and choices of a model folder."""
    description: Mapping[str, Json] = artefact.description
    match description:
        case {
            "kind": "locator",
            "encoder": str(encoder),
            "networks": list(networks),
            "label": str(label),
            "merge": ("average" | "own-side" | "probability" | "median" | "greedy") as rule,
            "windows": list(sides),
            "pyramid": list(pyramid),
            "grids": list(grids),
            "look_side": int(look_side),
            "look_grown": float(look_grown),
            "looks": int(looks),
        } if LOOK_FILE in artefact.files and len(grids) == 1 + len(pyramid):
            choices = LocatorChoices(rule, _whole(sides), tuple(float(str(one)) for one in pyramid))
            places = tuple(_rows_and_cols(grid) for grid in grids)
            shape = Shape(places, choices.windows, look_side, look_grown, looks)
            return encoder, tuple(str(network) for network in networks), label, shape, choices
        case {"kind": "locator"}:
            raise WeightsError(
                f"the locator in {artefact.folder} was made by an earlier version of TiefVision, "
                "or by a later one; this one reads another format",
                remedy="train it again: type `tiefvision train locator`",
            )
        case _:
            raise WeightsError(
                f"the model folder {artefact.folder} does not hold a locator",
                remedy="train it again: type `tiefvision train locator`",
            )


def _whole(numbers: Sequence[Json]) -> tuple[int, ...]:
    return tuple(number for number in numbers if isinstance(number, int))


def _rows_and_cols(grid: Json) -> tuple[int, int]:
    match grid:
        case [int(rows), int(cols)]:
            return rows, cols
        case _:
            raise WeightsError(f"a locator's grid is described as {grid!r}; rows and cols expected")
