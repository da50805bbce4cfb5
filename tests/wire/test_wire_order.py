"""Laws of order: a real engine, a user and providers without manners, and what a client gets."""

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from turnwise.agents.tools import Tool
from turnwise.base.units import Millis
from turnwise.turns.commands import Append, CallTool, Command, Speak, StartReply
from turnwise.turns.engine import Engine
from turnwise.turns.events import (
    CallId,
    EndAsked,
    Event,
    ReplyId,
    ReplyText,
    ReplyWritten,
    SegmentId,
    SpeechStarted,
    SpeechStopped,
    Tick,
    ToolRequested,
    ToolReturned,
    Transcribed,
    UserWrote,
    Voiced,
)
from turnwise.turns.policy import Policy
from turnwise.turns.transcript import UserSaid
from turnwise.wire.manners import tool_manners
from turnwise.wire.selection import EVENTS
from turnwise.wire.server_messages import (
    AgentChatResponsePart,
    AgentResponse,
    AgentResponseCorrection,
    Audio,
    ErrorMessage,
    Interruption,
    ServerMessage,
    UserTranscript,
)
from turnwise.wire.tool_messages import AgentToolResponse, AgentToolResponseFullPayload
from turnwise.wire.translate import Translator

TOOLS = [
    Tool(name="look", kind="client", description=""),
    Tool(name="later", kind="webhook", description="", execution_mode="async"),
    Tool(name="note", kind="client", description="", expects_response=False),
    Tool(name="end_call", kind="system", description=""),
]
NO_REPLY = ReplyId(0)
LATE = (AgentToolResponse, AgentToolResponseFullPayload)


@dataclass
class Rig:
    """One conversation, its engine in front of a translator."""

    text_only: bool
    engine: Engine = field(init=False)
    translator: Translator = field(init=False)
    now: int = 0
    segment: int = 0
    calls: int = 0
    reply: ReplyId = NO_REPLY
    unvoiced: str = ""
    """Words of the reply that are not sound yet."""
    open_calls: list[tuple[CallId, str]] = field(default_factory=list)
    sent: list[ServerMessage] = field(default_factory=list)
    replies: list[ReplyId] = field(default_factory=list)
    """Of each message in `sent`, which reply was under way."""
    spoken: list[str] = field(default_factory=list)
    """Turns of the user that a client should hear of."""

    def __post_init__(self) -> None:
        policy = Policy(
            text_only=self.text_only,
            first_message="Hello.",
            tools=tuple(tool_manners(tool) for tool in TOOLS),
        )
        self.engine = Engine(policy)
        events = () if self.text_only else EVENTS
        self.translator = Translator(events, TOOLS, text_only=self.text_only)

    def send(self, messages: list[ServerMessage]) -> None:
        self.sent += messages
        self.replies += [self.reply] * len(messages)

    def handle(self, event: Event) -> None:
        for command in self.engine.handle(event, Millis(self.now)):
            self.obey(command)

    def obey(self, command: Command) -> None:
        match command:
            case StartReply(reply=reply) | Speak(reply=reply) if reply != self.reply:
                self.reply, self.unvoiced = reply, ""
            case Append(entry=UserSaid(typed=False, ignored_as_backchannel=False, text=text)):
                self.spoken.append(text)
            case _:
                pass
        if isinstance(command, Speak):
            self.unvoiced += command.text
        self.send(self.translator.obey(command))
        if isinstance(command, CallTool):
            self.open_calls.append((command.call, command.name))
            if command.name in {"look", "note"}:
                self.send(self.translator.call_client(command, {}))

    def wait(self, ms: int) -> None:
        until = self.now + ms
        while (due := self.engine.deadline) is not None and due < until:
            self.now = max(self.now, due)
            self.handle(Tick())
        self.now = until
        self.handle(Tick())

    def do(self, step: tuple[str, int]) -> None:
        kind, size = step
        if kind == "wait":
            self.wait(size)
        elif kind == "sound":
            self.sound(size)
        elif (event := self.event(kind, size)) is not None:
            self.handle(event)

    def sound(self, chunks: int) -> None:
        if self.text_only or not self.unvoiced:
            return
        chars, self.unvoiced = len(self.unvoiced), ""
        self.handle(Voiced(self.reply, chars, 100 * (1 + chunks % 9)))
        for _ in range(1 + chunks % 3):
            self.send(self.translator.audio(self.reply, b"\x00"))

    def event(self, kind: str, size: int) -> Event | None:
        if kind == "words":
            self.segment += size % 2
            words = ("mhm", "stop it now", "hello", "what is it")[size % 4]
            return Transcribed(SegmentId(self.segment), words, final=size % 3 > 0)
        if kind == "tool":
            self.calls += 1
            name = TOOLS[size % len(TOOLS)].name
            return ToolRequested(self.reply, CallId(f"c{self.calls}"), name, "{}")
        simple: dict[str, Event] = {
            "speech": SpeechStarted(),
            "silence": SpeechStopped(0),
            "typed": UserWrote("typed words"),
            "text": ReplyText(self.reply, "Some words. "),
            "written": ReplyWritten(self.reply),
        }
        return simple[kind] if kind in simple else self.answer()

    def answer(self) -> Event | None:
        if not self.open_calls:
            return None
        call, name = self.open_calls.pop()
        if name == "end_call":
            return EndAsked("end_call tool was called.", "Bye.", call)
        return ToolReturned(call, "42")


kinds = st.sampled_from(
    ["wait", "sound", "speech", "silence", "words", "typed", "text", "written", "tool", "answer"]
)
steps = st.lists(st.tuples(kinds, st.integers(0, 1_500)), max_size=60)


def run(plan: list[tuple[str, int]], *, text_only: bool) -> Rig:
    rig = Rig(text_only)
    rig.wait(0)
    for step in plan:
        if rig.engine.ended:
            break
        rig.do(step)
    return rig


def number(message: ServerMessage) -> int | None:
    found = getattr(message, "event_id", None)
    return int(found) if found is not None else None


@given(steps, st.booleans())
@settings(max_examples=300)
def test_numbers_never_go_down(plan: list[tuple[str, int]], text_only: bool) -> None:  # noqa: FBT001
    sent = run(plan, text_only=text_only).sent
    numbers = [n for m in sent if not isinstance(m, LATE) and (n := number(m)) is not None]
    assert all(n >= 1 for n in numbers)
    assert all(before <= after for before, after in pairwise(numbers))


@given(steps)
@settings(max_examples=300)
def test_an_interruption_covers_all_sound_before_it_and_none_after(
    plan: list[tuple[str, int]],
) -> None:
    interrupted = 0  # as the Python SDK keeps it: it drops what is not above
    highest = 0
    for message in run(plan, text_only=False).sent:
        if isinstance(message, Interruption):
            assert message.event_id >= highest
            assert message.event_id > interrupted
            interrupted = message.event_id
        elif isinstance(message, Audio):
            assert message.event_id > interrupted, "the client would not play it"
            highest = message.event_id


@given(steps, st.booleans())
@settings(max_examples=300)
def test_a_reply_has_one_number_until_it_is_interrupted(
    plan: list[tuple[str, int]],
    text_only: bool,  # noqa: FBT001
) -> None:
    rig = run(plan, text_only=text_only)
    known: dict[int, ReplyId] = {}
    for message, reply in zip(rig.sent, rig.replies, strict=True):
        if isinstance(message, Audio | AgentResponse | AgentChatResponsePart):
            assert known.setdefault(message.event_id, reply) == reply
    last: dict[ReplyId, int] = {}
    for message, reply in zip(rig.sent, rig.replies, strict=True):
        if isinstance(message, Interruption):
            last.clear()
        elif isinstance(message, Audio | AgentResponse | AgentChatResponsePart):
            assert last.setdefault(reply, message.event_id) == message.event_id


@given(steps)
@settings(max_examples=200)
def test_only_words_that_were_told_are_corrected(plan: list[tuple[str, int]]) -> None:
    told = ""
    for message in run(plan, text_only=False).sent:
        if isinstance(message, AgentResponse):
            told = message.agent_response
        elif isinstance(message, AgentResponseCorrection):
            original = message.original_agent_response
            assert original.startswith(message.corrected_agent_response)
            assert told in original


@given(steps, st.booleans())
@settings(max_examples=200)
def test_each_spoken_turn_is_told_once_and_typed_ones_never(
    plan: list[tuple[str, int]],
    text_only: bool,  # noqa: FBT001
) -> None:
    rig = run(plan, text_only=text_only)
    told = [m.user_transcript for m in rig.sent if isinstance(m, UserTranscript)]
    assert told == rig.spoken


@given(steps)
@settings(max_examples=200)
def test_streams_are_opened_and_closed_in_turn(plan: list[tuple[str, int]]) -> None:
    opened = False
    for message in run(plan, text_only=True).sent:
        if isinstance(message, AgentChatResponsePart):
            assert opened is (message.part != "start")
            opened = message.part != "stop"
        elif isinstance(message, AgentResponse):
            assert not opened


@given(steps, st.booleans())
@settings(max_examples=200)
def test_clients_learn_of_end_call_at_the_very_end(
    plan: list[tuple[str, int]],
    text_only: bool,  # noqa: FBT001
) -> None:
    sent = run(plan, text_only=text_only).sent
    for index, message in enumerate(sent):
        if isinstance(message, LATE) and message.tool_name == "end_call":
            rest = sent[index + 1 :]
            assert all(isinstance(each, (*LATE, ErrorMessage)) for each in rest)
