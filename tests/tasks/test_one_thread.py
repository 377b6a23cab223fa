"""Matrix products on one thread each, for as long as asked."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from tiefvision.tasks.one_thread import one_thread


def _threads() -> set[int]:
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


def test_products_use_one_thread_inside_the_block_and_as_many_as_before_after_it() -> None:
    assert np.ones((2, 2)) @ np.ones(2) is not None  # the library is loaded
    with threadpool_limits(limits=2, user_api="blas"):
        before = _threads()
        if before != {2}:
            pytest.skip("numpy's matrix products cannot use two threads here")
        with one_thread():
            assert _threads() == {1}
        assert _threads() == before


def test_a_decorated_function_that_fails_gives_the_threads_back() -> None:
    @one_thread()
    def fails() -> None:
        raise ValueError("inside")

    before = _threads()
    with pytest.raises(ValueError, match="inside"):
        fails()
    assert _threads() == before
