import json
from dataclasses import fields
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnwise.base.errors import ShapeError
from turnwise.base.units import Millis
from turnwise.turns.commands import Append, Cause, Command, StartReply
from turnwise.turns.events import (
    CallId,
    EndAsked,
    Event,
    HandOverAsked,
    ReplyId,
    SpeechStarted,
    Tick,
    ToolReturned,
    Voiced,
)
from turnwise.turns.plain import TAG, from_plain, member_from_plain, to_plain
from turnwise.turns.policy import Execution, Policy, ToolManners
from turnwise.turns.transcript import Entry, UserSaid

st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
EVENTS = st.one_of([st.from_type(kind) for kind in get_args(Event)])
COMMANDS = st.one_of([st.from_type(kind) for kind in get_args(Command) if kind is not StartReply])


def as_json(data: dict[str, object]) -> dict[str, object]:
    """Return the data as another program reads it."""
    read: dict[str, object] = json.loads(json.dumps(data))
    return read


@settings(max_examples=300)
@given(EVENTS)
def test_every_event_survives_a_round_trip(event: Event) -> None:
    data = as_json(to_plain(Event, event))
    assert data[TAG] == type(event).__name__
    assert member_from_plain(Event, data) == event


@settings(max_examples=300)
@given(COMMANDS)
def test_every_command_survives_a_round_trip(command: Command) -> None:
    assert member_from_plain(Command, as_json(to_plain(Command, command))) == command


@given(st.from_type(Policy))
def test_every_policy_survives_a_round_trip(policy: Policy) -> None:
    assert from_plain(Policy, as_json(to_plain(Policy, policy))) == policy


@pytest.mark.parametrize("union", [Event, Command, Entry])
def test_the_members_of_a_union_have_different_names(union: object) -> None:
    names = [member.__name__ for member in get_args(union)]
    assert len(set(names)) == len(names)


def test_a_member_says_its_class_and_leaves_out_what_has_its_default() -> None:
    assert to_plain(Event, SpeechStarted()) == {"type": "SpeechStarted"}
    assert to_plain(Event, ToolReturned(CallId("a"), "found")) == {
        "type": "ToolReturned",
        "call": "a",
        "result": "found",
    }
    assert to_plain(Event, Voiced(ReplyId(1), 2, 300, (100, 300))) == {
        "type": "Voiced",
        "reply": 1,
        "chars": 2,
        "ms": 300,
        "ends_ms": [100, 300],
    }


def test_what_is_inside_a_member_says_its_class_only_if_it_could_be_another() -> None:
    assert to_plain(Command, Append(UserSaid(Millis(5), "Hi"))) == {
        "type": "Append",
        "entry": {"type": "UserSaid", "at": 5, "text": "Hi"},
    }


def test_a_policy_is_written_in_full() -> None:
    plain = to_plain(Policy, Policy(tools=(ToolManners(name="a", execution=Execution.ASYNC),)))
    assert plain.keys() == {f.name for f in fields(Policy)}
    assert plain["waiting"]["initial_wait_ms"] is None
    assert plain["tools"][0]["execution"] == "async"
    asked = to_plain(Event, HandOverAsked("b", Policy()))
    assert asked["policy"] == to_plain(Policy, Policy())


def test_of_a_transcript_only_the_length_is_written() -> None:
    start = StartReply(ReplyId(1), Cause.USER_TURN, (UserSaid(Millis(5), "Hi"),) * 3)
    assert to_plain(Command, start) == {
        "type": "StartReply",
        "reply": 1,
        "cause": "user_turn",
        "transcript": 3,
    }


def test_a_whole_number_is_a_number() -> None:
    data = {"type": "TurnScored", "pause": 1, "score": 1}
    score = member_from_plain(Event, data).score
    assert (score, type(score)) == (1.0, float)


def test_what_is_left_out_has_its_default() -> None:
    assert member_from_plain(Event, {"type": "EndAsked", "reason": "done"}) == EndAsked("done")
    assert member_from_plain(Event, {"type": "Tick"}) == Tick()
    assert from_plain(Policy, {}) == Policy()


EVENT_ERRORS = [
    (3, "type None should be one of ContextGiven, EndAsked"),
    (None, "type None should be one of"),
    ({}, "type None should be one of"),
    ({"type": "Nothing"}, "type 'Nothing' should be one of"),
    ({"type": ["Tick"]}, r"type \['Tick'\] should be one of"),
    ({"type": "Tick", "at": 5}, "Tick has no field 'at'"),
    ({"type": "UserWrote"}, "UserWrote needs the field 'text'"),
    ({"type": "UserWrote", "text": 3}, "^text: 3 should be of type str"),
    ({"type": "UserWrote", "text": None}, "^text: None should be of type str"),
    ({"type": "SpeechStopped", "silence_ms": True}, "silence_ms: True should be of type int"),
    ({"type": "SpeechStopped", "silence_ms": 1.5}, "silence_ms: 1.5 should be of type int"),
    ({"type": "SpeechStopped", "silence_ms": "1"}, "silence_ms: '1' should be of type int"),
    (
        {"type": "Transcribed", "segment": 1, "text": "a", "final": 1},
        "final: 1 should be of type bool",
    ),
    ({"type": "TurnScored", "pause": 1, "score": True}, "score: True should be of type float"),
    ({"type": "TurnScored", "pause": 1, "score": "1"}, "score: '1' should be of type float"),
    (
        {"type": "Voiced", "reply": 1, "chars": 1, "ms": 1, "ends_ms": 3},
        "ends_ms: 3 should be a list",
    ),
    (
        {"type": "Voiced", "reply": 1, "chars": 1, "ms": 1, "ends_ms": [1, False]},
        r"ends_ms\[1\]: False should be of type int",
    ),
    (
        {"type": "HandOverAsked", "agent": "b", "policy": []},
        r"policy: \[\] should be an object \(Policy\)",
    ),
    (
        {"type": "HandOverAsked", "agent": "b", "policy": {"waiting": {"turn": 1}}},
        "policy.waiting: Waiting has no field 'turn'",
    ),
]


@pytest.mark.parametrize(("data", "message"), EVENT_ERRORS, ids=range(len(EVENT_ERRORS)))
def test_an_event_of_another_shape_is_refused_and_the_place_is_named(
    data: object, message: str
) -> None:
    with pytest.raises(ShapeError, match=message):
        member_from_plain(Event, data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"tools": [{}]}, r"^policy\.tools\[0\]: ToolManners needs the field 'name'$"),
        (
            {"tools": [{"name": "a", "execution": "later"}]},
            r"^policy\.tools\[0\]\.execution: 'later' should be one of 'immediate', ",
        ),
        ({"waiting": {"type": 3}}, r"^policy\.waiting: Waiting has no field 'type'$"),
        ({"type": "Policy"}, "^policy: Policy has no field 'type'$"),
        ({"endpointing": {"eagerness": ["eager"]}}, r"eagerness: \['eager'\] should be one of"),
        ({"fillers": {"messages": ["a", 3]}}, r"^policy\.fillers\.messages\[1\]: 3 should be"),
        ([], r"^policy: \[\] should be an object \(Policy\)$"),
    ],
)
def test_a_policy_of_another_shape_is_refused_and_the_place_is_named(
    data: object, message: str
) -> None:
    with pytest.raises(ShapeError, match=message):
        from_plain(Policy, data, "policy")
