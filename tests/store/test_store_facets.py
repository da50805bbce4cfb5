from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnwise.store.facets import (
    LONGEST,
    LONGEST_WORD,
    WORDS_BYTES,
    facets_of,
    plain,
    searched_words,
    shortened,
    tool_names,
    words_of,
)


def document(**more: object) -> dict[str, Any]:
    return {
        "conversation_id": "conv_1",
        "agent_id": "agent_1",
        "status": "done",
        "metadata": {"start_time_unix_secs": 1, "call_duration_secs": 61},
        "transcript": [],
        **more,
    }


def values(name: str, **more: object) -> list[str]:
    return sorted(value for facet, value in facets_of(document(**more)) if facet == name)


def turns(*turns: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "agent", "message": None, **turn} for turn in turns]


def test_what_every_conversation_has_is_a_facet() -> None:
    found = facets_of(document())
    assert found["agent", "agent_1"] is None
    assert found["duration", "61"] == 61.0
    for facet in [
        ("status", "done"),
        ("source", "unknown"),
        ("product", "agents"),
        ("success", "unknown"),
        ("text_only", "false"),
        ("comment", "false"),
    ]:
        assert facet in found


def test_a_tool_that_never_ran_is_apart() -> None:
    transcript = turns(
        {"tool_calls": [{"tool_name": "a", "request_id": "1", "tool_id": "tool_a"}]},
        {"tool_results": [{"tool_name": "a", "request_id": "1", "is_error": True}]},
        {"tool_calls": [{"tool_name": "b", "type": "system", "tool_has_been_called": True}]},
        {"tool_calls": [{"tool_name": "c", "tool_has_been_called": False}]},
        {"tool_results": [{"tool_name": "c", "is_error": True, "tool_has_been_called": False}]},
        {"tool_results": [{"tool_name": "b", "type": "system", "is_error": False}]},
    )
    facets = {
        "tool_name": ["a", "b"],
        "tool_name_invalid": ["c"],
        "tool_name_successful": ["b"],
        "tool_name_errored": ["a"],
        "tool_name_errored_invalid": ["c"],
        "tool_id": ["__system_b", "tool_a"],
        "tool_id_errored": ["tool_a"],
        "tool_id_successful": ["__system_b"],
    }
    for name, expected in facets.items():
        assert values(name, transcript=transcript) == expected, name
    assert tool_names(document(transcript=transcript)) == ("a", "b")


def test_what_a_workflow_did_is_found() -> None:
    nested = {
        "node_id": "n3",
        "requests": [{"tool_name": "inner", "request_id": "9", "tool_id": "tool_inner"}],
        "results": [{"tool_name": "inner", "request_id": "9", "is_error": True}],
    }
    transcript = turns(
        {"agent_metadata": {"agent_id": "agent_2", "branch_id": "b2", "workflow_node_id": "n1"}},
        {"tool_results": [{"tool_name": "go", "result": {"steps": [{"target_node_id": "n2"}]}}]},
        {"tool_results": [{"tool_name": "go", "result": {"steps": [nested]}}]},
        {"triggered_guardrails": [{"guardrail_type": "custom", "guardrail_name": "rude"}]},
        {
            "tool_results": [
                {"result": {"result_type": "start_procedure_success", "procedure_id": "p1"}},
                {"result": {"result_type": "start_procedure_error", "procedure_id": "p2"}},
            ]
        },
    )
    visited = [{"agent_id": "agent_3", "branch_id": None}]
    facets = {
        "node": ["n1", "n2", "n3"],
        "visited_agent": ["agent_1", "agent_2", "agent_3"],
        "visited_branch": ["b1", "b2"],
        "guardrail": ["custom"],
        "guardrail_name": ["rude"],
        "procedure": ["p1"],
        "tool_name": ["inner"],
        "tool_id_errored": ["tool_inner"],
    }
    for name, expected in facets.items():
        found = values(name, transcript=transcript, visited_agents=visited, branch_id="b1")
        assert found == expected, name


@pytest.mark.parametrize(
    ("status", "success", "expected"),
    [
        ("done", "success", ["success"]),
        ("done", None, ["unknown"]),
        ("failed", None, ["error", "unknown"]),
        ("failed", "failure", ["error", "failure"]),
    ],
)
def test_what_failed_is_an_error_besides(
    status: str, success: str | None, expected: list[str]
) -> None:
    assert values("success", status=status, analysis={"call_successful": success}) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        ("", ""),
        ("a\0b", "a?b"),
        (True, "true"),
        (5, "5"),
        (5.0, "5"),
        (5.5, "5.5"),
        (["a", 1], '["a",1]'),
        (10**400, "1" + "0" * 400),
    ],
)
def test_a_value_has_one_name(value: object, expected: str) -> None:
    assert plain(value) == expected


def test_numbers_can_be_compared_and_words_not() -> None:
    results = {
        "a": {"value": 5},
        "b": {"value": "5"},
        "c": {"value": True},
        "d": {"value": 10**400},
    }
    found = facets_of(document(analysis={"data_collection_results": results}))
    assert found["data:a", "5"] == 5.0
    assert [found[facet] for facet in found if facet[0] in ("data:b", "data:c", "data:d")] == [
        None,
        None,
        None,
    ]


def test_long_values_differ_though_they_begin_alike() -> None:
    one, two = "x" * 5_000 + "1", "x" * 5_000 + "2"
    assert len(shortened(one)) == len(shortened(two)) == LONGEST
    assert shortened(one) != shortened(two)
    assert shortened("x" * LONGEST) == "x" * LONGEST


def test_words_are_in_no_case_and_there_once() -> None:
    assert words_of("Grüße, GRÜSSE! It's 5pm_now - 東京タワー") == (
        "grüsse",
        "it",
        "s",
        "5pm",
        "now",
        *"東京タワー",
    )
    assert words_of("?! ___ …") == ()
    assert words_of("x" * 5_000) == ("x" * LONGEST_WORD,)


def test_only_what_was_said_is_searched() -> None:
    transcript = turns(
        {"message": "Hello there"}, {"message": None}, {"message": 5}, {"message": "hello you"}
    )
    assert searched_words(document(transcript=transcript)) == "hello there you"


def test_there_is_an_end_to_what_is_searched() -> None:
    said = " ".join(f"ü{number}" for number in range(100_000))
    assert (
        WORDS_BYTES - 10
        < len(searched_words(document(transcript=turns({"message": said}))).encode())
        <= WORDS_BYTES
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


PLACES = (
    "transcript",
    "analysis",
    "tag_ids",
    "user_id",
    "visited_agents",
    "conversation_initiation_client_data",
    "metadata",
)
SAID = ("message", "tool_calls", "tool_results", "agent_metadata")


@given(
    odd=st.fixed_dictionaries({}, optional=dict.fromkeys(PLACES, JSON)),
    turn=st.fixed_dictionaries({}, optional=dict.fromkeys(SAID, JSON)),
    result=JSON,
)
def test_no_document_is_too_odd(odd: dict[str, Any], turn: dict[str, Any], result: object) -> None:
    deep = document(transcript=[turn, {"tool_results": [{"result": result, "request_id": result}]}])
    for whole in (document(**odd), deep):
        assert ("agent", "agent_1") in facets_of(whole)
        assert all(len(part) <= LONGEST for facet in facets_of(whole) for part in facet)
        assert searched_words(whole) == " ".join(searched_words(whole).split())
        assert isinstance(tool_names(whole), tuple)
