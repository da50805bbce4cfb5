"""What of a conversation a list can be narrowed by: its facets and its words. No I/O.

A facet is a name with a value: `("tool_name", "get_weather")`. A conversation has any number of
them, also several of one name. Names and values are as short as an index needs them.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

from turnwise.store.hot import at, folded, storable
from turnwise.store.shapes import Document

Facet = tuple[str, str]
"""A name and a value."""

Facets = dict[Facet, float | None]
"""The facets of a conversation; where the value is a number: which."""

STATUSES = ("initiated", "in-progress", "processing", "done", "failed")
RATINGS = ("1", "2", "3", "4", "5")
DATA = "data:"
"""Before the id of a collected value, in the name of its facet."""
VARIABLE = "variable:"
"""Before the name of a dynamic variable, in the name of its facet."""
NAMES = {DATA: "data_names", VARIABLE: "variable_names"}
"""The facet that every conversation has for all its names of a kind: those with the same names
have the same value."""
SYSTEM_TOOL = "__system_"
"""Before the name of a system tool, in its id."""
INVALID = "_invalid"
"""Behind the name of a facet of a tool call that never ran."""

LONGEST = 200
"""How many characters of a name or value are kept; PostgreSQL indexes no more than 2,704 bytes."""
LONGEST_WORD = 40
WORDS_BYTES = 500_000
"""How much of a conversation is searched; PostgreSQL takes no more than 1 MB of words."""

_UNSPACED = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Chinese and Japanese, which put no spaces between words: each character is one."""
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")


def facets_of(document: Document) -> Facets:
    """Return the facets of a conversation."""
    found: Facets = {}
    for name, value in (*_of_head(document), *_of_analysis(document), *_of_turns(document)):
        text = plain(value)
        if text:
            found[shortened(name), shortened(text)] = _amount(value)
    return found | {(facet, name_set(kind, found)): None for kind, facet in NAMES.items()}


def name_set(kind: str, facets: Iterable[Facet]) -> str:
    """Return what stands for the names of a kind among facets: a digest of all of them."""
    names = sorted({name for name, _ in facets if name.startswith(kind)})
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()[:32]


def tool_names(document: Document) -> tuple[str, ...]:
    """Return the tools that ran, in the order of their first calls."""
    named = (value for name, value in _of_turns(document) if name == "tool_name")
    return tuple(dict.fromkeys(storable(value) for value in named if isinstance(value, str)))


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text, each once and in no particular case."""
    return tuple(dict.fromkeys(word[:LONGEST_WORD] for word in _WORD.findall(folded(text))))


def searched_words(document: Document) -> str:
    """Return the words that were said in a conversation, with spaces between them."""
    said = (turn.get("message") for turn in _objects(document.get("transcript")))
    words = words_of("\n".join(message for message in said if isinstance(message, str)))
    return " ".join(words).encode()[:WORDS_BYTES].decode(errors="ignore").strip()


def plain(value: object) -> str:
    """Return a value as filters name it; empty: it is absent."""
    if value is None:
        return ""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return storable(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def shortened(text: str) -> str:
    """Return a text, or, if it is long, its beginning and a digest of it."""
    text = storable(text)
    if len(text) <= LONGEST:
        return text
    return text[: LONGEST - 64] + hashlib.sha256(text.encode()).hexdigest()


def _of_head(document: Document) -> Iterator[tuple[str, object]]:
    yield "agent", document["agent_id"]
    yield "status", document["status"]
    yield "duration", at(document, "metadata", "call_duration_secs")
    for name in ("user_id", "branch_id", "version_id"):
        yield name, document.get(name)
    yield from (("tag", tag) for tag in _list(document.get("tag_ids")))
    yield from (("topic", topic) for topic in _list(document.get("topic_ids")))
    speech_engine = document.get("conversation_product") == "speech_engine"
    yield "product", "speech_engine" if speech_engine else "agents"
    parent = document.get("parent_conversation_id")
    yield "parent", parent or at(document, "metadata", "parent_conversation_id")
    yield "language", at(document, "metadata", "main_language")
    yield "termination_reason", at(document, "metadata", "termination_reason")
    yield "source", at(document, "metadata", "conversation_initiation_source") or "unknown"
    yield "text_only", at(document, "metadata", "text_only") is True
    yield "rating", _rating(at(document, "metadata", "feedback", "rating"))
    yield "comment", bool(at(document, "metadata", "feedback", "comment"))
    yield "phone_number", at(document, "metadata", "phone_call", "phone_number_id")
    yield "whatsapp_number", at(document, "metadata", "whatsapp", "whatsapp_phone_number_id")
    yield from _agents(document)
    variables = at(document, "conversation_initiation_client_data", "dynamic_variables")
    yield from ((VARIABLE + name, value) for name, value in _members(variables))


def _of_analysis(document: Document) -> Iterator[tuple[str, object]]:
    yield "success", at(document, "analysis", "call_successful") or "unknown"
    if document["status"] == "failed":
        yield "success", "error"
    for name, result in _members(at(document, "analysis", "evaluation_criteria_results")):
        yield "evaluation", evaluation(name, plain(at(result, "result")))
    for name, result in _members(at(document, "analysis", "data_collection_results")):
        yield DATA + name, at(result, "value")


def evaluation(criterion_id: str, result: str) -> str:
    """Return the value of the facet of a criterion's result."""
    return f"{result}:{criterion_id}"


def _agents(document: Document) -> Iterator[tuple[str, object]]:
    yield "visited_agent", document["agent_id"]
    yield "visited_branch", document.get("branch_id")
    visits = _objects(document.get("visited_agents"))
    spoke = (turn.get("agent_metadata") for turn in _objects(document.get("transcript")))
    for visit in (*visits, *_objects(list(spoke))):
        yield "visited_agent", visit.get("agent_id")
        yield "visited_branch", visit.get("branch_id")


def _of_turns(document: Document) -> Iterator[tuple[str, object]]:
    turns = _objects(document.get("transcript"))
    for turn in turns:
        yield "node", at(turn, "agent_metadata", "workflow_node_id")
        for guardrail in _objects(turn.get("triggered_guardrails")):
            yield "guardrail", guardrail.get("guardrail_type")
            yield "guardrail_name", guardrail.get("guardrail_name")
    calls = [call for turn in turns for call in _objects(turn.get("tool_calls"))]
    results = [result for turn in turns for result in _objects(turn.get("tool_results"))]
    for result in results:
        if at(result, "result", "result_type") == "start_procedure_success":
            yield "procedure", at(result, "result", "procedure_id")
        for step in _objects(at(result, "result", "steps")):
            yield from (("node", step.get(name)) for name in ("node_id", "target_node_id"))
            yield from _of_tools(_objects(step.get("requests")), _objects(step.get("results")))
    yield from _of_tools(calls, results)


def _of_tools(calls: list[Document], results: list[Document]) -> Iterator[tuple[str, object]]:
    ids = {plain(call.get("request_id")): _tool_id(call) for call in calls}
    for call in calls:
        end = _ran(call)
        yield f"tool_name{end}", call.get("tool_name")
        yield f"tool_id{end}", _tool_id(call)
    for result in results:
        tool_id = _tool_id(result) or ids.get(plain(result.get("request_id")))
        end = ("_errored" if result.get("is_error") is True else "_successful") + _ran(result)
        yield f"tool_name{end}", result.get("tool_name")
        yield f"tool_id{end}", tool_id


def _tool_id(call: Document) -> object:
    if call.get("tool_id"):
        return call["tool_id"]
    return f"{SYSTEM_TOOL}{call.get('tool_name')}" if call.get("type") == "system" else None


def _ran(call: Document) -> str:
    return INVALID if call.get("tool_has_been_called") is False else ""


def _rating(value: object) -> int | None:
    number = _amount(value)
    return None if number is None else max(1, min(round(number), 5))


def _amount(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _objects(value: object) -> list[Document]:
    return [item for item in _list(value) if isinstance(item, dict)]


def _members(value: object) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else []
