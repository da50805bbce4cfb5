"""Who may come in by telephone, and what a call begins with."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.websockets import WebSocket
from typing_extensions import override

from turnwise.gateway.carriers.doors import Admitted, Calling, CarrierDoors
from turnwise.gateway.doors import Refused
from turnwise.gateway.telephone import on_the_phone
from turnwise.outgoing import Outgoing, Policy
from turnwise.runtime.initiation import Initiation, InitiationWebhook, Ringing
from turnwise.runtime.registered_calls import RegisteredCall, register
from turnwise.store import (
    Grant,
    Signer,
    Store,
    Vault,
    open_signer,
    open_store,
    open_vault,
)
from turnwise.wire import closing
from turnwise.wire.carriers import StreamStarted
from turnwise.wire.client_messages import ConversationInitiationClientData

pytestmark = pytest.mark.anyio

Json = dict[str, Any]

PERSON, NUMBER = "+15550001111", "+15552223333"
ACCOUNT = "what Twilio signs with"
PATH = "/v1/convai/telephony/twilio/stream"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class House:
    """A private agent, a public one, and the door to them."""

    def __init__(self, store: Store, signer: Signer, vault: Vault) -> None:
        self.store, self.signer, self.vault = store, signer, vault
        self.private = self.public = self.bound = ""
        self.webhook: InitiationWebhook | None = None

    async def furnish(self) -> None:
        async with self.store.writing() as tx:
            for name, auth in (("private", True), ("public", False)):
                document = {
                    "name": name,
                    "conversation_config": {},
                    "platform_settings": {"auth": {"enable_auth": auth}},
                }
                setattr(self, name, (await tx.agents.create(document)).agent_id)
            bound = {"require_origin_header": True, "allowlist": [{"hostname": "shop.example"}]}
            document = {"name": "bound", "platform_settings": {"auth": bound}}
            self.bound = (await tx.agents.create(document)).agent_id

    async def number(self, **more: Any) -> str:  # noqa: ANN401
        """Store a number of Twilio's and return its id."""
        sealed = self.vault.seal(json.dumps({"token": ACCOUNT}))
        document = {"phone_number": NUMBER, "label": "Main", "sid": "AC1", "sealed": sealed, **more}
        async with self.store.writing() as tx:
            made = await tx.records.create(
                "phone_number", document, prefix="phnum_", parent=self.public, label="twilio"
            )
        return made.record_id

    async def enter(
        self,
        parameters: Json | None = None,
        *,
        carrier: str = "twilio",
        query: Json | None = None,
        headers: Json | None = None,
        public_url: str = "",
        **start: str,
    ) -> Admitted:
        scope = {
            "type": "websocket",
            "scheme": "ws",
            "server": ("turnwise.example", 80),
            "path": PATH,
            "query_string": urlencode(query or {}).encode(),
            "headers": [(k.encode(), v.encode()) for k, v in (headers or {}).items()],
        }
        socket = WebSocket(scope, _none, _none)
        begun = StreamStarted(stream_id="MZ1", call_id="CA1", parameters=parameters or {}, **start)
        doors = CarrierDoors(
            store=self.store,
            signer=self.signer,
            vault=self.vault,
            webhook=self.webhook,
            public_url=public_url,
        )
        return await doors.enter(Calling(socket=socket, carrier=carrier, start=begun))

    def token(self, agent_id: str, conversation_id: str | None = None) -> str:
        return self.signer.sign(Grant(agent_id=agent_id, conversation_id=conversation_id))


async def _none(*_: object) -> Any:  # noqa: ANN401
    return {}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = await open_store(f"sqlite:///{tmp_path / 'test.db'}", tmp_path, fixed_key="sk_fixed")
    made = House(store, open_signer(tmp_path), open_vault(tmp_path))
    await made.furnish()
    yield made
    await store.close()


async def refusal(house: House, parameters: Json, **more: Any) -> tuple[int, str]:  # noqa: ANN401
    with pytest.raises(Refused) as refused:
        await house.enter(parameters, **more)
    return refused.value.ending.code, refused.value.ending.reason


# --- who may come in ----------------------------------------------------------------------------


async def test_who_may_call_an_agent_for_everybody(house: House) -> None:
    assert (await house.enter({"agent_id": house.public})).door.method == "public"
    assert (await house.enter(query={"agent_id": house.public})).door.method == "public"


async def test_who_may_not_call(house: House) -> None:
    refused = (3000, "Could not authorize the conversation.")
    private = {"agent_id": house.private}
    assert await refusal(house, private) == refused
    # for everybody, but on a page only: a telephone is none
    assert await refusal(house, {"agent_id": house.bound}) == refused
    other = house.token(house.public)
    for token in ("x", other, house.token(house.private) + "x"):
        assert await refusal(house, {**private, "token": token}) == refused
    # a token that is shown must be right, also where none is needed
    assert await refusal(house, {"agent_id": house.public, "token": "x"}) == refused
    for headers in ({"authorization": "Bearer x"}, {"xi-api-key": "x"}, {"authorization": "x"}):
        assert await refusal(house, private, headers=headers) == refused
    code, reason = await refusal(house, {"agent_id": "agent_none"})
    assert (code, "does not exist" in reason) == (3000, True)
    token = house.token("agent_none")
    assert (await refusal(house, {"agent_id": "agent_none", "token": token}))[0] == 3000
    assert await refusal(house, {}) == (1008, "The stream names no agent_id.")


@pytest.mark.parametrize("name", ["token", "conversation_signature"])
async def test_a_signed_url_opens_the_door(house: House, name: str) -> None:
    parameters = {"agent_id": house.private, name: house.token(house.private)}
    assert (await house.enter(parameters)).door.method == "signed_url"
    assert (await house.enter(query=parameters, carrier="telnyx")).door.method == "signed_url"


@pytest.mark.parametrize("header", ["authorization", "xi-api-key"])
async def test_a_key_opens_the_door(house: House, header: str) -> None:
    value = "Bearer sk_fixed" if header == "authorization" else "sk_fixed"
    found = await house.enter({"agent_id": house.private}, headers={header: value})
    assert found.door.method == "authorization_header"


def signature(url: str, token: str = ACCOUNT) -> str:
    made = hmac.new(token.encode(), url.encode(), hashlib.sha1)
    return base64.b64encode(made.digest()).decode()


@pytest.mark.parametrize(
    ("url", "public_url"),
    [
        (f"wss://turnwise.example{PATH}", ""),
        (f"https://turnwise.example{PATH}", ""),
        (f"wss://agents.example/tw{PATH}", "https://agents.example/tw/"),
    ],
)
async def test_twilios_own_signature_opens_the_door(
    house: House, url: str, public_url: str
) -> None:
    private = {"agent_id": house.private}
    headers = {"host": "turnwise.example", "x-twilio-signature": signature(url)}
    assert (await refusal(house, private, headers=headers))[0] == 3000  # no number is known
    await house.number()
    await house.number(sid="SK1")  # the secret of a key signs nothing
    found = await house.enter(private, headers=headers, public_url=public_url)
    assert found.door.method == "authorization_header"
    wrong = headers | {"x-twilio-signature": signature(url, "another")}
    assert (await refusal(house, private, headers=wrong, public_url=public_url))[0] == 3000


# --- calls that were announced ------------------------------------------------------------------


async def announced(house: House, conversation_id: str, **more: Any) -> Json:  # noqa: ANN401
    call = RegisteredCall(agent_id=house.private, from_number=PERSON, to_number=NUMBER, **more)
    async with house.store.writing() as tx:
        await register(tx, house.vault, conversation_id, call)
    token = house.token(house.private, conversation_id)
    return {"agent_id": house.private, "token": token}


async def test_an_announced_call_comes_in_once(house: House) -> None:
    parameters = await announced(house, "conv_1", init={"dynamic_variables": {"name": "Ann"}})
    found = await house.enter(parameters | {"from": "+1", "var_name": "Eve"})
    assert found.door.conversation_id == "conv_1"
    assert found.init.dynamic_variables == {"name": "Ann"}
    assert (found.door.phone.caller_id, found.door.phone.called_number) == (PERSON, NUMBER)
    assert (await refusal(house, parameters))[0] == 3000


async def test_an_announced_call_begins_as_published_or_not_at_all(house: House) -> None:
    parameters = await announced(house, "conv_1", init={"dynamic_variables": 5})
    assert (await refusal(house, parameters))[0] == 1008


async def test_a_token_for_one_conversation_works_once(house: House) -> None:
    token = house.token(house.private, "conv_2")
    parameters = {"agent_id": house.private, "token": token}
    door = (await house.enter(parameters)).door
    assert door.conversation_id == "conv_2"
    async with house.store.writing() as tx:
        await tx.conversations.begin(door.refused("conv_2", closing.TOO_MANY, 1))
    assert (await refusal(house, parameters))[0] == 3000


async def test_the_record_tells_the_call(house: House) -> None:
    number_id = await house.number()
    parameters = await announced(house, "conv_1", direction="outbound")
    # who calls is the agent: the person is at the other number
    found = (await house.enter(parameters)).door.phone
    assert found.record == {
        "type": "twilio",
        "direction": "outbound",
        "phone_number_id": "",
        "agent_number": PERSON,
        "external_number": NUMBER,
        "call_sid": "CA1",
        "stream_sid": "MZ1",
        "call_result": "answered",
    }
    told = {"agent_id": house.public, "caller_id": PERSON, "called_number": NUMBER}
    inbound = (await house.enter(told)).door.phone
    assert inbound.record is not None
    assert inbound.record["phone_number_id"] == number_id
    assert (inbound.caller_id, inbound.called_number, inbound.call_sid) == (PERSON, NUMBER, "CA1")


async def test_telnyx_says_itself_who_calls_whom(house: House) -> None:
    await house.number()
    # the number says which agent it is for
    found = await house.enter(carrier="telnyx", caller=PERSON, called=NUMBER)
    assert found.door.document is not None
    assert found.door.document["agent_id"] == house.public
    record = found.door.phone.record
    assert record is not None
    assert (record["type"], record["external_number"]) == ("sip_trunking", PERSON)
    assert "stream_sid" not in record
    assert found.init.source_info is not None
    assert found.init.source_info.source == "sip_trunk"


# --- what it begins with ------------------------------------------------------------------------


class Owner(InitiationWebhook):
    """The server of an agent's owner."""

    @override
    async def ask(
        self,
        document: Mapping[str, Any],
        ringing: Ringing,
        init: ConversationInitiationClientData,
        environment: str = "production",
    ) -> Initiation:
        told = {
            "id": ringing.conversation_id,
            "caller": ringing.caller_id,
            **(init.dynamic_variables or {}),
        }
        return Initiation(init=init.model_copy(update={"dynamic_variables": told}), warning="slow")


async def test_the_owner_is_asked_what_a_call_begins_with(house: House) -> None:
    outgoing = Outgoing(Policy())
    house.webhook = Owner(store=house.store, vault=house.vault, outgoing=outgoing)
    told = {"agent_id": house.public, "caller_id": PERSON, "var_name": "Ann"}
    found = await house.enter(told)
    conversation_id = found.door.conversation_id
    variables = {"id": conversation_id, "caller": PERSON, "name": "Ann"}
    assert found.init.dynamic_variables == variables
    assert found.door.warnings == ("slow",)
    announced_call = await house.enter(await announced(house, "conv_1"))
    assert announced_call.init.dynamic_variables is None
    await outgoing.aclose()


async def test_parameters_are_variables_user_and_branch(house: House) -> None:
    told = {"agent_id": house.public, "var_name": "Ann", "user_id": "u1", "environment": "staging"}
    found = await house.enter(told)
    assert found.init.dynamic_variables == {"name": "Ann"}
    assert found.init.user_id == "u1"
    assert found.door.environment == "staging"


async def test_a_telephone_takes_no_other_sound_and_no_text(house: House) -> None:
    override = {
        "conversation": {"text_only": True, "max_duration_seconds": 60},
        "tts": {"agent_output_audio_format": "pcm_16000"},
        "agent": {"language": "de"},
    }
    parameters = await announced(house, "conv_1", init={"conversation_config_override": override})
    found = await house.enter(parameters)
    assert found.init.override == {
        "conversation": {"max_duration_seconds": 60},
        "agent": {"language": "de"},
    }
    stored = {
        "conversation_config": {"conversation": {"text_only": True, "client_events": ["ping"]}}
    }
    assert on_the_phone(stored)["conversation_config"]["conversation"] == {
        "text_only": False,
        "client_events": ["audio", "interruption"],
    }
