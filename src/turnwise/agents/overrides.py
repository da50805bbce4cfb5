"""What a client may change of an agent for one conversation, and what comes of it.

Laws: the stored agent is not changed; only real values count (null, `{}`, and what the agent says
anyway, are no overrides); a field that is not allowed refuses the conversation by name, `keywords`
excepted; lists replace lists.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from turnwise.agents.config import (
    ConversationConfig,
    LanguagePreset,
    Overrides,
    PlatformSettings,
    view,
)
from turnwise.base.errors import Error, ShapeError

Json = dict[str, Any]
Path = tuple[str, ...]

BY_PERMISSION = frozenset(
    tuple(path.split("."))
    for path in (
        "asr.keywords",
        "turn.soft_timeout_config.message",
        "turn.soft_timeout_config.additional_soft_timeout_messages",
        "turn.noisy_environment_message",
        "tts.model_id",
        "tts.voice_id",
        "tts.supported_voices",
        "tts.stability",
        "tts.speed",
        "tts.similarity_boost",
        "tts.clone_strength",
        "tts.pronunciation_dictionary_locators",
        "conversation.text_only",
        "conversation.max_duration_seconds",
        "agent.first_message",
        "agent.language",
        "agent.max_conversation_duration_message",
        "agent.prompt.prompt",
        "agent.prompt.llm",
        "agent.prompt.reasoning_effort",
        "agent.prompt.tool_ids",
        "agent.prompt.tool_ids_strict",
        "agent.prompt.native_mcp_server_ids",
        "agent.prompt.knowledge_base",
    )
)
"""Fields that the agent's owner may open to clients."""  # spec/semantics.md, 9

FREE = frozenset(
    {
        ("tts", "agent_output_audio_format"),
        ("asr", "user_input_audio_format"),
        ("conversation", "client_events"),
    }
)
"""Fields that need no permission: there is none to give."""  # spec/semantics.md, 2.2 and 5

SOFT = frozenset({("asr", "keywords")})
"""Fields that are left alone, without a refusal, where they are not allowed."""

_GROUPS = frozenset(path[:depth] for path in BY_PERMISSION | FREE for depth in range(1, len(path)))
_TOOL_IDS = ("agent", "prompt", "tool_ids")
_LANGUAGE = ("agent", "language")
_TEXT_ONLY = ("conversation", "text_only")
# published by nobody, sent by Patter (spec/semantics.md, 2.2)
_OTHER_NAMES: Mapping[Path, Path] = {
    ("tts", "output_format"): ("tts", "agent_output_audio_format"),
    ("asr", "input_format"): ("asr", "user_input_audio_format"),
}


class OverrideForbidden(Error):
    """A client overrides what the agent's owner did not open to clients."""

    code = "override_error"

    def __init__(self, path: Path) -> None:
        # text seen by third parties (spec/wire-protocol.md, 1.2)
        super().__init__(f"Override for field '{path[-1]}' is not allowed by config.")
        self.path = path
        """Where it is in `conversation_config_override`, or the one name of another member."""


@dataclass(frozen=True, slots=True)
class Overridden:
    """An agent's `conversation_config` as one conversation has it."""

    config: Json
    """All of it; shares no changed part with what is stored."""
    changed: tuple[str, ...]
    """Dotted paths of the overrides that took effect."""
    ignored: tuple[str, ...]
    """Dotted paths that were given and have no effect: worth a warning."""


def canonical(override: Mapping[str, Any]) -> Json:
    """Return an override as published: nulls and empty groups left out, slips put right.

    Known slips: `text_only` at the top (Python SDK without audio), `tts.output_format` and
    `asr.input_format` (Patter).
    """
    leaves = dict(_leaves(override))
    top = leaves.pop(("text_only",), None)
    if top is not None:
        leaves.setdefault(_TEXT_ONLY, top)
    for other, name in _OTHER_NAMES.items():
        if other in leaves:
            leaves.setdefault(name, leaves.pop(other))
    tree: Json = {}
    for path, value in leaves.items():
        tree = _put(tree, path, value)
    return tree


def apply(
    conversation_config: Mapping[str, Any],
    override: Mapping[str, Any] | None,
    settings: PlatformSettings | None = None,
    *,
    permissive: bool = False,
) -> Overridden:
    """Return the configuration of one conversation.

    The language preset of an overridden language comes first, then the override's own fields.

    Args:
        conversation_config: As stored.
        override: `conversation_config_override` as the client sent it, slips and nulls included.
        settings: Where the permissions are; None: nothing is allowed.
        permissive: Whether all fields may be overridden, for local use.

    Raises:
        OverrideForbidden: If a field is not allowed.
        ShapeError: If the override or the stored configuration is no such thing.
    """
    known = view(ConversationConfig, conversation_config).model_dump()
    allowed = (settings or PlatformSettings()).overrides.conversation_config_override
    sent = override or {}
    # the Python SDK's own way to ask for text needs no permission: it is in no schema of them
    slipped = sent.get("text_only") is not None
    changes: dict[Path, Any] = {}
    ignored: list[str] = []
    for path, value in _leaves(canonical(sent)):
        if value == _get(known, path) or _reads_alike(conversation_config, path, value, known):
            continue
        free = permissive or path in FREE or (slipped and path == _TEXT_ONLY)
        if free or (path in BY_PERMISSION and _permits(allowed, path)):
            changes[path] = value
        elif path in SOFT or path not in BY_PERMISSION or value in ("", []):
            ignored.append(".".join(path))
        else:
            raise OverrideForbidden(path)
    config = dict(conversation_config)
    for path, value in changes.items():
        config = _put(config, path, value)
    view(ConversationConfig, config)  # refuses values of other types
    if _LANGUAGE in changes:
        config = with_language(conversation_config, changes[_LANGUAGE])
        for path, value in changes.items():
            config = _put(config, path, value)
    return Overridden(config, tuple(".".join(path) for path in changes), tuple(ignored))


def with_language(conversation_config: Mapping[str, Any], language: str) -> Json:
    """Return the configuration in another language, its preset applied if there is one."""
    config = _put(dict(conversation_config), _LANGUAGE, language)
    presets = view(ConversationConfig, conversation_config).language_presets
    preset = presets.get(language, LanguagePreset())
    own = {path: value for path, value in _leaves(preset.overrides) if path != _LANGUAGE}
    if preset.first_message_translation is not None:
        own.setdefault(("agent", "first_message"), preset.first_message_translation.text)
    if preset.soft_timeout_translation is not None:
        message = ("turn", "soft_timeout_config", "message")
        own.setdefault(message, preset.soft_timeout_translation.text)
    for path, value in own.items():
        config = _put(config, path, value)
    return config


def merged(document: Mapping[str, Any], partial: Mapping[str, Any]) -> Json:
    """Return a document with a partial one on top: objects merge, all else replaces.

    Null counts as absent. So an on-premises handshake and a workflow node change an agent.
    """  # spec/semantics.md, 2.7 and 23
    changed = dict(document)
    for key, value in partial.items():
        inner = document.get(key)
        if isinstance(value, Mapping) and isinstance(inner, Mapping):
            changed[key] = merged(inner, value)
        elif value is not None:
            changed[key] = value
    return changed


def extra_body(
    given: Mapping[str, Any] | None, overrides: Overrides, *, permissive: bool = False
) -> Json:
    """Return what of `custom_llm_extra_body` reaches the model: nothing unless allowed."""
    allowed = permissive or overrides.custom_llm_extra_body
    return dict(given or {}) if allowed else {}


def check_start(
    overrides: Overrides,
    *,
    starting_workflow_node_id: str | None = None,
    procedure_ids: Sequence[str] | None = None,
    start_procedure_ids: Sequence[str] | None = None,
    permissive: bool = False,
) -> None:
    """Check the members of the init message that need a permission of their own.

    Raises:
        OverrideForbidden: If one is given and not allowed.
    """  # spec/semantics.md, 9
    if permissive:
        return
    if starting_workflow_node_id and not overrides.enable_starting_workflow_node_id_from_client:
        raise OverrideForbidden(("starting_workflow_node_id",))
    asked = {"procedure_ids": procedure_ids, "start_procedure_ids": start_procedure_ids}
    for name, ids in asked.items():
        if ids and not overrides.enable_procedure_ids_from_client:
            raise OverrideForbidden((name,))


def _leaves(tree: Mapping[str, Any], under: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the values that are there: no null, no empty object, no group of fields."""
    for key, value in tree.items():
        path = (*under, key)
        if value is None or value == {}:
            continue
        if path not in _GROUPS:
            yield path, value
        elif isinstance(value, Mapping):
            yield from _leaves(value, path)
        else:
            raise ShapeError(".".join(path), "should be an object")


def _reads_alike(
    stored: Mapping[str, Any], path: Path, value: object, known: Mapping[str, Any]
) -> bool:
    """Return whether a value differs from the stored one in defaults and nulls only."""
    if not isinstance(value, list | Mapping):
        return False
    try:
        changed = view(ConversationConfig, _put(stored, path, value)).model_dump()
    except ShapeError:
        return False
    return _get(changed, path) == _get(known, path)


def _get(tree: object, path: Path) -> object:
    for key in path:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree


def _permits(allowed: Mapping[str, Any], path: Path) -> bool:
    # strictness is allowed whenever the ids are (spec/agent-config-tree.md)
    asked = _TOOL_IDS if path[-1] == "tool_ids_strict" else path
    return _get(allowed, asked) is True


def _put(tree: Mapping[str, Any], path: Path, value: object) -> Json:
    """Return the tree with another value at the path; nothing of `tree` is changed."""
    key, *rest = path
    if not rest:
        return {**tree, key: value}
    inner = tree.get(key)
    return {**tree, key: _put(inner if isinstance(inner, Mapping) else {}, tuple(rest), value)}
