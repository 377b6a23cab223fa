"""Seeded random numbers that stay the same for ever.

Geometry and attributes may not move when a library changes its streams, so they come from
`random.Random.random()`, the one method whose sequence Python promises to keep for a seed
(https://docs.python.org/3/library/random.html#notes-on-reproducibility).
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

Option = TypeVar("Option")

# Bytes of the key's sha256 that make the seed.
_SEED_BYTES = 16


class Dice:
    """A stream of random choices that depends on nothing but its key."""

    __slots__ = ("_key", "_random")

    def __init__(self, *key: str | int) -> None:
        self._key = key
        text = "/".join(str(part) for part in key)
        digest = hashlib.sha256(text.encode()).digest()
        self._random = random.Random(int.from_bytes(digest[:_SEED_BYTES], "big"))

    def split(self, *key: str | int) -> Dice:
        """Another stream, named below this one; how far this one was read does not matter."""
        return Dice(*self._key, *key)

    def between(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * self._random.random()

    def whole(self, low: int, high: int) -> int:
        """A whole number in [low, high], both included."""
        return low + int((high - low + 1) * self._random.random())

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return self._random.random() < probability

    def pick(self, options: Sequence[Option]) -> Option:
        """One of the options, each as likely as the others."""
        return options[int(len(options) * self._random.random())]

    def shuffled(self, options: Sequence[Option]) -> list[Option]:
        """The options in random order (Fisher and Yates)."""
        order = list(options)
        for last in range(len(order) - 1, 0, -1):
            other = int((last + 1) * self._random.random())
            order[last], order[other] = order[other], order[last]
        return order
