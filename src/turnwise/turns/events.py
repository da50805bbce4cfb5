"""What happened: facts handed to the engine, in the past tense.

An answer carries the id of its question (`reply`, `call`, `segment`, `pause`), so that an answer to
something that is no longer asked is recognised in one place and changes nothing.
Audio never comes in here: the shells say sentences about it.
"""

from dataclasses import dataclass
from typing import NewType

from turnwise.turns.policy import Policy, ToolManners

ReplyId = NewType("ReplyId", int)
"""Number of a reply in its conversation, from 1, rising. The wire's `event_id` is made from it."""

CallId = NewType("CallId", str)
"""Names one tool call; the wire's `tool_call_id`."""

SegmentId = NewType("SegmentId", int)
"""Number of a piece of transcript, rising. Texts of one segment replace each other."""

PauseId = NewType("PauseId", int)
"""Number of a silence of the user, from 1, rising."""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The detector is sure that the user speaks."""


@dataclass(frozen=True, slots=True)
class SpeechContinued:
    """More audio arrived and the user still speaks in it.

    The hearing shell says so at least every `SPEECH_CONTINUED_MS` of audio while speech is on: its
    absence is how the engine knows that no audio arrives.
    """


SPEECH_CONTINUED_MS = 250
"""Milliseconds of arriving speech after which `SpeechContinued` is wanted at the latest."""


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The detector is sure that the user stopped."""

    silence_ms: int
    """Silence that was already over when the detector was sure; at least 0."""


@dataclass(frozen=True, slots=True)
class Transcribed:
    """A piece of the user's speech as text. May come late, and may be said again in other words."""

    segment: SegmentId
    text: str
    final: bool
    """Whether the transcriber is done with it. A later final of the same segment amends it."""


@dataclass(frozen=True, slots=True)
class TurnScored:
    """A turn model judged a pause; answers `ScoreTurn`."""

    pause: PauseId
    score: float
    """Probability that the turn is over, 0 to 1."""


@dataclass(frozen=True, slots=True)
class UserWrote:
    """The user typed a message (`user_message`): a whole turn."""

    text: str


@dataclass(frozen=True, slots=True)
class UserActive:
    """The user does something, such as typing (`user_activity`): do not disturb for a moment."""


@dataclass(frozen=True, slots=True)
class ContextGiven:
    """The client tells the agent something that asks for no reply (`contextual_update`)."""

    text: str
    context_id: str | None = None
    """A later context of the same id takes this one's place; None stands for itself."""


@dataclass(frozen=True, slots=True)
class ReplyText:
    """The language model wrote the next words."""

    reply: ReplyId
    text: str


@dataclass(frozen=True, slots=True)
class ReplyWritten:
    """The language model has nothing to add, unless tools it called bring something new."""

    reply: ReplyId


@dataclass(frozen=True, slots=True)
class ReplyFailed:
    """No language model could write this reply; all retries and fall-backs are used up."""

    reply: ReplyId
    reason: str
    kind: str = "llm_error"
    """The wire's `error_type`."""


@dataclass(frozen=True, slots=True)
class Voiced:
    """The next characters of a reply are queued as sound."""

    reply: ReplyId
    chars: int
    """How many characters of the spoken text this sound covers, from where the last one ended."""
    ms: int
    """How long it lasts."""
    ends_ms: tuple[int, ...] = ()
    """When each of `chars` has been heard, from the start of this sound; empty: evenly spread."""


@dataclass(frozen=True, slots=True)
class Played:
    """The channel reports how much of a reply's sound reached the ear (telephony marks)."""

    reply: ReplyId
    ms: int
    """Milliseconds of sound since the reply's first sound, silence between sounds not counted."""


@dataclass(frozen=True, slots=True)
class SpeechFailed:
    """No synthesizer could voice this reply; all retries and fall-backs are used up."""

    reply: ReplyId
    reason: str


@dataclass(frozen=True, slots=True)
class HearingFailed:
    """The user can no longer be heard: the transcriber or the detector is gone for good."""

    reason: str


@dataclass(frozen=True, slots=True)
class FillerMade:
    """A model wrote a filler; answers `MakeFiller`."""

    reply: ReplyId
    text: str


@dataclass(frozen=True, slots=True)
class ToolRequested:
    """The language model wants a tool."""

    reply: ReplyId
    call: CallId
    name: str
    arguments: str
    """As the model wrote them: JSON text, not looked into here."""


@dataclass(frozen=True, slots=True)
class ToolReturned:
    """A tool answered."""

    call: CallId
    result: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class TurnSkipped:
    """The agent chose to stay silent (`skip_turn`); answers the call."""

    call: CallId
    wait_ms: int | None = None
    """Speak again after so much silence; None: when the user was silent for the usual time."""


@dataclass(frozen=True, slots=True)
class EndAsked:
    """The agent, a workflow or a guardrail wants the conversation to end."""

    reason: str
    farewell: str = ""
    """Said before the end; empty: nothing beyond what the reply says already."""
    call: CallId | None = None
    """The tool call (`end_call`) this answers; None if no tool asked for it."""
    unsure: bool = False
    """Whether a model may have asked for it by mistake: then what was said decides, once."""


@dataclass(frozen=True, slots=True)
class HandOverAsked:
    """Another agent configuration takes over (transfer, workflow node)."""

    agent: str
    """Which, in the shell's own words."""
    policy: Policy
    message: str = ""
    """Said by the old agent before it goes; empty: nothing."""
    first_message: str = ""
    """Said by the new agent; empty: it answers what was said so far."""
    delay_ms: int = 0
    """Waited before the message."""
    call: CallId | None = None
    """The tool call (`transfer_to_agent`) this answers; None if no tool asked for it."""
    result: str = ""
    """What the model hears of that call; empty: that somebody else took over."""


@dataclass(frozen=True, slots=True)
class MannersChanged:
    """The same agent goes on with other manners, such as in another language, while a tool runs.

    The reply goes on: the tool's own answer follows.
    """

    agent: str
    """Its new configuration, in the shell's own words."""
    policy: Policy
    call: CallId
    """The tool call (`language_detection`) that wanted it."""


@dataclass(frozen=True, slots=True)
class ToolsJoined:
    """The agent has more tools from here on: a server that was asked for its tools named them."""

    tools: tuple[ToolManners, ...]
    """How the conversation treats each; one of a known name changes nothing."""


@dataclass(frozen=True, slots=True)
class HungUp:
    """The user's side is gone."""

    reason: str = "client disconnected"


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing but time passed. Early and late ones are harmless."""


Event = (
    SpeechStarted
    | SpeechContinued
    | SpeechStopped
    | Transcribed
    | TurnScored
    | UserWrote
    | UserActive
    | ContextGiven
    | ReplyText
    | ReplyWritten
    | ReplyFailed
    | Voiced
    | Played
    | SpeechFailed
    | HearingFailed
    | FillerMade
    | ToolRequested
    | ToolReturned
    | TurnSkipped
    | EndAsked
    | HandOverAsked
    | MannersChanged
    | ToolsJoined
    | HungUp
    | Tick
)
