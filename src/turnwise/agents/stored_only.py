"""Settings of an agent that are stored and read back, and that nothing here acts on.

Law: what is set and does nothing is said, in the answer to whoever sets it and by `turnwise
doctor`. `docs/reference/fields.md` lists the same settings; a test compares the two, and fails
where one of these is acted on after all.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_PROMPT = "conversation_config.agent.prompt"
_TOOL = f"{_PROMPT}.tools[]"
_TTS = "conversation_config.tts"
_TURN = "conversation_config.turn"
_CONVERSATION = "conversation_config.conversation"
_TRANSFER = "calls are not transferred to a number"
_SEARCH = "knowledge is searched by words"
_WORKFLOW = "there are no workflows"

STORED_ONLY: Final[Mapping[str, str]] = {
    f"{_PROMPT}.rag.embedding_model": _SEARCH,
    f"{_PROMPT}.rag.max_vector_distance": _SEARCH,
    f"{_PROMPT}.rag.num_candidates": _SEARCH,
    f"{_PROMPT}.rag.query_rewrite_prompt_override": "what is searched for is what the user said",
    f"{_PROMPT}.rag.knowledge_base_tool_info": "knowledge is looked up without a tool",
    f"{_TOOL}.api_schema.response_body_schema": "answers are not checked",
    f"{_TOOL}.api_schema.auth_resolved_params": "no parameter comes from an auth connection",
    f"{_TOOL}.params.enable_client_message": _TRANSFER,
    f"{_TOOL}.params.use_out_of_band_dtmf": "keys are pressed as tones in the sound",
    f"{_TOOL}.params.transfers[].custom_sip_headers": _TRANSFER,
    f"{_TOOL}.params.transfers[].transfer_type": _TRANSFER,
    f"{_TOOL}.params.transfers[].sip_refer_play_dialtone": _TRANSFER,
    f"{_TOOL}.params.transfers[].uui": _TRANSFER,
    f"{_TOOL}.params.transfers[].post_dial_digits": _TRANSFER,
    f"{_TOOL}.params.transfers[].node_id": _WORKFLOW,
    f"{_TTS}.clone_strength": "no engine has it",
    f"{_TTS}.audio_effects": "sound is not changed",
    f"{_TURN}.noisy_environment_detection": "noise is not judged",
    f"{_TURN}.noisy_environment_message": "noise is not judged",
    f"{_TURN}.retranscribe_on_turn_timeout": "nothing is transcribed twice",
    f"{_CONVERSATION}.background_sound.source_id": "nothing is mixed into the agent's sound",
    "conversation_config.agent.text_behavior_overrides{}.output_format": "answers are plain text",
    "conversation_config.agent.text_behavior_overrides{}.interaction_budget": "no time is budgeted",
}
"""Why nothing acts on a setting, by its place; `[]` is each of a list, `{}` each of a map."""

_PUBLISHED: Final[Mapping[str, object]] = {
    f"{_PROMPT}.rag.embedding_model": "e5_mistral_7b_instruct",
    f"{_PROMPT}.rag.max_vector_distance": 0.6,
    f"{_TOOL}.params.enable_client_message": True,
    f"{_TOOL}.params.use_out_of_band_dtmf": True,
    f"{_TOOL}.params.transfers[].transfer_type": "conference",
}
"""Defaults that say something."""

_BUILT_IN = f"{_PROMPT}.built_in_tools{{}}"


def without_effect(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the settings of an agent that do nothing here and are not at their default, sorted.

    Args:
        document: The agent as stored; other than published parts are passed over.
    """
    found: set[str] = set()
    for place in STORED_ONLY:
        spellings = (place, place.replace(_TOOL, _BUILT_IN)) if _TOOL in place else (place,)
        for path in spellings:
            quiet: tuple[object, ...] = (None, "", False, [], {}, _PUBLISHED.get(place))
            if any(value not in quiet for value in _at(document, path.split("."))):
                found.add(path)
    return tuple(sorted(found))


def _at(value: object, steps: Sequence[str]) -> Iterator[object]:
    """Yield what is at a path: several values, where it goes through lists and maps."""
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    name = step.removesuffix("[]").removesuffix("{}")
    inner = value.get(name) if isinstance(value, Mapping) else None
    if step.endswith("[]"):
        each = inner if isinstance(inner, list) else []
    elif step.endswith("{}"):
        each = list(inner.values()) if isinstance(inner, Mapping) else []
    else:
        each = [] if inner is None else [inner]
    for part in each:
        yield from _at(part, rest)
