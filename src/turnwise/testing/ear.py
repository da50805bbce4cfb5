"""What of the agent reaches the user's ear, and when: the truth that the engine has to work out."""

from dataclasses import dataclass

from turnwise.turns.events import ReplyId


@dataclass(slots=True)
class Heard:
    """A stretch of a reply that was audible without a break, or will be if nothing stops it."""

    reply: ReplyId
    start: int
    """Millisecond at which it begins."""
    end: int
    """Millisecond at which it is over."""


class Ear:
    """The far end of the channel: plays what is queued, holds it, drops it."""

    def __init__(self, playout_ms: int) -> None:
        """Begin in silence.

        Args:
            playout_ms: Time from queueing a sound until it is heard, after a silence.
        """
        self.heard: list[Heard] = []
        """All that was audible, oldest first; the last may lie in the future."""
        self.paused_at: int | None = None
        """Since when sound is held back; None if it is not."""
        self.firsts: dict[ReplyId, int] = {}
        """When each reply was, or will be, first heard."""
        self._playout_ms = playout_ms
        self._held: tuple[ReplyId, int] | None = None  # reply, ms that wait for `resume`

    @property
    def quiet_from(self) -> int:
        """When the sound queued so far is over; 0 if there was none."""
        return self.heard[-1].end if self.heard else 0

    @property
    def last_first(self) -> int | None:
        """When the newest reply that is or will be heard began to be; None if there is none."""
        return self.firsts[self.heard[-1].reply] if self.heard else None

    def audible(self, at: int) -> bool:
        """Return whether the agent is heard in this very millisecond."""
        return any(h.start <= at < h.end for h in reversed(self.heard))

    def play(self, reply: ReplyId, ms: int, at: int) -> None:
        """Queue a sound behind what is playing."""
        if self.paused_at is not None:
            self._held = (reply, (self._held[1] if self._held else 0) + ms)
            return
        start = max(at + self._playout_ms, self.quiet_from)
        self.firsts.setdefault(reply, start)
        last = self.heard[-1] if self.heard else None
        if last is not None and last.reply == reply and last.end == start:
            last.end += ms
        else:
            self.heard.append(Heard(reply, start, start + ms))

    def pause(self, reply: ReplyId, at: int) -> None:
        """Go quiet and keep the rest."""
        rest = self._cut(reply, at)
        self.paused_at = at
        self._held = (reply, rest) if rest else None

    def resume(self, at: int) -> None:
        """Play the rest."""
        self.paused_at = None
        held, self._held = self._held, None
        if held is not None:
            self.play(*held, at)

    def stop(self, reply: ReplyId, at: int) -> None:
        """Drop all of a reply that was not heard yet."""
        self._cut(reply, at)
        self.paused_at = self._held = None

    def _cut(self, reply: ReplyId, at: int) -> int:
        """Take away what of a reply lies after `at`; return how many milliseconds that were."""
        cut = 0
        while self.heard and self.heard[-1].reply == reply and self.heard[-1].end > at:
            last = self.heard[-1]
            cut += last.end - max(at, last.start)
            if last.start < at:
                last.end = at
                break
            self.heard.pop()
        if cut and self.firsts[reply] >= at:
            del self.firsts[reply]
        return cut
