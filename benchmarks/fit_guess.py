"""Fits the head of the first guess: src/tiefvision/vision/guess_head.npz.

    TIEFVISION_PHOTOS=photos python benchmarks/fit_guess.py u2netp.onnx

Ridge regression from cells to presence, on two teachers: exact boxes of drawn photographs (of a
seed that nothing else uses), and U2-Net-p's saliency of every third street photograph. The other
street photographs, clothing, grocery and the demo's own seed are not looked at, and judge it.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8

from tiefvision.demo import scene
from tiefvision.maths.grids import pool, unit_cells
from tiefvision.vision import guess, pixels
from tiefvision.vision.encoders import SideBySide
from tiefvision.vision.encoders.recipes import NETWORKS
from views import in_threads, ready

SEED = 7
# All backgrounds in turn, then as many cluttered ones again.
DRAWN = 200
# Every so many street photographs teach; the others judge (benchmarks/guess.py).
EVERY = 3
# As a share of the cells' mean variance; a third to three times as much changes little.
_RIDGE = 0.3

_Example = tuple[Float32[np.ndarray, "cells channels"], Float32[np.ndarray, " cells"]]


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("saliency", type=Path, help="U2-Net-p's weights, u2netp.onnx")
    model = parser.parse_args().saliency
    photos = os.environ.get("TIEFVISION_PHOTOS", "")
    if not photos:
        raise SystemExit("set TIEFVISION_PHOTOS to the folder of street")
    street = sorted((Path(photos) / "street" / "images").iterdir())
    examples = [*_drawn(), *_street(street[::EVERY], model)]
    cells = np.concatenate([example[0] for example in examples])
    presence = np.concatenate([example[1] for example in examples])
    weights, bias = _ridge(cells, presence)
    fine, coarse = ready(guess.GUESS_ENCODER).parts
    assert len(weights) == fine.channels + coarse.channels
    np.savez(
        Path(guess.__file__).parent / guess.HEAD_FILE,
        fine=weights[: fine.channels],
        coarse=weights[fine.channels :],
        bias=np.float32(bias),
        fitted_on=np.array(NETWORKS[guess.GUESS_NETWORK].source.member_sha256),
    )
    print(f"{guess.HEAD_FILE}: {len(weights)} weights from {len(examples)} pictures")


def _drawn() -> Iterator[_Example]:
    encoder = ready(guess.GUESS_ENCODER)
    jobs = [(index, None) for index in range(DRAWN)]
    jobs += [(index, "cluttered") for index in range(DRAWN)]

    def examples(job: tuple[int, str | None]) -> list[_Example]:
        drawn = scene.render(job[0], seed=SEED, background=job[1])
        rows, cols = drawn.pixels.shape[:2]
        inside = np.zeros((rows, cols), np.float32)
        box = drawn.box
        inside[int(box.top) : int(box.bottom), int(box.left) : int(box.right)] = 1
        return _both_ways(encoder, drawn.pixels, inside)

    yield from chain.from_iterable(in_threads(examples, jobs, note="drawn"))


def _street(files: list[Path], model: Path) -> Iterator[_Example]:
    encoder = ready(guess.GUESS_ENCODER)
    teacher = guess.SaliencyGuess(model)

    def examples(file: Path) -> list[_Example]:
        image = pixels.read(file, side=encoder.side)
        return _both_ways(encoder, image.rgb, teacher.presence(image))

    yield from chain.from_iterable(in_threads(examples, files, note="street"))


def _both_ways(
    encoder: SideBySide,
    rgb: UInt8[np.ndarray, "_height _width 3"],
    presence: Float32[np.ndarray, "_rows _cols"],
) -> list[_Example]:
    """Cells and presence of a picture and of its mirror image."""
    square = pixels.resize(rgb, width=encoder.side, height=encoder.side)
    return [
        _example(encoder, square, presence),
        _example(encoder, square[:, ::-1], presence[:, ::-1]),
    ]


def _example(
    encoder: SideBySide,
    square: UInt8[np.ndarray, "side side 3"],
    presence: Float32[np.ndarray, "_rows _cols"],
) -> _Example:
    grids = encoder.encode(np.ascontiguousarray(square))
    rows, cols = grids[0].shape[:2]
    cells = [guess.stretched(unit_cells(grid), rows=rows, cols=cols) for grid in grids]
    known = pool(presence[:, :, None], rows=rows, cols=cols, by="mean")
    joined = np.concatenate(cells, axis=-1)
    return joined.reshape(rows * cols, -1), known.reshape(-1)


def _ridge(
    cells: Float32[np.ndarray, "n channels"], presence: Float32[np.ndarray, " n"]
) -> tuple[Float32[np.ndarray, " channels"], float]:
    """Weights and bias of the least squares fit, the weights held small."""
    mean, level = cells.mean(axis=0, dtype=np.float64), float(presence.mean(dtype=np.float64))
    centred = cells - mean
    scatter = centred.T @ centred / len(cells)
    held = scatter + _RIDGE * np.trace(scatter) / len(scatter) * np.eye(len(scatter))
    weights = np.linalg.solve(held, centred.T @ (presence - level) / len(cells))
    return weights.astype(np.float32), level - float(mean @ weights)


if __name__ == "__main__":
    main()
