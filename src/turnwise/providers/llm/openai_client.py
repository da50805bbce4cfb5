"""OpenAI's client, without what it does to requests that need nothing done.

The package walks each member of a request by its type, to rename some and to read files into
others. In a chat completion nothing is renamed and there are no files, and the walk takes 6 ms of
each turn of an agent with 20 tools (measured: `benchmarks/model_overhead.py`).
"""

from functools import cached_property
from typing import Any

import orjson
from openai import AsyncOpenAI, AsyncStream, Omit
from openai.resources.chat import AsyncChat, AsyncCompletions
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from typing_extensions import override

_OPTIONS = {"extra_headers": "headers", "extra_query": "params"}
"""Of a request, by what the package calls them inside."""


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
