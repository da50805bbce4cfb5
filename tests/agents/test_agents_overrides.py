import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnwise.agents.config import ConversationConfig, Overrides, PlatformSettings, view
from turnwise.agents.overrides import (
    BY_PERMISSION,
    OverrideForbidden,
    apply,
    canonical,
    check_start,
    extra_body,
    merged,
    with_language,
)
from turnwise.base.errors import ShapeError

STORED: dict[str, Any] = {
    "agent": {"first_message": "Hello", "prompt": {"prompt": "Be kind.", "tool_ids": ["t1"]}},
    "tts": {"voice_id": "stored", "odd": [1]},
    "language_presets": {
        "es": {
            "overrides": {
                "tts": {"voice_id": "spanish", "speed": None},
                "agent": {"language": "es", "prompt": None},
            },
            "first_message_translation": {"source_hash": "h", "text": "Hola"},
            "soft_timeout_translation": {"source_hash": "h", "text": "Mmm"},
        },
        "fr": {
            "overrides": {"agent": {"first_message": "Salut"}},
            "first_message_translation": {"source_hash": "h", "text": "Bonjour"},
        },
    },
}


VALUES: dict[str, object] = {
    "keywords": ["tea"],
    "additional_soft_timeout_messages": ["One second."],
    "supported_voices": [{"label": "Joe", "voice_id": "v"}],
    "stability": 0.1,
    "speed": 1.1,
    "similarity_boost": 0.1,
    "pronunciation_dictionary_locators": [{"pronunciation_dictionary_id": "p"}],
    "text_only": True,
    "max_duration_seconds": 60,
    "tool_ids": ["t2"],
    "tool_ids_strict": True,
    "native_mcp_server_ids": ["m"],
    "knowledge_base": [{"id": "k", "name": "K", "type": "text"}],
}


def nested(path: tuple[str, ...], value: object) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    assert isinstance(value, dict)
    return value


def allowing(*paths: str) -> PlatformSettings:
    tree: dict[str, Any] = {}
    for path in paths:
        tree = merged(tree, nested(tuple(path.split(".")), value=True))
    return view(PlatformSettings, {"overrides": {"conversation_config_override": tree}})


@pytest.mark.parametrize(
    "nothing",
    [
        None,
        {},
        {"agent": {}},
        {"agent": {}, "tts": {}, "conversation": {}},
        {"agent": {"prompt": {}, "language": "en"}, "conversation": {"text_only": False}},
        {"agent": {"prompt": {"prompt": None}, "first_message": None}, "tts": None},
        {"agent": {"first_message": "Hello"}, "tts": {"voice_id": "stored"}},
        {"text_only": False},
        {"agent": {"first_message": ""}, "asr": {"keywords": []}},
    ],
)
def test_what_says_nothing_new_needs_no_permission(nothing: dict[str, Any] | None) -> None:
    result = apply(STORED, nothing)
    assert result.config == STORED
    assert result.changed == ()


def test_a_field_that_is_not_allowed_refuses_by_name() -> None:
    with pytest.raises(OverrideForbidden) as caught:
        apply(STORED, {"tts": {"voice_id": "EXAVITQu4vr4xnSDxMaL"}})
    assert str(caught.value) == "Override for field 'voice_id' is not allowed by config."
    assert caught.value.path == ("tts", "voice_id")


@pytest.mark.parametrize("path", sorted(BY_PERMISSION))
def test_each_published_field_needs_its_permission(path: tuple[str, ...]) -> None:
    value = VALUES.get(path[-1], "x")
    dotted = ".".join(path)
    override = nested(path, value)
    given_by = "agent.prompt.tool_ids" if path[-1] == "tool_ids_strict" else dotted
    assert apply(STORED, override, allowing(given_by)).changed == (dotted,)
    if dotted == "asr.keywords":
        assert apply(STORED, override).ignored == (dotted,)
    else:
        with pytest.raises(OverrideForbidden):
            apply(STORED, override, PlatformSettings())


def test_lists_replace_and_neighbours_stay() -> None:
    result = apply(
        STORED, {"agent": {"prompt": {"tool_ids": ["t2"]}}}, allowing("agent.prompt.tool_ids")
    )
    assert result.config["agent"]["prompt"] == {"prompt": "Be kind.", "tool_ids": ["t2"]}
    assert result.config["tts"] == STORED["tts"]
    assert STORED["agent"]["prompt"]["tool_ids"] == ["t1"]


def test_an_empty_value_counts_where_it_is_allowed() -> None:
    settings = allowing("agent.first_message")
    assert apply(STORED, {"agent": {"first_message": ""}}, settings).changed


def test_formats_and_client_events_need_no_permission() -> None:
    override = {
        "tts": {"output_format": "ulaw_8000"},
        "asr": {"input_format": "ulaw_8000"},
        "conversation": {"client_events": ["audio"]},
    }
    config = view(ConversationConfig, apply(STORED, override).config)
    assert config.tts.agent_output_audio_format == "ulaw_8000"
    assert config.asr.user_input_audio_format == "ulaw_8000"
    assert config.conversation.client_events == ["audio"]


def test_the_published_name_of_a_format_wins() -> None:
    tts = {"output_format": "ulaw_8000", "agent_output_audio_format": "pcm_24000"}
    assert canonical({"tts": tts}) == {"tts": {"agent_output_audio_format": "pcm_24000"}}


def test_the_python_sdks_text_only_is_honoured_and_the_published_one_asks() -> None:
    result = apply({}, {"text_only": True})
    assert result.config == {"conversation": {"text_only": True}}
    with pytest.raises(OverrideForbidden):
        apply({}, {"conversation": {"text_only": True}})


def test_an_unknown_field_is_ignored_and_said() -> None:
    result = apply({}, {"turn": {"turn_timeout": 3}, "new": 1})
    assert result.config == {}
    assert result.ignored == ("turn.turn_timeout", "new")


def test_a_permissive_server_takes_everything() -> None:
    override = {"tts": {"voice_id": "v"}, "turn": {"turn_timeout": 3}, "asr": {"keywords": ["k"]}}
    assert apply({}, override, permissive=True).config == override


def test_a_group_of_fields_must_be_an_object() -> None:
    with pytest.raises(ShapeError, match="agent: should be an object"):
        apply({}, {"agent": "x"})


def test_a_value_of_another_type_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"agent\.language"):
        apply(STORED, {"agent": {"language": ["es"]}}, permissive=True)


def test_another_language_brings_its_preset() -> None:
    result = apply(STORED, {"agent": {"language": "es"}}, allowing("agent.language"))
    config = view(ConversationConfig, result.config)
    assert config.agent.language == "es"
    assert config.agent.first_message == "Hola"
    assert config.turn.soft_timeout_config.message == "Mmm"
    assert config.tts.voice_id == "spanish"
    assert result.config["tts"]["odd"] == [1]


def test_the_clients_own_words_go_before_the_preset() -> None:
    settings = allowing("agent.language", "agent.first_message")
    override = {"agent": {"language": "es", "first_message": "Buenas"}}
    assert apply(STORED, override, settings).config["agent"]["first_message"] == "Buenas"


def test_a_presets_own_words_go_before_their_translation() -> None:
    assert with_language(STORED, "fr")["agent"]["first_message"] == "Salut"


def test_a_language_without_preset_is_only_noted() -> None:
    assert with_language({"tts": {"speed": 1.1}}, "de") == {
        "tts": {"speed": 1.1},
        "agent": {"language": "de"},
    }


def test_partial_documents_merge() -> None:
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 1, "f": {"g": 1}}
    changed = merged(base, {"a": {"b": None, "c": [3]}, "d": {"e": 1}, "f": 5})
    assert changed == {"a": {"b": 1, "c": [3]}, "d": {"e": 1}, "f": 5}


def test_the_extra_body_needs_its_permission() -> None:
    body = {"uuid": 1}
    assert extra_body(body, Overrides()) == {}
    assert extra_body(body, Overrides(custom_llm_extra_body=True)) == body
    assert extra_body(body, Overrides(), permissive=True) == body
    assert extra_body(None, Overrides(custom_llm_extra_body=True)) == {}


def test_where_to_start_needs_its_permission() -> None:
    check_start(Overrides(), starting_workflow_node_id=None, procedure_ids=[])
    check_start(Overrides(), starting_workflow_node_id="n", procedure_ids=["p"], permissive=True)
    check_start(
        Overrides(
            enable_starting_workflow_node_id_from_client=True, enable_procedure_ids_from_client=True
        ),
        starting_workflow_node_id="n",
        procedure_ids=["p"],
    )
    with pytest.raises(OverrideForbidden, match="starting_workflow_node_id"):
        check_start(Overrides(), starting_workflow_node_id="n")
    with pytest.raises(OverrideForbidden, match="procedure_ids"):
        check_start(Overrides(), procedure_ids=["p"])


leaves = st.one_of(st.none(), st.text(max_size=3), st.lists(st.text(max_size=2), max_size=2))
overrides = st.lists(st.tuples(st.sampled_from(sorted(BY_PERMISSION)), leaves), max_size=6)


@given(overrides)
def test_the_stored_configuration_never_changes(fields: list[tuple[tuple[str, ...], Any]]) -> None:
    stored = copy.deepcopy(STORED)
    override: dict[str, Any] = {}
    for path, value in fields:
        override = merged(override, nested(path, value))
    try:
        result = apply(stored, override, permissive=True)
    except ShapeError:  # a list where a text should be, or the other way round
        assert stored == STORED
        return
    assert stored == STORED
    assert canonical(canonical(override)) == canonical(override)
    assert set(result.changed) <= {".".join(path) for path in BY_PERMISSION}
