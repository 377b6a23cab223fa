"""The checker that the test run puts behind every annotation of the package.

jaxtyping's import hook names it; users of the package pay nothing.
"""

from __future__ import annotations

import warnings
from typing import TypeVar

from beartype import BeartypeConf, beartype
from beartype.roar import BeartypeDecorHintPep585DeprecationWarning

_Checked = TypeVar("_Checked")

# An int is good where a float is asked for, as type checkers have it.
_check = beartype(conf=BeartypeConf(is_pep484_tower=True))


def checked(function: _Checked) -> _Checked:
    """The function or class, its arguments and results checked at each call."""
    with warnings.catch_warnings():
        # Classes of SQLAlchemy are built on typing.Mapping.
        warnings.simplefilter("ignore", BeartypeDecorHintPep585DeprecationWarning)
        return _check(function)
