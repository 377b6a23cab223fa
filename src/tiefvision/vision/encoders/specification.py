"""The text that names an encoder: "0.4*alexnet+0.6*efficientnet-lite0".

    specification = member { "+" member }
    member        = [ weight "*" ] name [ "@" layer ]
    name          = a built-in encoder | "onnx:" path | "hf:" organisation "/" model | "hf:" folder

Members without a weight share alike. A path may hold "+": it ends only where another member
begins. "@layer" names one tensor of a network instead of the recipe's.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tiefvision.errors import InvalidInput
from tiefvision.vision.encoders.recipes import RECIPES

ONNX = "onnx:"
HUB = "hf:"
_WEIGHT = r"\d*\.?\d+\s*\*\s*"
_MEMBER_START = re.compile(
    rf"\s*(?:{_WEIGHT})?(?:{ONNX}|{HUB}|(?:{'|'.join(map(re.escape, RECIPES))})(?=\s*(?:[@+]|$)))"
)
_MEMBER = re.compile(rf"(?P<weight>{_WEIGHT})?(?P<name>.+?)(?:@(?P<layer>[^@/\\]+))?")


@dataclass(frozen=True, slots=True)
class Member:
    """One encoder of a specification.

    name: a built-in name, onnx:PATH or hf:NAME. layer: None takes the recipe's layers.
    weight: its share; the weights of a specification sum to 1.
    """

    name: str
    layer: str | None
    weight: float


@dataclass(frozen=True, slots=True)
class Specification:
    """An encoder's members in order, and the one way of writing them."""

    members: tuple[Member, ...]

    def __str__(self) -> str:
        alike = all(member.weight == self.members[0].weight for member in self.members)
        return "+".join(
            ("" if alike else f"{member.weight:.4g}*")
            + member.name
            + (f"@{member.layer}" if member.layer else "")
            for member in self.members
        )


def parse(text: str) -> Specification:
    """The members of a specification, weights normalised to sum 1.

    Raises InvalidInput for an unknown name (with the nearest known one), a weight that is not
    positive, weights for some members and not for others, and a member named twice.
    """
    found = [_parse_member(piece.strip(), text) for piece in _pieces(text)]
    given = [weight for _, _, weight in found if weight is not None]
    if given and len(given) < len(found):
        raise InvalidInput(
            f"{text!r} gives a weight to {len(given)} of {len(found)} encoders; "
            "give one to each or to none"
        )
    named = [(name, layer) for name, layer, _ in found]
    if len(set(named)) < len(named):
        raise InvalidInput(f"{text!r} names one encoder twice; use weights instead")
    weights = given or [1.0] * len(found)
    total = math.fsum(weights)
    return Specification(
        tuple(
            Member(name, layer, weight / total)
            for (name, layer), weight in zip(named, weights, strict=True)
        )
    )


def _pieces(text: str) -> Iterator[str]:
    """The members' texts; a "+" inside a path is kept."""
    pieces = text.split("+")
    current = pieces[0]
    for piece in pieces[1:]:
        in_path = re.match(rf"\s*(?:{_WEIGHT})?(?:{ONNX}|{HUB})", current) is not None
        if in_path and not _MEMBER_START.match(piece):
            current += f"+{piece}"
        else:
            yield current
            current = piece
    yield current


def _parse_member(piece: str, text: str) -> tuple[str, str | None, float | None]:
    match = _MEMBER.fullmatch(piece)
    if match is None:
        raise InvalidInput(
            f"{text!r} is not an encoder; expected names joined by +, such as "
            "alexnet+efficientnet-lite0 or 0.4*alexnet+0.6*efficientnet-lite0"
        )
    name, layer = match["name"].strip(), match["layer"]
    weight = float(match["weight"].rstrip("* \t")) if match["weight"] else None
    if weight is not None and weight <= 0:
        raise InvalidInput(f"the weight {weight:g} of {name} is not above 0")
    if name not in RECIPES and not name.startswith((ONNX, HUB)):
        raise InvalidInput(f"there is no encoder {name!r}", remedy=_suggestion(name))
    return name, layer.strip() if layer else None, weight


def _suggestion(name: str) -> str:
    near = difflib.get_close_matches(name, RECIPES, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"{meant}known are {', '.join(RECIPES)}, onnx:PATH and hf:ORG/NAME"
