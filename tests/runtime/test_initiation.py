"""What an owner's own server says of a call, over a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from outgoing.serving_rig import served
from turnwise.outgoing import Limits, Outgoing, Policy
from turnwise.runtime import initiation
from turnwise.runtime.configured import variable_id
from turnwise.runtime.initiation import Initiation, InitiationWebhook, Ringing
from turnwise.store import Store, open_store, open_vault
from turnwise.wire.client_messages import ConversationInitiationClientData as Init

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
WEBHOOK = "conversation_initiation_client_data_webhook"
RINGING = Ringing(
    conversation_id="conv_1",
    agent_id="agent_1",
    caller_id="+4712345678",
    called_number="+4787654321",
    call_sid="CA1",
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Owner:
    """The owner's server: what it got, and what it answers."""

    def __init__(self) -> None:
        self.got: list[tuple[Json, dict[str, str]]] = []
        self.answer: Callable[[], Response] = lambda: JSONResponse({})
        self.delay_s = 0.0

    async def respond(self, request: Request) -> Response:
        self.got.append((json.loads(await request.body()), dict(request.headers)))
        await asyncio.sleep(self.delay_s)
        return self.answer()


class Rig:
    def __init__(self, webhook: InitiationWebhook, owner: Owner, url: str) -> None:
        self.webhook = webhook
        self.owner = owner
        self.url = url

    def document(self, *, enabled: bool = True, own: bool = True, **webhook: object) -> Json:
        settings = {"url": self.url, "request_headers": {}, **webhook}
        switch = {"enable_conversation_initiation_client_data_from_webhook": enabled}
        return {
            "agent_id": "agent_1",
            "platform_settings": {
                "overrides": switch,
                "workspace_overrides": {WEBHOOK: settings if own else None},
            },
        }

    async def ask(self, document: Json | None = None, **init: object) -> Initiation:
        first = Init.model_validate(init)
        return await self.webhook.ask(document or self.document(), RINGING, first, "staging")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = await open_store(f"sqlite:///{tmp_path / 'test.db'}", tmp_path)
    yield made
    await made.close()


@pytest.fixture
async def rig(store: Store, tmp_path: Path) -> AsyncIterator[Rig]:
    owner = Owner()
    app = Starlette(routes=[Route("/hook", owner.respond, methods=["POST"])])
    outgoing = Outgoing(Policy(allow_private=True))
    async with served(app) as url:
        vault = open_vault(tmp_path)
        webhook = InitiationWebhook(store=store, vault=vault, outgoing=outgoing)
        yield Rig(webhook, owner, f"{url}/hook")
        await outgoing.aclose()


async def test_the_published_question_is_asked_with_the_owners_headers(
    rig: Rig, store: Store, tmp_path: Path
) -> None:
    sealed = open_vault(tmp_path).seal("hush")
    values = {"production": "north", "staging": "south"}
    async with store.writing() as tx:
        await tx.records.create("secret", {"sealed": sealed}, record_id="secret_1")
        document = {"label": "region", "type": "string", "values": values}
        await tx.records.create("environment_variable", document, record_id=variable_id("region"))
    headers = {
        "X-Plain": "as it is",
        "X-Key": {"secret_id": "secret_1"},
        "X-Region": {"env_var_label": "region"},
    }
    asked = await rig.ask(rig.document(request_headers=headers))
    assert asked.warning is None
    [(body, sent)] = rig.owner.got
    assert body == {
        "caller_id": "+4712345678",
        "agent_id": "agent_1",
        "called_number": "+4787654321",
        "call_sid": "CA1",
        "conversation_id": "conv_1",
    }
    assert sent["content-type"] == "application/json"
    assert (sent["x-plain"], sent["x-key"], sent["x-region"]) == ("as it is", "hush", "south")


async def test_the_answer_goes_before_what_was_known(rig: Rig) -> None:
    rig.owner.answer = lambda: JSONResponse(
        {
            "type": "conversation_initiation_client_data",
            "dynamic_variables": {"name": "Ada"},
            "conversation_config_override": {"agent": {"language": "es"}},
            "user_id": "u2",
            "environment": None,
        }
    )
    asked = await rig.ask(
        dynamic_variables={"name": "nobody", "town": "Oslo"},
        user_id="u1",
        environment="staging",
        branch_id="agtbrch_1",
    )
    assert asked.warning is None
    init = asked.init
    assert init.dynamic_variables == {"name": "Ada", "town": "Oslo"}
    assert init.override == {"agent": {"language": "es"}}
    assert (init.user_id, init.environment, init.branch_id) == ("u2", "staging", "agtbrch_1")


async def test_the_webhook_of_the_workspace_stands_in(rig: Rig, store: Store) -> None:
    document = rig.document(own=False)
    await rig.ask(document)
    assert rig.owner.got == []
    settings = {WEBHOOK: {"url": rig.url, "request_headers": {}}}
    async with store.writing() as tx:
        await tx.records.create("settings", settings, record_id="only")
    await rig.ask(document)
    assert len(rig.owner.got) == 1


async def test_an_agent_that_does_not_want_it_is_not_asked_for(rig: Rig) -> None:
    asked = await rig.ask(rig.document(enabled=False), user_id="u1")
    assert (asked.init.user_id, asked.warning, rig.owner.got) == ("u1", None, [])


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Response("no", 500), "HTTP 500"),
        (Response("", 302, {"Location": "/elsewhere"}), "HTTP 302"),
        (Response("not JSON"), "no JSON"),
        (JSONResponse([]), "an object of type"),
        (JSONResponse({"type": "user_message"}), "an object of type"),
        (JSONResponse({"dynamic_variables": "name"}), "dynamic_variables"),
        (Response("x" * 300_000), "larger than 262144 bytes"),
    ],
)
async def test_an_answer_that_is_none_stops_no_call(
    rig: Rig, answer: Response, reason: str
) -> None:
    rig.owner.answer = lambda: answer
    asked = await rig.ask(user_id="u1")
    assert asked.init.user_id == "u1"
    assert asked.warning is not None
    assert reason in asked.warning


async def test_a_server_that_takes_too_long_is_not_waited_for(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert initiation.LIMITS.seconds == 10
    monkeypatch.setattr(initiation, "LIMITS", Limits(seconds=0.05))
    rig.owner.delay_s = 5
    asked = await rig.ask()
    assert asked.warning is not None
    assert "within 0.05 s" in asked.warning


@pytest.mark.parametrize(
    ("webhook", "reason"),
    [
        ({"url": "http://example.com/hook"}, "https://"),
        ({"url": "ftp://127.0.0.1/hook"}, "https://"),
        ({"url": "http://[/hook"}, "https://"),
        ({"url": "https://127.0.0.1/hook"}, "must not lead"),
        ({"request_headers": {"X": {"secret_id": "gone"}}}, "gone"),
    ],
)
async def test_a_webhook_that_cannot_be_asked_stops_no_call(
    rig: Rig, store: Store, webhook: Json, reason: str
) -> None:
    strict = InitiationWebhook(store=store, vault=None, outgoing=Outgoing(Policy()))
    asked = await strict.ask(
        rig.document(**{"url": "https://example.com", **webhook}), RINGING, Init()
    )
    assert asked.warning is not None
    assert reason in asked.warning
    assert rig.owner.got == []
