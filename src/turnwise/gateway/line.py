"""What carries a conversation: a socket, a room, a carrier's media stream. One protocol for all."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from turnwise.audio.formats import AudioFormat
from turnwise.base.errors import Error
from turnwise.wire.carriers import KeyPressed, SoundPlayed
from turnwise.wire.client_messages import (
    ClientMessage,
    ConversationInitiationClientData,
    EnclaveSetupConfig,
)
from turnwise.wire.closing import Ending
from turnwise.wire.server_messages import ServerMessage


class LineGone(Error):
    """The client is gone; nothing more can be said to it."""

    code = "line_gone"

    def __init__(self, close_code: int, reason: str = "") -> None:
        super().__init__(reason or f"the client is gone: {close_code}")
        self.close_code = close_code


Received = ClientMessage | KeyPressed | SoundPlayed
"""What comes over a line; keys and reports of play only over a telephone's."""


@dataclass(slots=True)
class First:
    """What a client sent before the conversation began."""

    init: ConversationInitiationClientData = field(default_factory=ConversationInitiationClientData)
    enclave: EnclaveSetupConfig | None = None
    early: list[ClientMessage] = field(default_factory=list)
    """Sound that came before the metadata was sent."""


class Line(Protocol):
    """One client. Sound goes over it as messages, too: `UserAudioChunk` in, `Audio` out."""

    too_slow: asyncio.Event
    """Set when the client does not read what it is sent."""
    audio_format: AudioFormat | None
    """The form that sound has on this line, both ways; None: the one that the agent is set to."""

    @property
    def heard_at(self) -> float:
        """When the client last sent something, by the monotonic clock."""
        ...

    async def first(self) -> First:
        """Wait for what the client says before the conversation begins; not for long.

        Raises:
            WireError, LineGone: As `read`.
        """
        ...

    async def read(self, take: Callable[[Received], None]) -> NoReturn:
        """Give the client's messages away, in order, for as long as it is there.

        Raises:
            WireError: If one is malformed, or there are too many of them.
            LineGone: If the client is gone.
        """
        ...

    def send(self, messages: Iterable[ServerMessage]) -> None:
        """Put messages in line. Never blocks."""
        ...

    def finish(self) -> None:
        """Send nothing after what is in line."""
        ...

    async def run(self) -> None:
        """Send what is in line, until `finish` or until the client is gone."""
        ...

    async def close(self, ending: Ending) -> None:
        """Tell how it ended, and close; a client that is gone is left alone."""
        ...
