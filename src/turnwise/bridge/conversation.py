"""The agent's side: a client of the conversation socket, without the platform's own SDK."""

import logging
from typing import Any, Protocol

import orjson
import pybase64
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from turnwise import __version__
from turnwise.audio.formats import AudioFormat, encode, parse_format
from turnwise.audio.frames import SampleJoiner
from turnwise.audio.resample import Resampler
from turnwise.base.errors import FormatError
from turnwise.bridge.actor import FORMAT
from turnwise.bridge.toolbox import Answer, Toolbox
from turnwise.wire.client_messages import (
    ClientMessage,
    ClientToolResult,
    ConversationInitiationClientData,
    Pong,
    SourceInfo,
    UserAudioChunk,
)
from turnwise.wire.codec import encode as encode_message

Json = dict[str, Any]

log = logging.getLogger(__name__)


class Ear(Protocol):
    """Who hears the agent."""

    def play(self, data: bytes) -> None:
        """Hear sound in the format of the channel."""

    def interrupt(self) -> None:
        """Hear no more of what was not heard yet."""


class _Line:
    """Sound of one direction, from one format to another."""

    def __init__(self, source: AudioFormat, target: AudioFormat) -> None:
        self._joiner = SampleJoiner(source)
        self._resampler = Resampler(source.rate_hz, target.rate_hz)
        self._target = target

    def push(self, data: bytes) -> bytes:
        return encode(self._resampler.push(self._joiner.push(data)), self._target)

    def reset(self) -> None:
        self._joiner.reset()
        self._resampler.flush()


class Conversation:
    """One conversation with an agent."""

    def __init__(self, socket: ClientConnection, ear: Ear, toolbox: Toolbox) -> None:
        self.failure = ""
        """What the server said went wrong."""
        self._socket = socket
        self._ear = ear
        self._toolbox = toolbox
        self._incoming: _Line | None = None
        self._outgoing: _Line | None = None
        self._interrupted = 0

    async def begin(self) -> None:
        """Send the first message."""
        source = SourceInfo(source="turnwise_bridge", version=__version__)
        await self._send(ConversationInitiationClientData(source_info=source))

    async def listen(self) -> None:
        """Take in what the agent sends, until its side is closed."""
        async for text in self._socket:
            try:
                message = orjson.loads(text)
                await self._take(str(message["type"]), message)
            except (ValueError, KeyError, TypeError, FormatError) as error:
                log.warning("a message of the agent was not understood: %s", type(error).__name__)

    async def say(self, data: bytes) -> None:
        """Send the caller's sound; before the agent has said how it hears, there is nobody."""
        if self._outgoing is not None and (sound := self._outgoing.push(data)):
            await self._send(UserAudioChunk(sound))

    async def _take(self, kind: str, message: Json) -> None:
        match kind:
            case "conversation_initiation_metadata":
                self._agree(message["conversation_initiation_metadata_event"])
            case "audio":
                self._hear(message["audio_event"])
            case "interruption":
                self._interrupted = int(message["interruption_event"]["event_id"])
                self._ear.interrupt()
                if self._incoming is not None:
                    self._incoming.reset()
            case "ping":
                await self._send(Pong(event_id=message["ping_event"]["event_id"]))
            case "client_tool_call":
                self._call(message["client_tool_call"])
            case "error":
                event = message.get("error_event") or {}
                self.failure = str(event.get("message") or event.get("error_type") or "error")
            case _:
                pass

    def _agree(self, event: Json) -> None:
        output = parse_format(event["agent_output_audio_format"])
        heard = parse_format(event.get("user_input_audio_format") or "pcm_16000")
        log.info("conversation %s begins", event.get("conversation_id"))
        self._incoming, self._outgoing = _Line(output, FORMAT), _Line(FORMAT, heard)

    def _hear(self, event: Json) -> None:
        if self._incoming is None or int(event["event_id"]) <= self._interrupted:
            return  # of a turn that is over
        if sound := self._incoming.push(pybase64.b64decode(event["audio_base_64"])):
            self._ear.play(sound)

    def _call(self, call: Json) -> None:
        name, number = str(call["tool_name"]), str(call["tool_call_id"])
        parameters = call.get("parameters") or {}

        async def answer(found: Answer) -> None:
            await self._send(
                ClientToolResult(tool_call_id=number, result=found.text, is_error=found.failed)
            )

        self._toolbox.start(name, parameters, answer)

    async def _send(self, message: ClientMessage) -> None:
        try:
            await self._socket.send(encode_message(message))
        except ConnectionClosed:
            return  # `listen` notices it too
