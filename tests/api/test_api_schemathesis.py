"""The server survives what its own document allows and what it forbids: by Schemathesis.

A longer hunt, with other requests every time:

    TURNWISE_HUNT=200 pytest tests/api/test_api_schemathesis.py
"""

import os
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode

from api.api_kit import KEY
from api.api_seeds import Known, names_in_paths, planted
from api.conftest import served
from turnwise.api.app import implemented
from turnwise.contract import load
from turnwise.contract.openapi import document
from turnwise.outgoing import Outgoing, Policy

HUNT = int(os.environ.get("TURNWISE_HUNT", "0"))
EXAMPLES = HUNT or 2
"""Requests for each operation and mode."""
Published = APIOperation[Any, Any, Any, Any]
DOCUMENT = document(load(), implemented(), title="Turnwise", version="0")
OFFERED = load().operations
FIXED = {"token_type", "resource_type"}
"""Parameters of paths that are no ids."""
UNMADE = {"test_invocation_id"}
"""Ids of what no client can make here."""
ONCE = settings(
    max_examples=EXAMPLES,
    derandomize=not HUNT,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink] if HUNT else [Phase.generate],
    suppress_health_check=list(HealthCheck),
)


async def _nowhere(_host: str, _port: int) -> Sequence[str]:
    """Every name leads to this machine, where no URL may lead."""
    return ["127.0.0.1"]


def _unseen(_operation: str, _status: int) -> None:
    """What is thrown here shows of no operation that it works."""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    outgoing = Outgoing(Policy(), resolve=_nowhere)
    with served(tmp_path, outgoing=outgoing, observe=_unseen) as found:
        yield found


@pytest.fixture
def known(url: str) -> Known:
    with httpx.Client(base_url=url, headers={"xi-api-key": KEY}, timeout=60) as http:
        return planted(http)


def pointed(value: Any, known: Known) -> Any:  # noqa: ANN401 - any JSON
    """A body whose references lead to things that are there."""
    if isinstance(value, list):
        return [pointed(each, known) for each in value]
    if not isinstance(value, dict):
        return value
    result: dict[str, Any] = {}
    for name, part in value.items():
        ids = known.get(name.removesuffix("s"))
        if ids and isinstance(part, str):
            result[name] = ids[0]
        elif ids and isinstance(part, list):
            result[name] = list(ids)
        else:
            result[name] = pointed(part, known)
    return result


def hunt(operation: Published, known: Known, url: str) -> None:
    for mode in GenerationMode:

        @ONCE
        @given(operation.as_strategy(generation_mode=mode), st.randoms(use_true_random=False))
        def survives(case: Case[Any], chance: Any) -> None:  # noqa: ANN401 - Hypothesis's own
            for name in case.path_parameters or {}:
                if name in known and chance.random() < 0.8:
                    case.path_parameters[name] = chance.choice(known[name])
            if chance.random() < 0.5:
                case.body = pointed(case.body, known)
                case.query = pointed(case.query, known)
            answer = case.call(base_url=url, headers={"xi-api-key": KEY}, timeout=60)
            assert answer.status_code < 500 or answer.status_code == 501, (
                f"{answer.status_code} {answer.text}\n{case.as_curl_command()}"
            )

        survives()


def by_resource() -> list[tuple[str, list[str]]]:
    """Names of operations by resource; what deletes comes last."""
    ordered = sorted(
        implemented(),
        key=lambda key: (OFFERED[key].resource, OFFERED[key].method == "DELETE", key),
    )
    return [
        (name, list(of)) for name, of in groupby(ordered, key=lambda key: OFFERED[key].resource)
    ]


@pytest.fixture(scope="module")
def operations() -> dict[str, Published]:
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    return {key: schema[OFFERED[key].path][OFFERED[key].method] for key in implemented()}


@pytest.mark.parametrize("keys", [pytest.param(keys, id=name) for name, keys in by_resource()])
def test_no_request_breaks_the_server(
    url: str,
    known: Known,
    operations: dict[str, Published],
    keys: list[str],
    subtests: pytest.Subtests,
) -> None:
    for key in keys:
        with subtests.test(key):
            hunt(operations[key], known, url)


def test_there_is_something_for_every_path(known: Known) -> None:
    unknown = names_in_paths(implemented()) - known.keys()
    assert unknown <= FIXED | UNMADE, "api_seeds.py should plant something with such an id"
