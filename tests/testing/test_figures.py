from turnwise.base.units import Millis
from turnwise.testing.ear import Heard
from turnwise.testing.figures import MISSED_MS, measure
from turnwise.testing.latency import Fixed, Never
from turnwise.testing.moves import (
    Audible,
    Backchannel,
    BargeIn,
    Cough,
    Deed,
    Say,
    Wait,
    perform,
)
from turnwise.testing.providers import Model, Providers
from turnwise.testing.world import Call, World
from turnwise.turns.commands import Append, CancelReply, Cause, Command, Report, StartReply
from turnwise.turns.events import ReplyId, Tick
from turnwise.turns.journal import Step
from turnwise.turns.policy import Policy
from turnwise.turns.rules.barge_in import USER_INSISTS
from turnwise.turns.transcript import AgentSaid

ONE, TWO = ReplyId(1), ReplyId(2)
TURN = Say("one two", pauses=((1, 600),), ms_per_char=100)
"""Sounds of 400 ms with a pause of 600 ms between them."""


def at(ms: int, *commands: Command, fired: str = "") -> Step:
    return Step(Millis(ms), Tick(), commands, (fired,))


def answer(ms: int, reply: ReplyId = ONE) -> Step:
    return at(ms, StartReply(reply, Cause.USER_TURN, ()))


def a_call(
    *steps: Step, deeds: list[tuple[int, Audible]], heard: list[Heard], length_ms: int = 60_000
) -> Call:
    firsts: dict[ReplyId, int] = {}
    for stretch in heard:
        firsts.setdefault(stretch.reply, stretch.start)
    done: list[Deed] = [perform(move, start) for start, move in deeds]
    return Call(list(steps), Policy(), done, heard, firsts, length_ms, "over")


def test_response_time_is_from_the_true_end_to_the_first_sound() -> None:
    c = a_call(answer(2_000), deeds=[(0, TURN)], heard=[Heard(ONE, 2_500, 4_000)])
    figures = measure(c)
    assert figures.responses_ms == (2_500 - 1_400,)
    assert (figures.turns, figures.pauses, figures.missed_ends) == (1, 1, 0)


def test_a_reply_that_answers_nothing_is_no_response() -> None:
    apology = [Heard(ONE, 2_500, 4_000)]
    figures = measure(a_call(deeds=[(0, TURN)], heard=apology))
    assert (figures.responses_ms, figures.missed_ends) == ((), 1)


def test_a_turn_without_a_reply_is_missed() -> None:
    assert measure(a_call(deeds=[(0, TURN)], heard=[])).missed_ends == 1


def test_a_reply_that_is_too_late_is_a_response_and_a_miss() -> None:
    late = 1_400 + MISSED_MS + 1
    figures = measure(a_call(answer(late), deeds=[(0, TURN)], heard=[Heard(ONE, late, late + 9)]))
    assert (figures.responses_ms, figures.missed_ends) == ((MISSED_MS + 1,), 1)


def test_a_turn_at_the_very_end_is_neither_answered_nor_missed() -> None:
    figures = measure(a_call(deeds=[(0, TURN)], heard=[], length_ms=2_000))
    assert (figures.responses_ms, figures.missed_ends) == ((), 0)


def test_each_turn_has_its_own_reply() -> None:
    c = a_call(
        answer(1_500, ONE),
        answer(9_500, TWO),
        deeds=[(0, TURN), (8_000, TURN)],
        heard=[Heard(ONE, 2_000, 3_000), Heard(TWO, 10_000, 11_000)],
    )
    assert measure(c).responses_ms == (600, 600)


def test_a_reply_in_a_pause_cuts_in() -> None:
    for first, cut_ins in ((399, 0), (401, 1), (1_100, 1), (1_400, 0)):
        c = a_call(deeds=[(0, TURN)], heard=[Heard(ONE, first, first + 100)])
        assert measure(c).cut_ins == cut_ins


def test_both_at_once_is_talk_over() -> None:
    c = a_call(
        deeds=[(0, TURN), (5_000, Cough(300))],
        heard=[Heard(ONE, 300, 1_100), Heard(TWO, 4_900, 5_100)],
    )
    assert measure(c).talk_over_ms == 100 + 100 + 100


def test_after_the_end_nobody_is_heard() -> None:
    c = a_call(deeds=[(0, Cough(1_000))], heard=[Heard(ONE, 500, 2_000)], length_ms=600)
    assert measure(c).talk_over_ms == 100


def dropped(by: Audible, *, at_ms: int = 2_000) -> Call:
    step = at(at_ms, CancelReply(ONE), fired=USER_INSISTS.name)
    return a_call(step, deeds=[(1_500, by)], heard=[Heard(ONE, 1_000, 1_600)])


def test_a_reply_dropped_for_a_noise_is_a_false_interruption() -> None:
    assert measure(dropped(Cough(300))).false_interruptions == 1
    assert measure(dropped(Backchannel())).false_interruptions == 1
    assert measure(dropped(BargeIn("stop"))).false_interruptions == 0


def test_an_okay_over_a_question_may_be_an_answer() -> None:
    def cut(text: str, by: Audible) -> Call:
        entry = AgentSaid(Millis(0), text, ONE, interrupted=True, original="Fine. Anything else?")
        step = at(2_000, CancelReply(ONE), Append(entry), fired=USER_INSISTS.name)
        return a_call(step, deeds=[(1_500, by)], heard=[Heard(ONE, 1_000, 1_600)])

    assert measure(cut("Fine. Any", Backchannel("okay"))).false_interruptions == 0
    assert measure(cut("Fine", Backchannel("okay"))).false_interruptions == 1
    assert measure(cut("Fine. Any", Cough())).false_interruptions == 1


def test_a_reply_dropped_before_it_was_heard_is_none() -> None:
    assert measure(dropped(Cough(300), at_ms=1_000)).false_interruptions == 0


def test_an_interruption_takes_from_its_true_beginning_until_the_agent_is_quiet() -> None:
    figures = measure(dropped(BargeIn("stop")))
    assert figures.interruptions_ms == (100,)
    assert figures.barge_ins == 1


def test_a_barge_in_that_the_agent_talks_through_is_ignored() -> None:
    through = measure(a_call(deeds=[(0, BargeIn("stop"))], heard=[Heard(ONE, 0, 600)]))
    almost_over = measure(a_call(deeds=[(0, BargeIn("stop"))], heard=[Heard(ONE, 0, 400)]))
    assert (through.barge_ins, through.interruptions_ms) == (1, ())
    assert (almost_over.barge_ins, almost_over.interruptions_ms) == (0, ())


def test_incidents_are_counted_by_kind() -> None:
    c = a_call(
        at(1, Report("a", "x"), Report("b", "y")), at(2, Report("a", "z")), deeds=[], heard=[]
    )
    assert measure(c).incidents == {"a": 2, "b": 1}


def test_a_hanging_model_is_a_missed_end() -> None:
    providers = Providers(model=Model(first_token=Never()))
    c = World(Policy(), [Say("hello"), Wait(30_000)], providers).run()
    figures = measure(c)
    assert (figures.missed_ends, figures.responses_ms) == (1, ())


def test_a_whole_conversation_has_figures() -> None:
    providers = Providers(model=Model(first_token=Fixed(300)))
    figures = measure(World(Policy(), [Say("hello")], providers, seed=1).run())
    assert figures.turns == len(figures.responses_ms) == 1
    assert figures.events > 10
    assert figures.length_ms > 1_000
