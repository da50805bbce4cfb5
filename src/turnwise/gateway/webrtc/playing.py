"""The agent's sound on its way out: frames of 20 ms, each at its time, silence when there is none.

The sound comes with a lead and is queued; what is queued when the user interrupts is thrown away.
Frames are counted from the first, so that a call of any length does not drift.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from aiortc import MediaStreamTrack
from av.packet import Packet
from typing_extensions import override

from turnwise.audio.frames import SampleQueue
from turnwise.audio.pcm import Pcm, silence
from turnwise.gateway.webrtc.opus import (
    FRAME_MS,
    FRAME_SAMPLES,
    SILENT_PACKET,
    TIME_BASE,
    Encoder,
)

FRAME_S = FRAME_MS / 1_000
QUIET_FRAMES = 20
"""Silence after which the agent counts as silent: clients listen some time behind."""
LATEST_S = 0.5
"""Frames that are later than this are left out: the machine stood still."""


class Player:
    """The queue of one agent's sound."""

    def __init__(self, on_speaking: Callable[[bool], None]) -> None:
        """Begin silent.

        Args:
            on_speaking: Told when the agent becomes audible, and when it is silent again.
        """
        self._on_speaking = on_speaking
        self._waiting = SampleQueue()
        self._encoder = Encoder()
        self._tail = False
        self._quiet = QUIET_FRAMES

    def put(self, samples: Pcm) -> None:
        """Queue sound, int16 mono, shape (n,), at 48 kHz."""
        self._waiting.push(samples)

    def clear(self) -> None:
        """Throw away what was not sent."""
        self._waiting.clear()

    @property
    def busy(self) -> bool:
        """Whether there is sound that was not sent."""
        return len(self._waiting) > 0

    def next_packet(self) -> bytes:
        """Return the next 20 ms, as Opus."""
        frame = self._waiting.take(FRAME_SAMPLES)
        if not len(frame):
            return self._nothing()
        if self._quiet >= QUIET_FRAMES:
            self._on_speaking(True)  # noqa: FBT003 - the callback of one flag
        self._quiet = 0
        self._tail = True
        missing = FRAME_SAMPLES - len(frame)
        return self._encoder.encode(np.concatenate([frame, silence(missing)]) if missing else frame)

    def _nothing(self) -> bytes:
        self._quiet += 1
        if self._quiet == QUIET_FRAMES:
            self._on_speaking(False)  # noqa: FBT003
        if self._tail:  # the encoder is 2.5 ms behind: the end of the sound is still in it
            self._tail = False
            return self._encoder.encode(silence(FRAME_SAMPLES))
        return SILENT_PACKET


class AgentTrack(MediaStreamTrack):
    """What a peer connection reads the agent's sound from."""

    kind = "audio"

    def __init__(self, player: Player, now: Callable[[], float] = time.monotonic) -> None:
        """Play.

        Args:
            player: Where the sound comes from.
            now: Seconds that never go back.
        """
        super().__init__()
        self._player = player
        self._now = now
        self._began = 0.0
        self._sent = 0

    @override
    async def recv(self) -> "Packet[Any]":
        """Return the next packet when its time has come."""
        if not self._sent:
            self._began = self._now()
        late = self._now() - self._began - self._sent * FRAME_S
        if late < 0:
            await asyncio.sleep(-late)
        elif late > LATEST_S:
            self._sent += int(late / FRAME_S)
        packet = Packet(self._player.next_packet())
        packet.pts = self._sent * FRAME_SAMPLES
        packet.time_base = TIME_BASE
        self._sent += 1
        return packet
