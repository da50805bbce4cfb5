"""The tools the platform brings itself: what a language model is told of each.

Names and parameters are the published ones (spec/semantics.md, 19); the texts are ours.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Json = dict[str, Any]

_REASON = {"type": "string", "description": "Why, in a few words."}

_ENDS_CONVERSATION = (
    "End the conversation. Use it when the user says goodbye, asks to hang up, or when the task is "
    "done and nothing is left to say. Say what is left to say in `message`."
)
_SKIPS_TURN = (
    "Stay silent and wait for the user. Use it when the user asks for a moment, speaks to somebody "
    "else, or when an answer would only disturb."
)
_DETECTS_LANGUAGE = (
    "Switch to another language. Use it when the user speaks, or asks for, one of the languages of "
    "`language` that is not the present one."
)
_TRANSFERS_TO_AGENT = (
    "Hand the conversation over to another agent, by its number, when its condition is met:"
)
_TRANSFERS_TO_NUMBER = (
    "Transfer the phone call to a person, by number, when its condition is met. Tell the user in "
    "`client_message` and the person in `agent_message`:"
)
_DETECTS_VOICEMAIL = (
    "Report that a voicemail system answered instead of a person: a recorded greeting, a beep, or "
    "a request to leave a message. The call then ends."
)
_PLAYS_TONES = (
    "Press keys of the phone keypad, for example in the menu of another phone system. Allowed are "
    "0-9, *, #, and w (half a second of pause) or W (a second)."
)
_SEARCHES = "Search the knowledge base for what the user asks about."
_STARTS_PROCEDURE = "Begin to follow one of the procedures, when its trigger applies."
_ENDS_PROCEDURE = "Stop following a procedure: it is done, or no longer applies."


def _object(required: Sequence[str], **properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(required)}


def _text(description: str, **more: object) -> Json:
    return {"type": "string", "description": description, **more}


def _transfers(params: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    given = params.get("transfers")
    return [each for each in given if isinstance(each, Mapping)] if isinstance(given, list) else []


def destination(transfer: Mapping[str, Any]) -> str:
    """Return the number, SIP address or variable that a transfer to a person goes to."""
    target = transfer.get("transfer_destination")
    found = target if isinstance(target, Mapping) else {}
    number = found.get("phone_number") or found.get("sip_uri") or transfer.get("phone_number")
    return str(number or "")


def _end_call(_: Mapping[str, Any], __: Sequence[str]) -> Json:
    message = _text("Last words, spoken before the end. Empty if they were said already.")
    return _object(["reason"], reason=_REASON, message=message)


def _only_reason(_: Mapping[str, Any], __: Sequence[str]) -> Json:
    return _object(["reason"], reason=_REASON)


def _optional_reason(_: Mapping[str, Any], __: Sequence[str]) -> Json:
    return _object([], reason=_REASON)


def _language(_: Mapping[str, Any], languages: Sequence[str]) -> Json:
    choice: Json = {"enum": list(languages)} if languages else {}
    code = _text("Code of the language to go on in.", **choice)
    return _object(["reason", "language"], reason=_REASON, language=code)


def _agent_number(params: Mapping[str, Any], _: Sequence[str]) -> Json:
    number = {
        "type": "integer",
        "description": "Number of the agent, from 0.",
        "minimum": 0,
        "maximum": max(0, len(_transfers(params)) - 1),
    }
    return _object(["agent_number"], agent_number=number, reason=_REASON)


def _phone_number(params: Mapping[str, Any], _: Sequence[str]) -> Json:
    numbers = [number for each in _transfers(params) if (number := destination(each))]
    choice: Json = {"enum": numbers} if numbers else {}
    return _object(
        ["transfer_number", "client_message", "agent_message"],
        transfer_number=_text("Where to transfer to.", **choice),
        client_message=_text("Said to the user before the transfer."),
        agent_message=_text("Said to the person who takes over: what it is about."),
        reason=_REASON,
    )


def _tones(_: Mapping[str, Any], __: Sequence[str]) -> Json:
    tones = _text("Keys to press, in order.", pattern="^[0-9*#wW]+$")
    return _object(["dtmf_tones"], dtmf_tones=tones, reason=_REASON)


def _query(params: Mapping[str, Any], _: Sequence[str]) -> Json:
    query = _text("What to look for.")
    strategies = params.get("enabled_strategies")
    if not isinstance(strategies, list) or not strategies:
        return _object(["query"], query=query)
    return _object(
        ["strategy", "query"], strategy=_text("How to look.", enum=strategies), query=query
    )


def _procedure(params: Mapping[str, Any], _: Sequence[str]) -> Json:
    names = params.get("procedures")
    choice: Json = {"enum": list(names)} if isinstance(names, Mapping) and names else {}
    return _object(["procedure"], procedure=_text("Name of the procedure.", **choice))


Parameters = Callable[[Mapping[str, Any], Sequence[str]], Json]

_KNOWN: Mapping[str, tuple[str, Parameters]] = {
    "end_call": (_ENDS_CONVERSATION, _end_call),
    "skip_turn": (_SKIPS_TURN, _optional_reason),
    "language_detection": (_DETECTS_LANGUAGE, _language),
    "transfer_to_agent": (_TRANSFERS_TO_AGENT, _agent_number),
    "transfer_to_number": (_TRANSFERS_TO_NUMBER, _phone_number),
    "voicemail_detection": (_DETECTS_VOICEMAIL, _only_reason),
    "play_keypad_touch_tone": (_PLAYS_TONES, _tones),
    "knowledge_base": (_SEARCHES, _query),
    "knowledge_base_rag": (_SEARCHES, _query),
    "start_procedure": (_STARTS_PROCEDURE, _procedure),
    "end_procedure": (_ENDS_PROCEDURE, _procedure),
}

SYSTEM_TOOLS = frozenset(_KNOWN)
"""Values of `system_tool_type` that have a meaning here."""


def parameters_of(kind: str, params: Mapping[str, Any], languages: Sequence[str]) -> Json:
    """Return the JSON Schema of what a language model says to a system tool.

    Args:
        kind: Its `system_tool_type`; an unknown one asks for a reason.
        params: Its configuration.
        languages: Codes the agent speaks, its own included.
    """
    _, parameters = _KNOWN.get(kind, ("", _optional_reason))
    return parameters(params, languages)


def describe(kind: str, params: Mapping[str, Any], description: str) -> str:
    """Return what a language model is told of a system tool.

    Args:
        kind: Its `system_tool_type`.
        params: Its configuration; conditions of transfers are listed.
        description: The owner's own; blank: the built-in one.
    """
    text = description.strip() or _KNOWN.get(kind, ("", _optional_reason))[0]
    if kind == "transfer_to_agent":
        heads = [str(number) for number, _ in enumerate(_transfers(params))]
    elif kind == "transfer_to_number":
        heads = [destination(each) for each in _transfers(params)]
    else:
        return text
    conditions = (each.get("condition") or "when asked for" for each in _transfers(params))
    return "\n".join([text, *(f"- {h}: {c}" for h, c in zip(heads, conditions, strict=True))])
