"""What load there shall be."""

from dataclasses import dataclass, field

from turnwise.audio.pcm import Pcm
from turnwise.base.errors import ConfigError
from turnwise.base.units import Hertz
from turnwise.testing.load.speech import SPEECH_HZ, built_in_speech

MOST_CALLS = 100_000
TAIL_S = 2.0
"""How much longer than the hold calls go on, so that what was asked in it can be answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many calls, for how long, and what their users do.

    Raises:
        ConfigError: If a value is out of its range.
    """

    address: str
    """Of the conversation socket: `ws://…?agent_id=…`."""
    calls: int = 10
    """At once, 1 to 100,000."""
    ramp_s: float = 5.0
    """In which they open one after the other, 0 or more."""
    hold_s: float = 20.0
    """In which all of them are there and figures are taken, above 0."""
    api_key: str = field(default="", repr=False)
    """Shown when a call opens; empty: none is."""
    text: bool = False
    """Whether users write instead of speaking."""
    speech: Pcm = field(default_factory=built_in_speech, repr=False)
    """What they say, int16 mono, shape (n,)."""
    speech_hz: Hertz = SPEECH_HZ
    """Its rate."""
    chunk_ms: int = 100
    """Sound in each message, 10 to 1000."""
    barge_in_every: int = 4
    """Every so manieth turn of a user interrupts the agent; 0: none does."""
    barge_in_after_s: float = 0.8
    """How long the agent has been heard then."""
    pause_s: float = 1.0
    """Between the end of a reply and the user's next turn, on average; 0 or more."""
    patience_s: float = 15.0
    """After so long without an answer the user says it again."""
    reply_s: float | None = None
    """At least so long each answer lasts, where that is known; None: it is not."""
    call_s: float | None = None
    """After so long a user hangs up and calls again; None: when all is over."""

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        _check("the number of calls", self.calls, 1, MOST_CALLS)
        _check("the ramp, in seconds,", self.ramp_s, 0, 86_400)
        _check("the hold, in seconds,", self.hold_s, 1, 86_400)
        _check("the sound in a message, in milliseconds,", self.chunk_ms, 10, 1_000)
        _check("the number of turns for each barge-in", self.barge_in_every, 0, 1_000_000)
        _check("the pause, in seconds,", self.pause_s, 0, 3_600)
        if self.call_s is not None:
            _check("the length of a call, in seconds,", self.call_s, 1, 86_400)


def _check(what: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{what} is {value!r}; it must be from {low:,} to {high:,}")
