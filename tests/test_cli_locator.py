"""`tiefvision train locator`: what may be chosen, as people type it."""

from __future__ import annotations

from typing import get_args

import pytest
from typer.testing import CliRunner

from tiefvision.cli.teaching import train
from tiefvision.maths.merge_rules import Merge


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--windows", "4"], "windows of 4 cells were asked for"),
        (["--windows", "many"], "--windows many is no list of numbers"),
        (["--windows", "3.5"], "--windows 3.5 is no list of numbers"),
        (["--pyramid", "9"], "a pyramid of 9 times the size was asked for"),
        (["--pyramid", "2,2"], "different numbers above 1"),
    ],
)
def test_a_choice_that_cannot_be_had_says_what_can(given: list[str], message: str) -> None:
    done = CliRunner().invoke(train, ["locator", *given])
    assert done.exit_code != 0
    assert message in " ".join(done.output.split())
    assert "--windows 3,5,7" in done.output or "--pyramid 2" in done.output


def test_every_rule_of_merging_is_named_in_the_help() -> None:
    done = CliRunner().invoke(train, ["locator", "--help"], env={"COLUMNS": "200"})
    for rule in get_args(Merge):
        assert rule in done.output
    unknown = CliRunner().invoke(train, ["locator", "--merge", "mode"])
    assert unknown.exit_code != 0 and "own-side" in unknown.output
