"""One conversation as its client holds it: the published protocol, and what it tells the display.

Times are seconds of the event loop's clock.
"""

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from turnwise.audio.formats import AudioFormat, encode, parse_format
from turnwise.audio.frames import SampleJoiner
from turnwise.audio.pcm import Pcm
from turnwise.base.errors import ConfigError
from turnwise.cli.talk_display import Display
from turnwise.cli.talk_sound import Speaker
from turnwise.wire.client_messages import (
    ClientMessage,
    ClientToolResult,
    ConversationInitiationClientData,
    Pong,
    SourceInfo,
    UserAudioChunk,
    UserMessage,
)
from turnwise.wire.codec import Limits, decode_server
from turnwise.wire.codec import encode as encode_message
from turnwise.wire.errors import WireError
from turnwise.wire.server_messages import (
    AgentChatResponsePart,
    AgentResponse,
    AgentResponseComplete,
    AgentResponseCorrection,
    Audio,
    ConversationInitiationMetadata,
    ErrorMessage,
    Interruption,
    Ping,
    TentativeUserTranscript,
    UserTranscript,
)
from turnwise.wire.tool_messages import AgentToolResponse, ClientToolCall

CLIENT_EVENTS = (
    "conversation_initiation_metadata",
    "ping",
    "audio",
    "interruption",
    "user_transcript",
    "tentative_user_transcript",
    "agent_response",
    "agent_response_correction",
    "agent_response_complete",
    "agent_chat_response_part",
    "agent_tool_response",
    "client_tool_call",
)
"""What the server is asked to tell."""
FRAME_BYTES = 16 * 1024 * 1024
"""As much as the official Python client takes."""
_OPEN_S = 15.0
_QUIET_S = 3.0
"""A reply of which nothing comes for so long is over, where a server does not say that it is."""
_HELD_UP_S = 20.0
"""The same where it does: a tool may take its time in the middle of a reply."""


class Course:
    """What has happened so far, and whether the user's turn was answered."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin with nothing."""
        self.conversation_id = ""
        self.failure = ""
        """What the server said before it closed with an error; empty: all is well."""
        self.latencies_s: list[float] = []
        """From the end of each turn of the user to the first sign of the reply."""
        self.playing_s: Callable[[], float] = lambda: 0.0
        """Tells how much of the agent's sound is still to be heard."""
        self._clock = clock
        self._news = asyncio.Event()
        self._asked_at: float | None = None  # None: nobody waits for an answer
        self._begun_at = -1.0
        self._reply = 0  # number of the newest; 0: there was none
        self._over = True
        self._tells_ends = False  # whether this server says when a reply is over

    def asks(self, at: float | None) -> None:
        """Take in that the user's turn ended at a time; None: the user goes on."""
        self._asked_at = at

    def begin_reply(self, number: int) -> float | None:
        """Take in a sign of a reply; return how long the user waited if it is the first one."""
        if number <= self._reply:
            return None
        now = self._clock()
        self._reply, self._over, self._begun_at = number, False, now
        latency_s = None if self._asked_at is None else now - self._asked_at
        self._asked_at = None
        if latency_s is not None:
            self.latencies_s.append(latency_s)
        return latency_s

    def end_reply(self, number: int, *, told: bool) -> None:
        """Take in that a reply is over: the server told so, or it was interrupted."""
        self._tells_ends |= told
        if number >= self._reply:
            self._over = True

    def notice(self) -> None:
        """Take in that something came."""
        self._news.set()

    async def answered(self, since: float, wait_s: float, rest_s: float = 0.0) -> bool:
        """Return True when a reply that began after `since` is over and nothing followed it.

        Args:
            since: When the user's turn ended.
            wait_s: How long a reply may take to begin.
            rest_s: How long nothing must follow.

        Returns:
            False: none began in time.
        """
        while True:
            self._news.clear()
            if self._begun_at < since:
                left_s = since + wait_s - self._clock()
                if left_s <= 0:
                    return False
            elif self._over:
                left_s = rest_s
            else:
                left_s = self.playing_s() + (_HELD_UP_S if self._tells_ends else _QUIET_S)
            try:
                async with asyncio.timeout(left_s):
                    await self._news.wait()
            except TimeoutError:
                if self._begun_at >= since:
                    self._over = True
                    return True


class Call:
    """A conversation. Open it with `async with`; then `hold` it."""

    def __init__(self, address: str, display: Display, *, text_only: bool) -> None:
        self._clock = asyncio.get_running_loop().time
        self.course = Course(self._clock)
        self.input_format: AudioFormat = parse_format("pcm_16000")
        self.output_format: AudioFormat = parse_format("pcm_16000")
        self._address = address
        self._display = display
        self._text_only = text_only
        self._joiner = SampleJoiner(self.output_format)
        self._socket: ClientConnection | None = None
        self._play: Callable[[Pcm], None] = lambda _: None
        self._drop: Callable[[], None] = lambda: None

    async def __aenter__(self) -> Self:
        """Connect, and wait for the server's first message.

        Raises:
            ConfigError: If the server cannot be reached, or refuses.
        """
        local = urlsplit(self._address).hostname in {"127.0.0.1", "localhost", "::1"}
        try:
            self._socket = await connect(
                self._address,
                max_size=FRAME_BYTES,
                compression=None,
                open_timeout=_OPEN_S,
                proxy=None if local else True,
            )
        except (OSError, InvalidHandshake, InvalidURI) as error:
            raise ConfigError(f"the conversation socket cannot be reached: {error}") from error
        await self._send(_first_message(text_only=self._text_only))
        try:
            await self._metadata()
        except BaseException:
            await self._hang_up()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close politely."""
        await self._hang_up()

    def let_hear(self, speaker: Speaker) -> None:
        """Send the agent's sound to a speaker from now on."""
        self._play, self._drop = speaker.play, speaker.drop
        self.course.playing_s = speaker.left_s

    async def hold(self, user: Coroutine[Any, Any, str]) -> str:
        """Let the user act until either side has enough; return how it ended, one clause.

        Args:
            user: Acts for the user; returns why the user ends the conversation.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                acting = tasks.create_task(user)
                listening = tasks.create_task(self._listen())
                await asyncio.wait({acting, listening}, return_when=asyncio.FIRST_COMPLETED)
                if acting.done():
                    await self._hang_up()
                acting.cancel()
        except ExceptionGroup as failures:
            raise _first(failures) from failures
        return acting.result() if not acting.cancelled() else self._how_it_ended()

    async def say(self, text: str) -> None:
        """Send a typed turn."""
        self.course.asks(self._clock())
        await self._send(UserMessage(text=text))

    async def send_sound(self, samples: Pcm) -> None:
        """Send the user's sound, int16 mono, shape (n,), at the rate of `input_format`."""
        await self._send(UserAudioChunk(encode(samples, self.input_format)))

    async def _metadata(self) -> None:
        assert self._socket is not None
        try:
            async with asyncio.timeout(_OPEN_S):
                while True:
                    message = _read(await self._socket.recv())
                    self._take(message)
                    if isinstance(message, ConversationInitiationMetadata):
                        return
        except ConnectionClosed as closed:
            reason = self.course.failure or self._socket.close_reason or str(closed)
            raise ConfigError(f"the server refuses the conversation: {reason}") from closed
        except TimeoutError as error:
            raise ConfigError("the server does not begin the conversation") from error

    async def _listen(self) -> None:
        assert self._socket is not None
        try:
            async for text in self._socket:
                message = _read(text)
                self._take(message)
                if (answer := _answer(message)) is not None:
                    await self._send(answer)
        except ConnectionClosed:
            return

    def _take(self, message: object) -> None:
        match message:
            case ConversationInitiationMetadata():
                self._begin(message)
            case Interruption(event_id=number):
                self._interrupted(number)
            case AgentResponseComplete(event_id=number):
                self._end_reply(number, told=True)
            case AgentResponseCorrection(corrected_agent_response=text):
                self._display.corrected(text)
            case TentativeUserTranscript(user_transcript=text):
                self._display.tentative(text)
            case UserTranscript(user_transcript=text):
                self._display.user_said(text)
            case AgentToolResponse(tool_name=name):
                self._display.tool(name)
            case ErrorMessage(message=text, error_type=kind):
                self.course.failure = text or kind or ""
            case _:
                self._take_reply(message)
        self.course.notice()

    def _take_reply(self, message: object) -> None:
        match message:
            case Audio(event_id=number, audio=audio):
                self._begin_reply(number)
                self._play(self._joiner.push(audio))
            case AgentChatResponsePart(text=text, part="delta", event_id=number):
                if self._text_only and text:
                    self._begin_reply(number)
                    self._display.agent_writes(text)
            case AgentResponse(agent_response=text, event_id=number):
                if self._text_only:
                    self._begin_reply(number)
                self._display.agent_said(text)
            case _:
                pass

    def _interrupted(self, number: int) -> None:
        self._drop()
        self._joiner.reset()
        self._end_reply(number, told=False)
        self._display.interrupted()

    def _begin(self, metadata: ConversationInitiationMetadata) -> None:
        self.course.conversation_id = metadata.conversation_id
        self.input_format = parse_format(metadata.user_input_audio_format)
        self.output_format = parse_format(metadata.agent_output_audio_format)
        self._joiner = SampleJoiner(self.output_format)

    def _begin_reply(self, number: int) -> None:
        """Take in a sign of a reply: its sound, or its words in text."""
        latency_s = self.course.begin_reply(number)
        if latency_s is not None:
            self._display.answered(latency_s)

    def _end_reply(self, number: int, *, told: bool) -> None:
        self.course.end_reply(number, told=told)
        self._display.agent_finished()

    async def _send(self, message: ClientMessage) -> None:
        assert self._socket is not None
        try:
            await self._socket.send(encode_message(message))
        except ConnectionClosed:
            return  # `_listen` notices it too

    async def _hang_up(self) -> None:
        if self._socket is not None:
            await self._socket.close(1000, "User ended conversation")

    def _how_it_ended(self) -> str:
        assert self._socket is not None
        code, reason = self._socket.close_code, self._socket.close_reason
        if code == 1000 and not self.course.failure:
            return "the agent ended the conversation"
        self.course.failure = self.course.failure or reason or "the connection broke"
        return f"the server ended the conversation: {self.course.failure} ({code})"


def _first_message(*, text_only: bool) -> ConversationInitiationClientData:
    # text_only at the top needs no permission of the agent's owner, as the Python SDK sends it
    override: dict[str, Any] = {"conversation": {"client_events": list(CLIENT_EVENTS)}}
    if text_only:
        override["text_only"] = True
    return ConversationInitiationClientData(
        conversation_config_override=override,
        source_info=SourceInfo(source="turnwise_talk"),
    )


def _first(failure: Exception) -> Exception:
    while isinstance(failure, ExceptionGroup):
        failure = failure.exceptions[0]
    return failure


def _read(text: str | bytes) -> object:
    try:
        return decode_server(text, Limits(frame_bytes=FRAME_BYTES))
    except WireError:
        return None  # a newer server may say what we cannot read; the rest still counts


def _answer(message: object) -> ClientMessage | None:
    match message:
        case Ping(event_id=number):
            return Pong(event_id=number)
        case ClientToolCall(tool_name=name, tool_call_id=call):
            result = f"Tool '{name}' is not registered"
            return ClientToolResult(tool_call_id=call, result=result, is_error=True)
        case _:
            return None
