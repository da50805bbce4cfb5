"""What comes from the user, packet by packet, in order and without holes.

A packet that is in order is passed on at once: nobody listens to this sound, it is judged and
written down, so waiting would only make the agent slow. One that is late is waited for until
`MOST_WAITING` later ones have come; then its time is filled with silence.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from turnwise.audio.pcm import Pcm, silence
from turnwise.gateway.webrtc.opus import FORMAT, Decoder

MOST_WAITING = 3
"""Packets that may wait for one before them: 60 ms."""
LONGEST_FILLING_S = 2
"""A hole in time that is longer is not a loss: the microphone was off."""

_SEQUENCES = 1 << 16
_TIMES = 1 << 32
_FAR = 500
"""Packets; one that is so far ahead begins anew."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """One packet of RTP, as far as it matters."""

    source: int
    """SSRC: another one is another stream."""
    sequence: int
    """Goes up by one with each packet, modulo 65,536."""
    time: int
    """In samples, modulo 2^32."""
    payload: bytes
    """Opus."""


@dataclass(slots=True)
class JitterBuffer:
    """Puts the packets of one track in order."""

    lost: int = 0
    """Packets that never came, or came too late."""
    _source: int | None = None
    _next: int = 0
    _waiting: dict[int, Arrived] = field(default_factory=dict)

    def add(self, packet: Arrived) -> Iterator[Arrived]:
        """Take a packet; yield those whose turn has come."""
        ahead = (packet.sequence - self._next) % _SEQUENCES
        if packet.source != self._source or _FAR < ahead < _SEQUENCES - _FAR:
            self._source, self._next = packet.source, packet.sequence
            self._waiting.clear()
        elif ahead >= _SEQUENCES - _FAR:
            return  # a double, or too late
        self._waiting[packet.sequence] = packet
        while self._waiting:
            if self._next not in self._waiting:
                if len(self._waiting) < MOST_WAITING:
                    return
                self._skip()
            yield self._waiting.pop(self._next)
            self._next = (self._next + 1) % _SEQUENCES

    def _skip(self) -> None:
        """Give up on what is missing before the first packet that is there."""
        missing = min((sequence - self._next) % _SEQUENCES for sequence in self._waiting)
        self.lost += missing
        self._next = (self._next + missing) % _SEQUENCES


class UserSound:
    """The sound of one user."""

    def __init__(self) -> None:
        self._buffer = JitterBuffer()
        self._decoder = Decoder()
        self._source: int | None = None
        self._time = 0

    def take(self, packet: Arrived) -> Iterator[Pcm]:
        """Take a packet; yield the sound that is complete, int16 mono, shape (n,), at 48 kHz."""
        for ready in self._buffer.add(packet):
            if ready.source == self._source:
                yield from self._filling(ready.time)
            self._source = ready.source
            sound = self._decoder.decode(ready.payload)
            self._time = (ready.time + len(sound)) % _TIMES
            yield sound

    def _filling(self, time: int) -> Iterator[Pcm]:
        missing = (time - self._time) % _TIMES
        if 0 < missing <= LONGEST_FILLING_S * FORMAT.rate_hz:
            yield silence(missing)
