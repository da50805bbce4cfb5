"""What the callers of one process noticed. Small, and sent from process to process."""

from collections import Counter
from dataclasses import dataclass, field

Stamped = tuple[float, float]
"""When, in seconds from the begin of the hold, and how long, in milliseconds."""


@dataclass(slots=True)
class Tally:
    """Figures of the hold; of openings, greetings and errors also those of the ramp."""

    begins_at: float
    """The hold, in seconds of the monotonic clock."""
    ends_at: float
    responses: list[Stamped] = field(default_factory=list)
    """From the end of each turn to the first sound of the answer; in text, to the first words."""
    interruptions: list[Stamped] = field(default_factory=list)
    """From the first sound of each barge-in to the `interruption`."""
    holes: list[Stamped] = field(default_factory=list)
    """In the agent's speech: sound that came too late to be played without a gap."""
    openings_ms: list[float] = field(default_factory=list)
    """From the connection to `conversation_initiation_metadata`, with the handshake."""
    greetings_ms: list[float] = field(default_factory=list)
    """From the open socket to the first sound of the first message."""
    audio_s: float = 0.0
    """Speech of the agent that came."""
    errors: Counter[str] = field(default_factory=Counter)
    lags: Counter[int] = field(default_factory=Counter)
    """By how many whole milliseconds the client itself sent late."""
    cpu_s: float = 0.0
    """That the client itself took."""

    def counts(self, at: float) -> bool:
        """Return whether a time of the monotonic clock lies in the hold."""
        return self.begins_at <= at < self.ends_at

    def note(self, figures: list[Stamped], at: float, length_s: float) -> None:
        """Add a figure to one of the lists, if what it measures began in the hold."""
        if self.counts(at):
            figures.append((round(at - self.begins_at, 3), round(length_s * 1000, 2)))

    def late(self, due: float, now: float) -> None:
        """Note when something was sent that was due at a time."""
        if self.counts(due):
            self.lags[int((now - due) * 1000)] += 1


def together(tallies: list[Tally]) -> Tally:
    """Return the figures of several processes as those of one; there must be one at least."""
    whole = Tally(tallies[0].begins_at, tallies[0].ends_at)
    for part in tallies:
        for name in ("responses", "interruptions", "holes", "openings_ms", "greetings_ms"):
            getattr(whole, name).extend(getattr(part, name))
        whole.errors.update(part.errors)
        whole.lags.update(part.lags)
        whole.audio_s += part.audio_s
        whole.cpu_s += part.cpu_s
    return whole
