"""The built-in responder: no key, no model, no network.

It answers with sentences of the agent's prompt and knowledge, calls tools whose description fits
what was said, and asks for what they need. Law: the same request gives the same answer. All that it
remembers is in the request.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass

from turnwise.base.errors import ProviderRefused
from turnwise.providers.llm.offline_search import index_of, sentences, terms
from turnwise.providers.llm.offline_tools import answer_for, arguments, best_tool
from turnwise.providers.ports import (
    ModelEvent,
    ModelMessage,
    ModelRequest,
    TextDelta,
    ToolCall,
    ToolSpec,
    Usage,
)
from turnwise.providers.spec import ProviderSpec

SPEC = ProviderSpec(
    kind="llm",
    name="offline",
    sentence="Answers with sentences of the prompt and the knowledge, and calls tools; no model.",
    quality="demo",
    licence="Part of this package.",
)

MODEL = "turnwise-offline"
"""What it calls itself where a model is named."""

_END_CALL = "end_call"
_ASK = "Please tell me the "
_ANYTHING_ELSE = "Is there anything else I can help you with?"
_GREETING = "Hello! How can I help you?"
_UNKNOWN = "I am sorry, I do not know that. Could you ask in other words?"
_LOST = "I am sorry, I did not understand that. What would you like to do?"

_ORDER = re.compile(
    r"you(?:'re)? (?!can\b|get\b|find\b|pay\b)|your\b|always\b|never\b|do not\b|don't\b"
    r"|be \b|keep\b|use\b|ask\b|if the (?:user|caller|customer)|when the (?:user|caller|customer)"
    r"|greet\b|respond\b|reply\b|answer\b|speak\b|help\b|make sure\b|remember\b|avoid\b|call the\b"
    r"|say\b|try\b|confirm\b|stay\b|act\b|offer\b",
    re.IGNORECASE,
)
"""How sentences of a prompt begin that are for the agent, not for the user."""

_GOODBYE = re.compile(
    r"\b(?:good ?bye|bye|see you|hang up|end the call|that(?:'s| is| was) (?:all|it|everything)"
    r"|nothing else|have a (?:nice|good|great) (?:day|one|evening))\b",
    re.IGNORECASE,
)
_NO_MORE = re.compile(
    r"^\W*(?:no|nope|no,? thanks?|no,? thank you|i'm good|not really)\b", re.IGNORECASE
)
_REPEAT = re.compile(
    r"\b(?:repeat|say (?:that|it) again|once more|pardon|what did you say|come again"
    r"|(?:could|did)(?: not|n't) hear)\b|^\W*sorry\W*$",
    re.IGNORECASE,
)
_HELLO = re.compile(
    r"^\W*(?:hello|hi|hey|good (?:morning|afternoon|evening)|greetings)\b[\W]*(?:there)?\W*$",
    re.IGNORECASE,
)
_THANKS = re.compile(r"\b(?:thanks|thank you|great|perfect|wonderful)\b", re.IGNORECASE)
_WHO = re.compile(r"\bwho (?:are you|am i (?:speaking|talking))|what are you\b", re.IGNORECASE)
_QUESTION = re.compile(
    r"^\W*(?:what|when|where|who|why|which|how|do|does|did|is|are|was)\b", re.IGNORECASE
)
_YOU_ARE = re.compile(r"you(?:'re| are) (.+)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said, and the tool that is called then."""

    text: str
    tool: str | None = None
    arguments: str = "{}"


class Offline:
    """Answers by retrieval."""

    SPEC = SPEC

    def __init__(self, *, word_ms: float = 0.0) -> None:
        """Make one.

        Args:
            word_ms: Pause after each word, as a model would make; 0: none.
        """
        self._word_s = word_ms / 1000

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield the answer word by word.

        Raises:
            ProviderRefused: If it is a task beside the conversation.
        """
        if request.aside:
            raise ProviderRefused(SPEC.full_name, "it has answers, and follows no instructions")
        answer = await asyncio.to_thread(answer_to, request)
        words = re.findall(r"\S+\s*", answer.text)
        for word in words:
            yield TextDelta(word)
            await asyncio.sleep(self._word_s)
        if answer.tool is not None:
            number = 1 + sum(len(message.tool_calls) for message in request.messages)
            yield ToolCall(id=f"call_{number}", name=answer.tool, arguments=answer.arguments)
        heard = sum(len(message.text.split()) for message in request.messages)
        yield Usage(heard, len(words))

    async def aclose(self) -> None:
        """Do nothing: it holds nothing."""


def answer_to(request: ModelRequest) -> Answer:
    """Think."""
    messages = [message for message in request.messages if message.role != "system"]
    if messages and messages[-1].role == "tool":
        return Answer(_told_by_tools(messages))
    said = messages[-1].text if messages and messages[-1].role == "user" else ""
    if not said.strip():
        return Answer(_LOST if messages else _GREETING)
    return _manners(request, messages, said) or _substance(request, messages, said)


def _manners(request: ModelRequest, messages: Sequence[ModelMessage], said: str) -> Answer | None:
    """Answer what needs no knowledge; None: it does."""
    before = _last_reply(messages)
    if _GOODBYE.search(said) or (_NO_MORE.search(said) and _ANYTHING_ELSE in before):
        return _goodbye(request.tools)
    if _REPEAT.search(said):
        return Answer(before or _GREETING)
    if _HELLO.search(said):
        return Answer(_GREETING)
    if _WHO.search(said):
        return Answer(_who(request.messages))
    if _THANKS.search(said) and len(terms(_THANKS.sub("", said))) == 0:
        return Answer(f"You are welcome. {_ANYTHING_ELSE}")
    return None


def _goodbye(tools: Sequence[ToolSpec]) -> Answer:
    tool = next((tool for tool in tools if tool.name == _END_CALL), None)
    if tool is None:
        return Answer("Goodbye!")
    properties = tool.parameters.get("properties")
    reason = {"reason": "The user said goodbye."}
    takes_reason = isinstance(properties, dict) and "reason" in properties
    return Answer("Goodbye!", _END_CALL, json.dumps(reason if takes_reason else {}))


def _who(messages: Sequence[ModelMessage]) -> str:
    for message in messages:
        if message.role == "system":
            for sentence, _ in sentences(message.text):
                if told := _YOU_ARE.match(sentence):
                    return f"I am {told[1]}"
    return "I am a voice agent."


def _substance(request: ModelRequest, messages: Sequence[ModelMessage], said: str) -> Answer:
    """Call a tool, or answer with what is known."""
    asked = _asked(messages)
    if asked:
        task = " ".join([*asked, said])
        if (match := best_tool(request.tools, asked[0])) is not None:
            return _use(match.tool, task, len(asked), (_last_reply(messages), said))
    documents = tuple(message.text for message in request.messages if message.role == "system")
    index = index_of((_facts(documents), *request.knowledge))
    found = index.search(terms(said))
    coverage = found[0].coverage if found else 0.0
    match = best_tool(request.tools, said)
    if match and (match.coverage >= coverage or not _QUESTION.search(said)):
        return _use(match.tool, said)
    if not terms(said):
        return Answer(f"All right. {_ANYTHING_ELSE}")
    if coverage < 0.3:
        return Answer(_UNKNOWN)
    good = [each for each in found[:2] if each.score >= 0.85 * found[0].score]
    return Answer(" ".join(each.text for each in good))


def _facts(documents: Sequence[str]) -> str:
    """Return the prompt without what it orders the agent to do."""
    return "\n".join(
        line
        for document in documents
        for sentence, heading in sentences(document)
        if not _ORDER.match(sentence)
        for line in (f"# {heading}", sentence)
    )


def _asked(messages: Sequence[ModelMessage]) -> list[str]:
    """Return what the user said before we asked back for arguments, oldest first."""
    asked: list[str] = []
    talk = [message for message in messages[:-1] if message.role in {"user", "assistant"}]
    while len(talk) >= 2 and talk[-1].text.startswith(_ASK) and talk[-2].role == "user":
        asked.insert(0, talk[-2].text)
        talk = talk[:-2]
    return asked


def _use(tool: ToolSpec, task: str, attempts: int = 0, asked: tuple[str, str] = ("", "")) -> Answer:
    """Call the tool, or ask for what is missing.

    Args:
        tool: The tool.
        task: All that the user said about it.
        attempts: How often something was asked for.
        asked: What was asked last, and what the user said to that.
    """
    told, missing = arguments(tool, task)
    names = [name.replace("_", " ") for name in missing]
    if len(names) == 1 and asked[0] == f"{_ASK}{names[0]}.":
        told |= answer_for(tool, missing[0], asked[1])
        missing = [name for name in missing if name not in told]
    if not missing:
        return Answer("One moment, please.", tool.name, json.dumps(told, ensure_ascii=False))
    if attempts > 2:
        return Answer(_LOST)
    listed = names[-1] if len(names) == 1 else f"{', '.join(names[:-1])} and the {names[-1]}"
    return Answer(f"{_ASK}{listed}.")


def _told_by_tools(messages: Sequence[ModelMessage]) -> str:
    results: list[str] = []
    for message in reversed(messages):
        if message.role != "tool":
            break
        results.insert(0, message.text)
    return " ".join(filter(None, map(_spoken, results))) or "That is done."


def _spoken(result: str) -> str:
    """Put the result of a tool into words."""
    try:
        value = json.loads(result)
    except ValueError:
        value = result
    if isinstance(value, dict) and (error := value.get("error")):
        return f"I am sorry, that did not work: {error}."
    said = ", ".join(_phrases(value))
    return said if not said or said.endswith((".", "!", "?")) else f"{said[0].upper()}{said[1:]}."


def _phrases(value: object, name: str = "") -> Iterator[str]:
    match value:
        case dict():
            for key, each in value.items():
                yield from _phrases(each, str(key).replace("_", " "))
        case list():
            for each in value[:5]:
                yield from _phrases(each, name)
        case None | "":
            return
        case bool():
            yield f"{name}: {'yes' if value else 'no'}" if name else ("yes" if value else "no")
        case _:
            yield f"the {name} is {value}" if name else str(value)


def _last_reply(messages: Sequence[ModelMessage]) -> str:
    spoken = (message for message in reversed(messages) if message.role == "assistant")
    return next((message.text for message in spoken if message.text), "")
