"""OpenAI's client and its messages, without what is done to requests that need nothing done.

The package walks each member of a request by its type, to rename some and to read files into
others. In a chat completion nothing is renamed and there are no files, and the walk takes 6 ms of
each turn of an agent with 20 tools. To have the library write the messages of a conversation of 40
turns takes 3 ms (measured: `benchmarks/model_overhead.py`).
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import orjson
from openai import AsyncOpenAI, AsyncStream, Omit
from openai.resources.chat import AsyncChat, AsyncCompletions
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from typing_extensions import override

from turnwise.providers.ports import ModelMessage, ToolCall

_OPTIONS = {"extra_headers": "headers", "extra_query": "params"}
"""Of a request, by what the package calls them inside."""


def messages_of(messages: Sequence[ModelMessage]) -> list[dict[str, Any]]:
    """Return messages as chat completions have them; an assistant's without content is left out."""
    told: list[dict[str, Any]] = []
    for message in messages:
        match message.role:
            case "tool":
                call = message.tool_call_id or ""
                told.append({"role": "tool", "tool_call_id": call, "content": message.text})
            case "assistant" if message.tool_calls:
                calls = [_call(each) for each in message.tool_calls]
                told.append(
                    {"role": "assistant", "content": message.text or None, "tool_calls": calls}
                )
            case "assistant" if not message.text:
                pass  # servers refuse it
            case role:
                told.append({"role": role, "content": message.text})
    return told


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": _object(call.arguments)}
    return {"id": call.id, "type": "function", "function": function}


def _object(arguments: str) -> str:
    """Return the JSON text of an object: servers refuse others, or fall over them."""
    try:
        whole = isinstance(orjson.loads(arguments or "{}"), dict)
    except orjson.JSONDecodeError:
        whole = False
    return arguments or "{}" if whole else orjson.dumps({"INVALID_JSON": arguments}).decode()


class _Completions(AsyncCompletions):
    @override
    async def create(  # type: ignore[override]  # all that the package's own takes
        self, *, timeout: Any, extra_body: Any = None, **asked: Any
    ) -> ChatCompletion | AsyncStream[ChatCompletionChunk]:
        options: Any = {"timeout": timeout, "security": {"bearer_auth": True}}
        for name, inside in _OPTIONS.items():
            value = asked.pop(name, None)
            if value is not None:
                options[inside] = value
        body = {**asked, **(extra_body or {})}
        told = {name: value for name, value in body.items() if not isinstance(value, Omit)}
        answer: ChatCompletion | AsyncStream[ChatCompletionChunk] = await self._client.post(
            "/chat/completions",
            content=orjson.dumps(told),
            options=options,
            cast_to=ChatCompletion,
            stream=bool(asked.get("stream")),
            stream_cls=AsyncStream[ChatCompletionChunk],
        )
        return answer


class _Chat(AsyncChat):
    @cached_property
    @override
    def completions(self) -> AsyncCompletions:
        return _Completions(self._client)


class OpenAiClient(AsyncOpenAI):
    """Sends chat completions as they are."""

    @cached_property
    @override
    def chat(self) -> AsyncChat:
        return _Chat(self)
