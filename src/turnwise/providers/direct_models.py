"""Language models through pydantic-ai's direct requests: what is the same for all its vendors.

A request that fails in a way that may pass is tried again until the first event came, then never:
words may have been spoken. What a model only thinks is left out, unless it is asked for. What goes
wrong becomes a `ProviderError` by one table, `_meanings`.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from turnwise.base.errors import (
    ConfigError,
    Error,
    ProviderBroken,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from turnwise.providers.ports import (
    ModelEvent,
    ModelMessage,
    ModelRequest,
    TextDelta,
    Thought,
    ThoughtDelta,
    ToolCall,
    ToolSpec,
    Usage,
)
from turnwise.providers.vendor_http import IDLE_S, retry_wait_s

if TYPE_CHECKING:
    from httpx2 import AsyncClient
    from pydantic_ai import messages as ai
    from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
    from pydantic_ai.settings import ModelSettings

_Meanings = Mapping[type[Exception], tuple[type[ProviderError], str]]

CONNECT_S = 4.9
"""Longest time to connect. With all times at 5 s, Google's client takes it that nobody chose."""

OPENING = ModelMessage(role="user", text="[The conversation begins.]")
"""Put first for models that take no conversation which the assistant opens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """What differs from vendor to vendor."""

    provider: str
    """Full name, for errors."""
    make: "Callable[[str], Model]"
    """Makes the library's model of a name; no connection is opened."""
    settings: "Callable[[ModelRequest], ModelSettings]"
    """The library's settings for a request."""
    errors: tuple[type[Exception], ...] = ()
    """What the vendor's own package raises where the library lets it through."""
    opens_with_user: bool = False
    """Whether the first message must be the user's."""
    writes_messages: bool = False
    """Whether `settings` have the messages in the request's body: the library then need not."""


class DirectModels:
    """The models of one vendor, behind one client."""

    def __init__(self, vendor: Vendor, *, default: str, attempts: int) -> None:
        """Import what a first caller would have to wait for; open nothing yet.

        Args:
            vendor: Whose they are.
            default: Name of the model that is asked where a request names none.
            attempts: How often a request is sent at most, 1 or more.
        """
        self._vendor = vendor
        self._default = default
        self._attempts = attempts
        self._models: dict[str, Model] = {}
        self._meanings = _meanings(vendor.errors)
        self._model(default)

    async def stream(
        self, request: ModelRequest, headers: Mapping[str, str] | None = None
    ) -> AsyncGenerator[ModelEvent, None]:
        """Yield text as it comes, then tool calls, then what it cost if the server tells.

        Args:
            request: What is asked.
            headers: More headers for this request; None: those of the client are all.

        Raises:
            ProviderError: If there is no answer, or it breaks off.
        """
        for attempt in range(1, self._attempts + 1):
            begun = False
            try:
                async with aclosing(self._stream_once(request, headers)) as events:
                    async for event in events:
                        begun = True
                        yield event
            except tuple(self._meanings) as error:
                failed = self._error_of(error)
                wait_s = retry_wait_s(attempt, failed.retry_after_s)
                again = failed.retryable and not begun and attempt < self._attempts
                if not again or wait_s is None:
                    raise failed from error
            else:
                return
            await asyncio.sleep(wait_s)

    async def _stream_once(
        self, request: ModelRequest, headers: Mapping[str, str] | None
    ) -> AsyncGenerator[ModelEvent, None]:
        from pydantic_ai import messages as ai  # noqa: PLC0415 - optional
        from pydantic_ai.direct import model_request_stream  # noqa: PLC0415 - optional

        settings = self._vendor.settings(request)
        if headers:
            settings["extra_headers"] = dict(headers)
        async with model_request_stream(
            self._model(request.model or self._default),
            self._told(request),
            model_settings=settings,
            model_request_parameters=_parameters(request.tools),
        ) as answer:
            async for event in answer:
                match event:
                    case ai.PartStartEvent(part=ai.TextPart(content=text)) if text:
                        yield TextDelta(text)
                    case ai.PartDeltaEvent(delta=ai.TextPartDelta(content_delta=text)) if text:
                        yield TextDelta(text)
                    case ai.PartStartEvent(part=ai.ThinkingPart(content=text)):
                        if text and request.reasoning_stream:
                            yield ThoughtDelta(text)
                    case ai.PartDeltaEvent(delta=ai.ThinkingPartDelta(content_delta=text)):
                        if text and request.reasoning_stream:
                            yield ThoughtDelta(text)
                    case _:
                        pass
            for told_last in _behind_the_text(answer, request, self._vendor.provider):
                yield told_last

    def _told(self, request: ModelRequest) -> "list[ai.ModelMessage]":
        if self._vendor.writes_messages:
            return _messages([OPENING])  # it wants one
        told = list(request.messages)
        return _messages(_opened_by_user(told) if self._vendor.opens_with_user else told)

    def _model(self, name: str) -> "Model":
        if name not in self._models:
            self._models[name] = self._vendor.make(name)
        return self._models[name]

    def _error_of(self, error: Exception) -> ProviderError:
        if (ours := _ours_behind(error)) is not None:
            return ProviderRefused(self._vendor.provider, str(ours))
        kind, reason = next(
            told for each, told in self._meanings.items() if isinstance(error, each)
        )
        if kind is ProviderBroken:
            reason = f"{reason}: {type(error).__name__}"
        return kind(
            self._vendor.provider,
            reason,
            status=getattr(error, "status_code", None),
            retry_after_s=getattr(error, "retry_after", None),
        )


def _ours_behind(error: BaseException) -> Error | None:
    """Return an error of our own that the libraries wrapped, such as of a guarded connection."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, Error):
            return cause
        cause = cause.__cause__
    return None


def http_client(timeout_s: float, headers: Mapping[str, str] | None = None) -> "AsyncClient":
    """Return a client for a vendor's package; its connections wait for the next turn.

    Args:
        timeout_s: Longest time without a byte.
        headers: More headers for each request; None: none.
    """
    import httpx2  # noqa: PLC0415 - optional

    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, CONNECT_S)),
        limits=httpx2.Limits(max_connections=1000, keepalive_expiry=IDLE_S),
        headers=headers,
        follow_redirects=True,
    )


def checked_url(base_url: str) -> str:
    """Return an address that can be one.

    Raises:
        ConfigError: If it cannot.
    """
    if not base_url.startswith(("http://", "https://")):
        raise ConfigError(f"base_url is {base_url!r}; it must begin with http:// or https://")
    return base_url


def settings_of(request: ModelRequest) -> "ModelSettings":
    """Return the settings that mean the same to all vendors."""
    from pydantic_ai.settings import ModelSettings  # noqa: PLC0415 - optional

    settings = ModelSettings()
    if request.temperature is not None:
        settings["temperature"] = request.temperature
    if request.max_tokens is not None:
        settings["max_tokens"] = request.max_tokens
    if request.parallel_tool_calls is not None and request.tools:
        settings["parallel_tool_calls"] = request.parallel_tool_calls
    if request.extra_body:
        settings["extra_body"] = dict(request.extra_body)
    return settings


def think(settings: "ModelSettings", effort: str | None) -> None:
    """Say how much is to be thought, in the library's words for all vendors."""
    match effort:
        case "none":
            settings["thinking"] = False
        case "minimal" | "low" | "medium" | "high" | "xhigh" | "max":
            settings["thinking"] = effort
        case _:
            pass


def _opened_by_user(messages: list[ModelMessage]) -> list[ModelMessage]:
    first = next((n for n, each in enumerate(messages) if each.role != "system"), len(messages))
    if first < len(messages) and messages[first].role == "user":
        return messages
    return [*messages[:first], OPENING, *messages[first:]]


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


def _behind_the_text(
    answer: "StreamedResponse", request: ModelRequest, provider: str
) -> Iterator[ModelEvent]:
    """Yield what is told of an answer once it is complete."""
    from pydantic_ai import messages as ai  # noqa: PLC0415 - optional

    for part in answer.get().parts:
        if isinstance(part, ai.ToolCallPart):
            yield _tool_call(part, provider)
        elif isinstance(part, ai.ThinkingPart) and part.content and request.reasoning_summary:
            yield Thought(part.content)
    usage = _usage(answer)
    if usage is not None:
        yield usage


def _tool_call(part: "ai.ToolCallPart", provider: str) -> ToolCall:
    written = part.args
    arguments = written if isinstance(written, str) and written else part.args_as_json_str()
    try:
        whole = isinstance(json.loads(arguments), dict)
    except ValueError:
        whole = False
    if not whole:
        raise ProviderBroken(provider, f"the arguments of {part.tool_name!r} are no object")
    return ToolCall(id=part.tool_call_id, name=part.tool_name, arguments=arguments)


def _usage(answer: "StreamedResponse") -> Usage | None:
    used = answer.usage
    if not used.has_values():
        return None
    try:
        price = answer.get().cost()
    except (LookupError, ValueError, AssertionError):  # of a model that has no published price
        input_price = output_price = 0.0
    else:
        input_price, output_price = float(price.input_price), float(price.output_price)
    return Usage(
        used.input_tokens,
        used.output_tokens,
        cache_read_tokens=used.cache_read_tokens,
        cache_write_tokens=used.cache_write_tokens,
        input_price=input_price,
        output_price=output_price,
    )


def _meanings(errors: Sequence[type[Exception]]) -> _Meanings:
    """Return what the library's errors mean; the first that fits, so the special ones first."""
    from pydantic_ai import exceptions as ai  # noqa: PLC0415 - optional

    broken = (ProviderBroken, "a bad answer")
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
        ai.AgentRunError: broken,
        ai.UserError: broken,
        **dict.fromkeys(errors, broken),
        ValueError: broken,
        TypeError: broken,
        AttributeError: broken,
        LookupError: broken,
    }
