"""What an ONNX file does not say about itself: given by the user, in a JSON file beside it, or
guessed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, get_args

from tiefvision.errors import InvalidInput
from tiefvision.vision.artefacts import Json
from tiefvision.vision.encoders.recipes import IMAGENET_MEAN, IMAGENET_STD

Layout = Literal["nchw", "nhwc", "tokens"]

WHITE = 255.0
_COLOURS = 3


@dataclass(frozen=True, slots=True)
class OnnxOptions:
    """What an ONNX file does not say about itself. None is guessed.

    side: pixels of the square input; guessed from the input's shape, else 224.
    mean, std: by colour, of pixels in 0..1; torchvision's ImageNet figures unless given.
    output: the tensor that holds the grid, an output or any inner one; guessed as the last
    output with rows and columns, then the last such inner tensor.
    layout: of that tensor: nchw, nhwc, or tokens (batch, tokens, channels).
    skip_tokens: class and register tokens before the patches; guessed as 0, or 1 where one
    less makes a square.
    """

    side: int | None = None
    mean: tuple[float, ...] = tuple(value / WHITE for value in IMAGENET_MEAN)
    std: tuple[float, ...] = tuple(value / WHITE for value in IMAGENET_STD)
    output: str | None = None
    layout: Layout | None = None
    skip_tokens: int | None = None

    def __post_init__(self) -> None:
        if len(self.mean) != _COLOURS or len(self.std) != _COLOURS or min(self.std) <= 0:
            raise InvalidInput(
                f"mean {self.mean} and std {self.std}: three numbers each, std above 0, expected"
            )
        if self.side is not None and self.side < 1:
            raise InvalidInput(f"side is {self.side}; at least 1 pixel expected")
        if self.layout is not None and self.layout not in get_args(Layout):
            raise InvalidInput(
                f"layout is {self.layout!r}; one of {', '.join(get_args(Layout))} expected"
            )


def read(path: Path) -> OnnxOptions:
    """The options that a JSON file gives; what it leaves out, and all without one, is guessed.

    Raises InvalidInput for anything else than an object of known names and values.
    """
    try:
        given: Json = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return OnnxOptions()
    except ValueError as error:
        raise InvalidInput(f"{path} is not JSON ({error})") from error
    if not isinstance(given, dict):
        raise InvalidInput(f"{path} holds {type(given).__name__}; an object expected")
    known = [field.name for field in fields(OnnxOptions)]
    unknown = [name for name in given if name not in known]
    if unknown:
        raise InvalidInput(f"{path} has {unknown[0]!r}; known are {', '.join(known)}")
    return _options(path, given)


def _options(path: Path, given: Mapping[str, Json]) -> OnnxOptions:
    plain = OnnxOptions()
    match {**asdict(plain), **given}:
        case {
            "side": int() | None as side,
            "mean": [*mean] | (*mean,),
            "std": [*std] | (*std,),
            "output": str() | None as output,
            "layout": "nchw" | "nhwc" | "tokens" | None as layout,
            "skip_tokens": int() | None as skip_tokens,
        }:
            return OnnxOptions(
                side=side,
                mean=_numbers(path, mean),
                std=_numbers(path, std),
                output=output,
                layout=layout,
                skip_tokens=skip_tokens,
            )
        case _:
            raise InvalidInput(
                f"{path}: side and skip_tokens are whole numbers, mean and std three numbers, "
                "output a name, layout one of nchw, nhwc, tokens"
            )


def _numbers(path: Path, values: list[Json]) -> tuple[float, ...]:
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    if len(numbers) != len(values):
        raise InvalidInput(f"{path}: {values} are not numbers")
    return tuple(numbers)
