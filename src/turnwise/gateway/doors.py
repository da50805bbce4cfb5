"""Who may come in: signed URLs, API keys, public agents, allowed pages."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.websockets import WebSocket

from turnwise.agents.config import Agent, read_agent
from turnwise.base.errors import Error
from turnwise.gateway.facts import NO_PHONE, PhoneCall
from turnwise.gateway.handshake import allows_host, is_public
from turnwise.runtime.choice import NoSuchVersion, Wanted, chosen
from turnwise.runtime.document import Circumstances, Course, Ending, document
from turnwise.runtime.record import Record
from turnwise.store import AgentRecord, Grant, SignatureRejected, Signer, Store
from turnwise.wire import closing
from turnwise.wire.client_messages import ConversationInitiationClientData
from turnwise.wire.errors import WireError

Json = dict[str, Any]


class Refused(Error):
    """The client may not come in."""

    code = "refused"

    def __init__(self, ending: closing.Ending) -> None:
        super().__init__(ending.termination_reason)
        self.ending = ending
        """How the socket is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How a client came in."""

    document: Json | None
    """The agent as stored on main; None: the client brings its own."""
    agent: AgentRecord | None = None
    """The same, as the store has it."""
    wanted: Wanted = field(default_factory=Wanted)
    """The version or branch that the address asks for."""
    method: str = "public"
    """`authorization_method` of the record."""
    conversation_id: str | None = None
    """The id a single-use signature is for; None: any."""
    environment: str | None = None
    phone: PhoneCall = NO_PHONE
    """The call of a carrier that it came in by."""
    warnings: tuple[str, ...] = ()
    """What went wrong on the way in and was survived, for the record."""

    def refused(self, conversation_id: str, ending: closing.Ending, now: int) -> Json:
        """Return the record of a conversation that could not begin."""
        agent = self.document or {}
        about = Circumstances(
            conversation_id=conversation_id,
            agent_id=agent.get("agent_id", ""),
            agent_name=agent.get("name") or "",
            started_unix_secs=now,
            authorization_method=self.method,
            phone_call=self.phone.record,
        )
        course = Course(
            duration_ms=0,
            status="failed",
            ending=Ending(
                termination_reason=ending.termination_reason,
                failed=True,
                error_code=ending.code,
                error_reason=ending.reason,
            ),
        )
        return document(about, Record(about.agent_id), course)


class Doors:
    """Lets clients in, or not."""

    def __init__(self, store: Store, signer: Signer) -> None:
        self._store = store
        self._signer = signer

    async def enter(self, socket: WebSocket) -> Door:
        """Return how a client came in.

        Raises:
            Refused: If it may not.
        """
        query = socket.query_params
        agent_id = query.get("agent_id")
        if not agent_id:
            return Door(document=None, environment=query.get("environment"))
        async with self._store.reading() as tx:
            record = await tx.agents.get(agent_id)
        if record is None:
            raise Refused(closing.UNKNOWN_AGENT)
        stored = {**record.document, "agent_id": agent_id}
        agent = read_agent(stored)
        signature = query.get("conversation_signature") or query.get("token")
        method, grant = "public", Grant(agent_id=agent_id)
        if signature and _is_shared(agent, signature):
            method = "shareable_link"
        elif signature:
            grant = self._verify(signature, agent_id)
            method = "signed_url"
        elif secret := _secret(socket):
            async with self._store.reading() as tx:
                key = await tx.api_keys.verify(secret)
            if key is None and not is_public(agent):
                raise Refused(closing.NOT_AUTHORIZED)
            method = "authorization_header" if key is not None else "public"
        elif not is_public(agent):
            raise Refused(closing.NOT_AUTHORIZED)
        origin = socket.headers.get("origin")
        if method == "public" and not allows_host(agent, origin):
            raise Refused(closing.host_refused(origin or "unknown"))
        return Door(
            document=stored,
            agent=record,
            wanted=_wanted(grant, query),
            method=method,
            conversation_id=grant.conversation_id,
            environment=query.get("environment"),
        )

    async def document(
        self, door: Door, init: ConversationInitiationClientData, conversation_id: str
    ) -> Json:
        """Return the agent that a client talks to, in the version that is meant for it.

        Args:
            door: How it came in, to a stored agent.
            init: Its first message, which may name a branch where the address does not.
            conversation_id: Decides where branches share the traffic and the user is unknown.

        Raises:
            WireError: If the agent has no such version or branch.
        """
        assert door.agent is not None, "an agent that is brought along has no versions"
        wanted = replace(
            door.wanted,
            branch_id=door.wanted.branch_id or init.branch_id,
            key=init.user_id or conversation_id,
        )
        try:
            async with self._store.reading() as tx:
                return await chosen(tx, door.agent, wanted)
        except NoSuchVersion as unknown:
            raise WireError(str(unknown), error_type="value_error") from unknown

    def _verify(self, signature: str, agent_id: str) -> Grant:
        try:
            return self._signer.verify(signature, agent_id)
        except SignatureRejected as rejected:
            raise Refused(closing.NOT_AUTHORIZED) from rejected


def _wanted(grant: Grant, query: Mapping[str, str]) -> Wanted:
    """Return what is asked for; where the signature says it, the rest of the address does not."""
    if grant.version_id or grant.branch_id:
        return Wanted(version_id=grant.version_id, branch_id=grant.branch_id)
    return Wanted(version_id=query.get("version_id"), branch_id=query.get("branch_id"))


def _is_shared(agent: Agent, token: str) -> bool:
    """Return whether a token is that of the agent's own link."""
    shared = agent.platform_settings.auth.shareable_token or ""
    return bool(shared) and hmac.compare_digest(
        shared.encode(errors="replace"), token.encode(errors="replace")
    )


def _secret(socket: WebSocket) -> str:
    """Return the key a client shows: a header, or a subprotocol `bearer.…`; empty: none."""
    if key := socket.headers.get("xi-api-key"):
        return key
    authorization = socket.headers.get("authorization", "")
    if authorization[:7].lower() == "bearer ":
        return authorization[7:].strip()
    for protocol in socket.scope.get("subprotocols") or []:
        if protocol.startswith("bearer."):
            return str(protocol.removeprefix("bearer."))
    return ""
