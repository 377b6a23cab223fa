"""The numbers that demo geometry stands on."""

from __future__ import annotations

import hashlib
import random

from tiefvision.demo.dice import Dice


def test_stream_is_the_mersenne_twister_of_the_keys_sha256() -> None:
    seed = int.from_bytes(hashlib.sha256(b"1/2016/shot").digest()[:16], "big")
    twister = random.Random(seed)
    dice = Dice(1, 2016, "shot")
    assert [dice.between(0, 1) for _ in range(5)] == [twister.random() for _ in range(5)]


def test_a_split_stream_does_not_depend_on_how_far_its_parent_was_read() -> None:
    fresh, read = Dice("a"), Dice("a")
    for _ in range(10):
        read.between(0, 1)
    assert fresh.split("b").between(0, 1) == read.split("b").between(0, 1)
    assert fresh.split("b").between(0, 1) == Dice("a", "b").between(0, 1)


def test_whole_numbers_reach_both_ends_and_nothing_beyond() -> None:
    dice = Dice("whole")
    assert {dice.whole(2, 5) for _ in range(200)} == {2, 3, 4, 5}


def test_shuffling_keeps_every_option_once_and_reaches_every_order() -> None:
    dice = Dice("shuffle")
    orders = {tuple(dice.shuffled((1, 2, 3))) for _ in range(200)}
    assert orders == {(1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)}
