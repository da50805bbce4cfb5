from turns.scenes import is_asked, says, speaks
from turnwise.base.units import Millis
from turnwise.testing import Timeline
from turnwise.turns.events import PauseId, SegmentId, Transcribed, TurnScored
from turnwise.turns.explain import Decision, decide, explain
from turnwise.turns.journal import lines, read
from turnwise.turns.policy import Endpointing, Policy, Waiting
from turnwise.turns.rules.waiting import USER_SILENT
from turnwise.turns.state import Conversation


def decisions(t: Timeline) -> list[Decision]:
    return explain(read(lines(t.policy, t.steps)))


def test_every_decision_of_a_conversation_is_explained_in_order() -> None:
    t = is_asked()
    assert [(d.at, d.rule) for d in decisions(t)] == t.fired()
    assert all(d.sentence for d in decisions(t))


def test_a_turn_that_waited_longer_says_why() -> None:
    t = Timeline(Policy(endpointing=Endpointing(turn_model=True)))
    says(t, 1_000, 1_500, "I want pizza")
    t.at(1_600, TurnScored(PauseId(1), 0.31))
    t.until(5_000)
    taken = decisions(t)[1]
    assert taken.at == 2_570
    assert taken.facts == (
        ("sign", "score 0.31 < 0.50"),
        ("wait", "1070 ms"),
        ("instead of", "silence (normal): waited 570 ms more"),
    )
    assert taken.text().startswith(
        "take the user's turn (sign: score 0.31 < 0.50; wait: 1070 ms; "
        "instead of: silence (normal): waited 570 ms more)"
    )


def test_a_turn_that_waited_for_tentative_words_says_so() -> None:
    t = Timeline()
    speaks(t, 1_000, 1_500)
    t.at(1_600, Transcribed(SegmentId(1), "I would like to", final=False))
    t.until(5_000)
    assert decisions(t)[1].facts == (
        ("sign", "unfinished words"),
        ("wait", "1000 ms"),
        ("for final words", "1000 ms"),
        ("instead of", "silence (normal): waited 500 ms more"),
    )


def decision(**changes: object) -> Decision:
    given: dict[str, object] = {
        "at": Millis(5),
        "rule": "a rule",
        "sentence": "What it does.",
        "facts": (),
        "runner_up": None,
        "runner_up_in_ms": None,
    }
    return Decision(**(given | changes))  # type: ignore[arg-type]


def test_a_decision_is_one_line() -> None:
    assert decision().text() == "a rule"
    assert decision(facts=(("waited", "5 ms"), ("limit", "4 ms"))).text() == (
        "a rule (waited: 5 ms; limit: 4 ms)"
    )
    assert (
        decision(runner_up="another", runner_up_in_ms=0).text() == "a rule; else at once: another"
    )
    assert decision(runner_up="another", runner_up_in_ms=70).text() == (
        "a rule; else in 70 ms: another"
    )


def test_the_runner_up_is_the_rule_that_would_have_acted_next() -> None:
    c = Conversation(Policy(waiting=Waiting(silence_end_call_ms=9_000)), opened=True)
    c.now = Millis(7_000)
    decided = decide(USER_SILENT, c)
    assert (decided.runner_up, decided.runner_up_in_ms) == (
        "end a call whose user fell silent",
        2_000,
    )


def test_what_is_due_in_minutes_is_no_runner_up() -> None:
    c = Conversation(Policy(), opened=True, now=Millis(7_000))
    assert decide(USER_SILENT, c).runner_up is None
