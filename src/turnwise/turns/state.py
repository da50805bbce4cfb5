"""Where a conversation stands: facts, not phases. Phases are questions about the facts.

Reactions, rules and the modules they call change these; nobody else does.
"""

from dataclasses import dataclass, field

from turnwise.base.units import Millis
from turnwise.turns.commands import Amend, Append, Cause, Command
from turnwise.turns.events import CallId, EndAsked, HandOverAsked, PauseId, ReplyId, SegmentId
from turnwise.turns.policy import Execution, Policy, ToolManners
from turnwise.turns.reply import START, Reply
from turnwise.turns.transcript import AgentSaid, ContextAdded, Entry, Transcript, UserSaid

NO_PAUSE = PauseId(0)
NO_SEGMENT = SegmentId(-1)


@dataclass(slots=True)
class Segment:
    """A piece of the user's words, as far as it is known."""

    text: str
    final: bool
    skipped: int = 0
    """How many words of it belong to earlier turns: some transcribers do not end it at a pause."""


@dataclass(slots=True)
class UserTurn:
    """The turn the user is taking, or could take."""

    speaking_since: Millis | None = None
    silent_since: Millis = START
    """When the user's last sound ended."""
    stopped_at: Millis = START
    """When the detector was sure of that, or the engine decided it."""
    audio_at: Millis = START
    """When audio with speech in it last arrived."""
    words_at: Millis = START
    """When the words last changed."""
    last_spoke: Millis = START
    """When the user last said or wrote something; the start of the conversation if never."""
    ever_spoke: bool = False
    active_at: Millis | None = None
    """When the user was last active without saying anything."""
    spoke_ms: int = 0
    """Speech in this turn so far, without words or with."""
    resumed: bool = False
    """Whether speech was detected since the last turn was taken."""
    question: str = ""
    """The reply whose last question was being heard when this speech began; empty: none."""
    ignored: dict[SegmentId, Segment] = field(default_factory=dict)
    """What was last taken for listening; it may turn out to be more."""
    cut_wordless: bool = False
    """Whether this speech interrupted by its length alone; then words are still to come."""
    unheeded_at: Millis | None = None
    """When speech was last thrown away; its words may still come."""
    distrusted: bool = False
    """Whether the detector was wrong and has not said since that speech stopped; until then what
    it says of speech that begins counts for nothing."""
    pause: PauseId = NO_PAUSE
    """The present or last silence."""
    score: float | None = None
    """The turn model's score of that silence."""
    segments: dict[SegmentId, Segment] = field(default_factory=dict)
    words: str = ""
    """What all segments say together."""
    closed: SegmentId = NO_SEGMENT
    """The newest segment that belongs to an earlier turn or was thrown away."""

    @property
    def tentative(self) -> bool:
        """Whether some of the words may still change."""
        return any(not segment.final for segment in self.segments.values())

    def join(self) -> None:
        """Write the words anew."""
        texts = (segment.text.strip() for segment in self.segments.values())
        self.words = " ".join(text for text in texts if text)

    def close_segments(self) -> dict[SegmentId, Segment]:
        """Give away the words said so far; what comes of them later is late."""
        segments, self.segments, self.words = self.segments, {}, ""
        if segments:
            self.closed = max(self.closed, *segments)
        return segments


@dataclass(slots=True)
class TakenTurn:
    """The user's turn that was taken last; late words may still amend it."""

    index: int
    """Of its entry in the transcript."""
    segments: dict[SegmentId, Segment]


@dataclass(slots=True)
class Call:
    """A tool call that is not settled."""

    id: CallId
    reply: ReplyId
    name: str
    arguments: str
    manners: ToolManners
    called_at: Millis | None = None
    """When it was handed to the shell; None while it is held back."""
    unwanted: bool = False
    """Whether its reply was dropped: the answer is recorded, and nothing is said about it."""

    @property
    def blocks(self) -> bool:
        """Whether the reply waits for its answer."""
        return self.manners.expects_response and self.manners.execution is not Execution.ASYNC


def _is_hidden(entry: Entry) -> bool:
    match entry:
        case ContextAdded(superseded=hidden) | UserSaid(ignored_as_backchannel=hidden):
            return hidden
        case _:
            return False


@dataclass(slots=True)
class Conversation:
    """The joint state."""

    policy: Policy
    now: Millis = START
    user: UserTurn = field(default_factory=UserTurn)
    reply: Reply | None = None
    owed: Cause | None = None
    """Why the agent has to say something; None if it has not."""
    owed_for: int | None = None
    """Index of the user's turn that is to be answered, if it is one."""
    taken: TakenTurn | None = None
    transcript: Transcript = ()
    visible: Transcript = ()
    """What of it a model may know: no superseded context, no mere listening."""
    replies: int = 0
    calls: dict[CallId, Call] = field(default_factory=dict)
    """Tool calls that are not settled; they outlive their reply."""
    latencies: dict[str, int] = field(default_factory=dict)
    """How long each tool took the last time, in milliseconds."""
    opened: bool = False
    closing: str | None = None
    """Why the conversation is ending, once nothing can stop that."""
    closing_since: Millis = START
    hang_up: EndAsked | None = None
    """A hang-up that what was said speaks against."""
    hang_up_doubt: str = ""
    """What speaks against it."""
    doubted: ReplyId | None = None
    """The reply whose hang-up was refused last."""
    hand_over: HandOverAsked | None = None
    """What is left to do of a hand-over."""
    hand_over_message: str = ""
    """What the old agent has still to say."""
    hand_over_at: Millis = START
    """When its next step is due."""
    waits_until: Millis | None = None
    """Until when the agent chose to stay silent."""
    last_heard: Millis = START
    """When the agent was last heard."""
    reply_over: Millis = START
    """When its last reply was over, heard or not."""
    last_text: str = ""
    """What the agent said last, as far as it was heard."""
    bet_pause: PauseId | None = None
    """The silence in which a reply was last bet on."""
    failures: int = 0
    """Failed replies in a row."""
    alarms: int = 0
    """Silences in a row that the engine had to break."""
    ended: bool = False
    commands: list[Command] = field(default_factory=list)

    def do(self, command: Command) -> None:
        """Ask the shells for something."""
        self.commands.append(command)

    def drain(self) -> tuple[Command, ...]:
        """Return what is asked of the shells, once."""
        commands = tuple(self.commands)
        self.commands.clear()
        return commands

    def append(self, entry: Entry) -> int:
        """Add an entry to the transcript and return its index."""
        self.transcript += (entry,)
        if not _is_hidden(entry):
            self.visible += (entry,)
        self.do(Append(entry))
        if isinstance(entry, AgentSaid) and not entry.filler:
            self.last_text = entry.text
        return len(self.transcript) - 1

    def amend(self, index: int, entry: Entry) -> None:
        """Put an entry in the place of an earlier one."""
        self.transcript = (*self.transcript[:index], entry, *self.transcript[index + 1 :])
        self.visible = tuple(each for each in self.transcript if not _is_hidden(each))
        self.do(Amend(index, entry))

    def live(self, reply_id: ReplyId) -> Reply | None:
        """Return the reply if it is the one being given; else what speaks of it is stale."""
        return self.reply if self.reply is not None and self.reply.id == reply_id else None

    @property
    def undisturbed_from(self) -> Millis:
        """When the agent may begin something again after the user was active."""
        if self.user.active_at is None:
            return START
        return Millis(self.user.active_at + self.policy.waiting.activity_hold_ms)
