import itertools

import pytest

from turnwise.testing.chance import seeded
from turnwise.testing.figures import measure
from turnwise.testing.latency import Fixed, Never, Uniform
from turnwise.testing.moves import (
    Backchannel,
    BargeIn,
    Cough,
    HangUp,
    Move,
    Say,
    Spell,
    Wait,
    Write,
)
from turnwise.testing.persona import Persona
from turnwise.testing.providers import Model, Providers, Tools, Transcriber, Voice, Written
from turnwise.testing.world import Call, World
from turnwise.turns import journal
from turnwise.turns.commands import (
    Append,
    CallTool,
    CancelReply,
    CancelTool,
    End,
    Report,
    Resume,
    ScoreTurn,
    Speak,
    StartReply,
)
from turnwise.turns.events import HungUp, Voiced
from turnwise.turns.policy import (
    Endpointing,
    Fillers,
    Policy,
    ToolManners,
    Waiting,
)
from turnwise.turns.transcript import AgentSaid, UserSaid

LONG = "Well, that is a long story. It began many years ago, in a house by the sea."
STEADY = Providers(
    transcriber=Transcriber(final=Fixed(150)),
    model=Model(first_token=Fixed(300), replies=(LONG,)),
    voice=Voice(first_sound=Fixed(100)),
)


def call(
    *script: Move, policy: Policy | None = None, providers: Providers = STEADY, seed: int = 0
) -> Call:
    return World(policy or Policy(), script, providers, seed).run()


def said(conversation: Call) -> list[tuple[str, str, bool]]:
    """Return the record: who, what, and whether it was cut off or only listening."""
    return [
        ("user", entry.text, entry.ignored_as_backchannel)
        if isinstance(entry, UserSaid)
        else ("agent", entry.text, entry.interrupted)
        for _, append in conversation.of(Append)
        if isinstance(entry := append.entry, UserSaid | AgentSaid)
    ]


def test_a_question_is_answered_and_heard_to_the_end() -> None:
    c = call(Say("Tell me about it."))
    assert said(c) == [("user", "Tell me about it.", False), ("agent", LONG, False)]
    assert c.ended == "client disconnected"


def test_the_reply_comes_when_the_parts_say_so() -> None:
    c = call(Say("Tell me about it."))
    (turn,) = c.deeds
    silence, model, voice = 500, 300, 100
    first_sentence = 4 * 20  # its last two words come together, four words after the first
    (first,) = c.firsts.values()
    assert first == turn.end + silence + model + first_sentence + voice


def test_the_same_seed_gives_the_same_conversation() -> None:
    script = Persona().script(seeded(4))
    first, second = (World(Policy(), script, None, 9).run() for _ in range(2))
    assert first == second
    assert first != World(Policy(), script, None, 10).run()


def test_a_cough_does_not_interrupt() -> None:
    c = call(Say("Tell me about it."), Cough(400, after_ms=1_500))
    assert len(c.of(Resume)) == 1
    assert said(c)[-1] == ("agent", LONG, False)
    assert measure(c).false_interruptions == 0


def test_a_backchannel_does_not_interrupt_and_takes_no_turn() -> None:
    c = call(Say("Tell me about it."), Backchannel("mhm", after_ms=1_500))
    assert said(c)[1:] == [("user", "mhm", True), ("agent", LONG, False)]
    assert len(c.of(StartReply)) == 1


def test_a_barge_in_interrupts_and_is_answered() -> None:
    c = call(Say("Tell me about it."), BargeIn("No, stop it.", after_ms=1_500))
    assert [who for who, *_ in said(c)] == ["user", "agent", "user", "agent"]
    assert said(c)[1][2]
    assert measure(c).interruptions_ms == (64,)


def test_what_the_record_says_was_heard_is_what_reached_the_ear() -> None:
    c = call(Say("Tell me about it."), BargeIn("No, stop it.", after_ms=1_500))
    heard_ms = c.heard[0].end - c.heard[0].start
    _, words, cut = said(c)[1]
    assert cut
    assert len(words) == pytest.approx(heard_ms / STEADY.voice.ms_per_char, abs=2)


def test_spelling_is_waited_for() -> None:
    c = call(Spell("4 5 1 9 2", pauses_ms=(900,)))
    assert said(c)[0] == ("user", "4 5 1 9 2", False)
    assert measure(c).cut_ins == 0


def test_without_that_patience_spelling_is_cut_short() -> None:
    hasty = Policy(endpointing=Endpointing(spelling_patience=False))
    assert said(call(Spell("4 5 1 9 2", pauses_ms=(900,)), policy=hasty))[0][1] == "4"


def test_a_greeting_is_listened_to() -> None:
    c = call(Say("Hello."), policy=Policy(first_message="Hello, how can I help you?"))
    greeting = c.heard[0]
    assert c.deeds[0].start == greeting.end + 300


def test_a_typed_message_is_a_turn() -> None:
    c = call(Write("Tell me about it."))
    assert said(c)[0] == ("user", "Tell me about it.", False)
    assert measure(c).responses_ms


def test_without_sound_all_is_typed_and_shown() -> None:
    c = call(Say("Tell me."), Cough(), Say("And then?"), policy=Policy(text_only=True))
    assert not any(isinstance(step.event, Voiced) for step in c.steps)
    assert [who for who, *_ in said(c)] == ["user", "agent", "user", "agent"]
    assert len(measure(c).responses_ms) == 2


def test_a_pause_without_anybody_ends_in_a_question() -> None:
    c = call(Wait(20_000), policy=Policy(waiting=Waiting(turn_timeout_ms=5_000)))
    assert c.of(StartReply)[0][0] == 5_000


def test_a_turn_model_shortens_the_wait() -> None:
    asked = Policy(endpointing=Endpointing(turn_model=True))
    plain, scored = call(Say("Tell me about it.")), call(Say("Tell me about it."), policy=asked)
    assert scored.of(ScoreTurn)
    assert measure(scored).responses_ms < measure(plain).responses_ms


def test_a_bet_shortens_the_wait() -> None:
    bets = Policy(endpointing=Endpointing(bet_ms=200))
    plain, bet = call(Say("Tell me about it.")), call(Say("Tell me about it."), policy=bets)
    assert measure(bet).responses_ms == (measure(plain).responses_ms[0] - 300,)


def test_a_tool_is_run_and_its_answer_spoken() -> None:
    look = Written("Let me look.", (("look_up", "{}"),))
    replies = itertools.cycle([look, Written("It is 42.")])
    model = Model(replies=lambda _: next(replies))
    c = call(Say("What is it?"), providers=Providers(model=model))
    assert [order.name for _, order in c.of(CallTool)] == ["look_up"]
    assert said(c)[-1][1] == "It is 42."


def test_the_agent_can_hang_up() -> None:
    model = Model(replies=(Written("Good bye.", (("end_call", "{}"),)),))
    c = call(Say("Bye."), Wait(60_000), providers=Providers(model=model))
    assert c.ended == "end_call"
    assert said(c)[-1] == ("agent", "Good bye.", False)


def test_a_generated_filler_covers_a_slow_model() -> None:
    policy = Policy(fillers=Fillers(timeout_ms=1_000, generated=True))
    slow = Providers(model=Model(first_token=Fixed(4_000), replies=("Yes.",)))
    c = call(Say("Well?"), policy=policy, providers=slow)
    assert [order.text for _, order in c.of(Speak)] == ["Let me see. ", "Yes."]


@pytest.mark.parametrize(
    ("providers", "incident"),
    [
        (Providers(model=Model(first_token=Never())), "llm_timeout"),
        (
            Providers(model=Model(hangs=1.0, replies=("One two three four five six.",))),
            "llm_timeout",
        ),
        (Providers(model=Model(fails=1.0)), "llm_error"),
        (Providers(voice=Voice(first_sound=Never())), "tts_timeout"),
        (Providers(voice=Voice(fails=1.0)), "tts_error"),
        (
            Providers(transcriber=Transcriber(final=Never(), tentative_ms=None)),
            "no_transcript",
        ),
    ],
)
def test_a_provider_that_hangs_or_fails_ends_in_speech_or_an_orderly_end(
    providers: Providers, incident: str
) -> None:
    c = call(Say("Can you hear what I am saying to you?"), Wait(300_000), providers=providers)
    assert incident in {report.kind for _, report in c.of(Report)}
    spoke = any(order.text.startswith("Sorry") for _, order in c.of(Speak))
    assert spoke
    assert len(c.of(End)) == 1


def test_a_tool_that_hangs_is_given_up() -> None:
    look, no_luck = Written("", (("look_up", "{}"),)), Written("No luck.")
    replies = itertools.chain([look], itertools.repeat(no_luck))
    policy = Policy(tools=(ToolManners(name="look_up", timeout_ms=3_000),))
    providers = Providers(
        model=Model(replies=lambda _: next(replies)), tools=Tools(latency=Never())
    )
    c = call(Say("What is it?"), policy=policy, providers=providers)
    assert len(c.of(CancelTool)) == 1
    assert said(c)[-1][1] == "No luck."


def test_each_character_of_a_reply_that_was_heard_is_covered_by_sound() -> None:
    c = World(Policy(), Persona(barge_in_chance=0.0).script(seeded(2)), None, 2).run()
    cancelled = {order.reply for _, order in c.of(CancelReply)}
    written: dict[int, int] = {}
    voiced: dict[int, int] = {}
    for _, order in c.of(Speak):
        if order.reply not in cancelled:
            written[order.reply] = written.get(order.reply, 0) + len(order.text)
    for step in c.steps:
        if isinstance(step.event, Voiced) and step.event.reply not in cancelled:
            reply = step.event.reply
            voiced[reply] = voiced.get(reply, 0) + step.event.chars
    assert written
    assert voiced == written


def test_nothing_of_a_cancelled_reply_is_delivered() -> None:
    c = call(Say("Tell me about it."), BargeIn("No, stop it.", after_ms=100), Say("And?"))
    cancelled: set[int] = set()
    for step in c.steps:
        assert getattr(step.event, "reply", None) not in cancelled
        cancelled |= {order.reply for order in step.commands if isinstance(order, CancelReply)}
    assert cancelled


@pytest.mark.parametrize("seed", range(12))
def test_stale_answers_make_no_difference(seed: int) -> None:
    policy = Policy(
        endpointing=Endpointing(bet_ms=0, turn_model=True),
        tools=(ToolManners(name="look_up", timeout_ms=1_000),),
    )
    persona = Persona(barge_in_chance=0.6, early_cough_chance=0.4, pause_chance=0.6)
    providers = Providers(
        transcriber=Transcriber(amends=0.3, drops=0.1),
        model=Model(first_token=Uniform(0, 1_500), tools=(("look_up", "{}"),), tool_chance=0.3),
        tools=Tools(latency=Uniform(0, 3_000)),
    )
    script = persona.script(seeded(seed))
    polite = World(policy, script, providers, seed).run()
    stale = World(policy, script, providers, seed, stale=True).run()
    assert len(stale.steps) > len(polite.steps)
    assert stale.done == polite.done


def test_its_journal_replays_without_a_difference() -> None:
    c = World(Policy(), Persona().script(seeded(5)), None, 5).run()
    _, differences = journal.replay(journal.read(list(c.journal())))
    assert differences == []


def test_it_is_over_when_the_user_hangs_up() -> None:
    c = call(Say("Tell me about it."), HangUp(reaction_ms=700), Say("never"))
    assert isinstance(c.steps[-1].event, HungUp)
    assert c.length_ms == c.heard[-1].end + 700


def test_a_user_without_a_script_hangs_up() -> None:
    assert World(Policy(), ()).run().ended == "client disconnected"
