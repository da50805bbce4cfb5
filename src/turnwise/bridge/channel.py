"""The server of the channel: each caller gets a conversation of its own."""

import asyncio
import logging
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.http11 import Request, Response

from turnwise.bridge.actor import ActorProtocol, Violation
from turnwise.bridge.agents import AgentServer, Unreachable
from turnwise.bridge.conversation import Conversation
from turnwise.bridge.speaker import Speaker, Trailer
from turnwise.bridge.toolbox import Toolbox

FRAME_BYTES = 16 * 1024 * 1024
"""As much as the official Python client takes."""
_OPEN_S = 15.0
_LAST_SOUND_S = 10.0
"""How long a caller may take to read what the agent said last."""
_REASON_BYTES = 123
"""Of a close frame (RFC 6455, 5.5)."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Serves callers."""

    server: AgentServer
    agent_id: str
    protocol: ActorProtocol
    toolbox: Toolbox
    path: str = "/voice"
    trailer: Trailer = field(default_factory=Trailer)

    async def listen(self, host: str, port: int) -> Server:
        """Open the port and return what serves it; 0 for any free port."""
        return await serve(
            self.hold,
            host,
            port,
            process_request=self._refuse,
            max_size=FRAME_BYTES,
            compression=None,
        )

    def _refuse(self, socket: ServerConnection, request: Request) -> Response | None:
        if request.path.partition("?")[0] == self.path:
            return None
        return socket.respond(HTTPStatus.NOT_FOUND, f"the channel is at {self.path}\n")

    async def hold(self, actor: ServerConnection) -> None:
        """Hold one call, from the caller's connection to its close."""
        code, reason = 1000, ""
        try:
            address = await self.server.address(self.agent_id)
            async with _dial(address) as socket:
                code, reason = await self._bridge(actor, socket)
        except (Unreachable, OSError, InvalidHandshake, InvalidURI, TimeoutError) as error:
            log.warning("no conversation: %s", error)
            code, reason = 1011, f"no conversation: {error}"
        except Violation as violation:
            log.warning("%s", violation)
            code, reason = 1003, str(violation)
        await actor.close(code, _cut(reason))

    async def _bridge(self, actor: ServerConnection, socket: ClientConnection) -> tuple[int, str]:
        """Let both sides talk; return how to close the caller's."""
        speaker = Speaker(self.trailer)

        async def to_actor(data: bytes) -> None:
            await actor.send(self.protocol.sound(data))

        conversation = Conversation(socket, speaker, self.toolbox)
        await conversation.begin()
        async with asyncio.TaskGroup() as tasks:
            speaking = tasks.create_task(_until_gone(speaker.run(to_actor)))
            calling = tasks.create_task(self._forward(actor, conversation))
            listening = tasks.create_task(_until_gone(conversation.listen()))
            await asyncio.wait({calling, listening}, return_when=asyncio.FIRST_COMPLETED)
            if not calling.done():
                await self._hang_up(actor, speaker, speaking)
            await socket.close(1000, "User ended conversation")
            for task in (speaking, calling, listening):
                task.cancel()
        if not calling.cancelled() and (violation := calling.result()):
            raise violation
        return _how(socket, conversation)

    async def _forward(
        self, actor: ServerConnection, conversation: Conversation
    ) -> Violation | None:
        """Pass the caller's sound on until the caller hangs up, or does what is not allowed."""
        try:
            async for frame in actor:
                data = self.protocol.read(frame)
                if data is None:
                    return None
                await conversation.say(data)
        except ConnectionClosed:
            return None
        except Violation as violation:
            return violation
        return None

    async def _hang_up(
        self, actor: ServerConnection, speaker: Speaker, speaking: "asyncio.Task[None]"
    ) -> None:
        """Let the caller hear the agent's last words, and tell that this is the end."""
        speaker.finish()
        await asyncio.wait({speaking}, timeout=_LAST_SOUND_S)
        if self.protocol.farewell is not None:
            await _until_gone(actor.send(self.protocol.farewell))


def _dial(address: str) -> connect:
    local = urlsplit(address).hostname in {"127.0.0.1", "localhost", "::1"}
    return connect(
        address,
        max_size=FRAME_BYTES,
        compression=None,
        open_timeout=_OPEN_S,
        proxy=None if local else True,
    )


async def _until_gone(sending: Awaitable[None]) -> None:
    """Wait for something that ends when the other side is gone."""
    with suppress(ConnectionClosed):
        await sending


def _how(socket: ClientConnection, conversation: Conversation) -> tuple[int, str]:
    """Return how the caller's side is closed: as the agent's was, but for errors."""
    code, reason = socket.close_code, socket.close_reason or ""
    log.info("a conversation ended: %s %s", code, reason)
    if code == 1000 and not conversation.failure:
        return 1000, ""
    return 1011, conversation.failure or reason or "the agent's side was lost"


def _cut(reason: str) -> str:
    return reason.encode()[:_REASON_BYTES].decode(errors="ignore")
