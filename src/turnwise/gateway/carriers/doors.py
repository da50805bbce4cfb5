"""Who may come in by telephone, and what the call begins with.

A call that was announced (`register-call`) shows the token of its TwiML, once. Any other shows the
signature of a signed URL, an API key in a header, or Twilio's own signature; an agent for everybody
needs none of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from starlette.websockets import WebSocket

from turnwise.agents.config import read_agent
from turnwise.gateway.carriers.numbers import is_signed, number_of, signing_tokens
from turnwise.gateway.doors import Door, Refused
from turnwise.gateway.facts import PhoneCall
from turnwise.gateway.handshake import allows_host, is_public
from turnwise.gateway.telephone import spoken
from turnwise.runtime.choice import Wanted
from turnwise.runtime.initiation import Initiation, InitiationWebhook, Ringing
from turnwise.runtime.registered_calls import CallTaken, RegisteredCall, take
from turnwise.store import (
    AgentRecord,
    Grant,
    Record,
    SignatureRejected,
    Signer,
    Store,
    Transaction,
    Vault,
)
from turnwise.wire import closing
from turnwise.wire.carriers import StreamStarted
from turnwise.wire.client_messages import ConversationInitiationClientData, SourceInfo

Json = dict[str, Any]

_SOURCES: Mapping[str, str] = {"twilio": "twilio", "telnyx": "sip_trunk"}
"""What the record calls where a conversation comes from, by carrier."""
_VARIABLE = "var_"
"""Parameters that begin so are dynamic variables, as in the address of the talk page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calling:
    """A call at the door."""

    socket: WebSocket
    carrier: str
    start: StreamStarted

    @property
    def told(self) -> Json:
        """What the operator sent along: in the address, and as parameters, which count more."""
        return {**self.socket.query_params, **self.start.parameters}

    @property
    def token(self) -> str:
        """The signature that it shows; empty: none."""
        told = self.told
        return str(told.get("token") or told.get("conversation_signature") or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A call that may come in."""

    door: Door
    init: ConversationInitiationClientData


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierDoors:
    """Lets phone calls in, or not."""

    store: Store
    signer: Signer
    vault: Vault | None = None
    """Opens what was sealed of announced calls and of numbers; None: nothing was."""
    webhook: InitiationWebhook | None = None
    """Asks the agent's owner what a call begins with; None: nobody is asked."""
    public_url: str = ""
    """How carriers reach this server; empty: as they asked for it."""

    async def enter(self, calling: Calling) -> Admitted:
        """Return how a call came in, and what it begins with.

        Raises:
            Refused: If it may not come in.
        """
        told = calling.told
        agent_id = str(told.get("agent_id") or "") or await self._agent_of_number(calling)
        if not agent_id:
            raise _refused("The stream names no agent_id.")
        grant, method = await self._allowed(calling, agent_id)
        known = await self._announced(grant)
        conversation_id = grant.conversation_id or self.store.new_id("conv_")
        async with self.store.reading() as tx:
            record = await tx.agents.get(agent_id)
            phone = await self._phone(calling, known, tx)
        if record is None:
            raise Refused(closing.UNKNOWN_AGENT)
        stored: Json = {**record.document, "agent_id": agent_id}
        begun = Initiation(init=_init(calling, known))
        if known is None and self.webhook is not None:
            ringing = Ringing(
                conversation_id=conversation_id,
                agent_id=agent_id,
                caller_id=phone.caller_id,
                called_number=phone.called_number,
                call_sid=phone.call_sid,
            )
            begun = await self.webhook.ask(stored, ringing, begun.init)
        door = Door(
            document=stored,
            agent=record,
            wanted=Wanted(version_id=grant.version_id, branch_id=grant.branch_id),
            method=method,
            conversation_id=conversation_id,
            environment=grant.environment or told.get("environment"),
            phone=phone,
            warnings=() if begun.warning is None else (begun.warning,),
        )
        source = SourceInfo(source=_SOURCES[calling.carrier])
        init = spoken(begun.init).model_copy(update={"source_info": source})
        return Admitted(door=door, init=init)

    async def _agent_of_number(self, calling: Calling) -> str:
        """Return the agent that is assigned to the number that was called; empty: none is."""
        async with self.store.reading() as tx:
            number = await number_of(tx, _numbers(calling, None)[1])
        return (number.parent if number is not None else None) or ""

    async def _allowed(self, calling: Calling, agent_id: str) -> tuple[Grant, str]:
        """Return what a call may do, and how it showed that.

        Raises:
            Refused: If it showed nothing, or something that is not right.
        """
        if calling.token:
            try:
                return self.signer.verify(calling.token, agent_id), "signed_url"
            except SignatureRejected as rejected:
                raise Refused(closing.NOT_AUTHORIZED) from rejected
        async with self.store.reading() as tx:
            record: AgentRecord | None = await tx.agents.get(agent_id)
            if record is None:
                raise Refused(closing.UNKNOWN_AGENT)
            agent = read_agent(record.document)
            if is_public(agent) and allows_host(agent, calling.socket.headers.get("origin")):
                return Grant(agent_id=agent_id), "public"
            secret = _key(calling.socket)
            if secret and await tx.api_keys.verify(secret) is not None:
                return Grant(agent_id=agent_id), "authorization_header"
            signature = calling.socket.headers.get("x-twilio-signature", "")
            if signature and self.vault is not None:
                tokens = await signing_tokens(tx, self.vault)
                if is_signed(signature, self._urls(calling.socket), tokens):
                    return Grant(agent_id=agent_id), "authorization_header"
        raise Refused(closing.NOT_AUTHORIZED)

    async def _announced(self, grant: Grant) -> RegisteredCall | None:
        """Return the call that a token was made for; None: for none in particular.

        Raises:
            Refused: If the token was used before.
        """
        if grant.conversation_id is None or self.vault is None:
            return None
        async with self.store.writing() as tx:
            used = await tx.conversations.get(grant.conversation_id) is not None
            try:
                known = await take(tx, self.vault, grant.conversation_id)
            except CallTaken as taken:
                raise Refused(closing.NOT_AUTHORIZED) from taken
        if used:
            raise Refused(closing.NOT_AUTHORIZED)
        return known

    async def _phone(
        self, calling: Calling, known: RegisteredCall | None, tx: Transaction
    ) -> PhoneCall:
        person, agent, direction = _numbers(calling, known)
        number: Record | None = await number_of(tx, agent)
        start = calling.start
        record: Json = {
            "type": "twilio" if calling.carrier == "twilio" else "sip_trunking",
            "direction": direction,
            "phone_number_id": number.record_id if number is not None else "",
            "agent_number": agent,
            "external_number": person,
            "call_sid": start.call_id,
            "call_result": "answered",
        }
        if calling.carrier == "twilio":
            record["stream_sid"] = start.stream_id
        return PhoneCall(
            caller_id=person, called_number=agent, call_sid=start.call_id, record=record
        )

    def _urls(self, socket: WebSocket) -> list[str]:
        """Return how Twilio may have called this address."""
        base = self.public_url.rstrip("/") or f"{socket.url.scheme}://{socket.url.netloc}"
        host = base.partition("://")[2]
        query = f"?{socket.url.query}" if socket.url.query else ""
        prefix = "" if self.public_url else str(socket.scope.get("root_path", "")).rstrip("/")
        path = socket.scope["path"]
        schemes = ("wss", "https", "ws", "http")
        return [f"{scheme}://{host}{prefix}{path}{query}" for scheme in schemes]


def _numbers(calling: Calling, known: RegisteredCall | None) -> tuple[str, str, str]:
    """Return the number of the person, that of the agent, and the direction of the call."""
    if known is not None:
        caller, called, direction = known.from_number, known.to_number, known.direction
    else:
        told, start = calling.told, calling.start
        caller = start.caller or str(told.get("caller_id") or told.get("from") or "")
        called = start.called or str(told.get("called_number") or told.get("to") or "")
        direction = str(told.get("direction") or "")
    if direction == "outbound":
        return called, caller, direction
    return caller, called, "inbound"


def _init(calling: Calling, known: RegisteredCall | None) -> ConversationInitiationClientData:
    if known is not None:
        try:
            return ConversationInitiationClientData.model_validate(known.init)
        except ValidationError as error:
            raise _refused("The call was registered with data that is not as published.") from error
    told = calling.told
    variables = {
        name.removeprefix(_VARIABLE): value
        for name, value in told.items()
        if name.startswith(_VARIABLE)
    }
    return ConversationInitiationClientData(
        dynamic_variables=variables or None,
        user_id=told.get("user_id"),
        branch_id=told.get("branch_id"),
    )


def _key(socket: WebSocket) -> str:
    """Return the key that a carrier shows (Telnyx: `stream_auth_token`); empty: none."""
    authorization = socket.headers.get("authorization", "")
    if authorization[:7].lower() == "bearer ":
        return authorization[7:].strip()
    return socket.headers.get("xi-api-key", "")


def _refused(reason: str) -> Refused:
    return Refused(closing.Ending(closing.CONTRACT, reason, None, reason))
