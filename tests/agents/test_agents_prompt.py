from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnwise.agents.config import ConversationConfig, Guardrails, Toggle, view
from turnwise.agents.prompt import (
    NO_RESULT,
    Document,
    Line,
    Message,
    Note,
    Part,
    Said,
    Situation,
    ToolOutcome,
    ToolUse,
    messages,
    system_parts,
    system_prompt,
)


def config(**members: object) -> ConversationConfig:
    return view(ConversationConfig, members)


FULL = config(
    agent={
        "language": "hi",
        "hinglish_mode": True,
        "prompt": {"prompt": "Be kind.", "ignore_default_personality": False},
        "text_behavior_overrides": {"chat": {"verbosity": "concise"}, "sms": None},
    },
    tts={
        "model_id": "eleven_v3_conversational",
        "supported_voices": [
            {"label": "Joe", "voice_id": "v", "description": "Whenever Joe is speaking"},
            {"label": "Ann", "voice_id": "w"},
        ],
        "suggested_audio_tags": [{"tag": "laughs", "description": "when amused"}, {"tag": "sighs"}],
    },
    conversation={"source_attribution": True},
)
SITUATION = Situation(
    additional_prompts=("Node.",),
    procedures="Steps.",
    now="Saturday, noon",
    knowledge=(Document("Hours", "We open at nine. "),),
)


def names(parts: tuple[Part, ...]) -> list[str]:
    return [part.name for part in parts]


def test_parts_have_one_order() -> None:
    parts = system_parts(FULL, SITUATION, Guardrails(focus=Toggle(is_enabled=True)))
    assert names(parts) == [
        "prompt",
        "additional_prompts",
        "procedures",
        "personality",
        "time",
        "normalisation",
        "voices",
        "audio_tags",
        "language",
        "knowledge",
        "sources",
        "focus",
    ]
    text = system_prompt(parts)
    assert text.startswith("Be kind.\n\nNode.\n\nSteps.\n\n")
    assert "- Joe: Whenever Joe is speaking\n- Ann: another voice" in text
    assert "- [laughs] when amused\n- [sighs]" in text
    assert "## Hours\nWe open at nine." in text


def test_a_plain_agent_has_its_prompt_and_how_to_write_for_the_ear() -> None:
    parts = system_parts(config(agent={"prompt": {"prompt": "Be kind."}}), Situation())
    assert names(parts) == ["prompt", "normalisation"]


def test_an_agent_that_says_nothing_and_leaves_numbers_to_the_voice_has_no_prompt() -> None:
    silent = config(tts={"text_normalisation_type": "elevenlabs"})
    assert system_parts(silent, Situation(), Guardrails()) == ()


def test_a_conversation_without_sound_says_nothing_about_speech() -> None:
    parts = system_parts(FULL, Situation(text_channel="chat"))
    assert names(parts) == ["prompt", "personality", "language", "text_channel"]
    assert "text_channel" not in names(system_parts(FULL, Situation(text_channel="sms")))


@pytest.mark.parametrize(
    "tts", [{"model_id": "eleven_flash_v2"}, {"model_id": "eleven_v4", "expressive_mode": False}]
)
def test_audio_tags_are_for_voices_that_know_them(tts: dict[str, Any]) -> None:
    assert "audio_tags" not in names(system_parts(config(tts=tts), Situation()))


def test_a_language_is_said_unless_it_is_english() -> None:
    assert "'de'" in system_prompt(system_parts(config(agent={"language": "de"}), Situation()))


def test_a_conversation_as_messages() -> None:
    calls = (ToolUse("c1", "lookup", "{}"), ToolUse("c2", "weather", "{}"))
    lines: list[Line] = [
        Said("agent", "Hello."),
        Said("user", "Where is it?"),
        Said("agent", "Let me look."),
        *calls,
        ToolOutcome("c1", "lookup", "on the van"),
        Note("Context: tea"),
        ToolOutcome("c2", "weather", "no sky", failed=True),
        Said("agent", "On the van."),
    ]
    assert messages(lines, "Be kind.") == (
        Message(role="system", text="Be kind."),
        Message(role="assistant", text="Hello."),
        Message(role="user", text="Where is it?"),
        Message(role="assistant", text="Let me look.", tool_calls=calls),
        Message(role="tool", text="on the van", tool_call_id="c1", tool_name="lookup"),
        Message(role="tool", text="no sky", tool_call_id="c2", tool_name="weather", failed=True),
        Message(role="user", text="[Context: tea]", is_note=True),
        Message(role="assistant", text="On the van."),
    )


def test_a_call_without_result_gets_a_neutral_one() -> None:
    use = ToolUse("c1", "lookup", "{}")
    assert messages([use]) == (
        Message(role="assistant", tool_calls=(use,)),
        Message(role="tool", text=NO_RESULT, tool_call_id="c1", tool_name="lookup"),
    )


def test_a_later_result_of_the_same_call_is_news() -> None:
    lines: list[Line] = [
        ToolUse("c1", "search", "{}"),
        ToolOutcome("c1", "search", "running"),
        Said("user", "And?"),
        ToolOutcome("c1", "search", "three hits"),
    ]
    texts = [(message.role, message.text) for message in messages(lines)]
    assert texts == [
        ("assistant", ""),
        ("tool", "running"),
        ("user", "And?"),
        ("user", "[Result of search: three hits]"),
    ]


def test_a_result_whose_call_is_not_known_is_news() -> None:
    assert messages([ToolOutcome("c9", "search", "x")])[0].is_note


ids = st.sampled_from(["a", "b", "c"])
lines = st.lists(
    st.one_of(
        st.builds(Said, st.sampled_from(["user", "agent"]), st.text(max_size=3)),
        st.builds(ToolUse, ids, st.just("t"), st.just("{}")),
        st.builds(ToolOutcome, ids, st.just("t"), st.text(max_size=3)),
        st.builds(Note, st.text(max_size=3)),
    ),
    max_size=12,
)


@given(lines)
def test_every_call_is_answered_right_behind_it(conversation: list[Line]) -> None:
    told = messages(conversation)
    index = 0
    while index < len(told):
        calls = told[index].tool_calls
        answers = told[index + 1 : index + 1 + len(calls)]
        assert [answer.tool_call_id for answer in answers] == [call.call for call in calls]
        index += 1 + len(calls)
        assert index >= len(told) or told[index].role != "tool"
    outcomes = sum(isinstance(line, ToolOutcome) for line in conversation)
    notes = sum(message.is_note for message in told)
    assert notes <= outcomes + sum(isinstance(line, Note) for line in conversation)
