"""What comes of a client's first message, member by member and field by field."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from turnwise.agents.overrides import BY_PERMISSION, OverrideForbidden
from turnwise.agents.variables import MissingVariables
from turnwise.base.errors import FormatError
from turnwise.contract import load
from turnwise.gateway.facts import platform_facts
from turnwise.gateway.handshake import Installation, Prepared, Supplies, prepare
from turnwise.wire import closing
from turnwise.wire.client_messages import ConversationInitiationClientData

Json = dict[str, Any]
Path = tuple[str, ...]

TOOLS = {name: {"type": "client", "name": name, "description": ""} for name in ("first", "second")}
CONFIG: Json = {
    "agent": {
        "first_message": "Hello",
        "prompt": {"prompt": "Be kind.", "tool_ids": ["first"]},
    },
    "language_presets": {"es": {"overrides": {"tts": {"voice_id": "spanish"}}}},
}


def agent(config: Json | None = None, **platform: object) -> Json:
    found = CONFIG if config is None else config
    return {"agent_id": "agent_1", "conversation_config": found, "platform_settings": platform}


def held(
    document: Json,
    supplies: Supplies | None = None,
    *,
    permissive: bool = False,
    **init: object,
) -> Prepared:
    first = ConversationInitiationClientData.model_validate(init)
    facts = platform_facts(document, "conv_1", given=first.dynamic_variables)
    around = supplies or Supplies(tools=TOOLS)
    return prepare(document, first, facts, Installation(permissive=permissive), around)


def nested(path: Path, value: object) -> Json:
    for key in reversed(path):
        value = {key: value}
    assert isinstance(value, dict)
    return value


def told(prepared: Prepared) -> dict[str, str]:
    return {part.name: part.text for part in prepared.brief.parts()}


# --- overrides ----------------------------------------------------------------------------------


def published(shape: str, under: Path = ()) -> Iterator[Path]:
    """The leaves of a published shape of overrides."""
    shapes = load().shapes
    for name, schema in shapes[shape]["properties"].items():
        options = [schema, *schema.get("anyOf", ())]
        refs = [each["$ref"].rpartition("/")[2] for each in options if "$ref" in each]
        groups = [ref for ref in refs if shapes[ref].get("properties")]
        if groups:
            yield from published(groups[0], (*under, name))
        else:
            yield (*under, name)


OVERRIDES = sorted(published("ConversationConfigClientOverride-Input"))

Effect = tuple[object, Callable[[Prepared], object]]
"""A value, and where it is found again."""

ACTS: dict[str, Effect] = {
    "agent.first_message": ("Hi", lambda p: p.policy.first_message),
    "agent.language": ("es", lambda p: p.config.agent.language),
    "agent.max_conversation_duration_message": (
        "Time is up",
        lambda p: p.policy.waiting.max_duration_message,
    ),
    "agent.prompt.prompt": ("Be brief.", lambda p: told(p)["prompt"]),
    "agent.prompt.llm": ("gpt-5", lambda p: p.brief.ask_filler().model),
    "agent.prompt.reasoning_effort": ("low", lambda p: p.brief.ask_filler().reasoning_effort),
    "agent.prompt.tool_ids": (["second"], lambda p: [tool.name for tool in p.tools]),
    "agent.prompt.knowledge_base": (
        [{"id": "k", "name": "K", "type": "text", "text": "We open at nine."}],
        lambda p: [
            {"id": "k", "name": each.name, "type": "text", "text": each.text}
            for each in p.brief.knowledge
        ],
    ),
    "asr.keywords": (["tea"], lambda p: p.config.asr.keywords),
    "conversation.text_only": (True, lambda p: p.policy.text_only),
    "tts.voice_id": ("v", lambda p: p.config.tts.voice_id),
    "tts.stability": (0.1, lambda p: p.config.tts.stability),
    "tts.speed": (1.1, lambda p: p.config.tts.speed),
    "tts.similarity_boost": (0.1, lambda p: p.config.tts.similarity_boost),
}
ELSEWHERE: dict[str, object] = {
    # found in another form than it was sent, or together with others: tests of their own
    "agent.prompt.tool_ids_strict": True,
    "conversation.max_duration_seconds": 60,
    "tts.model_id": "eleven_v3_conversational",
    "tts.supported_voices": [{"label": "Joe", "voice_id": "v"}],
    "turn.soft_timeout_config.message": "One second.",
    "turn.soft_timeout_config.additional_soft_timeout_messages": ["Still looking."],
}
STORED: dict[str, object] = {
    "agent.prompt.native_mcp_server_ids": ["m"],
    "tts.clone_strength": 0.1,
    "tts.pronunciation_dictionary_locators": [
        {"pronunciation_dictionary_id": "p", "version_id": None}
    ],
    "turn.noisy_environment_message": "It is loud.",
}
VALUES = {name: value for name, (value, _) in ACTS.items()} | ELSEWHERE | STORED


def test_the_published_fields_are_the_ones_known_here() -> None:
    assert set(OVERRIDES) == BY_PERMISSION
    assert set(published("ConversationConfigClientOverrideConfig-Input")) == BY_PERMISSION
    assert VALUES.keys() == {".".join(path) for path in OVERRIDES}
    shape = load().shape("ConversationConfigClientOverride-Input")
    for path in OVERRIDES:
        assert not shape.problems(nested(path, VALUES[".".join(path)])), path


def permitting(path: Path) -> Json:
    return agent(overrides={"conversation_config_override": nested(path, value=True)})


@pytest.mark.parametrize("path", OVERRIDES, ids=".".join)
def test_each_field_acts_where_it_is_allowed_and_is_refused_elsewhere(path: Path) -> None:
    name = ".".join(path)
    given = ("agent", "prompt", "tool_ids") if path[-1] == "tool_ids_strict" else path
    override = nested(path, VALUES[name])
    allowed = held(permitting(given), conversation_config_override=override)
    if name in ACTS:
        value, found = ACTS[name]
        assert found(allowed) == value
        assert found(held(agent())) != value
    if name == "asr.keywords":
        ignored = held(agent(), conversation_config_override=override)
        assert ignored.config.asr.keywords == []
        assert ignored.warnings == ("override asr.keywords has no effect",)
        return
    with pytest.raises(OverrideForbidden) as caught:
        held(agent(), conversation_config_override=override)
    ending = closing.refusal(caught.value)
    assert (ending.code, ending.error and ending.error.error_type) == (1008, "override_error")
    assert ending.reason == f"Override for field '{path[-1]}' is not allowed by config."


@pytest.mark.parametrize("path", OVERRIDES, ids=".".join)
@pytest.mark.parametrize("nothing", [None, {}, "default"])
def test_a_field_that_says_nothing_needs_no_permission(path: Path, nothing: object) -> None:
    stored = nested(path, VALUES[".".join(path)])
    value = VALUES[".".join(path)] if nothing == "default" else nothing
    document = agent(stored if nothing == "default" else None)
    prepared = held(document, conversation_config_override=nested(path, value))
    assert not [each for each in prepared.warnings if each.startswith("override")]


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("event", ["agent_reasoning_response_part", "audio"])
def test_a_client_is_shown_thoughts_where_it_asks_and_the_owner_agrees(
    event: str, *, allowed: bool
) -> None:
    document = agent({"agent": {"prompt": {"enable_reasoning_summary": allowed}}})
    override = {"conversation": {"client_events": [event]}}
    request = held(document, conversation_config_override=override).brief.ask_filler()
    wanted = event == "agent_reasoning_response_part"
    assert request.reasoning_stream is (allowed and wanted)


def test_a_longest_duration_is_kept_in_milliseconds() -> None:
    override = {"conversation": {"max_duration_seconds": 60}}
    prepared = held(agent(), permissive=True, conversation_config_override=override)
    assert prepared.policy.waiting.max_duration_ms == 60_000


def test_fillers_are_the_clients() -> None:
    soft = {"message": "One second.", "additional_soft_timeout_messages": ["Still looking."]}
    override = {"turn": {"soft_timeout_config": soft}}
    prepared = held(agent(), permissive=True, conversation_config_override=override)
    assert prepared.policy.fillers.messages == ("One second.", "Still looking.")


def test_voices_and_a_model_for_them_change_what_the_model_is_told() -> None:
    voices = [{"label": "Joe", "voice_id": "v"}]
    override = {"tts": {"supported_voices": voices, "model_id": "eleven_v3_conversational"}}
    parts = told(held(agent(), permissive=True, conversation_config_override=override))
    assert "- Joe: another voice" in parts["voices"]
    assert "audio_tags" in parts
    assert not {"voices", "audio_tags"} & told(held(agent())).keys()


def test_a_strict_list_is_all_the_tools_there_are() -> None:
    inline = {"type": "client", "name": "inline"}
    prompt = {
        "tool_ids": ["first"],
        "tools": [inline],
        "built_in_tools": {"end_call": {}, "skip_turn": {}},
    }
    document = agent({"agent": {"prompt": prompt}})

    def names(**asked: object) -> list[str]:
        override = {"agent": {"prompt": asked}}
        prepared = held(document, permissive=True, conversation_config_override=override)
        assert prepared.warnings == ()
        return [tool.name for tool in prepared.tools]

    assert names(tool_ids=["second"]) == ["second", "inline", "end_call", "skip_turn"]
    assert names(tool_ids=["second"], tool_ids_strict=True) == ["second"]
    listed = ["second", "inline", "__system_end_call"]
    assert names(tool_ids=listed, tool_ids_strict=True) == ["second", "inline", "end_call"]
    assert names(tool_ids=["second"], tool_ids_strict=False)[-1] == "skip_turn"


def test_strictness_that_the_agent_stores_is_ignored() -> None:
    prompt = {"tool_ids": ["first"], "tool_ids_strict": True, "tools": [{"name": "inline"}]}
    prepared = held(agent({"agent": {"prompt": prompt}}))
    assert [tool.name for tool in prepared.tools] == ["first", "inline"]


@pytest.mark.parametrize(
    "override",
    [
        {"text_only": True},
        {"conversation": {"text_only": True}},
        {"text_only": True, "conversation": {"text_only": True}},
    ],
)
def test_a_conversation_in_writing_is_asked_for_in_two_places(override: Json) -> None:
    document = permitting(("conversation", "text_only"))
    assert held(document, conversation_config_override=override).policy.text_only


def test_formats_are_the_clients_to_choose() -> None:
    override = {"tts": {"output_format": "ulaw_8000"}, "asr": {"input_format": "pcm_48000"}}
    prepared = held(agent(), conversation_config_override=override)
    assert prepared.output_format.name == "ulaw_8000"
    assert prepared.input_format.name == "pcm_48000"
    with pytest.raises(FormatError):
        held(agent(), conversation_config_override={"tts": {"output_format": "mp3_44100_128"}})


# --- what else is in the message ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("switch", "init"),
    [
        ("enable_starting_workflow_node_id_from_client", {"starting_workflow_node_id": "n"}),
        ("enable_procedure_ids_from_client", {"procedure_ids": ["p"]}),
        ("enable_procedure_ids_from_client", {"start_procedure_ids": ["p"]}),
    ],
)
def test_where_to_start_needs_its_permission(switch: str, init: Json) -> None:
    [warning] = held(agent(overrides={switch: True}), **init).warnings
    assert warning.startswith(f"{next(iter(init))} has no effect")
    nothing: Json = dict.fromkeys(init)
    held(agent(), **nothing)
    with pytest.raises(OverrideForbidden, match=next(iter(init))):
        held(agent(), **init)


def test_an_extra_body_that_is_not_allowed_is_said() -> None:
    body = {"seed": 7}
    allowed = held(agent(overrides={"custom_llm_extra_body": True}), custom_llm_extra_body=body)
    assert (allowed.brief.extra_body, allowed.warnings) == (body, ())
    ignored = held(agent(), custom_llm_extra_body=body)
    assert ignored.brief.extra_body == {}
    assert "custom_llm_extra_body" in ignored.warnings[0]
    assert held(agent(), custom_llm_extra_body={}).warnings == ()


def test_the_users_id_may_be_a_number() -> None:
    assert held(agent(), user_id=7).brief.user_id == "7"


def test_where_a_client_writes_from_decides_how_it_is_answered() -> None:
    manners = {"widget": {"verbosity": "concise"}, "unknown": {"verbosity": "thorough"}}
    document = agent(
        {"agent": {"text_behavior_overrides": manners}, "conversation": {"text_only": True}}
    )
    widget = told(held(document, source_info={"source": "widget", "version": "1"}))
    assert "short" in widget["text_channel"]
    assert "in full" in told(held(document))["text_channel"]
    assert "text_channel" not in told(held(document, source_info={"source": "js_sdk"}))
    spoken = agent({"agent": {"text_behavior_overrides": manners}})
    assert "text_channel" not in told(held(spoken))


# --- variables ----------------------------------------------------------------------------------

SAID: dict[str, tuple[Json, str]] = {
    "first message": ({"agent": {"first_message": "{{x}}"}}, "first message"),
    "prompt": ({"agent": {"prompt": {"prompt": "{{x}}"}}}, "prompt"),
    "last words": (
        {"agent": {"max_conversation_duration_message": "{{x}}"}},
        "maximum duration message",
    ),
    "filler": (
        {"turn": {"soft_timeout_config": {"timeout_seconds": 2, "message": "{{x}}"}}},
        "soft timeout message",
    ),
    "more fillers": (
        {
            "turn": {
                "soft_timeout_config": {
                    "timeout_seconds": 2,
                    "additional_soft_timeout_messages": ["{{x}}"],
                }
            }
        },
        "soft timeout message",
    ),
    "written filler": (
        {
            "turn": {
                "soft_timeout_config": {
                    "timeout_seconds": 2,
                    "use_llm_generated_message": True,
                    "llm_generated_message_prompt_override": "{{x}}",
                }
            }
        },
        "soft timeout message",
    ),
    "tool": (
        {"agent": {"prompt": {"tools": [{"name": "t", "description": "Finds {{x}}."}]}}},
        "tools",
    ),
    "voicemail": (
        {
            "agent": {
                "prompt": {
                    "built_in_tools": {"voicemail_detection": {"voicemail_message": "{{x}}"}}
                }
            }
        },
        "tools",
    ),
}


@pytest.mark.parametrize("where", SAID)
def test_a_variable_that_nobody_gives_refuses_with_the_published_words(where: str) -> None:
    config, place = SAID[where]
    with pytest.raises(MissingVariables) as caught:
        held(agent(config))
    ending = closing.refusal(caught.value)
    text = f"Missing required dynamic variables in {place}: {{'x'}}"
    assert (ending.code, ending.reason, ending.termination_reason) == (1008, text, text)
    assert ending.error is not None
    assert ending.error.error_type == "missing_dynamic_variable"
    given = held(agent(config), dynamic_variables={"x": "tea"})
    assert "{{x}}" not in repr((given.policy, told(given), given.brief.ask_filler()))


def test_fillers_that_are_off_need_nothing() -> None:
    held(agent({"turn": {"soft_timeout_config": {"message": "{{x}}"}}}))


def test_a_tools_description_and_parameters_are_filled_in() -> None:
    leaf = {"type": "string", "description": "Which {{thing}}"}
    tool = {
        "name": "t",
        "description": "Finds {{thing}}.",
        "parameters": {"properties": {"a": leaf}},
    }
    config = {"agent": {"prompt": {"tools": [tool]}}}
    [found] = held(agent(config), dynamic_variables={"thing": "tea"}).tools
    assert found.description == "Finds tea."
    assert found.parameters["properties"]["a"]["description"] == "Which tea"


PLACEHOLDERS: Json = {
    "agent": {
        "first_message": "Hello {{name}}",
        "dynamic_variables": {"dynamic_variable_placeholders": {"name": "Ada"}},
    }
}


def test_placeholders_are_for_rehearsals_and_no_defaults_of_calls() -> None:
    with pytest.raises(MissingVariables, match="name"):
        held(agent(PLACEHOLDERS))
    rehearsal = held(agent(PLACEHOLDERS), Supplies(rehearsal=True))
    assert rehearsal.policy.first_message == "Hello Ada"
    assert held(agent(PLACEHOLDERS), permissive=True).policy.first_message == "Hello Ada"
    given = held(agent(PLACEHOLDERS), dynamic_variables={"name": "Bob"})
    assert given.policy.first_message == "Hello Bob"


def test_the_platforms_own_are_all_there_and_cannot_be_forged() -> None:
    names = [
        "agent_id", "current_agent_id", "conversation_id", "caller_id", "called_number",
        "call_sid", "call_id", "call_duration_secs", "agent_turns", "is_text_only", "timezone",
        "time", "time_utc", "conversation_history",
    ]  # fmt: skip
    text = " ".join(f"{name}={{{{system__{name}}}}}" for name in names)
    config = {"agent": {"prompt": {"prompt": text, "timezone": "Europe/Oslo"}}}
    prepared = held(agent(config), dynamic_variables={"system__agent_id": "forged"})
    prompt = told(prepared)["prompt"]
    assert "{{" not in prompt
    assert "agent_id=agent_1 current_agent_id=agent_1 conversation_id=conv_1" in prompt
    assert "is_text_only=false timezone=Europe/Oslo" in prompt
    assert "conversation_history=[]" in prompt
    assert prepared.warnings == ("variable system__agent_id is the platform's own",)


@pytest.mark.parametrize(
    ("given", "zone"),
    [("Asia/Tokyo", "Asia/Tokyo"), ("Mars/Olympus", "UTC"), ("", "UTC"), (7, "UTC")],
)
def test_a_client_may_say_in_which_zone_it_is(given: object, zone: str) -> None:
    facts = platform_facts(agent({}), "conv_1", given={"system__timezone": given})
    assert facts["system__timezone"] == zone
    assert f"({zone})" in facts["system__time"]


def test_a_secret_is_in_no_text() -> None:
    config = {
        "agent": {
            "first_message": "{{secret__key}}",
            "prompt": {
                "prompt": "{{secret__key}}",
                "tools": [{"name": "t", "description": "{{secret__key}}"}],
            },
        }
    }
    prepared = held(agent(config), dynamic_variables={"secret__key": "hush"})
    seen = (prepared.policy, told(prepared), [tool.description for tool in prepared.tools])
    assert "hush" not in repr(seen)


def test_a_variable_of_the_environment_is_the_owners_to_name() -> None:
    config = {"agent": {"first_message": "We are in {{system__env_town}}"}}
    supplies = Supplies(environment={"system__env_town": "Oslo"})
    assert held(agent(config), supplies).policy.first_message == "We are in Oslo"
    with pytest.raises(MissingVariables, match="system__env_town"):
        held(agent(config))
