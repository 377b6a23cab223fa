"""What a token may do: read, teach, or everything."""

from __future__ import annotations

import re
from typing import Literal, get_args

Scope = Literal["read", "teach", "full"]

# Each may do what those before it may.
SCOPES: tuple[Scope, ...] = get_args(Scope)
READING = frozenset({"GET", "HEAD", "OPTIONS"})

# Posts that change nothing: a photograph fits in no address.
_ASKING = re.compile(r"/api/v1/(search|explain)")
_TEACHING = re.compile(r"/api/v1/(images/[0-9]+/boxes|triplets|questions/answers)")


def needed(method: str, path: str) -> Scope:
    """The least scope for a request; what is not listed here needs the fullest."""
    if method in READING or _ASKING.fullmatch(path):
        return "read"
    return "teach" if _TEACHING.fullmatch(path) else "full"


def covers(held: Scope, wanted: Scope) -> bool:
    """Whether a token of one scope may do what needs another."""
    return SCOPES.index(held) >= SCOPES.index(wanted)
