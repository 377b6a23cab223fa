"""Where the product probably is when nobody has drawn a box: a first guess, or none.

Two ways. `ActivationGuess` weighs the cells of the whole picture, one pass of a network that the
default encoder has anyway. `SaliencyGuess` (U2-Net-p) is better and far slower, so it is asked
for. Both are measured in benchmarks/guess.py.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float32, Int64

from tiefvision.errors import InvalidInput, NotFound, WeightsError
from tiefvision.maths.boxes import Box, clip, square_about
from tiefvision.maths.grids import unit_cells
from tiefvision.vision import pixels
from tiefvision.vision.encoders.protocol import Encoder
from tiefvision.vision.encoders.recipes import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    NETWORKS,
    SALIENCY_NETWORK,
    SALIENCY_SOURCE,
)
from tiefvision.vision.location import Location
from tiefvision.vision.pixels import Pixels
from tiefvision.vision.runtime import open_session

# The grids that are weighed: a fine one that sees edges, a coarse one that sees things. Of the
# networks of the default encoder the cheaper; one run gives both.
GUESS_NETWORK = "mobilenetv2"
GUESS_ENCODER = f"{GUESS_NETWORK}@stage5+{GUESS_NETWORK}@stage7"
HEAD_FILE = "guess_head.npz"

# Presence below this is background; above `_SURE` it counts in full. These and the deviations
# were chosen on the pictures that the head was fitted on.
_FLOOR = 0.2
_SURE = 0.8
# Half of a box's side, in deviations of the presence along it (sqrt(3) for an even spread).
_DEVIATIONS = 1.6
# Presence inside minus presence outside. 95 % of photographs of shelves are below, 95 % of street
# photographs above.
_LEAST_CONFIDENCE = 0.3
# A guess is cropped to only where that confidence is at least `_SURE_ENOUGH` and the box's longer
# side at most `_SMALL` of the picture's shorter one. The middle, encoded otherwise, shows larger
# products well, and a clean shop picture needs no crop. Cropping to every guess lost a point of
# R@1 on clothing and nine on shop icons; 0.45 or 0.5, and 0.75 or 0.85, lose at most half a point.
_SURE_ENOUGH = 0.45
_SMALL = 0.75

_NO_SHARE = 1e-6

# The graph takes this side only; its first output is the fused map.
_SALIENCY_SIDE = 320
_SALIENCY_OUTPUT = "1959"
_SALIENT = 0.5
# Fewer salient pixels than this are specks.
_LEAST_SALIENT = 0.005


@dataclass(frozen=True, slots=True)
class Guess:
    """Where a product probably is.

    box: in pixels of the upright original. confidence: presence inside the box minus presence
    outside, in [0, 1]; comparable only between guesses made in one way.
    """

    box: Box
    confidence: float


@runtime_checkable
class Guesser(Protocol):
    """Makes first guesses. Safe to call from several threads at once."""

    @property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of all that decides a guess: part of a cell space's identity."""
        ...

    def guess(self, image: Pixels) -> Guess | None:
        """Where the product probably is; None when that is unclear."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """What turns cells into presence: the sum of `unit cell . weights` over the grids, and a bias.

    weights: for each part of the encoder; the first part's grid is the finest, and the others
    are stretched to it. fitted_on: hexadecimal SHA-256 of the weight file of the network whose
    cells it was fitted on.
    """

    weights: tuple[Float32[np.ndarray, " _channels"], ...]
    bias: float
    fitted_on: str

    @property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of the weights and of the rule that makes boxes of them."""
        rule = (self.bias, self.fitted_on, _FLOOR, _SURE, _DEVIATIONS, _LEAST_CONFIDENCE)
        rule += (_SURE_ENOUGH, _SMALL, "crops only then")
        weights = b"".join(part.tobytes() for part in self.weights)
        return hashlib.sha256(weights + repr(rule).encode()).hexdigest()


def read_head() -> Head:
    """The head that is shipped; benchmarks/fit_guess.py makes it.

    Raises WeightsError when it belongs to other weights of its network.
    """
    file = resources.files("tiefvision.vision").joinpath(HEAD_FILE)
    with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as stored:
        weights = (stored["fine"], stored["coarse"])
        head = Head(weights, float(stored["bias"]), str(stored["fitted_on"]))
    if head.fitted_on != NETWORKS[GUESS_NETWORK].source.member_sha256:
        raise WeightsError(
            f"the first guess was fitted on other weights of {GUESS_NETWORK}",
            remedy="fit it again: python benchmarks/fit_guess.py",
        )
    return head


class ActivationGuess:
    """Weighs each cell of the whole picture by a linear head.

    encoder: of the parts that the head was fitted on (`GUESS_ENCODER`).
    Raises InvalidInput for another.
    """

    def __init__(self, encoder: Encoder, head: Head) -> None:
        given = [part.channels for part in encoder.parts]
        wanted = [len(weights) for weights in head.weights]
        if given != wanted:
            raise InvalidInput(
                f"the first guess weighs grids of {' and '.join(map(str, wanted))} channels; "
                f"{encoder.name} gives {' and '.join(map(str, given))}",
                remedy=f"load the encoder {GUESS_ENCODER} for it",
            )
        self._encoder = encoder
        self._head = head
        made_of = encoder.fingerprint + head.fingerprint
        self._fingerprint = hashlib.sha256(made_of.encode()).hexdigest()

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def source(self) -> Literal["guess"]:
        return "guess"

    def locate(self, image: Pixels) -> Location | None:
        """As `guess`, where it is worth cropping to (`crop_of`); no windows vote for it."""
        found = self.guess(image)
        if found is None:
            return None
        width, height = image.original_width, image.original_height
        crop = crop_of(found.box, confidence=found.confidence, width=width, height=height)
        return None if crop is None else Location(found.box, found.confidence, votes=0)

    def presence(self, image: Pixels) -> Float32[np.ndarray, "rows cols"]:
        """How much each cell of the whole picture, squashed to a square, looks like a product."""
        side = self._encoder.side
        grids = self._encoder.encode(pixels.resize(image.rgb, width=side, height=side))
        rows, cols = grids[0].shape[:2]
        found = np.full((rows, cols), self._head.bias, np.float32)
        for grid, weights in zip(grids, self._head.weights, strict=True):
            # Stretching what the cells are worth equals stretching the cells, and is quicker.
            worth = (unit_cells(grid) @ weights)[:, :, None]
            found += stretched(worth, rows=rows, cols=cols)[:, :, 0]
        return found

    def guess(self, image: Pixels) -> Guess | None:
        found = self.presence(image)
        width, height = image.original_width, image.original_height
        box = spread_box(found, width=width, height=height)
        confidence = contrast(found, box, width=width, height=height)
        return Guess(box, confidence) if confidence >= _LEAST_CONFIDENCE else None


class SaliencyGuess:
    """Boxes what U2-Net-p finds salient.

    model: u2netp.onnx, as `SALIENCY_SOURCE` names it. Source: Qin et al., arXiv 2005.09007.
    Raises NotFound without the file, WeightsError for other bytes.
    """

    def __init__(self, model: Path) -> None:
        try:
            digest = hashlib.sha256(model.read_bytes()).hexdigest()
        except OSError as error:
            raise NotFound(f"{model} cannot be read: {error.strerror}") from error
        if digest != SALIENCY_SOURCE.member_sha256:
            raise WeightsError(
                f"{model} (sha256 {digest}) is not {SALIENCY_SOURCE.member}",
                remedy=f"delete it and type `tiefvision encoders add {SALIENCY_NETWORK}`",
            )
        self._session = open_session(model, outputs=[_SALIENCY_OUTPUT])
        rule = (digest, _SALIENCY_SIDE, _SALIENT, _LEAST_SALIENT, _SURE_ENOUGH, _SMALL)
        self._fingerprint = hashlib.sha256(repr(rule).encode()).hexdigest()

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def source(self) -> Literal["guess"]:
        return "guess"

    def locate(self, image: Pixels) -> Location | None:
        """As `guess`; no windows vote for it."""
        found = self.guess(image)
        return None if found is None else Location(found.box, found.confidence, votes=0)

    def presence(self, image: Pixels) -> Float32[np.ndarray, "rows cols"]:
        """How salient each pixel of the whole picture, squashed to a square, is; in [0, 1]."""
        square = pixels.resize(image.rgb, width=_SALIENCY_SIDE, height=_SALIENCY_SIDE)
        # As it was trained: the brightest value is 1, whatever it was.
        bright = square.astype(np.float32) * (255 / max(1, int(square.max())))
        values = (bright - np.array(IMAGENET_MEAN, np.float32)) / np.array(IMAGENET_STD, np.float32)
        (found,) = self._session.run(np.ascontiguousarray(values.transpose(2, 0, 1)[None]))
        return found[0, 0]

    def guess(self, image: Pixels) -> Guess | None:
        found = self.presence(image)
        salient = found >= _SALIENT
        if float(salient.mean()) < _LEAST_SALIENT:
            return None
        width, height = image.original_width, image.original_height
        rows, cols = np.nonzero(salient)
        top, bottom = _extent(rows, _SALIENCY_SIDE)
        left, right = _extent(cols, _SALIENCY_SIDE)
        box = Box(left * width, top * height, right * width, bottom * height)
        return Guess(box, contrast(found, box, width=width, height=height))


def spread_box(presence: Float[np.ndarray, "rows cols"], *, width: int, height: int) -> Box:
    """The box about a presence map's mean, as wide and high as it spreads, inside the image.

    presence: of a map laid over the whole image. An even rectangle's box is that rectangle, up
    to the part of it that `_DEVIATIONS` leaves out.
    """
    mass = np.clip(presence - _FLOOR, 0, _SURE - _FLOOR) + _NO_SHARE
    left, right = _spread(mass.sum(axis=0))
    top, bottom = _spread(mass.sum(axis=1))
    box = Box(left * width, top * height, right * width, bottom * height)
    return clip(box, width=width, height=height)


def stretched(
    grid: Float32[np.ndarray, "_rows _cols channels"], *, rows: int, cols: int
) -> Float32[np.ndarray, "rows cols channels"]:
    """A grid at another size, bilinear between the centres of its cells, even beyond them."""
    down, across = (
        _between(count, wanted) for count, wanted in zip(grid.shape[:2], (rows, cols), strict=True)
    )
    return np.einsum("Rr,Cc,rck->RCk", down, across, grid, optimize=True)


def crop_of(guessed: Box, *, confidence: float, width: int, height: int) -> Box | None:
    """What to encode for a guess: the square about it; None: the middle, which is safer.

    A crop moves with every error of the guess and the middle does not, so only a product that
    stands out and is small in its picture is cropped to.
    """
    large = max(guessed.width, guessed.height) > _SMALL * min(width, height)
    if large or confidence < _SURE_ENOUGH:
        return None
    return square_about(guessed, width=width, height=height)


def contrast(
    presence: Float[np.ndarray, "rows cols"], box: Box, *, width: int, height: int
) -> float:
    """Mean presence inside a box minus that outside, in [0, 1]; 0 when either is empty."""
    rows, cols = presence.shape
    share = np.outer(
        _covered(rows, box.top / height, box.bottom / height),
        _covered(cols, box.left / width, box.right / width),
    )
    inside, outside = float(share.sum()), float((1 - share).sum())
    if inside < _NO_SHARE or outside < _NO_SHARE:
        return 0.0
    known = np.clip(presence, 0, 1)
    gap = float((known * share).sum()) / inside - float((known * (1 - share)).sum()) / outside
    return min(max(gap, 0.0), 1.0)


def _spread(mass: Float[np.ndarray, " cells"]) -> tuple[float, float]:
    """Mean minus and plus the deviations of a mass along an axis of length 1."""
    count = len(mass)
    centres = (np.arange(count) + 0.5) / count
    share = mass / mass.sum()
    mean = float(share @ centres)
    # Within a cell the mass is even: that adds the variance of an even spread (Sheppard).
    variance = float(share @ (centres - mean) ** 2) + 1 / (12 * count**2)
    half = _DEVIATIONS * variance**0.5
    return mean - half, mean + half


def _between(count: int, wanted: int) -> Float32[np.ndarray, "wanted count"]:
    """How much each of `count` cells adds to each of `wanted` cells over the same length."""
    old, new = (np.arange(count) + 0.5) / count, (np.arange(wanted) + 0.5) / wanted
    columns = [np.interp(new, old, unit) for unit in np.eye(count)]
    return np.stack(columns, axis=1).astype(np.float32)


def _covered(count: int, start: float, end: float) -> Float[np.ndarray, " count"]:
    """Which share of each of `count` equal parts of [0, 1] lies between start and end."""
    edges = np.arange(count + 1) / count
    return np.clip(np.minimum(edges[1:], end) - np.maximum(edges[:-1], start), 0, None) * count


def _extent(places: Int64[np.ndarray, " n"], count: int) -> tuple[float, float]:
    """From the first to the last of some places, as shares of an axis of `count`."""
    return int(places.min()) / count, (int(places.max()) + 1) / count
