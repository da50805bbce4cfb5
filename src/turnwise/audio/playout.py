"""Which sound to send by now, and how much of what was sent has been heard.

The client plays a chunk when it has played all chunks before it, so its clock of play can be
computed: it runs while there is sound, stands when there is none, and goes on with the next chunk.
A telephone line is further away, and says how far it has played (`played`):
from then on the ear is taken to be so far behind. What is sent is paced as before.

Laws: the client is never more than `lead_ms` ahead of what is heard; all sound is sent once and in
order; while sound waits, chunks follow each other in less than 400 ms; nothing of what was dropped
is sent; a pause loses no sample. A position counts the samples of all sound up to it, from 0.
"""

from dataclasses import dataclass

from turnwise.audio.frames import SampleQueue
from turnwise.audio.pcm import Pcm
from turnwise.base.errors import ConfigError
from turnwise.base.units import Hertz, Millis, Samples, ms_of, samples_in

_MOST_LATE_MS = 2000
_JITTER_MS = 40
"""Reports that differ by less say nothing new: the network's own unrest."""
_LONGEST_GAP_MS = 390
"""Clients take 400 ms without sound for the end of a reply."""  # spec/wire-protocol.md, 0, item 5


@dataclass(frozen=True, slots=True)
class Chunk:
    """Sound for one message."""

    position: Samples
    """Where it begins."""

    samples: Pcm
    """int16 mono, shape (n,), n >= 1, at the rate of the playout."""


class Playout:
    """Paces the sound of one conversation.

    `now` is never earlier than in the call before. A client that gets an `interruption` throws away
    what it has not played: `pause` and `drop` count on that.

    Raises:
        ConfigError: If lead and chunk leave the client without sound for too long.
    """

    def __init__(self, rate_hz: Hertz, *, lead_ms: int = 400, chunk_ms: int = 100) -> None:
        longest_gap_ms = max(chunk_ms, lead_ms - chunk_ms)
        if not 0 < chunk_ms < lead_ms or longest_gap_ms > _LONGEST_GAP_MS:
            raise ConfigError(
                f"lead_ms is {lead_ms!r} and chunk_ms is {chunk_ms!r}; chunk_ms must be above 0, "
                f"below lead_ms, and neither it nor their difference above {_LONGEST_GAP_MS}"
            )
        self._rate_hz = rate_hz
        self._chunk = samples_in(chunk_ms, rate_hz)
        self._enough_for_chunk = samples_in(lead_ms, rate_hz) - self._chunk
        self._enough_for_rest = min(self._chunk, self._enough_for_chunk)
        self._waiting = SampleQueue()
        self._unheard = SampleQueue()  # was sent; its end is at self._sent
        self._sent = Samples(0)
        self._clock_from = Samples(0)  # the client began to play this position
        self._clock_ms = Millis(0)  # at this time
        self._late_ms = 0  # the ear is so far behind the client
        self._heard_least = Samples(0)  # was heard before the client began to play, at least
        self._paused = False

    @property
    def paused(self) -> bool:
        """Whether sound is held back until `resume` or `drop`."""
        return self._paused

    @property
    def waiting(self) -> Samples:
        """How much sound is queued and not sent. 0 after the last chunk."""
        return Samples(len(self._waiting))

    @property
    def end(self) -> Samples:
        """Position of the next sound to be queued."""
        return Samples(self._sent + len(self._waiting))

    def queue(self, samples: Pcm) -> Samples:
        """Put sound, int16 mono, shape (n,), behind all other; return the position of its begin."""
        position = self.end
        self._waiting.push(samples)
        return position

    def due(self, now: Millis) -> list[Chunk]:
        """Return the chunks that must be sent now; they count as sent.

        A chunk is shorter than `chunk_ms` only where no more sound waits and the client has at
        most that much left.
        """
        chunks: list[Chunk] = []
        if self._paused or not self._waiting:
            return chunks
        heard, played = self.heard(now), self._played_by(now)
        self._forget(heard)
        if played == self._sent:  # the client has run dry: its clock of play starts again
            self._clock_from, self._clock_ms, self._heard_least = played, now, heard
        while self._waiting and self._sent - played <= self._enough():
            samples = self._waiting.take(self._chunk)
            chunks.append(Chunk(self._sent, samples))
            self._sent = Samples(self._sent + len(samples))
            self._unheard.push(samples)
        return chunks

    def next_due(self) -> Millis | None:
        """Return when `due` has something next; a past time means now, None not as things are."""
        if self._paused or not self._waiting:
            return None
        ahead = self._sent - self._enough() - self._clock_from
        return Millis(self._clock_ms + max(0, -(-ahead * 1000 // self._rate_hz)))

    def heard(self, now: Millis) -> Samples:
        """Return the position up to which sound has been heard. Only `played` puts it back."""
        return max(self._heard_least, self._played_by(Millis(now - self._late_ms)))

    def heard_ms(self, now: Millis) -> int:
        """Return how many whole milliseconds of sound have been heard."""
        return ms_of(self.heard(now), self._rate_hz)

    def played(self, position: Samples, now: Millis) -> None:
        """Take in that all sound before a position has been heard, as is known just now.

        Args:
            position: Of the end of a chunk that was sent and is still wanted.
            now: When the client's word arrived.
        """
        running = self._clock_from + samples_in(now - self._clock_ms, self._rate_hz)
        late_ms = min(max(0, ms_of(Samples(running - position), self._rate_hz)), _MOST_LATE_MS)
        if abs(late_ms - self._late_ms) > _JITTER_MS:
            self._late_ms = late_ms
        # what was forgotten cannot wait again
        self._heard_least = max(self._heard_least, Samples(self._sent - len(self._unheard)))

    def pause(self, now: Millis) -> None:
        """Stop at once. What was sent and not heard waits again, in front."""
        self._stop(now)
        self._waiting.put_back(self._unheard.take(len(self._unheard)))
        self._paused = True

    def resume(self) -> None:
        """Go on with the first sample that was not heard."""
        self._paused = False

    def drop(self, now: Millis) -> Samples:
        """Throw away all that was not heard, and end a pause; return the position that was heard.

        The next sound begins there, as if what was dropped had never been queued.
        """
        self._stop(now)
        self._waiting.clear()
        self._unheard.clear()
        self._paused = False
        return self._sent

    def _enough(self) -> int:
        """Return with how many samples ahead the client waits for the next chunk."""
        whole = len(self._waiting) >= self._chunk
        return self._enough_for_chunk if whole else self._enough_for_rest

    def _forget(self, heard: Samples) -> None:
        self._unheard.take(len(self._unheard) - (self._sent - heard))

    def _stop(self, now: Millis) -> None:
        heard = self.heard(now)
        self._forget(heard)
        self._sent = self._clock_from = self._heard_least = heard
        self._clock_ms = now

    def _played_by(self, now: Millis) -> Samples:
        """Return what a client has played that plays all at once as it comes."""
        played = samples_in(now - self._clock_ms, self._rate_hz)
        return Samples(min(self._sent, self._clock_from + played))
