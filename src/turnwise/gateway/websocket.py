"""The conversation socket, `/v1/convai/conversation`.

Every upgrade is accepted and a refusal told by error message and close code, because clients show
the reason of a close and nothing of a refused upgrade. The first message sent is the metadata,
once.
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from turnwise.agents.config import Agent, read_agent
from turnwise.base.errors import Error
from turnwise.gateway.connection import Connection
from turnwise.gateway.doors import Door, Doors, Refused
from turnwise.gateway.handshake import Installation, Prepared, brought_along, prepare
from turnwise.gateway.incoming import First, Incoming
from turnwise.gateway.keeping import Keeper
from turnwise.gateway.live import LiveClient, Reader, tool_kinds, without_secrets
from turnwise.providers.ports import ListeningOptions, VoiceOptions
from turnwise.runtime.clock import SessionClock
from turnwise.runtime.document import Circumstances
from turnwise.runtime.session import Minds, Session, Setup
from turnwise.runtime.sessions import AtCapacity, Sessions
from turnwise.store import Blobs, Store
from turnwise.turns.events import HungUp
from turnwise.wire import closing
from turnwise.wire.codec import Limits
from turnwise.wire.errors import WireError
from turnwise.wire.ping import PingClock
from turnwise.wire.server_messages import ConversationInitiationMetadata
from turnwise.wire.translate import Translator

PING_S = 5.0
"""Between pings. The hosted service names no interval; clients need one every 20 s or so."""
NOTHING_S = 60.0
"""Without a message for so long the client is gone (`transport_receive_timeout`)."""
LAST_WORDS_S = 5.0
"""How long a client may take to read what is in line when the conversation has ended."""
PROTOCOL = "convai"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """What the socket works with."""

    doors: Doors
    store: Store
    blobs: Blobs
    minds: Minds
    sessions: Sessions
    installation: Installation
    limits: Limits
    folder: Path
    """Where live conversations write their journal and sound."""
    lead_ms: int = 400
    messages_a_second: int = 200


class ConversationSocket:
    """Serves conversations."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def serve(self, socket: WebSocket) -> None:
        """Serve one client, from the upgrade to the close."""
        offered = socket.scope.get("subprotocols") or []
        await socket.accept(PROTOCOL if PROTOCOL in offered else None)
        connection = Connection(socket)
        call = _Call(self._gateway, socket, connection)
        try:
            ending = await call.hold()
        except Exception:  # the edge of a conversation: our own fault ends this one, no other
            log.exception("a conversation crashed", extra={"conversation_id": call.id})
            ending = closing.crash()
        if ending is not None:
            await connection.close(ending)


@dataclass(slots=True)
class _Outcome:
    """What the reading side learned about the end."""

    closed_by_client: bool = False
    ending: closing.Ending | None = None


class _Call:
    """One client's conversation."""

    def __init__(self, gateway: Gateway, socket: WebSocket, connection: Connection) -> None:
        self.id = gateway.store.new_id("conv_")
        self._gateway = gateway
        self._socket = socket
        self._connection = connection
        self._incoming = Incoming(socket, gateway.limits, gateway.messages_a_second)
        self._clock = SessionClock()
        self._pings = PingClock()

    async def hold(self) -> closing.Ending | None:
        """Hold the conversation; return how to close, or None if the client closed."""
        gateway = self._gateway
        try:
            door = await gateway.doors.enter(self._socket)
        except Refused as refused:
            return refused.ending
        self.id = door.conversation_id or self.id
        keeper = Keeper(gateway.store, gateway.blobs, door, gateway.folder / self.id)
        try:
            first = await self._incoming.first()
            document = self._agent(door, first)
            prepared = self._prepare(document, first)
        except WebSocketDisconnect:
            return None
        except Error as error:
            ending = closing.refusal(error)
            await keeper.refuse(self.id, ending, _unix_secs())
            return ending
        about = self._circumstances(door, first, read_agent(document), prepared)
        return await self._converse(keeper, first, about, prepared)

    def _agent(self, door: Door, first: First) -> dict[str, Any]:
        if first.enclave is not None:
            return brought_along(first.enclave, self.id)
        if door.document is None:
            raise WireError(
                "no agent_id in the address and no enclave_setup_config",
                error_type="missing_fields",
            )
        return door.document

    def _prepare(self, document: dict[str, Any], first: First) -> Prepared:
        system = {
            "system__conversation_id": self.id,
            "system__agent_id": document.get("agent_id", ""),
            "system__current_agent_id": document.get("agent_id", ""),
            "system__caller_id": "",
            "system__called_number": "",
            "system__call_duration_secs": 0,
            "system__time_utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        brought = first.enclave is not None
        installation = self._gateway.installation
        return prepare(document, first.init, system, installation, open_to_client=brought)

    async def _converse(
        self, keeper: Keeper, first: First, about: Circumstances, prepared: Prepared
    ) -> closing.Ending | None:
        self._connection.send(
            [
                ConversationInitiationMetadata(
                    conversation_id=self.id,
                    agent_output_audio_format=prepared.output_format.name,
                    user_input_audio_format=prepared.input_format.name,
                )
            ]
        )
        text_only = prepared.policy.text_only
        events = prepared.config.conversation.client_events
        translator = Translator(events, prepared.tools, text_only=text_only)
        client = LiveClient(
            self._connection,
            translator,
            prepared.tools,
            prepared.variables,
            prepared.output_format,
        )
        keeper.folder.mkdir(parents=True)
        session = Session(self._setup(keeper, about, prepared, client), client)
        try:
            with self._gateway.sessions.hold(session):
                return await self._run(session, client, first, keeper)
        except AtCapacity:
            keeper.folder.rmdir()
            return closing.TOO_MANY

    async def _run(
        self, session: Session, client: LiveClient, first: First, keeper: Keeper
    ) -> closing.Ending | None:
        reader = Reader(session, client, self._pings, self._clock)
        for message in first.early:
            reader.take(message)
        outcome = _Outcome()
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(self._connection.run())
            others = [
                tasks.create_task(self._read(reader, session, outcome)),
                tasks.create_task(self._give_up_when_nothing_comes(session, outcome)),
                tasks.create_task(self._ping()),
                tasks.create_task(self._cut_off_when_slow(session)),
            ]
            await session.run()
            for task in others:
                task.cancel()
            self._connection.finish()
            try:
                async with asyncio.timeout(LAST_WORDS_S):
                    await sending
            except TimeoutError:
                sending.cancel()
        ending = outcome.ending or closing.ending(session.end_reason)
        await keeper.finish(session, ending, closed_by_client=outcome.closed_by_client)
        return None if outcome.closed_by_client else ending

    async def _read(self, reader: Reader, session: Session, outcome: _Outcome) -> None:
        """Take in what the client sends until it is gone."""
        try:
            while True:
                reader.take(await self._incoming.receive())
        except WebSocketDisconnect as gone:
            outcome.closed_by_client = True
            session.tell(HungUp(f"Client disconnected: {gone.code}"))
        except WireError as error:
            outcome.ending = closing.refusal(error)
            session.tell(HungUp(str(error)))

    async def _give_up_when_nothing_comes(self, session: Session, outcome: _Outcome) -> None:
        """End a conversation whose client is gone without a word: one timer, not one a message."""
        while (left := self._incoming.heard_at + NOTHING_S - time.monotonic()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(left)
        outcome.ending = closing.ending("transport_receive_timeout")
        session.tell(HungUp("transport_receive_timeout"))

    async def _ping(self) -> None:
        while True:
            self._connection.send([self._pings.ping(self._clock.now())])
            await asyncio.sleep(PING_S)

    async def _cut_off_when_slow(self, session: Session) -> None:
        await self._connection.too_slow.wait()
        session.tell(HungUp("The client does not read what it is sent."))

    def _circumstances(
        self, door: Door, first: First, agent: Agent, prepared: Prepared
    ) -> Circumstances:
        source, persona = first.init.source_info, prepared.config.agent
        return Circumstances(
            conversation_id=self.id,
            agent_id=agent.agent_id,
            agent_name=agent.name,
            started_unix_secs=_unix_secs(),
            user_id=first.init.user_id,
            branch_id=first.init.branch_id,
            environment=first.init.environment or door.environment,
            text_only=prepared.policy.text_only,
            language=persona.language,
            timezone=persona.prompt.timezone,
            authorization_method=door.method,
            source=source.source if source is not None else None,
            source_version=source.version if source is not None else None,
            initiation=without_secrets(first.init.model_dump(mode="json", exclude_none=True)),
        )

    def _setup(
        self, keeper: Keeper, about: Circumstances, prepared: Prepared, client: LiveClient
    ) -> Setup:
        tts, asr = prepared.config.tts, prepared.config.asr
        return Setup(
            about=about,
            policy=prepared.policy,
            minds=self._gateway.minds,
            ask=prepared.brief.ask,
            ask_filler=prepared.brief.ask_filler,
            call_client=client.call,
            tool_kinds=tool_kinds(prepared.tools),
            voice=VoiceOptions(
                voice=tts.voice_id,
                language=about.language,
                speed=tts.speed,
                stability=tts.stability,
                similarity_boost=tts.similarity_boost,
            ),
            listening=ListeningOptions(language=about.language, keywords=tuple(asr.keywords)),
            output_format=prepared.output_format,
            input_format=prepared.input_format,
            folder=keeper.folder,
            save=keeper.save,
            lead_ms=self._gateway.lead_ms,
            on_score=client.score if client.wants_scores else None,
            overhear=client.overhear,
        )


def _unix_secs() -> int:
    return int(time.time())  # noqa: TID251 - the wall clock is for the record
