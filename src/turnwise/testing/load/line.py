"""One call on a real socket: opened, held and closed; a timer drives its caller."""

import asyncio
import time
from collections.abc import Callable
from random import Random
from typing import Any

import orjson
from picows import (
    WSCloseCode,
    WSError,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    ws_connect,
)
from typing_extensions import override

from turnwise.audio.formats import AudioFormat, parse_format
from turnwise.base.errors import FormatError
from turnwise.testing.load.beats import Beats
from turnwise.testing.load.caller import Speaker, Writer
from turnwise.testing.load.plan import Plan
from turnwise.testing.load.speech import Utterance
from turnwise.testing.load.tally import Tally

OPEN_S = 15.0
"""How long a server may take until the conversation begins."""
CLIENT_EVENTS = (
    "conversation_initiation_metadata",
    "ping",
    "audio",
    "interruption",
    "agent_response",
    "agent_response_complete",
)
"""What the server is asked to tell."""
TEXT_EVENTS = (*CLIENT_EVENTS, "agent_chat_response_part")
"""The same in writing: words as they are written."""
_BODIES = {
    "audio": "audio_event",
    "interruption": "interruption_event",
    "ping": "ping_event",
    "agent_response": "agent_response_event",
    "agent_response_complete": "agent_response_complete_event",
    "agent_chat_response_part": "text_response_part",
    "conversation_initiation_metadata": "conversation_initiation_metadata_event",
}
_FRAME_BYTES = 16 * 1024 * 1024

Cut = Callable[[AudioFormat], Utterance]
"""Cuts what is said into messages of a form."""


class Line(WSListener):
    """What the socket's events lead to."""

    def __init__(self, plan: Plan, tally: Tally, rng: Random, cut: Cut) -> None:
        """Describe it.

        Args:
            plan: What users do.
            tally: Where figures go.
            rng: Varies the pauses.
            cut: Cuts what is said.
        """
        self.over = asyncio.get_running_loop().create_future()
        """Done when the socket is closed."""
        self._plan = plan
        self._tally = tally
        self._rng = rng
        self._cut = cut
        self._began_at = self._open_at = time.monotonic()
        self._transport: WSTransport | None = None
        self._caller: Speaker | Writer | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._parts = b""
        self._leaves = False

    @override
    def on_ws_connected(self, transport: WSTransport) -> None:
        """Send the first message."""
        self._transport = transport
        self._open_at = time.monotonic()
        events = TEXT_EVENTS if self._plan.text else CLIENT_EVENTS
        override: dict[str, Any] = {"conversation": {"client_events": events}}
        if self._plan.text:
            override["text_only"] = True
        message = {
            "type": "conversation_initiation_client_data",
            "conversation_config_override": override,
            "source_info": {"source": "turnwise_bench"},
        }
        transport.send(WSMsgType.TEXT, orjson.dumps(message))
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(OPEN_S, self._fail, "the conversation did not begin in time")

    @override
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take in a message."""
        if frame.msg_type == WSMsgType.CLOSE:
            self._closed(frame.get_payload_as_bytes())
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
        elif frame.msg_type in {WSMsgType.TEXT, WSMsgType.CONTINUATION}:
            self._parts += frame.get_payload_as_bytes()
            if frame.fin:
                text, self._parts = self._parts, b""
                self._take(text)

    @override
    def on_ws_disconnected(self, _: WSTransport) -> None:
        """Take in that the socket is gone."""
        if not self._leaves:
            self._fail("the connection broke")
        if self._timer is not None:
            self._timer.cancel()
        if not self.over.done():
            self.over.set_result(None)

    def hang_up(self) -> None:
        """End the call as a user does. Harmless a second time."""
        if self._leaves or self._transport is None:
            return
        self._leaves = True
        if self._timer is not None:
            self._timer.cancel()
        if self._caller is not None:
            self._caller.finish(time.monotonic())
        self._transport.send_close(WSCloseCode.OK, b"User ended conversation")
        self._transport.disconnect(graceful=True)

    def _take(self, text: bytes) -> None:
        now = time.monotonic()
        try:
            message = orjson.loads(text)
            kind = message["type"]
            body = message.get(_BODIES.get(kind, ""), {})
        except (ValueError, TypeError, KeyError, AttributeError):
            self._tally.errors["a message could not be read"] += 1
            return
        if self._caller is not None:
            self._caller.answer(kind, body, now)
        elif kind == "conversation_initiation_metadata":
            self._begin(body, now)

    def _begin(self, metadata: dict[str, Any], now: float) -> None:
        self._tally.openings_ms.append((now - self._began_at) * 1000)
        assert self._timer is not None
        self._timer.cancel()
        try:
            heard = parse_format(metadata["user_input_audio_format"])
            spoken = parse_format(metadata["agent_output_audio_format"])
        except (KeyError, FormatError) as error:
            self._fail(f"the metadata cannot be used: {error}")
            return
        about = (self._plan, self._tally, self._send, self._open_at, self._rng)
        self._caller = (
            Writer(*about) if self._plan.text else Speaker(*about, self._cut(heard), spoken)
        )

    def tick(self, due: float) -> None:
        """Let the user act at a time, if the conversation has begun."""
        if self._caller is not None and not self._leaves:
            self._caller.tick(due)

    def _send(self, message: bytes) -> None:
        assert self._transport is not None
        self._transport.send(WSMsgType.TEXT, message)

    def _closed(self, payload: bytes) -> None:
        if self._leaves:
            return
        begun = "ended" if self._caller is not None else "refused"
        code, reason = int.from_bytes(payload[:2], "big"), payload[2:].decode(errors="replace")
        self._fail(f"{begun} by the server: {code} {reason[:80]}".rstrip())

    def _fail(self, why: str) -> None:
        """Note that the call ended in another way than the user wanted."""
        self._leaves = True
        self._tally.errors[why] += 1
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None and not self.over.done():
            self._transport.disconnect()


async def call(
    line: Callable[[], Line], plan: Plan, tally: Tally, beats: Beats, until: float
) -> None:
    """Hold one call up to a time of the monotonic clock; what goes wrong is counted, not raised."""
    try:
        _, opened = await ws_connect(
            line,
            plan.address,
            websocket_handshake_timeout=OPEN_S,
            max_frame_size=_FRAME_BYTES,
            extra_headers={"xi-api-key": plan.api_key} if plan.api_key else None,
        )
    except (OSError, TimeoutError, WSError) as error:
        tally.errors[f"no connection: {type(error).__name__} {error}"[:100]] += 1
        return
    assert isinstance(opened, Line)
    try:
        async with asyncio.timeout(max(0.0, until - time.monotonic())):
            with beats.joined(opened.tick):
                await opened.over
    except TimeoutError:
        opened.hang_up()
