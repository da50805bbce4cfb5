"""Who may come in: signed URLs, API keys, public agents, allowed pages."""

from dataclasses import dataclass
from typing import Any

from starlette.websockets import WebSocket

from turnwise.agents.config import read_agent
from turnwise.base.errors import Error
from turnwise.gateway.handshake import allows_host, is_public
from turnwise.runtime.document import Circumstances, Course, Ending, document
from turnwise.runtime.record import Record
from turnwise.store import SignatureRejected, Signer, Store
from turnwise.wire import closing

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
    """The agent as stored; None: the client brings its own."""
    method: str = "public"
    """`authorization_method` of the record."""
    conversation_id: str | None = None
    """The id a single-use signature is for; None: any."""
    environment: str | None = None

    def refused(self, conversation_id: str, ending: closing.Ending, now: int) -> Json:
        """Return the record of a conversation that could not begin."""
        agent = self.document or {}
        about = Circumstances(
            conversation_id=conversation_id,
            agent_id=agent.get("agent_id", ""),
            agent_name=agent.get("name") or "",
            started_unix_secs=now,
            authorization_method=self.method,
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
        return document(about, Record(about.agent_id, {}), course)


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
        method, conversation_id = "public", None
        if signature:
            conversation_id = self._verify(signature, agent_id)
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
            method=method,
            conversation_id=conversation_id,
            environment=query.get("environment"),
        )

    def _verify(self, signature: str, agent_id: str) -> str | None:
        try:
            return self._signer.verify(signature, agent_id).conversation_id
        except SignatureRejected as rejected:
            raise Refused(closing.NOT_AUTHORIZED) from rejected


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
