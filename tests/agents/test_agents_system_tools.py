import pytest

from turnwise.agents.system_tools import SYSTEM_TOOLS, describe, destination, parameters_of

AGENTS = {"transfers": [{"agent_id": "a", "condition": "billing"}, {"agent_id": "b"}, "broken"]}
NUMBERS = {
    "transfers": [
        {
            "transfer_destination": {"type": "phone", "phone_number": "+311"},
            "condition": "wants a person",
        },
        {"phone_number": "+312", "condition": "wants the boss"},
        {"transfer_destination": {"type": "sip_uri", "sip_uri": "sip:a@b"}},
        {"condition": "nowhere"},
    ]
}


@pytest.mark.parametrize(
    ("kind", "required", "all_names"),
    [
        ("end_call", ["reason"], {"reason", "message"}),
        ("skip_turn", [], {"reason"}),
        ("language_detection", ["reason", "language"], {"reason", "language"}),
        ("transfer_to_agent", ["agent_number"], {"agent_number", "reason"}),
        (
            "transfer_to_number",
            ["transfer_number", "client_message", "agent_message"],
            {"transfer_number", "client_message", "agent_message", "reason"},
        ),
        ("voicemail_detection", ["reason"], {"reason"}),
        ("play_keypad_touch_tone", ["dtmf_tones"], {"dtmf_tones", "reason"}),
        ("knowledge_base", ["query"], {"query"}),
        ("start_procedure", ["procedure"], {"procedure"}),
        ("something_new", [], {"reason"}),
    ],
)
def test_parameters_are_the_published_ones(
    kind: str, required: list[str], all_names: set[str]
) -> None:
    schema = parameters_of(kind, {}, [])
    assert schema["type"] == "object"
    assert schema["required"] == required
    assert set(schema["properties"]) == all_names


@pytest.mark.parametrize("kind", sorted(SYSTEM_TOOLS))
def test_each_has_a_description_of_its_own(kind: str) -> None:
    assert len(describe(kind, {}, " ")) > 40
    assert describe(kind, {}, "Do it.") == "Do it."


def test_an_unknown_one_has_no_description() -> None:
    assert describe("something_new", {}, "") == ""


def test_languages_are_those_of_the_agent() -> None:
    schema = parameters_of("language_detection", {}, ["en", "es"])
    assert schema["properties"]["language"]["enum"] == ["en", "es"]


def test_agents_are_numbered_with_their_conditions() -> None:
    assert (
        parameters_of("transfer_to_agent", AGENTS, [])["properties"]["agent_number"]["maximum"] == 1
    )
    lines = describe("transfer_to_agent", AGENTS, "").splitlines()
    assert lines[1:] == ["- 0: billing", "- 1: when asked for"]


def test_numbers_are_listed_with_their_conditions() -> None:
    schema = parameters_of("transfer_to_number", NUMBERS, [])
    assert schema["properties"]["transfer_number"]["enum"] == ["+311", "+312", "sip:a@b"]
    lines = describe("transfer_to_number", NUMBERS, "Ask first.").splitlines()
    assert lines[:2] == ["Ask first.", "- +311: wants a person"]
    assert destination({}) == ""


def test_strategies_and_procedures_are_offered_as_choices() -> None:
    search = parameters_of("knowledge_base", {"enabled_strategies": ["keyword"]}, [])
    assert search["properties"]["strategy"]["enum"] == ["keyword"]
    procedures = parameters_of("start_procedure", {"procedures": {"refund": {}}}, [])
    assert procedures["properties"]["procedure"]["enum"] == ["refund"]
