import json
from collections.abc import Callable
from typing import Any

import pytest

from turns.scenes import answers, is_asked
from turnwise.base.errors import JournalError
from turnwise.base.units import Millis
from turnwise.testing import Timeline
from turnwise.turns.commands import End, StartReply
from turnwise.turns.events import HungUp, Tick, UserWrote
from turnwise.turns.journal import (
    VERSION,
    event_line,
    header_line,
    is_complete,
    lines,
    outcome_line,
    read,
    replay,
)
from turnwise.turns.policy import Policy
from turnwise.turns.rules.rule import Rule
from turnwise.turns.state import Conversation

Lines = list[str]


def a_call() -> Timeline:
    t = is_asked("¿Pizza?", Policy(first_message="", language="es"))
    answers(t, 2_500, "Sí.", 500)
    t.at(9_000, HungUp())
    return t


def recorded(t: Timeline | None = None) -> Lines:
    t = t or a_call()
    return list(lines(t.policy, t.steps))


def edit(line: str, **changes: object) -> str:
    """Return the line with other values under some keys of its event, or of itself."""
    data: dict[str, Any] = json.loads(line)
    for key, value in changes.items():
        (data if key in data else data["event"])[key] = value
    return json.dumps(data)


def test_a_journal_that_is_read_again_replays_to_the_same_steps() -> None:
    t = a_call()
    steps, differences = replay(read(recorded(t)))
    assert differences == []
    assert steps == t.steps
    assert list(lines(t.policy, steps)) == recorded(t)
    assert is_complete(steps)


def test_a_journal_may_have_line_breaks_and_need_not_be_complete() -> None:
    text = [line + "\n" for line in recorded()[:-2]]
    steps, differences = replay(read(text))
    assert differences == []
    assert not is_complete(steps)


def test_the_first_line_names_the_version_and_the_policy() -> None:
    first = json.loads(recorded()[0])
    assert first.keys() == {"journal", "policy"}
    assert first["journal"] == VERSION
    assert read([recorded()[0]]).policy == Policy(language="es")


def test_a_line_is_compact_and_readable_in_any_script() -> None:
    assert event_line(Millis(5), UserWrote("¿Qué? 你好")) == (
        '{"at":5,"event":{"type":"UserWrote","text":"¿Qué? 你好"}}'
    )


def test_an_event_of_which_nothing_came_has_no_second_line() -> None:
    assert outcome_line(Millis(5), (), ()) is None
    assert outcome_line(Millis(5), (), ("a rule",)) == '{"at":5,"did":[],"fired":["a rule"]}'
    assert outcome_line(Millis(5), (End("gone"),), ()) == (
        '{"at":5,"did":[{"type":"End","reason":"gone"}],"fired":[]}'
    )


def test_a_line_of_an_event_can_be_written_before_it_is_handled() -> None:
    text = [header_line(Policy()), event_line(Millis(0), HungUp())]
    [difference] = replay(read(text))[1]
    assert difference.recorded == "nothing"
    assert difference.line == 2


def test_a_watcher_of_a_replay_sees_the_rules() -> None:
    seen: list[str] = []

    def watch(rule: Rule, c: Conversation) -> None:
        seen.append(rule.name)

    replay(read(recorded()), watch)
    assert seen == [rule for _, rule in a_call().fired()]


def bad(change: Callable[[Lines], object]) -> tuple[int, str]:
    """Return line and reason of the error that a changed journal gives."""
    text = recorded()
    change(text)
    with pytest.raises(JournalError) as caught:
        read(text)
    assert str(caught.value) == f"line {caught.value.line}: {caught.value.reason}"
    return caught.value.line, caught.value.reason


def put(number: int, text: str) -> Callable[[Lines], object]:
    return lambda journal: journal.__setitem__(number - 1, text)


@pytest.mark.parametrize("version", [2, 0, "1", None, True, 1.0])
def test_an_unknown_version_is_refused(version: object) -> None:
    line, reason = bad(put(1, json.dumps({"journal": version, "policy": {}})))
    assert line == 1
    assert reason == f"journal version {version!r} is unknown; this program reads version 1"


def test_an_empty_journal_is_refused() -> None:
    assert bad(lambda journal: journal.clear()) == (
        1,
        "the journal is empty; its first line should name version and policy",
    )


POLICY_ERRORS = [
    ({"journal": 1}, "policy: None should be an object (Policy)"),
    ({"journal": 1, "policy": {"langauge": "en"}}, "policy: Policy has no field 'langauge'"),
    (
        {"journal": 1, "policy": {"waiting": {"turn_timeout_ms": True}}},
        "policy.waiting.turn_timeout_ms: True should be of type int",
    ),
]


@pytest.mark.parametrize(("header", "reason"), POLICY_ERRORS)
def test_a_policy_that_is_none_is_refused(header: object, reason: str) -> None:
    assert bad(put(1, json.dumps(header))) == (1, reason)


@pytest.mark.parametrize("number", [1, 4, 6])
def test_a_line_that_is_cut_off_is_named(number: int) -> None:
    line, reason = bad(lambda journal: put(number, journal[number - 1][:20])(journal))
    assert line == number
    assert reason.startswith("not JSON, perhaps cut off: ")


LINE_ERRORS = [
    ("", "not JSON, perhaps cut off: "),
    ("[1,2]", "'[1,2]' should be a JSON object"),
    ("3", "'3' should be a JSON object"),
    ("[" * 100_000, "not JSON, perhaps cut off: "),
    ("{}", "'at' is None; it should be milliseconds from 0"),
    ('{"at":true,"event":{"type":"Tick"}}', "'at' is True; it should be milliseconds from 0"),
    ('{"at":-1,"event":{"type":"Tick"}}', "'at' is -1; it should be milliseconds from 0"),
    ('{"at":1.5,"event":{"type":"Tick"}}', "'at' is 1.5; it should be milliseconds from 0"),
    ('{"at":1250}', "keys at; an event has at, event and an outcome at, did, fired"),
    ('{"at":1250,"event":{"type":"Tick"},"x":1}', "keys at, event, x; an event has"),
    ('{"at":1250,"event":{"type":"Tock"}}', "event: type 'Tock' should be one of"),
    ('{"at":1250,"event":{"type":"Tick","ms":5}}', "event: Tick has no field 'ms'"),
    ('{"at":1250,"event":{"type":"UserWrote"}}', "event: UserWrote needs the field 'text'"),
    (
        '{"at":1250,"event":{"type":"SpeechStopped","silence_ms":true}}',
        "event.silence_ms: True should be of type int",
    ),
    ('{"at":0,"event":{"type":"Tick"}}', "time runs backwards: 0 ms after 1000 ms"),
    ('{"at":1250,"event":{"type":"TurnScored","pause":1,"score":NaN}}', "not JSON, perhaps"),
    ('{"at":1250,"event":{"type":"TurnScored","pause":1,"score":-Infinity}}', "not JSON, perhaps"),
    (
        '{"at":1250,"event":{"type":"TurnScored","pause":1,"score":1e999}}',
        "event.score: inf should be a finite number",
    ),
    ('{"at":1000,"did":3,"fired":[]}', "'did' and 'fired' should be lists"),
    ('{"at":1000,"did":[],"fired":{}}', "'did' and 'fired' should be lists"),
    ('{"at":1250,"did":[],"fired":["a"]}', "an outcome at 1250 ms without its event before it"),
]


@pytest.mark.parametrize(("text", "reason"), LINE_ERRORS, ids=range(len(LINE_ERRORS)))
def test_a_bad_line_gives_one_error_that_names_it(text: str, reason: str) -> None:
    line, said = bad(put(5, text))
    assert line == 5
    assert said.startswith(reason)


def test_an_outcome_needs_its_event_before_it() -> None:
    outcome = '{"at":0,"did":[],"fired":["open the conversation"]}'
    assert bad(lambda journal: journal.insert(1, outcome))[0] == 2
    assert bad(lambda journal: journal.insert(3, outcome))[0] == 4


def differences(change: Callable[[Lines], object]) -> list[str]:
    text = recorded()
    change(text)
    return [difference.sentence() for difference in replay(read(text))[1]]


def test_an_event_that_was_edited_is_found_where_it_made_a_difference() -> None:
    number = next(n for n, text in enumerate(recorded(), 1) if "Transcribed" in text)
    found = differences(lambda journal: put(number, edit(journal[number - 1], text="no"))(journal))
    assert len(found) == 1
    assert found[0].startswith('line 8: recorded [{"type": "Append"')
    assert "¿Pizza?" in found[0].split("replayed")[0]
    assert '"no"' in found[0].split("replayed")[1]


def test_an_outcome_that_was_edited_is_found() -> None:
    number = next(n for n, text in enumerate(recorded(), 1) if "StartReply" in text)
    found = differences(lambda journal: put(number, edit(journal[number - 1], did=[]))(journal))
    assert found[0].startswith(f"line {number - 1}: recorded nothing, replayed [{{")
    found = differences(
        lambda journal: put(number, edit(journal[number - 1], fired=["another rule"]))(journal)
    )
    replayed = "take the user's turn, answer what is owed"
    recorded_rules = f"line {number - 1}: recorded rules [another rule]"
    assert found == [f"{recorded_rules}, replayed rules [{replayed}]"]


def test_an_outcome_that_is_missing_is_found() -> None:
    number = next(n for n, text in enumerate(recorded(), 1) if "StartReply" in text)
    found = differences(lambda journal: journal.pop(number - 1))
    assert found[0].startswith(f"line {number - 1}: recorded nothing, replayed [")


def test_another_policy_makes_a_difference() -> None:
    found = differences(put(1, header_line(Policy(first_message="Hello."))))
    assert found[0].startswith("line 2: recorded rules [") or "Hello." in found[0]


def test_the_length_of_a_transcript_is_compared() -> None:
    t = a_call()
    assert json.loads(recorded(t)[8])["did"][1] == {
        "type": "StartReply",
        "reply": 1,
        "cause": "user_turn",
        "transcript": len(t.of(StartReply)[0][1].transcript),
    }


def test_a_step_without_commands_is_not_the_end() -> None:
    assert not is_complete([])
    assert not is_complete(replay(read([header_line(Policy()), event_line(Millis(0), Tick())]))[0])
