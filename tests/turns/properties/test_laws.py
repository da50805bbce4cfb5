"""Whatever the world does, the conversation keeps its laws.

A Hypothesis state machine plays a user, a clock and providers without manners: late, stale, doubled
and contradictory events, under several policies. 500 conversations of up to 60 steps.
"""

from copy import deepcopy
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from turnwise.base.units import Millis
from turnwise.turns.commands import (
    Amend,
    Announce,
    Append,
    CallTool,
    CancelReply,
    Command,
    Correct,
    End,
    FinishReply,
    MakeFiller,
    Pause,
    Report,
    Resume,
    Speak,
    StartReply,
)
from turnwise.turns.engine import Engine
from turnwise.turns.events import (
    CallId,
    ContextGiven,
    EndAsked,
    Event,
    FillerMade,
    HandOverAsked,
    HearingFailed,
    HungUp,
    PauseId,
    Played,
    ReplyFailed,
    ReplyId,
    ReplyText,
    ReplyWritten,
    SegmentId,
    SpeechContinued,
    SpeechFailed,
    SpeechStarted,
    SpeechStopped,
    Tick,
    ToolRequested,
    ToolReturned,
    Transcribed,
    TurnScored,
    TurnSkipped,
    UserActive,
    UserWrote,
    Voiced,
)
from turnwise.turns.journal import Step, lines, read, replay
from turnwise.turns.policy import (
    Endpointing,
    Execution,
    Fillers,
    Guards,
    Interruption,
    Policy,
    ToolInterruption,
    ToolManners,
    Waiting,
)
from turnwise.turns.transcript import AgentSaid, UserSaid

PLAIN = Policy()
TOOLS = (
    ToolManners(name="after", execution=Execution.POST_TOOL_SPEECH, timeout_ms=3_000),
    ToolManners(name="async", execution=Execution.ASYNC),
    ToolManners(name="forget", expects_response=False),
    ToolManners(
        name="guarded",
        interruption=ToolInterruption.DISABLE_DURING_TOOL_AND_TURN,
        safe_to_bet=True,
        timeout_ms=None,
    ),
)
POLICIES = (
    PLAIN,
    replace(PLAIN, first_message="Hello there. How are you?", tools=TOOLS),
    replace(
        PLAIN,
        endpointing=Endpointing(bet_ms=100, turn_model=True),
        fillers=Fillers(timeout_ms=1_000, most=3, messages=("Hm.", "So."), shuffled=True, seed=7),
        tools=TOOLS,
    ),
    replace(
        PLAIN,
        speaks_first=True,
        interruption=Interruption(enabled=False, transcribe_when_disabled=True),
        waiting=Waiting(turn_timeout_ms=None, max_duration_ms=None, silence_end_call_ms=20_000),
    ),
    replace(
        PLAIN,
        interruption=Interruption(pause=False, ignore_terms=("what",), barge_in_words=2),
        fillers=Fillers(timeout_ms=800, generated=True, after_first_user_message=True),
        waiting=Waiting(
            max_duration_ms=30_000, max_duration_message="Time is up.", initial_wait_ms=900
        ),
    ),
    replace(
        PLAIN,
        playout_ms=120,
        waiting=Waiting(max_duration_ms=None, turn_timeout_ms=2_000),
        guards=Guards(apology="", still_there="", max_silence_ms=9_000, max_passes=2),
        endpointing=Endpointing(stall_ms=None, bet_ms=0),
    ),
    replace(PLAIN, text_only=True, first_message="Hi.", waiting=Waiting(max_duration_ms=None)),
)
ASKED_FOR = (
    ToolReturned,
    Transcribed,
    SpeechStopped,
    UserWrote,
    ToolRequested,
    ReplyWritten,
    HandOverAsked,
    TurnScored,
    ReplyFailed,
    SpeechFailed,
    HearingFailed,
)
"""Events that may well start a reply; how many failures may is a law of its own."""
DOUBT = "doubt a hang-up of the model"
ABOUT_A_REPLY = (Speak, CallTool, Pause, Resume, Announce, MakeFiller)
STALE = st.integers(0, 2)
"""How many replies ago: 0 is the one being given."""
WORDS = st.sampled_from(["yes", "no no", "", "what", "mhm", "I would like", "4 5 1", "Stop it."])


class World(RuleBasedStateMachine):
    """A user, a clock and providers without manners."""

    @initialize(policy=st.sampled_from(POLICIES))
    def begin(self, policy: Policy) -> None:
        self.policy = policy
        self.engine = Engine(policy)
        self.now = 0
        self.steps: list[Step] = []
        self.live: set[ReplyId] = set()
        self.bets: set[ReplyId] = set()
        self.closed: set[ReplyId] = set()
        self.starts: list[int] = []
        self.written: dict[ReplyId, str] = {}
        self.spoken: dict[ReplyId, str] = {}
        self.entries: list[Any] = []
        self.ended = False
        self.segment = 0

    def send(self, event: Event) -> None:
        reply_before = self.engine.conversation.reply
        commands = self.engine.handle(event, Millis(self.now))
        self.steps.append(Step(Millis(self.now), event, commands, tuple(self.engine.fired)))
        if isinstance(event, ReplyText) and reply_before and reply_before.id == event.reply:
            self.written[event.reply] = self.written.get(event.reply, "") + event.text
        for command in commands:
            assert not self.ended, "nothing happens after the end"
            self.check(command, event)
        reply = self.engine.conversation.reply
        assert self.live == (set() if reply is None else {reply.id}), "each reply ends once"
        if reply is not None and reply.bet is None:
            self.bets.discard(reply.id)

    def check(self, command: Command, event: Event) -> None:
        if isinstance(command, ABOUT_A_REPLY):
            assert command.reply not in self.closed, "nothing is said or done for a dropped reply"
        match command:
            case StartReply(reply=reply, speculative=speculative):
                self.start(reply, event, speculative=speculative)
                known = [e for e in command.transcript if isinstance(e, AgentSaid)]
                assert all(e.text in self.heard_or_spoken(e.reply) for e in known)
            case CancelReply(reply=reply) | FinishReply(reply=reply):
                assert reply in self.live
                self.live.remove(reply)
                self.closed.add(reply)
            case Speak(reply=reply, text=text):
                if reply not in self.live:
                    self.start(reply, event, speculative=False)
                self.spoken[reply] = self.spoken.get(reply, "") + text
                turn = self.engine.conversation.reply
                is_bet = turn is not None and turn.id == reply and turn.bet is not None
                assert not is_bet, "a bet is silent"
            case CallTool(reply=reply, name=name):
                unsure = reply in self.bets and not any(
                    isinstance(e, UserSaid) for e in self.entries
                )
                assert not unsure or self.policy.manners_of(name).safe_to_bet
            case Correct(reply=reply, written=written, heard=heard):
                assert written.startswith(heard)
                assert len(heard) < len(written)
                assert written.replace(" ", "") in self.spoken[reply].replace(" ", "") or (
                    self.policy.fillers.timeout_ms is not None
                )
            case Append(entry=entry):
                self.entries.append(entry)
                if isinstance(entry, AgentSaid):
                    assert entry.text.strip()
                    assert entry.text in self.spoken[entry.reply], "what is heard was spoken"
                    assert entry.interrupted == (entry.original is not None)
                if isinstance(entry, UserSaid):
                    assert entry.text.strip()
                    self.bets.clear()
            case Amend(index=index, entry=entry):
                assert type(self.entries[index]) is type(entry)
                self.entries[index] = entry
            case End():
                self.ended = True
            case _:
                pass

    def heard_or_spoken(self, reply: ReplyId) -> str:
        return self.spoken.get(reply, "") + self.written.get(reply, "")

    def start(self, reply: ReplyId, event: Event, *, speculative: bool) -> None:
        assert reply not in self.closed
        if reply in self.live:
            return  # its next pass
        self.live.add(reply)
        if speculative:
            self.bets.add(reply)
        assert len(self.live) == 1, "one reply at a time"
        if not isinstance(event, ASKED_FOR):
            self.starts = [t for t in self.starts if self.now - t < 500] + [self.now]
            assert len(self.starts) <= 3, "no storm of replies"

    def reply_id(self, stale: int) -> ReplyId:
        return ReplyId(self.engine.conversation.replies - stale)

    def send_stale(self, event: Event) -> None:
        """Send an answer to a question nobody asks any more: it is as if only time had passed."""
        twin = deepcopy(self.engine)
        twin.handle(Tick(), Millis(self.now))
        self.send(event)
        assert twin.conversation == self.engine.conversation, "stale ids cause nothing"

    def send_about(self, reply: ReplyId, event: Event) -> None:
        current = self.engine.conversation.reply
        due = self.engine.deadline
        if (current is None or current.id != reply) and (due is None or due > self.now):
            self.send_stale(event)
        else:
            self.send(event)

    @rule(ms=st.integers(0, 9_000))
    def wait(self, ms: int) -> None:
        until = self.now + ms
        while (due := self.engine.deadline) is not None and due <= until:
            self.now = max(self.now, due)
            self.send(Tick())
        self.now = until

    @rule(ms=st.integers(0, 700))
    def wait_without_ticks(self, ms: int) -> None:
        self.now += ms

    @rule()
    def tick_early(self) -> None:
        self.send(Tick())

    @rule()
    def start_speaking(self) -> None:
        self.send(SpeechStarted())

    @rule()
    def go_on_speaking(self) -> None:
        self.send(SpeechContinued())

    @rule(silence=st.integers(0, 800))
    def stop_speaking(self, silence: int) -> None:
        self.send(SpeechStopped(silence))

    @rule(ms=st.integers(100, 900), text=WORDS)
    def say_something(self, ms: int, text: str) -> None:
        self.send(SpeechStarted())
        self.now += ms
        self.segment += 1
        self.send(Transcribed(SegmentId(self.segment), text, final=False))
        self.send(SpeechStopped(100))
        self.send(Transcribed(SegmentId(self.segment), text, final=True))

    @rule(ago=st.integers(-1, 2), text=WORDS, final=st.booleans())
    def transcribe(self, ago: int, text: str, final: bool) -> None:
        segment = max(0, self.segment - ago)
        self.segment = max(self.segment, segment)
        self.send(Transcribed(SegmentId(segment), text, final))

    @rule(ago=st.integers(0, 1), score=st.floats(0, 1))
    def score(self, ago: int, score: float) -> None:
        self.send(TurnScored(PauseId(self.engine.conversation.user.pause - ago), score))

    @rule(text=st.sampled_from(["hi", " ", "book it"]))
    def type_something(self, text: str) -> None:
        self.send(UserWrote(text))

    @rule()
    def be_active(self) -> None:
        self.send(UserActive())

    @rule(key=st.sampled_from([None, "a", "b"]))
    def give_context(self, key: str | None) -> None:
        self.send(ContextGiven("the page changed", key))

    @rule(stale=STALE, text=st.sampled_from(["Hello. ", "Well, what? ", ""]))
    def write(self, stale: int, text: str) -> None:
        self.send_about(self.reply_id(stale), ReplyText(self.reply_id(stale), text))

    @rule(stale=STALE)
    def finish_writing(self, stale: int) -> None:
        self.send_about(self.reply_id(stale), ReplyWritten(self.reply_id(stale)))

    @rule(stale=STALE, chars=st.integers(1, 40), ms=st.integers(0, 3_000), timed=st.booleans())
    def voice(self, stale: int, chars: int, ms: int, timed: bool) -> None:
        ends = tuple(ms * (n + 1) // chars for n in range(chars)) if timed else ()
        self.send_about(self.reply_id(stale), Voiced(self.reply_id(stale), chars, ms, ends))

    @rule(ms=st.integers(0, 3_000))
    def reply_well(self, ms: int) -> None:
        reply = self.engine.conversation.reply
        if reply is None or reply.written:
            return
        text = "Shall I do that for you? "
        self.send(ReplyText(reply.id, text))
        self.send(ReplyWritten(reply.id))
        self.send(Voiced(reply.id, len(reply.text) - reply.voiced, ms))

    @rule(stale=STALE, ms=st.integers(0, 5_000))
    def report_playback(self, stale: int, ms: int) -> None:
        self.send_about(self.reply_id(stale), Played(self.reply_id(stale), ms))

    @rule(
        stale=STALE,
        call=st.sampled_from("abc"),
        name=st.sampled_from(["x", *(t.name for t in TOOLS)]),
    )
    def request_tool(self, stale: int, call: str, name: str) -> None:
        reply = self.reply_id(stale)
        self.send_about(reply, ToolRequested(reply, CallId(f"{reply}{call}"), name, "{}"))

    def open_calls(self) -> list[CallId]:
        return [
            call.id
            for call in self.engine.conversation.calls.values()
            if call.called_at is not None
        ]

    @rule(which=st.integers(0, 3), failed=st.booleans())
    def return_tool(self, which: int, failed: bool) -> None:
        if which < len(calls := self.open_calls()):
            self.send(ToolReturned(calls[which], "42", failed))
        elif (due := self.engine.deadline) is None or due > self.now:
            self.send_stale(ToolReturned(CallId("nobody"), "42", failed))

    @rule(wait=st.sampled_from([None, 0, 4_000]))
    def skip_turn(self, wait: int | None) -> None:
        calls = self.open_calls()
        self.send(TurnSkipped(calls[0] if calls else CallId("nobody"), wait))

    @rule(
        farewell=st.sampled_from(["", "Goodbye. "]), by_tool=st.booleans(), rarely=st.integers(0, 5)
    )
    def ask_for_the_end(self, farewell: str, by_tool: bool, rarely: int) -> None:
        calls = self.open_calls()
        if rarely == 0:
            self.send(EndAsked("done", farewell, calls[0] if by_tool and calls else None))

    @rule(farewell=st.sampled_from(["", "Goodbye. "]), rarely=st.integers(0, 2))
    def hang_up_by_mistake(self, farewell: str, rarely: int) -> None:
        c, calls = self.engine.conversation, self.open_calls()
        if rarely or not calls:
            return
        asked_by = c.calls[calls[0]].reply
        again = c.doubted == asked_by
        self.send(EndAsked("done", farewell, calls[0], unsure=True))
        doubted = DOUBT in self.steps[-1].fired
        assert not (doubted and again), "a model that insists is obeyed"
        over = c.ended or (c.reply is not None and c.reply.ends_call == "done")
        assert not (doubted and over), "what is doubted does not end the call"
        if over and not again:
            assert c.closing or c.user.speaking_since is None, "nobody is cut off while speaking"

    @rule(
        message=st.sampled_from(["", "I hand you over."]),
        first=st.sampled_from(["", "Hi, B here."]),
    )
    def hand_over(self, message: str, first: str) -> None:
        self.send(HandOverAsked("b", PLAIN, message, first, delay_ms=300))

    @rule(stale=STALE)
    def make_filler(self, stale: int) -> None:
        self.send_about(self.reply_id(stale), FillerMade(self.reply_id(stale), "Let me see."))

    @rule(stale=STALE)
    def fail_reply(self, stale: int) -> None:
        self.send_about(self.reply_id(stale), ReplyFailed(self.reply_id(stale), "gone"))

    @rule(stale=STALE)
    def fail_speech(self, stale: int) -> None:
        self.send_about(self.reply_id(stale), SpeechFailed(self.reply_id(stale), "gone"))

    @rule(rarely=st.integers(0, 20))
    def fail_hearing(self, rarely: int) -> None:
        if rarely == 0:
            self.send(HearingFailed("gone"))

    @invariant()
    def the_deadline_lies_ahead(self) -> None:
        due = self.engine.deadline
        assert due is None or due > self.engine.conversation.now or not self.steps

    @invariant()
    def failures_are_not_endless(self) -> None:
        c = self.engine.conversation
        assert c.failures <= self.policy.guards.max_failures + 1  # and the farewell

    @invariant()
    def nobody_waits_for_ever(self) -> None:
        c = self.engine.conversation
        endless = any(call.manners.timeout_ms is None for call in c.calls.values())
        busy = c.reply or c.owed or c.user.words or c.hand_over or c.closing
        if busy and c.user.speaking_since is None and not c.ended and not endless:
            assert self.engine.deadline is not None

    @invariant()
    def it_is_never_silent_for_long(self) -> None:
        c = self.engine.conversation
        limit = c.policy.guards.max_silence_ms
        idle = c.opened and not (c.reply or c.owed or c.user.words or c.hand_over or c.waits_until)
        if idle and not c.ended and not c.policy.text_only and c.user.speaking_since is None:
            assert limit is not None
            assert self.engine.deadline is not None
            assert self.engine.deadline <= max(c.now, c.last_heard, c.user.silent_since) + limit

    def teardown(self) -> None:  # type: ignore[explicit-override]  # typing.override: 3.12
        if not hasattr(self, "engine"):
            return
        self.send(HungUp())
        assert self.engine.ended
        assert self.engine.conversation.reply is None
        lazy = Engine(self.policy)
        lazy_commands: list[Command] = []
        for step in self.steps:
            if not isinstance(step.event, Tick):
                lazy_commands += lazy.handle(step.event, step.at)
        ticked = [c for step in self.steps for c in step.commands]
        first = next(
            (n for n, (a, b) in enumerate(zip(lazy_commands, ticked, strict=False)) if a != b), None
        )
        assert lazy_commands == ticked, (
            "a shell that never ticks decides the same",
            lazy_commands[first:][:3],
            ticked[first:][:3],
        )
        journal = read(lines(self.policy, self.steps))
        again, differences = replay(journal)
        assert not differences, "a replay is exact"
        assert again == self.steps
        silent = [c for s in self.steps for c in s.commands if isinstance(c, Report) and not c.kind]
        assert not silent, "an incident has a name"


World.TestCase.settings = settings(
    max_examples=500,
    stateful_step_count=60,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestWorld = World.TestCase
