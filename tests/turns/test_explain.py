from turns.scenes import is_asked, says
from turnwise.base.units import Millis
from turnwise.testing import Timeline
from turnwise.turns.events import PauseId, TurnScored
from turnwise.turns.explain import Decision, decide, explain
from turnwise.turns.journal import lines, read
from turnwise.turns.policy import Endpointing, Guards, Policy, Waiting
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
    c = Conversation(Policy(), opened=True, now=Millis(7_000))
    decided = decide(USER_SILENT, c)
    assert (decided.runner_up, decided.runner_up_in_ms) == ("break a silence nobody meant", 53_000)
    silent = Policy(waiting=Waiting(max_duration_ms=None), guards=Guards(max_silence_ms=None))
    assert (
        decide(USER_SILENT, Conversation(silent, opened=True, now=Millis(7_000))).runner_up is None
    )
