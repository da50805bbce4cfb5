"""One client's conversation, from the door to the close, whatever line carries it.

The first message sent is the metadata, once.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from turnwise.agents.config import DtmfInput, read_agent
from turnwise.audio.formats import AudioFormat
from turnwise.base.errors import Error
from turnwise.gateway.casting import Cast, House, Meeting
from turnwise.gateway.doors import Door, Doors, Refused
from turnwise.gateway.facts import NO_PHONE
from turnwise.gateway.handshake import Prepared, brought_along
from turnwise.gateway.keeping import Keeper, OpenCalls
from turnwise.gateway.line import First, Line, LineGone
from turnwise.gateway.live import LiveClient, Reader, without_secrets
from turnwise.gateway.telephone import on_the_phone
from turnwise.runtime.clock import SessionClock
from turnwise.runtime.document import Circumstances
from turnwise.runtime.phone import Phone
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

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """What calls are held with."""

    doors: Doors
    store: Store
    open_calls: OpenCalls
    blobs: Blobs
    minds: Minds
    sessions: Sessions
    house: House
    limits: Limits
    folder: Path
    """Where live conversations write their journal and sound."""
    lead_ms: int = 400
    messages_a_second: int = 200


@dataclass(slots=True)
class _Outcome:
    """What the reading side learned about the end."""

    closed_by_client: bool = False
    ending: closing.Ending | None = None


class Call:
    """One client's conversation."""

    def __init__(self, gateway: Gateway, line: Line, conversation_id: str = "") -> None:
        """Get ready.

        Args:
            gateway: What it is held with.
            line: What carries it.
            conversation_id: If the client knows it already; empty: the door says, or a new one.
        """
        self.id = conversation_id or gateway.store.new_id("conv_")
        self._gateway = gateway
        self._line = line
        self._clock = SessionClock()
        self._pings = PingClock()

    async def answer(self, enter: Callable[[], Awaitable[Door]]) -> None:
        """Hold the conversation and close the line.

        Args:
            enter: Returns how the client came in, or raises `Refused`.
        """
        try:
            # tools are finished in this group that run when the conversation is over
            async with asyncio.TaskGroup() as self._afterwards:
                ending = await self._hold(enter)
                if ending is not None:
                    await self._line.close(ending)
        except Exception:  # the edge of a conversation: our own fault ends this one, no other
            log.exception("a conversation crashed", extra={"conversation_id": self.id})
            await self._line.close(closing.crash())

    async def _hold(self, enter: Callable[[], Awaitable[Door]]) -> closing.Ending | None:
        """Hold the conversation; return how to close, or None if the client closed."""
        gateway = self._gateway
        try:
            gateway.sessions.check()  # before anything is done for it
            door = await enter()
        except AtCapacity:
            return closing.TOO_MANY
        except Refused as refused:
            return refused.ending
        self.id = door.conversation_id or self.id
        keeper = Keeper(gateway.open_calls, gateway.blobs, door, gateway.folder / self.id)
        try:
            first = await self._line.first()
            document = await self._agent(door, first)
            cast = Cast(gateway.house, self._meeting(door, first))
            prepared = _carried(await cast.first(document), self._line.audio_format)
        except LineGone:
            return None
        except Error as error:
            ending = closing.refusal(error)
            await keeper.refuse(self.id, ending, _unix_secs())
            return ending
        about = _circumstances(self.id, door, first, document, prepared)
        return await self._converse(keeper, first, about, prepared, cast)

    async def _agent(self, door: Door, first: First) -> dict[str, Any]:
        if first.enclave is not None:
            return brought_along(first.enclave, self.id)
        if door.document is None:
            raise WireError(
                "no agent_id in the address and no enclave_setup_config",
                error_type="missing_fields",
            )
        document = await self._gateway.doors.document(door, first.init, self.id)
        return document if door.phone is NO_PHONE else on_the_phone(document)

    def _meeting(self, door: Door, first: First) -> Meeting:
        return Meeting(
            conversation_id=self.id,
            init=first.init,
            environment=first.init.environment or door.environment,
            open_to_client=first.enclave is not None,
            phone=door.phone,
        )

    async def _converse(
        self, keeper: Keeper, first: First, about: Circumstances, prepared: Prepared, cast: Cast
    ) -> closing.Ending | None:
        self._line.send(
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
            self._line,
            translator,
            prepared.tools,
            cast.variables,
            prepared.output_format,
        )
        keeper.folder.mkdir(parents=True)
        session = Session(self._setup(keeper, about, prepared, cast, client), client)
        try:
            with self._gateway.sessions.hold(session, most_of_agent=prepared.most_at_once):
                await session.begin()  # before its id is sent: clients may ask for it at once
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
            sending = tasks.create_task(self._line.run())
            others = [
                tasks.create_task(self._read(reader, session, outcome)),
                tasks.create_task(self._give_up_when_nothing_comes(session, outcome)),
                tasks.create_task(self._ping()),
                tasks.create_task(self._cut_off_when_slow(session)),
            ]
            await session.run()
            for task in others:
                task.cancel()
            self._line.finish()
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
            await self._line.read(reader.take)
        except LineGone as gone:
            outcome.closed_by_client = True
            session.tell(HungUp(f"Client disconnected: {gone.close_code}"))
        except WireError as error:
            outcome.ending = closing.refusal(error)
            session.tell(HungUp(str(error)))

    async def _give_up_when_nothing_comes(self, session: Session, outcome: _Outcome) -> None:
        """End a conversation whose client is gone without a word: one timer, not one a message."""
        while (left := self._line.heard_at + NOTHING_S - time.monotonic()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(left)
        outcome.ending = closing.ending("transport_receive_timeout")
        session.tell(HungUp("transport_receive_timeout"))

    async def _ping(self) -> None:
        while True:
            self._line.send([self._pings.ping(self._clock.now())])
            await asyncio.sleep(PING_S)

    async def _cut_off_when_slow(self, session: Session) -> None:
        await self._line.too_slow.wait()
        session.tell(HungUp("The client does not read what it is sent."))

    def _setup(
        self,
        keeper: Keeper,
        about: Circumstances,
        prepared: Prepared,
        cast: Cast,
        client: LiveClient,
    ) -> Setup:
        toolkit = cast.toolkit(client.for_mcp())
        if about.phone_call is not None:
            phone = Phone(prepared.config.conversation.dtmf_input_settings or DtmfInput())
            client.use_phone(phone)
            toolkit = replace(toolkit, phone=phone)
        return Setup(
            about=about,
            persona=cast.persona(prepared),
            minds=self._gateway.minds,
            call_client=client.call,
            output_format=prepared.output_format,
            input_format=prepared.input_format,
            folder=keeper.folder,
            save=keeper.save,
            lead_ms=self._gateway.lead_ms,
            toolkit=toolkit,
            afterwards=self._afterwards,
            on_switch=lambda persona: client.use(persona.tools),
            on_score=client.score if client.wants_scores else None,
            overhear=client.overhear,
        )


def _circumstances(
    conversation_id: str, door: Door, first: First, document: dict[str, Any], prepared: Prepared
) -> Circumstances:
    agent = read_agent(document)
    source, persona = first.init.source_info, prepared.config.agent
    return Circumstances(
        conversation_id=conversation_id,
        agent_id=agent.agent_id,
        agent_name=agent.name,
        started_unix_secs=_unix_secs(),
        user_id=first.init.user_id,
        branch_id=document.get("branch_id"),
        version_id=document.get("version_id"),
        environment=first.init.environment or door.environment,
        text_only=prepared.policy.text_only,
        language=persona.language,
        timezone=persona.prompt.timezone,
        authorization_method=door.method,
        phone_call=door.phone.record,
        source=source.source if source is not None else None,
        source_version=source.version if source is not None else None,
        initiation=without_secrets(first.init.model_dump(mode="json", exclude_none=True)),
        warnings=(*door.warnings, *prepared.warnings),
    )


def _carried(prepared: Prepared, audio_format: AudioFormat | None) -> Prepared:
    """Return the same conversation with the sound in the form that the line carries."""
    if audio_format is None:
        return prepared
    return replace(prepared, input_format=audio_format, output_format=audio_format)


def _unix_secs() -> int:
    return int(time.time())  # noqa: TID251 - the wall clock is for the record
