"""Which tool is meant, and with which arguments: what was said against the tool's description.

Nothing is guessed: an argument is a piece of what the user said, or it is missing.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from turnwise.providers.llm.offline_search import terms
from turnwise.providers.ports import ToolSpec

_BY_MODEL_ONLY = ("end_call", "skip_turn", "language_detection", "voicemail_detection")
"""Tools that are never meant by what the user asks for."""

_OF_ANY_TOOL = """
tool call function api user caller customer return retrieve fetch look lookup check create
update set list show make use given current new information detail data system
"""
_COLOURLESS = frozenset(_OF_ANY_TOOL.split())

_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = re.compile(
    r"\b(?:today|tonight|tomorrow|(?:next |this )?(?:mon|tues|wednes|thurs|fri|satur|sun)day"
    rf"|\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}"
    rf"|{_MONTH} (?:the )?{_DAY}|(?:the )?{_DAY} (?:of )?{_MONTH})\b",
    re.IGNORECASE,
)
_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_VALUES = {word: value for value, word in enumerate(_UNITS)} | {
    word: 10 * value for value, word in enumerate(_TENS, start=2)
}
_SPOKEN = rf"(?:(?:{'|'.join(_TENS)})(?:[ -](?:{'|'.join(_UNITS[1:10])}))?|{'|'.join(_UNITS)})"
_NUMBER = re.compile(rf"(?<![\w.])(?:-?\d+(?:\.\d+)?|{_SPOKEN})(?![\w])", re.IGNORECASE)
_TIME = re.compile(
    rf"\b(?:(?:half past|quarter past|quarter to) {_SPOKEN}|noon|midnight"
    r"|\d{1,2}:\d{2}(?: ?[ap]m)?"
    rf"|(?:\d{{1,2}}|{_SPOKEN}) ?(?:[ap]\.?m\b\.?|o'clock)|(?<=at )(?:\d{{1,2}}|{_SPOKEN}))",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"\+?\d[\d ()/-]{5,}\d")
_CODE = re.compile(r"\b(?=[\w-]*\d)[\w-]+\b")
_QUOTED = re.compile(r'["“]([^"”]+)["”]')
_CALLED = re.compile(
    r"\b(?:name is|i am|i'm|this is|called|named|under the name(?: of)?|name of)\s+"
    r"(\w+(?: (?!and\b|for\b|on\b|at\b|with\b)[A-Z]\w+)?)",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"\b(?:in|at|to|from|near|for)\s+(?:the )?"
    r"((?!(?:a|an|me|my|you|your|us|it|this|that)\b)[^\W\d]+"
    r"(?: (?!(?:and|for|on|at|to|in|from|today|tomorrow|please|is|right|now|tonight|next)\b)"
    r"[^\W\d]+)*)",
    re.IGNORECASE,
)
_PROPER = re.compile(r"(?<=[\w,] )(?!I\b|I')[A-Z]\w*(?: [A-Z]\w*)*")
_YES = re.compile(r"\b(?:yes|yeah|sure|true|correct|right|please)\b", re.IGNORECASE)
_NO = re.compile(r"\b(?:no|not|don't|without|false)\b", re.IGNORECASE)

_PATTERNS: Sequence[tuple[tuple[str, ...], tuple[re.Pattern[str], ...]]] = (
    (("date", "day", "when"), (_DATE,)),
    (("time", "hour", "slot"), (_TIME,)),
    (("email", "mail"), (_EMAIL,)),
    (("phone", "telephone", "mobile"), (_PHONE,)),
    (("id", "code", "number", "reference", "zip", "order"), (_CODE, _NUMBER)),
    (("name", "customer", "guest", "person"), (_QUOTED, _CALLED, _PROPER)),
    (
        (
            "city",
            "location",
            "place",
            "country",
            "destination",
            "origin",
            "address",
            "town",
            "area",
        ),
        (_QUOTED, _PLACE, _PROPER),
    ),
)
"""Words in a parameter's name, and where its value is looked for, in this order."""

_FREE = ("query", "question", "text", "message", "topic", "search", "request", "summary", "reason")
"""Words in the name of a parameter whose value is all that was said."""


@dataclass(frozen=True, slots=True)
class Match:
    """A tool that may be meant."""

    tool: ToolSpec

    coverage: float
    """How much of what was said it speaks of, 0 to 1."""


def best_tool(tools: Sequence[ToolSpec], said: str) -> Match | None:
    """Return the tool whose name and description fit best; None: none does."""
    for pattern in (_DATE, _TIME, _EMAIL, _PHONE, _CODE, _NUMBER):  # values say nothing of a tool
        said = pattern.sub(" ", said)
    wanted = set(terms(said)) - _COLOURLESS
    matches = [
        Match(tool, _coverage(tool, wanted)) for tool in tools if tool.name not in _BY_MODEL_ONLY
    ]
    best = max(matches, key=lambda match: match.coverage, default=None)
    return best if best and best.coverage >= 0.3 else None


def _coverage(tool: ToolSpec, wanted: set[str]) -> float:
    name = set(terms(re.sub(r"[\W_]+|(?<=[a-z])(?=[A-Z])", " ", tool.name))) - _COLOURLESS
    description = set(terms(tool.description)) - _COLOURLESS
    if not wanted & name and len(wanted & description) < 2:
        return 0.0
    return sum(1.0 if term in name else 0.6 for term in wanted & (name | description)) / len(wanted)


def arguments(tool: ToolSpec, said: str) -> tuple[dict[str, object], list[str]]:
    """Return the arguments that were said, and the names of required ones that were not."""
    properties = tool.parameters.get("properties")
    required = tool.parameters.get("required")
    if not isinstance(properties, Mapping):
        return {}, []
    found: dict[str, object] = {}
    rest = said
    # What has a form of its own is taken out first: the 7 of «7 pm» is no number of guests.
    for name, schema in sorted(properties.items(), key=lambda item: _rank(*item)):
        value, rest = _value(name, schema if isinstance(schema, Mapping) else {}, rest, said)
        if value is not None:
            found[name] = value
    missing = [name for name in required if name not in found] if isinstance(required, list) else []
    return {name: found[name] for name in properties if name in found}, missing


def answer_for(tool: ToolSpec, name: str, said: str) -> dict[str, object]:
    """Take all that was said for one argument that was asked for; empty: that is no such value."""
    properties = tool.parameters.get("properties")
    schema = properties.get(name) if isinstance(properties, Mapping) else None
    plain = _type(schema) == "string" and not (isinstance(schema, Mapping) and "enum" in schema)
    value = said.strip(" .!?")
    return {name: value} if plain and value else {}


def _rank(name: str, schema: object) -> int:
    words = name.lower().split("_")
    kinds = [rank for rank, (hints, _) in enumerate(_PATTERNS) if set(hints) & set(words)]
    number = _type(schema) in {"integer", "number"}
    return (4 if number else kinds[0]) if kinds or number else len(_PATTERNS)


def _type(schema: object) -> str:
    kind = schema.get("type", "string") if isinstance(schema, Mapping) else "string"
    return kind if isinstance(kind, str) else "string"


def _value(
    name: str, schema: Mapping[object, object], rest: str, said: str
) -> tuple[object | None, str]:
    """Return the value and the text without it."""
    if "const" in schema or "constant_value" in schema:
        return schema.get("const", schema.get("constant_value")), rest
    if isinstance(options := schema.get("enum"), list):
        low = said.lower()
        return next((each for each in options if str(each).lower() in low), None), rest
    kind = _type(schema)
    if kind in _READERS:
        return _READERS[kind](rest)
    words = set(re.split(r"[\W_]+", name.lower()))
    if words & set(_FREE):
        return said.strip() or None, rest
    patterns = next((found for hints, found in _PATTERNS if words & set(hints)), (_QUOTED, _PROPER))
    return _first(patterns, rest) if kind == "string" else (None, rest)


def _first(patterns: Sequence[re.Pattern[str]], text: str) -> tuple[str | None, str]:
    for pattern in patterns:
        if match := pattern.search(text):
            return match[match.lastindex or 0].strip(), text[: match.start()] + text[match.end() :]
    return None, text


def _number(text: str) -> tuple[float | None, str]:
    digits, rest = _first((_NUMBER,), text)
    if digits is None:
        return None, text
    spoken = [_VALUES[word] for word in re.split(r"[ -]", digits.lower()) if word in _VALUES]
    return (sum(spoken) if spoken else float(digits)), rest


def _integer(text: str) -> tuple[int | None, str]:
    number, rest = _number(text)
    return (None, text) if number is None or number % 1 else (int(number), rest)


def _boolean(text: str) -> tuple[bool | None, str]:
    if _NO.search(text):
        return False, text
    return (True, text) if _YES.search(text) else (None, text)


_READERS: Mapping[str, Callable[[str], tuple[object | None, str]]] = {
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
}
