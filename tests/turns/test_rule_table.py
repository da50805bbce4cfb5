from turns.scenes import ONE, is_asked
from turnwise.turns.events import (
    Event,
    HungUp,
    ReplyText,
    ReplyWritten,
    SpeechStarted,
    SpeechStopped,
    UserActive,
    UserWrote,
    Voiced,
)
from turnwise.turns.policy import Endpointing, Policy
from turnwise.turns.rules import RULES
from turnwise.turns.rules.rule import Rule, no_facts
from turnwise.turns.state import Conversation


def test_each_rule_says_in_one_line_when_it_acts() -> None:
    for rule in RULES:
        assert rule.name == rule.name.strip()
        assert rule.sentence.endswith(".")
        assert len(rule.sentence) <= 100


def test_no_rule_but_the_opening_is_due_when_nothing_has_happened() -> None:
    c = Conversation(Policy())
    assert [rule.name for rule in RULES if (due := rule.due(c)) is not None and due <= 0] == [
        "open the conversation"
    ]


def test_facts_can_be_asked_of_every_rule_at_any_time() -> None:
    for rule in RULES:
        facts = rule.facts(Conversation(Policy()))
        assert all(name for name, _ in facts), rule.name
        assert all(isinstance(value, str) for _, value in facts), rule.name


def test_a_rule_has_no_facts_unless_it_says_so() -> None:
    rule = Rule("any", "Any.", lambda c: c.now, lambda _: None)
    assert rule.facts is no_facts
    assert rule.facts(Conversation(Policy())) == ()


def test_a_rule_that_is_asked_only_with_or_without_a_reply_is_never_due_otherwise() -> None:
    t = is_asked("I want pizza", Policy(endpointing=Endpointing(bet_ms=100)))
    script: list[tuple[int, Event]] = [
        (2_500, ReplyText(ONE, "Pizza it is. ")),
        (2_600, Voiced(ONE, 13, 1_000)),
        (2_900, SpeechStarted()),
        (3_100, SpeechStopped(100)),
        (4_500, ReplyWritten(ONE)),
        (9_000, UserActive()),
        (9_500, UserWrote("with cheese")),
        (60_000, HungUp()),
    ]
    for at, event in script:
        for ms in range(t.conversation.now, at, 100):
            t.until(ms)
            replying = t.conversation.reply is not None
            for rule in RULES:
                if rule.replying is not None and rule.replying is not replying:
                    assert rule.due(t.conversation) is None, rule.name
        t.at(at, event)
