"""The error tree: drawn at its top, each class with a status and an exit code."""

from __future__ import annotations

import re

from tiefvision import errors
from tiefvision.errors import TiefVisionError


def subclasses(base: type[TiefVisionError]) -> list[type[TiefVisionError]]:
    return [base, *(deeper for child in base.__subclasses__() for deeper in subclasses(child))]


def test_the_drawn_tree_is_the_real_one() -> None:
    drawn = re.findall(r"(\w+)\s+(\d{3})\s+exit (\d)", errors.__doc__ or "")
    real = [(c.__name__, str(c.status), str(c.exit_code)) for c in subclasses(TiefVisionError)]
    assert sorted(drawn) == sorted(real)


def test_an_error_says_what_to_do_next() -> None:
    error = errors.NotFound("there is no catalogue in shop", remedy="tiefvision index PHOTOS")
    assert str(error) == "there is no catalogue in shop; tiefvision index PHOTOS"
    assert str(errors.InvalidInput("k is 0")) == "k is 0"
