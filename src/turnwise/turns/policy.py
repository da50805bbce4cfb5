"""The manners of one agent: how long it waits, what may interrupt it, when it gives up.

Times are milliseconds; None switches a patience off. Values without a source are ours, measured
or reasoned in `docs/decisions/0002-defaults.md`.
"""

from dataclasses import dataclass, field
from enum import Enum


class Eagerness(Enum):
    """How soon a silence counts as the end of a turn (`turn_eagerness`)."""

    PATIENT = "patient"
    NORMAL = "normal"
    EAGER = "eager"


class Execution(Enum):
    """When a tool runs (`execution_mode`)."""

    IMMEDIATE = "immediate"
    POST_TOOL_SPEECH = "post_tool_speech"
    """Once the words before it were heard."""
    ASYNC = "async"
    """At once, and nobody waits: the result joins the conversation when it comes."""


class ToolInterruption(Enum):
    """What a tool does to barge-in (`interruption_mode`)."""

    ALLOW = "allow"
    DISABLE_DURING_TOOL = "disable_during_tool"
    DISABLE_DURING_TOOL_AND_TURN = "disable_during_tool_and_turn"


class PreToolSpeech(Enum):
    """Whether something is said before a tool runs (`pre_tool_speech`)."""

    AUTO = "auto"
    """If the tool was slow the last time."""
    FORCE = "force"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolManners:
    """How the conversation treats one tool."""

    name: str
    execution: Execution = Execution.IMMEDIATE
    expects_response: bool = True
    """Whether the reply waits for the answer; else the model hears "Tool Called." at once."""
    timeout_ms: int | None = 20_000
    """From the start of the run; None waits for ever (the wire's -1)."""
    interruption: ToolInterruption = ToolInterruption.ALLOW
    pre_tool_speech: PreToolSpeech = PreToolSpeech.AUTO
    safe_to_bet: bool = False
    """Whether it may run before the user's turn is taken: it changes nothing in the world."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpointing:
    """When the user's turn is over."""

    eagerness: Eagerness = Eagerness.NORMAL
    spelling_patience: bool = True
    """Whether to wait longer while numbers, names or addresses are spelled."""
    turn_model: bool = False
    """Whether a model is asked at each pause (`ScoreTurn`)."""
    score_threshold: float = 0.5
    """A score from here on means that the turn is over."""
    final_patience_ms: int = 1_000
    """Waited for tentative words, since they last changed and the detector was sure of silence."""
    stall_ms: int | None = 600
    """Without audio for so long, an open utterance counts as silent since the last audio."""
    bet_ms: int | None = None
    """Start a reply after so much silence, before the turn is taken (`speculative_turn`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """What may interrupt the agent."""

    enabled: bool = True
    """The wire's `interruption` among the client events."""
    first_message: bool = True
    """Whether the first message may be interrupted."""
    transcribe_when_disabled: bool = False
    """Whether what the user says over an uninterruptible reply counts afterwards."""
    pause: bool = True
    """Whether the agent goes quiet at the first sign of a barge-in, before it is confirmed."""
    barge_in_ms: int = 800
    """Speech this long interrupts, whatever was said."""
    barge_in_words: int = 1
    """So many words that are no backchannel interrupt."""
    backchannel_ms: int = 2_500
    """Speech this long interrupts although it was transcribed as a backchannel."""
    false_alarm_ms: int = 700
    """After a silence this long without words the agent resumes."""
    ignore_terms: tuple[str, ...] = ()
    """Whole utterances that never interrupt; case does not matter."""
    backchannels: bool = True
    """Whether the built-in list of the agent's language is ignored too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How long silence is borne."""

    turn_timeout_ms: int | None = 7_000
    """Silence of the user after which the agent speaks again."""
    initial_wait_ms: int | None = None
    """The same before anybody has spoken; None: as `turn_timeout_ms`."""
    silence_end_call_ms: int | None = None
    """Time since the user last spoke after which the call ends."""
    max_duration_ms: int | None = 600_000
    """Length of a conversation."""
    max_duration_message: str = ""
    """Said before a conversation that lasted too long ends; empty: nothing."""
    activity_hold_ms: int = 2_000
    """How long the agent begins nothing after `UserActive`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fillers:
    """What is said while the model thinks (`soft_timeout_config`)."""

    timeout_ms: int | None = None
    """Wait before the first, and between them."""
    messages: tuple[str, ...] = ("Hhmmmm...yeah.",)
    """In turn; the last is said again when they run out."""
    most: int = 1
    """So many at the most for one wait; 1 to 8."""
    shuffled: bool = False
    """Whether each reply has them in another order."""
    seed: int = 0
    """Decides that order."""
    generated: bool = False
    """Whether a model writes them; a message stands in if it is late."""
    generated_patience_ms: int = 1_000
    """How late it may be."""
    after_first_user_message: bool = False
    """Whether there are none before the user first said something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """What keeps a conversation alive, or ends it in good order, when a part of it fails."""

    model_stall_ms: int = 20_000
    """A model that writes nothing for so long has failed (hosted service: LLM time-out 20 s)."""
    speech_stall_ms: int = 10_000
    """A synthesizer that gives no sound for so long has failed."""
    stuck_speech_ms: int = 15_000
    """A detector that hears speech so long without a new word is wrong."""
    unheard_speech_ms: int = 1_200
    """Speech at least this long should have had words."""
    unheard_patience_ms: int = 3_000
    """Silence after it before the agent asks again."""
    max_silence_ms: int | None = 60_000
    """Nobody is heard for so long and nothing is pending: break the silence, then end."""
    farewell_ms: int = 20_000
    """A farewell that cannot be cut off is cut off after so long."""
    max_failures: int = 3
    """So many failed replies in a row end the conversation."""
    max_passes: int = 16
    """A reply that called tools so many times in a row has failed."""
    apology: str = "Sorry, something went wrong on my side. Could you say that again?"
    """Said after a failure; empty: nothing."""
    farewell: str = "Sorry, I have to end this call."
    """Said before the end when failures force it and there is a voice; empty: nothing."""
    not_understood: str = "Sorry, I did not catch that. Could you say it again?"
    """Said when speech had no words; empty: nothing."""
    still_there: str = "Are you still there?"
    """Said after a silence nobody meant; empty: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All manners of one agent."""

    language: str = "en"
    """ISO 639-1 code; decides word lists. An unknown one has none."""
    text_only: bool = False
    """Whether there is no sound: a reply is heard when it is written."""
    first_message: str = ""
    """Said when the conversation begins; empty: nothing."""
    speaks_first: bool = False
    """Whether the model opens the conversation if there is no first message."""
    playout_ms: int = 0
    """Time from sending a sound until it reaches the ear, at the start of each sound."""
    pre_tool_line: str = "One moment, please."
    """Said before a tool if the model said nothing itself; empty: nothing."""
    slow_tool_ms: int = 1_500
    """A tool that took so long the last time is announced (`pre_tool_speech: auto`)."""
    endpointing: Endpointing = field(default_factory=Endpointing)
    interruption: Interruption = field(default_factory=Interruption)
    waiting: Waiting = field(default_factory=Waiting)
    fillers: Fillers = field(default_factory=Fillers)
    guards: Guards = field(default_factory=Guards)
    tools: tuple[ToolManners, ...] = ()
    """Manners of single tools, by name; a tool that is not named here has the defaults."""

    def manners_of(self, tool: str) -> ToolManners:
        """Return how the tool of this name is treated."""
        return next((t for t in self.tools if t.name == tool), ToolManners(name=tool))
