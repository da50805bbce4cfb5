"""What to do about it: orders to the shells, to be obeyed in sequence.

A shell obeys without asking back; what comes of an order is an event of its own.
"""

from dataclasses import dataclass, field
from enum import Enum

from turnwise.turns.events import CallId, PauseId, ReplyId
from turnwise.turns.transcript import Entry, Transcript


class Cause(Enum):
    """Why a reply is owed."""

    OPENING = "opening"
    """The agent opens the conversation in its own words."""
    USER_TURN = "user_turn"
    """The user said or wrote something."""
    USER_SILENT = "user_silent"
    """The user said nothing for the time-out."""
    WAIT_ELAPSED = "wait_elapsed"
    """The silence the agent asked for (`skip_turn`) is over."""
    TOOL_RESULT = "tool_result"
    """A tool brought news: the next pass of a reply, or an asynchronous result."""
    HAND_OVER = "hand_over"
    """Another agent took over."""


@dataclass(frozen=True, slots=True)
class StartReply:
    """Have the language model write. The same reply again: its next pass, after its tools."""

    reply: ReplyId
    cause: Cause
    transcript: Transcript = field(metadata={"journal": "count"})
    """All that the model may know, oldest first."""
    speculative: bool = False
    """Whether the user's turn is not yet taken: nothing may be heard or done before `Speak`."""


@dataclass(frozen=True, slots=True)
class CancelReply:
    """Stop writing, synthesising and playing, now. Nothing of this reply is wanted any more."""

    reply: ReplyId
    speculative: bool = False
    """Whether the reply was a lost bet: begun, never heard, counted apart."""


@dataclass(frozen=True, slots=True)
class FinishReply:
    """The reply was heard to its end. Each reply ends with this or with `CancelReply`, once."""

    reply: ReplyId


@dataclass(frozen=True, slots=True)
class Speak:
    """Voice the next words of a reply (show them, in a conversation without sound)."""

    reply: ReplyId
    text: str


@dataclass(frozen=True, slots=True)
class Announce:
    """The words of a reply are complete up to its next tool: tell the client (`agent_response`)."""

    reply: ReplyId
    text: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Go quiet at once and keep the unheard sound: the user may be about to interrupt."""

    reply: ReplyId


@dataclass(frozen=True, slots=True)
class Resume:
    """Play on from where the ear was when it went quiet."""

    reply: ReplyId


@dataclass(frozen=True, slots=True)
class CallTool:
    """Run a tool, now."""

    reply: ReplyId
    call: CallId
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class CancelTool:
    """Nobody waits for this tool any more; stop it if it can be stopped."""

    call: CallId


@dataclass(frozen=True, slots=True)
class ReportTool:
    """A call is settled: tell the client (`agent_tool_response`)."""

    call: CallId
    name: str
    result: str
    failed: bool


@dataclass(frozen=True, slots=True)
class MakeFiller:
    """Have a model write a filler, quickly; `FillerMade` answers."""

    reply: ReplyId


@dataclass(frozen=True, slots=True)
class CloseUtterance:
    """The utterance counts as over although the detector did not say so: transcribe what there is.

    The detector begins anew: speech it hears from now on is a new `SpeechStarted`.
    """


@dataclass(frozen=True, slots=True)
class ScoreTurn:
    """Ask the turn model whether the user is done; `TurnScored` answers."""

    pause: PauseId


@dataclass(frozen=True, slots=True)
class Append:
    """Add an entry to the record. Entries are numbered from 0 in the order of these commands."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Amend:
    """Put another entry in the place of an earlier one."""

    index: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Correct:
    """A reply was cut off: tell the client what of it was heard (`agent_response_correction`)."""

    reply: ReplyId
    written: str
    heard: str
    """A beginning of `written`."""


@dataclass(frozen=True, slots=True)
class SwitchAgent:
    """From here on the shells use another agent's voice, prompt and tools."""

    agent: str


@dataclass(frozen=True, slots=True)
class Report:
    """An incident: something that should not happen did, and the engine found a way on."""

    kind: str
    """Stable word, such as `llm_timeout`; the wire's `error_type` where it has one."""
    detail: str


@dataclass(frozen=True, slots=True)
class End:
    """Hang up. The last command of every conversation."""

    reason: str


Command = (
    StartReply
    | CancelReply
    | FinishReply
    | Speak
    | Announce
    | Pause
    | Resume
    | CallTool
    | CancelTool
    | ReportTool
    | MakeFiller
    | CloseUtterance
    | ScoreTurn
    | Append
    | Amend
    | Correct
    | SwitchAgent
    | Report
    | End
)
