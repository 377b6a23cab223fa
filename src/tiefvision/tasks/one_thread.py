"""numpy's matrix products on one thread each, where work is shared out to threads by us."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Generator[None]:
    """For the length of the block, or of the function it decorates.

    The threads of one small product wait for each other by spinning: on two cores that others
    use too, a space was filled with three times the processor time (benchmarks/refill.py).
    """
    with threadpool_limits(limits=1, user_api="blas"):
        yield
