"""Language models behind OpenAI's chat completions, on any server, through pydantic-ai.

A request that fails in a way that may pass is tried again until the first event came, then never:
words may have been spoken. What a model only thinks is left out. What goes wrong becomes a
`ProviderError` by one table, `_meanings`.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from turnwise.base.errors import (
    ConfigError,
    ProviderBroken,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from turnwise.providers.openai_http import retry_wait_s
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

if TYPE_CHECKING:
    from pydantic_ai import messages as ai
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.settings import ModelSettings

SPEC = ProviderSpec(
    kind="llm",
    name="openai",
    sentence="Any server with OpenAI's chat completions: OpenAI, vLLM, Ollama, llama.cpp.",
    quality="good",
    licence="That of the service.",
    extra="openai",
    modules=("pydantic_ai", "openai"),
    needs_key=True,
)

_Meanings = Mapping[type[Exception], tuple[type[ProviderError], str]]

_OPENAI = "https://api.openai.com/"


class OpenAiModel:
    """Streams chat completions."""

    SPEC = SPEC

    def __init__(
        self,
        *,
        base_url: str = "https://api.openai.com/v1",
        api_key: str | None = None,
        model: str = "gpt-4o-mini",
        timeout_s: float = 15.0,
        attempts: int = 2,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Import the library, which takes a second or two, and open no connection yet.

        Args:
            base_url: Of the server, with the version.
            api_key: None: the server wants none.
            model: Used where a request names none.
            timeout_s: Longest time without a byte.
            attempts: How often a request is sent at most.
            headers: More headers for each request.

        Raises:
            ProviderRefused: If a package is missing.
            ConfigError: If `base_url` is none.
        """
        SPEC.check_installed()
        import httpx2  # noqa: PLC0415 - optional
        from openai import AsyncOpenAI  # noqa: PLC0415 - optional

        if not base_url.startswith(("http://", "https://")):
            raise ConfigError(f"base_url is {base_url!r}; it must begin with http:// or https://")
        self._model = model
        self._attempts = attempts
        self._is_openai = base_url.startswith(_OPENAI)
        self._client = AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or "none",
            max_retries=0,  # ours know that a caller is waiting
            timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, 5.0)),
            default_headers=headers,
        )
        self._models: dict[str, OpenAIChatModel] = {}
        self._meanings = _meanings()
        self._chat_model(model)  # imports what a first caller would have to wait for

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield text as it comes, then tool calls, then what it cost if the server tells.

        Raises:
            ProviderError: If there is no answer, or it breaks off.
        """
        for attempt in range(1, self._attempts + 1):
            begun = False
            try:
                async with aclosing(self._stream_once(request)) as events:
                    async for event in events:
                        begun = True
                        yield event
            except tuple(self._meanings) as error:
                failed, retry_after = _error_of(error, self._meanings)
                wait_s = retry_wait_s(attempt, retry_after)
                again = failed.retryable and not begun and attempt < self._attempts
                if not again or wait_s is None:
                    raise failed from error
            else:
                return
            await asyncio.sleep(wait_s)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def _stream_once(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        from pydantic_ai import messages as ai  # noqa: PLC0415 - optional
        from pydantic_ai.direct import model_request_stream  # noqa: PLC0415 - optional

        async with model_request_stream(
            self._chat_model(request.model or self._model),
            _messages(request.messages),
            model_settings=_settings(request),
            model_request_parameters=_parameters(request.tools),
        ) as answer:
            async for event in answer:
                match event:
                    case ai.PartStartEvent(part=ai.TextPart(content=text)) if text:
                        yield TextDelta(text)
                    case ai.PartDeltaEvent(delta=ai.TextPartDelta(content_delta=text)) if text:
                        yield TextDelta(text)
                    case _:
                        pass
            for part in answer.get().parts:
                if isinstance(part, ai.ToolCallPart):
                    yield _tool_call(part)
            usage = answer.usage
            if usage.has_values():
                yield Usage(usage.input_tokens, usage.output_tokens)

    def _chat_model(self, name: str) -> "OpenAIChatModel":
        if name not in self._models:
            from pydantic_ai.models.openai import OpenAIChatModel  # noqa: PLC0415 - optional
            from pydantic_ai.profiles.openai import OpenAIModelProfile  # noqa: PLC0415 - optional
            from pydantic_ai.providers.openai_compatible import (  # noqa: PLC0415 - optional
                OpenAICompatibleProvider,
            )

            # Others than OpenAI know the limit by its old name.
            profile = OpenAIModelProfile(openai_chat_supports_max_completion_tokens=self._is_openai)
            provider = OpenAICompatibleProvider(
                "turnwise", openai_client=self._client, profile=profile
            )
            self._models[name] = OpenAIChatModel(name, provider=provider)
        return self._models[name]


def _messages(messages: Sequence[ModelMessage]) -> "list[ai.ModelMessage]":
    from pydantic_ai import messages as ai  # noqa: PLC0415 - optional

    told: list[ai.ModelMessage] = []
    for message in messages:
        match message.role:
            case "system":
                told.append(ai.ModelRequest(parts=[ai.SystemPromptPart(message.text)]))
            case "user":
                told.append(ai.ModelRequest(parts=[ai.UserPromptPart(message.text)]))
            case "tool":
                result = ai.ToolReturnPart(
                    message.tool_name or "", message.text, message.tool_call_id or ""
                )
                told.append(ai.ModelRequest(parts=[result]))
            case "assistant":
                parts: list[ai.ModelResponsePart] = []
                if message.text:
                    parts.append(ai.TextPart(message.text))
                parts += [ai.ToolCallPart(c.name, c.arguments, c.id) for c in message.tool_calls]
                if parts:
                    told.append(ai.ModelResponse(parts=parts))
    return told


def _settings(request: ModelRequest) -> "ModelSettings":
    from pydantic_ai.settings import ModelSettings  # noqa: PLC0415 - optional

    settings = ModelSettings()
    if request.temperature is not None:
        settings["temperature"] = request.temperature
    if request.max_tokens is not None:
        settings["max_tokens"] = request.max_tokens
    if request.extra_body:
        settings["extra_body"] = dict(request.extra_body)
    return settings


def _parameters(tools: Sequence[ToolSpec]) -> "ModelRequestParameters":
    from pydantic_ai.models import ModelRequestParameters  # noqa: PLC0415 - optional
    from pydantic_ai.tools import ToolDefinition  # noqa: PLC0415 - optional

    empty: dict[str, Any] = {"type": "object", "properties": {}}
    return ModelRequestParameters(
        function_tools=[
            ToolDefinition(
                name=tool.name,
                description=tool.description,
                parameters_json_schema=dict(tool.parameters) or empty,
                strict=False,
            )
            for tool in tools
        ]
    )


def _tool_call(part: "ai.ToolCallPart") -> ToolCall:
    written = part.args
    arguments = written if isinstance(written, str) and written else part.args_as_json_str()
    try:
        whole = isinstance(json.loads(arguments), dict)
    except ValueError:
        whole = False
    if not whole:
        raise ProviderBroken(SPEC.full_name, f"the arguments of {part.tool_name!r} are no object")
    return ToolCall(id=part.tool_call_id, name=part.tool_name, arguments=arguments)


def _meanings() -> _Meanings:
    """Return what the library's errors mean; the first that fits, so the special ones first."""
    from openai import OpenAIError  # noqa: PLC0415 - optional
    from pydantic_ai import exceptions as ai  # noqa: PLC0415 - optional

    return {
        ai.ModelRateLimitError: (ProviderUnavailable, "too many requests"),
        ai.ModelQuotaExceededError: (ProviderRefused, "the account has no credit"),
        ai.ModelAuthenticationError: (ProviderRefused, "the key is not accepted"),
        ai.ModelNotFoundError: (ProviderRefused, "there is no such model or path"),
        ai.ModelRequestRejectedError: (ProviderRefused, "the request is not accepted"),
        ai.ModelTimeoutError: (ProviderTimeout, "no answer in time"),
        ai.ModelRequestTimeout: (ProviderTimeout, "no answer in time"),
        ai.ModelUnavailableError: (ProviderUnavailable, "the server is not available"),
        ai.ModelServerError: (ProviderUnavailable, "the server fails"),
        ai.ModelConnectionError: (ProviderUnavailable, "no connection, or it broke off"),
        ai.ContentFilterError: (ProviderRefused, "the answer was filtered"),
        ai.AgentRunError: (ProviderBroken, "a bad answer"),
        ai.UserError: (ProviderBroken, "a bad answer"),
        OpenAIError: (ProviderBroken, "a bad answer"),
        ValueError: (ProviderBroken, "a bad answer"),
        TypeError: (ProviderBroken, "a bad answer"),
        AttributeError: (ProviderBroken, "a bad answer"),
        LookupError: (ProviderBroken, "a bad answer"),
    }


def _error_of(error: Exception, meanings: _Meanings) -> tuple[ProviderError, float | None]:
    """Return what an error means, and the wait in seconds that the server asks for."""
    kind, reason = next(told for each, told in meanings.items() if isinstance(error, each))
    status = getattr(error, "status_code", None)
    if kind is ProviderBroken:
        reason = f"{reason}: {type(error).__name__}"
    return kind(SPEC.full_name, reason, status=status), getattr(error, "retry_after", None)
