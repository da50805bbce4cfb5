"""Scripted providers, as models of how late they answer and how they go wrong.

These only describe; `hearing`, `thinking` and `speaking` play them. Descriptions can be sent to
another process, unless a function of yours cannot.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from turnwise.testing.latency import Fixed, Latency, LogNormal
from turnwise.turns.transcript import Transcript

END_CALL = "end_call"
"""A tool of this name ends the conversation once the reply was heard."""
SKIP_TURN = "skip_turn"
"""A tool of this name lets the agent stay silent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """Notices that the user speaks."""

    onset_ms: int = 64
    """From the true beginning of a sound until it is sure; shorter sounds are not noticed."""
    offset_ms: int = 160
    """From the true end until it is sure: shorter silences are not noticed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcriber:
    """Writes down what the user says."""

    tentative_ms: int | None = 300
    """Between two tentative texts while the user speaks; None: there are none."""
    lag_ms: int = 150
    """How far a tentative text is behind the sound."""
    final: Latency = field(default_factory=lambda: LogNormal(180, 400))
    """From the true end of a sound to its final text; `Never`: it has none."""
    split_ms: int = 250
    """Silence that makes the next words a piece of their own."""
    drops: float = 0.0
    """Chance, 0 to 1, that the final text of a piece never comes."""
    amends: float = 0.0
    """Chance that a final text is wrong and said again in the right words."""
    amend: Latency = field(default_factory=lambda: Fixed(600))
    """How much later that is."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a language model writes in one pass of a reply."""

    text: str
    tools: tuple[tuple[str, str], ...] = ()
    """Tools it wants after these words: (name, arguments as JSON text)."""


Author = Callable[[Transcript], str | Written]
"""Writes a pass of a reply, knowing the transcript."""

REPLIES = (
    "Sure.",
    "Yes, that is possible.",
    "I can do that for you. Is there anything else?",
    "We have a table by the window at seven, and another one in the garden at half past eight.",
    "The kitchen closes at ten. You can stay as long as you like, though.",
    "One moment. Here it is. We are open every day but Monday, from five until midnight.",
    (
        "It is quite easy. Take bus number twelve to the market, cross the bridge, and you will "
        "see our sign on the left. The walk takes about five minutes, and it is lit at night."
    ),
    "All right, I have noted that. Would you like me to send you a message to confirm it?",
)
"""What a language model writes, if nothing else is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Writes replies, a few words at a time."""

    first_token: Latency = field(default_factory=lambda: LogNormal(350, 800))
    """From the order to the first words; `Never`: it hangs."""
    token_ms: int = 20
    """For each further word."""
    replies: tuple[str | Written, ...] | Author = REPLIES
    """What it writes: drawn from these, or written by a function."""
    tools: tuple[tuple[str, str], ...] = ()
    """Tools it may call instead of an answer: (name, arguments). Not when drawing `Written`."""
    tool_chance: float = 0.0
    """Chance, 0 to 1, that it calls one of them before it answers."""
    fails: float = 0.0
    """Chance that a reply fails at its first word, for good."""
    hangs: float = 0.0
    """Chance that it stops in the middle and never goes on."""
    filler: Latency = field(default_factory=lambda: Fixed(300))
    """Until it has written a filler."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Turns words into sound, sentence by sentence."""

    first_sound: Latency = field(default_factory=lambda: LogNormal(120, 280))
    """From the last character of a sentence to its sound; `Never`: it hangs."""
    ms_per_char: int = 60
    """Speaking rate, spaces included."""
    flush_ms: int = 250
    """Waited for more characters before words that are no whole sentence are voiced."""
    fails: float = 0.0
    """Chance, 0 to 1, that a sentence fails, for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """Run tools."""

    latency: Latency = field(default_factory=lambda: LogNormal(500, 1_500))
    """From the call to the result; `Never`: it hangs."""
    results: Mapping[str, str] = field(default_factory=dict)
    """By the name of the tool; others answer "ok"."""
    fails: float = 0.0
    """Chance, 0 to 1, that a tool fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """A turn model: says how likely a pause is the end of the turn."""

    latency: Latency = field(default_factory=lambda: Fixed(40))
    """From the question to the score; `Never`: it hangs."""
    sure: float = 0.9
    """The score of a true end, without noise; of a pause it is `1 - sure`."""
    noise: float = 0.1
    """Standard deviation of what is added to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Providers:
    """All that a conversation needs beside the engine."""

    detector: Detector = field(default_factory=Detector)
    transcriber: Transcriber = field(default_factory=Transcriber)
    model: Model = field(default_factory=Model)
    voice: Voice = field(default_factory=Voice)
    tools: Tools = field(default_factory=Tools)
    scorer: Scorer = field(default_factory=Scorer)
