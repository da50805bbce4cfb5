"""`@elevenlabs/elevenlabs-js`, unmodified: it throws at an answer that lacks a required field."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import HTMLResponse

from acceptance.callers import Caller
from acceptance.conftest import JS, MakeHouse
from acceptance.house import KEY, LIMIT_S, House, agent
from acceptance.tool_service import ToolService
from api.api_kit import operation_of
from turnwise.api.app import implemented

pytestmark = pytest.mark.acceptance

Json = dict[str, Any]

GREETING = "We sell sunflowers."
REFUSED = {
    "GET /v1/convai/conversations/resolve",
    "GET /v1/convai/test-invocations/{test_invocation_id}",
    "POST /v1/convai/test-invocations/{test_invocation_id}/cancel",
}
"""Operations on what no client can make here: their answer is that it is not there."""


@pytest.fixture
def shop(make_house: MakeHouse) -> House:
    """A server of its own that may fetch pages of this machine."""
    return make_house(ALLOWED_HOSTS="127.0.0.1")


@pytest.fixture
def web() -> Iterator[ToolService]:
    with ToolService().serve() as service:
        yield service


def spoken_with(house: House, agent_id: str) -> str:
    """Hold a conversation with sound and return its id."""
    with Caller(house.socket_url(agent_id)) as caller:
        conversation_id = caller.conversation_id
        caller.wait_for_quiet()
    house.ended(conversation_id)
    return conversation_id


def had_by(package: Path) -> set[str]:
    """The implemented operations that the SDK has, by their names in the contract."""
    known = {_plain(*key.split()): key for key in implemented()}
    told = re.compile(r'handleNonStatusCodeError\)\(.*, "(\w+)", "(/[^"]+)"\)')
    clients = package.joinpath("api", "resources").rglob("client/Client.js")
    found = {
        _plain(*match)
        for client in clients
        for match in told.findall(client.read_text(encoding="utf-8"))
    }
    return {known[each] for each in found & known.keys()}


def _plain(method: str, path: str) -> str:
    return f"{method} {re.sub(r'{[^}]*}|:[^/]+', '*', path)}"


def test_every_method_of_the_sdk_that_is_served_works(
    node_packages: Path, shop: House, web: ToolService, tmp_path: Path
) -> None:
    agent_id = shop.create(agent(first_message=GREETING))
    page = HTMLResponse("<title>The shop</title><p>Open all day")
    order = {
        "url": shop.url,
        "key": KEY,
        "page": web.on("/shop", lambda _: page),
        "mcp": web.on("/mcp", status=500),
        "agent": agent_id,
        "conversation": spoken_with(shop, agent_id),
    }
    file = tmp_path / "order.json"
    file.write_text(json.dumps(order))
    done = subprocess.run(
        ["node", "rest.mjs", str(file)],
        cwd=JS,
        check=False,
        capture_output=True,
        timeout=4 * LIMIT_S,
    )
    assert done.returncode == 0, done.stderr.decode()
    log: Json = json.loads(done.stdout)
    assert not log["failures"], "\n".join(f"{name}: {why}" for name, why in log["failures"].items())
    answers = [
        (operation_of(call["method"], call["path"]), call["status"]) for call in log["calls"]
    ]
    answered = {operation for operation, status in answers if status < 300}
    refused = {operation for operation, status in answers if status == 404}
    had = had_by(node_packages / "@elevenlabs" / "elevenlabs-js")
    assert len(had) > 150
    assert had - answered == REFUSED
    assert refused >= REFUSED
    assert shop.faults() == ""
