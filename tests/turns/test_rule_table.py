from turnwise.turns.policy import Policy
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
