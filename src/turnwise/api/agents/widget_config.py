"""What a page is told of the agent that it shows."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

from markdown_it import MarkdownIt

from turnwise.agents.config import read_agent
from turnwise.api.agents.pictures import Picture, is_name

Object = dict[str, Any]

_STORED_ONLY: Final = (
    "custom_avatar_path",
    "language_presets",
    "language_selector",
    "supports_text_only",
)
"""Settings of a widget that its page does not get, or gets in another form."""
_AVATAR: Final = re.compile(r"/v1/convai/agents/([^/]+)/avatar/([^/]+)")


def widget_config(document: Object, base: str) -> Object:
    """Return what a page is told of an agent.

    Args:
        document: The agent, as it is stored.
        base: Scheme, host and prefix under which the page reaches us.
    """
    agent = read_agent(document)
    config, persona = agent.conversation_config, agent.conversation_config.agent
    stored = document["platform_settings"]["widget"]
    allowed = document["platform_settings"]["overrides"]["conversation_config_override"]
    languages = [code for code in config.language_presets if code != persona.language]
    may_choose = bool(languages) and allowed["agent"]["language"] is True
    in_writing = config.conversation.text_only or allowed["conversation"]["text_only"] is True
    return {
        **{key: value for key, value in stored.items() if key not in _STORED_ONLY},
        "avatar": _avatar(stored.get("avatar"), base),
        "terms_html": _terms_html(stored),
        "language": persona.language,
        "supported_language_overrides": languages if may_choose else None,
        "language_presets": _presets(document["conversation_config"], stored),
        "text_only": config.conversation.text_only,
        "supports_text_only": in_writing and stored.get("supports_text_only") is not False,
        "first_message": persona.first_message,
        "use_rtc": None,
        "file_input_config": config.conversation.file_input.model_dump(),
    }


def _avatar(stored: object, base: str) -> object:
    """Return the avatar; a picture of ours is where this page reaches us, whoever uploaded it."""
    if not isinstance(stored, dict) or stored.get("type") != "image":
        return stored
    path = urlsplit(str(stored.get("url") or "")).path
    # an upload by way of a prefix has it before the path
    found = _AVATAR.fullmatch(path[max(path.find("/v1/convai/"), 0) :])
    picture = Picture.named(found[2]) if found else None
    if found is None or picture is None or not is_name(found[1]):
        return stored
    return {**stored, "url": f"{base}{picture.path(found[1])}"}


def _terms_html(stored: Object, text: object = None) -> object:
    """Return terms as the widget shows them: only as HTML, and never not at all.

    Args:
        stored: Who has `terms_html`, or `terms_text`, which is Markdown.
        text: The terms of one who has neither.
    """
    written = stored.get("terms_text") or text
    if stored.get("terms_html") or not isinstance(written, str) or not written:
        return stored.get("terms_html")
    return MarkdownIt("commonmark", {"html": False}).render(written)


def _presets(config: Object, stored: Object) -> Object:
    looks, spoken = stored.get("language_presets") or {}, config.get("language_presets") or {}
    return {
        code: _preset(spoken.get(code) or {}, looks.get(code) or {}) for code in {**spoken, **looks}
    }


def _preset(spoken: Object, look: Object) -> Object:
    """Return what differs in one language: as it was written, or else as it was translated."""
    persona = (spoken.get("overrides") or {}).get("agent") or {}
    labels = (look.get("text_contents_translation") or {}).get("text")
    own = {key: text for key, text in (look.get("text_contents") or {}).items() if text is not None}
    terms = (look.get("terms_translation") or {}).get("text")
    return {
        "first_message": persona.get("first_message")
        or (spoken.get("first_message_translation") or {}).get("text"),
        "text_contents": {**labels, **own} if labels else look.get("text_contents"),
        "terms_text": look.get("terms_text") or terms,
        "terms_html": _terms_html(look, terms),
        "terms_key": look.get("terms_key"),
    }
