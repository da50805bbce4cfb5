"""The conversation socket, `/v1/convai/conversation`.

Every upgrade is accepted and a refusal told by error message and close code, because clients show
the reason of a close and nothing of a refused upgrade. The first message sent is the metadata,
once.
"""

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from turnwise.agents.config import Agent, read_agent
from turnwise.base.errors import Error
from turnwise.gateway.connection import Connection
from turnwise.gateway.doors import Door, Doors, Refused
from turnwise.gateway.handshake import Installation, Prepared, brought_along, prepare
from turnwise.gateway.live import LiveClient, Reader, tool_kinds, without_secrets
from turnwise.providers.ports import ListeningOptions, VoiceOptions
from turnwise.runtime.clock import SessionClock
from turnwise.runtime.document import Circumstances, Ending
from turnwise.runtime.session import Minds, Session, Setup
from turnwise.runtime.sessions import AtCapacity, Sessions
from turnwise.store import Blobs, Store, journal_key, recording_key
from turnwise.turns.events import Event, HungUp, Transcribed
from turnwise.wire import closing
from turnwise.wire.client_messages import (
    ClientMessage,
    ConversationInitiationClientData,
    EnclaveSetupConfig,
)
from turnwise.wire.codec import Limits, decode
from turnwise.wire.errors import WireError
from turnwise.wire.ping import PingClock
from turnwise.wire.server_messages import ConversationInitiationMetadata
from turnwise.wire.translate import Translator

GRACE_S = 1.0
"""Wait for the client's first message; without one the conversation begins anyway."""
PING_S = 5.0
"""Between pings. The hosted service names no interval; clients need one every 20 s or so."""
NOTHING_S = 60.0
"""Without a message for so long the client is gone (`transport_receive_timeout`)."""
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


@dataclass(slots=True)
class _First:
    """What a client sent before the conversation began."""

    init: ConversationInitiationClientData = field(default_factory=ConversationInitiationClientData)
    enclave: EnclaveSetupConfig | None = None
    early: list[ClientMessage] = field(default_factory=list)
    """Sound that came before the metadata was sent."""


class ConversationSocket:
    """Serves conversations."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def serve(self, socket: WebSocket) -> None:
        """Serve one client, from the upgrade to the close."""
        offered = socket.scope.get("subprotocols") or []
        await socket.accept(PROTOCOL if PROTOCOL in offered else None)
        connection = Connection(socket)
        conversation_id = self._gateway.store.new_id("conv_")
        try:
            ending = await _Call(self._gateway, socket, connection, conversation_id).hold()
        except Exception:  # the edge of a conversation: our own fault ends this one, no other
            log.exception("a conversation crashed", extra={"conversation_id": conversation_id})
            ending = closing.crash()
        if ending is not None:
            await connection.close(ending)


class _Call:
    """One client's conversation."""

    def __init__(
        self, gateway: Gateway, socket: WebSocket, connection: Connection, conversation_id: str
    ) -> None:
        self._gateway = gateway
        self._socket = socket
        self._connection = connection
        self._id = conversation_id
        self._clock = SessionClock()
        self._pings = PingClock()
        self._recent: deque[float] = deque(maxlen=gateway.messages_a_second)

    async def hold(self) -> closing.Ending | None:
        """Hold the conversation; return how to close, or None if the client closed."""
        try:
            door = await self._gateway.doors.enter(self._socket)
        except Refused as refused:
            return refused.ending
        self._id = door.conversation_id or self._id
        try:
            first = await self._first_messages()
            document = self._agent(door, first)
            prepared = self._prepare(document, first)
        except WebSocketDisconnect:
            return None
        except Error as error:
            ending = closing.refusal(error)
            await self._record_refusal(door, ending)
            return ending
        return await self._converse(door, first, read_agent(document), prepared)

    async def _first_messages(self) -> _First:
        """Wait for the init message; sound that comes before it is kept."""
        first = _First()
        try:
            async with asyncio.timeout(GRACE_S):
                while True:
                    message = await self._receive()
                    match message:
                        case ConversationInitiationClientData():
                            first.init = message
                            return first
                        case EnclaveSetupConfig():
                            first.enclave = message
                        case _:
                            first.early.append(message)
        except TimeoutError:
            return first

    async def _receive(self) -> ClientMessage:
        """Return the client's next message.

        Raises:
            WireError: If it is malformed, or there are too many of them.
            WebSocketDisconnect: If the client is gone.
        """
        received = await self._socket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", 1006), received.get("reason"))
        now = time.monotonic()
        full = len(self._recent) == self._recent.maxlen
        if full and now - self._recent[0] < 1:
            limit = self._gateway.messages_a_second
            raise WireError(f"more than {limit} messages a second", error_type="value_error")
        self._recent.append(now)
        text = received.get("text")
        return decode(received["bytes"] if text is None else text, self._gateway.limits)

    def _agent(self, door: Door, first: _First) -> dict[str, Any]:
        if first.enclave is not None:
            return brought_along(first.enclave, self._id)
        if door.document is None:
            raise WireError(
                "no agent_id in the address and no enclave_setup_config",
                error_type="missing_fields",
            )
        return door.document

    def _prepare(self, document: dict[str, Any], first: _First) -> Prepared:
        system = {
            "system__conversation_id": self._id,
            "system__agent_id": document.get("agent_id", ""),
            "system__current_agent_id": document.get("agent_id", ""),
            "system__caller_id": "",
            "system__called_number": "",
            "system__call_duration_secs": 0,
            "system__time_utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        return prepare(
            document,
            first.init,
            system,
            self._gateway.installation,
            open_to_client=first.enclave is not None,
        )

    async def _converse(
        self, door: Door, first: _First, agent: Agent, prepared: Prepared
    ) -> closing.Ending | None:
        self._connection.send(
            [
                ConversationInitiationMetadata(
                    conversation_id=self._id,
                    agent_output_audio_format=prepared.output_format.name,
                    user_input_audio_format=prepared.input_format.name,
                )
            ]
        )
        folder = self._gateway.folder / self._id
        folder.mkdir(parents=True)
        translator = Translator(
            prepared.config.conversation.client_events,
            prepared.tools,
            text_only=prepared.policy.text_only,
        )
        client = LiveClient(
            self._connection,
            translator,
            prepared.tools,
            prepared.variables,
            prepared.output_format,
        )
        session = Session(self._setup(door, first, agent, prepared, client, folder), client)
        try:
            with self._gateway.sessions.hold(session):
                return await self._run(session, first)
        except AtCapacity:
            return closing.TOO_MANY

    async def _run(self, session: Session, first: _First) -> closing.Ending | None:
        reader = Reader(session, self._pings, self._clock, lambda _: None)
        for message in first.early:
            reader.take(message)
        outcome = _Outcome()
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(self._connection.run())
            others = [
                tasks.create_task(self._read(reader, session, outcome)),
                tasks.create_task(self._ping()),
                tasks.create_task(self._cut_off_when_slow(session)),
            ]
            await session.run()
            for task in others:
                task.cancel()
            self._connection.finish()
            try:
                async with asyncio.timeout(5):
                    await sending
            except TimeoutError:
                sending.cancel()
        ending = outcome.ending or closing.ending(session.end_reason)
        await self._keep(session, outcome, ending)
        return None if outcome.closed_by_client else ending

    async def _read(self, reader: Reader, session: Session, outcome: "_Outcome") -> None:
        """Take in what the client sends until it is gone."""
        try:
            while True:
                async with asyncio.timeout(NOTHING_S):
                    message = await self._receive()
                reader.take(message)
        except WebSocketDisconnect as gone:
            outcome.closed_by_client = True
            reader.gone(gone.code)
        except WireError as error:
            outcome.ending = closing.refusal(error)
            session.tell(HungUp(str(error)))
        except TimeoutError:
            outcome.ending = closing.ending("transport_receive_timeout")
            session.tell(HungUp("transport_receive_timeout"))

    async def _ping(self) -> None:
        while True:
            self._connection.send([self._pings.ping(self._clock.now())])
            await asyncio.sleep(PING_S)

    async def _cut_off_when_slow(self, session: Session) -> None:
        await self._connection.too_slow.wait()
        session.tell(HungUp("The client does not read what it is sent."))

    def _setup(
        self,
        door: Door,
        first: _First,
        agent: Agent,
        prepared: Prepared,
        client: LiveClient,
        folder: Path,
    ) -> Setup:
        tts, asr, persona = prepared.config.tts, prepared.config.asr, prepared.config.agent
        source = first.init.source_info
        about = Circumstances(
            conversation_id=self._id,
            agent_id=agent.agent_id,
            agent_name=agent.name,
            started_unix_secs=int(time.time()),  # noqa: TID251 - the wall clock is for the record
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

        async def save(document: dict[str, Any]) -> None:
            await self._save(door, document)

        def overhear(event: Event) -> None:
            if isinstance(event, Transcribed):
                client.overhear(event)

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
                language=persona.language,
                speed=tts.speed,
                stability=tts.stability,
                similarity_boost=tts.similarity_boost,
            ),
            listening=ListeningOptions(language=persona.language, keywords=tuple(asr.keywords)),
            output_format=prepared.output_format,
            input_format=prepared.input_format,
            folder=folder,
            save=save,
            lead_ms=self._gateway.lead_ms,
            on_score=client.score,
            overhear=overhear,
        )

    async def _save(self, door: Door, document: dict[str, Any]) -> None:
        if door.document is None:
            return  # an agent that the client brought along: nothing of it is stored here
        async with self._gateway.store.writing() as tx:
            if not await tx.conversations.save(document):
                await tx.conversations.begin(document)

    async def _keep(self, session: Session, outcome: "_Outcome", ending: closing.Ending) -> None:
        """Store the final record, the recording and the journal."""
        folder = self._gateway.folder / self._id
        reason = session.end_reason if outcome.closed_by_client else ending.termination_reason
        failed = ending.error is not None and ending.code != closing.NORMAL
        wav = await session.finish(
            Ending(
                termination_reason=reason,
                failed=failed and not outcome.closed_by_client,
                error_code=ending.code,
                error_reason=ending.reason,
            )
        )
        files = [(journal_key(self._id), folder / "journal.jsonl")]
        if wav is not None:
            files.append((recording_key(self._id), wav))
        for key, path in files:
            await self._gateway.blobs.put(key, await asyncio.to_thread(path.read_bytes))
            path.unlink()
        folder.rmdir()

    async def _record_refusal(self, door: Door, ending: closing.Ending) -> None:
        """Store that a conversation could not begin, and why."""
        if door.document is None:
            return
        document = door.refused(self._id, ending, int(time.time()))  # noqa: TID251 - for the record
        async with self._gateway.store.writing() as tx:
            await tx.conversations.begin(document)


@dataclass(slots=True)
class _Outcome:
    """What the reading side learned about the end."""

    closed_by_client: bool = False
    ending: closing.Ending | None = None
