"""Whatever the API's own description allows, and much that it does not: nothing makes the server
fail, and every answer is as described (schemathesis)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from served import serving

from small_shop import SmallShop

pytestmark = [
    pytest.mark.slow,
    # The server's own threads draw random numbers while requests are made up.
    pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies"),
]

# Requests to each route; FUZZ=500 for a long night.
_EXAMPLES = int(os.environ.get("FUZZ", "40"))
_HOST = {"host": "127.0.0.1:8000"}
_CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]


@pytest.fixture(scope="module")
def described(
    drawn_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BaseSchema]:
    own = SmallShop(tmp_path_factory.mktemp("fuzz"))
    shutil.copytree(drawn_shop.catalogue, own.catalogue)
    with serving(own) as served:
        yield schemathesis.openapi.from_asgi("/openapi.json", served.client.app, headers=_HOST)


def test_every_answer_is_as_described(described: BaseSchema) -> None:
    faults: list[str] = []
    asked = 0
    for operation in described.get_all_operations():
        own = operation.ok()
        fault = _fault(own.as_strategy())
        asked += 1
        if fault:
            faults.append(f"{own.method.upper()} {own.path}: {fault}")
    assert asked > 30
    assert not faults, "\n\n".join(faults)


def _fault(cases: SearchStrategy[Case]) -> str:
    """What a route does wrong at one of many requests; empty where it never does."""

    @given(case=cases)
    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Case) -> None:
        case.call_and_validate(checks=_CHECKS, headers=_HOST)

    try:
        ask()
    except BaseExceptionGroup as group:  # of what schemathesis' checks found
        return "; ".join(f"{type(each).__name__}: {each}" for each in group.exceptions)
    return ""
