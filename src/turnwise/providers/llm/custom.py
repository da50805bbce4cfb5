"""A language model that the owner of an agent runs (`llm: custom-llm`).

It speaks OpenAI's chat completions or responses. What it is sent is what the hosted service sends,
member by member, so that a server written for that one can be strict.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from turnwise.providers.direct_models import (
    DirectModels,
    Vendor,
    checked_url,
    http_client,
    settings_of,
)
from turnwise.providers.ports import ModelEvent, ModelRequest
from turnwise.providers.spec import ProviderSpec

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai.models import Model
    from pydantic_ai.models.openai import (
        OpenAIChatModelSettings,
        OpenAIResponsesModelSettings,
    )
    from pydantic_ai.settings import ModelSettings

SPEC = ProviderSpec(
    kind="llm",
    name="custom",
    sentence="The server that an agent names in `prompt.custom_llm`.",
    quality="good",
    licence="That of the service.",
    extra="openai",
    modules=("pydantic_ai", "openai"),
)

Api = Literal["chat_completions", "responses"]
_PATHS: dict[Api, str] = {"chat_completions": "/chat/completions", "responses": "/responses"}
NAMELESS = "custom-llm"
"""Sent as the model's name where the agent names none: the API wants one."""


class CustomModel:
    """Streams the answers of one such server."""

    SPEC = SPEC

    def __init__(
        self,
        *,
        url: str,
        api: Api = "chat_completions",
        api_version: str | None = None,
        timeout_s: float = 15.0,
        attempts: int = 1,
        make_client: "Callable[[], httpx2.AsyncClient] | None" = None,
    ) -> None:
        """Import the library and open no connection yet.

        Args:
            url: With the API's own path (`/chat/completions`) at its end or without it.
            api: What it speaks.
            api_version: Sent as `api-version`, as Azure wants it; None: it is not sent.
            timeout_s: Longest time without a byte, where `make_client` does not say so.
            attempts: How often a request is sent at most.
            make_client: Makes what requests go through; None: they may go anywhere.

        Raises:
            ProviderRefused: If a package is missing.
            ConfigError: If `url` is none.
        """
        SPEC.check_installed()
        from openai import OpenAIError  # noqa: PLC0415 - optional

        from turnwise.providers.llm.openai_client import OpenAiClient  # noqa: PLC0415 - optional

        base_url, query = _split(checked_url(url), _PATHS[api])
        if api_version:
            query["api-version"] = api_version
        self._api = api
        self._client = OpenAiClient(
            base_url=base_url,
            api_key="none",
            max_retries=0,  # ours know that a caller is waiting
            default_query=query,
            http_client=make_client() if make_client is not None else http_client(timeout_s),
        )
        vendor = Vendor(
            provider=SPEC.full_name,
            make=self._make,
            settings=self._settings,
            errors=(OpenAIError,),
            writes_messages=api == "chat_completions",
        )
        self._models = DirectModels(vendor, default=NAMELESS, attempts=attempts)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield text as it comes, then tool calls, then what it cost if the server tells.

        Raises:
            ProviderError: If there is no answer, or it breaks off, or a header cannot be had.
        """
        from openai import omit  # noqa: PLC0415 - optional

        endpoint = request.endpoint
        asked_for = endpoint.headers if endpoint is not None else None
        headers: dict[str, Any] = {"Authorization": omit}  # where the agent has no key
        if asked_for is not None:
            headers |= await asked_for()
        async with aclosing(self._models.stream(request, headers)) as events:
            async for event in events:
                yield event

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()

    def _make(self, name: str) -> "Model":
        from pydantic_ai.models.openai import (  # noqa: PLC0415 - optional
            OpenAIChatModel,
            OpenAIResponsesModel,
        )
        from pydantic_ai.profiles.openai import OpenAIModelProfile  # noqa: PLC0415 - optional
        from pydantic_ai.providers.openai_compatible import (  # noqa: PLC0415 - optional
            OpenAICompatibleProvider,
        )

        # whatever its name resembles, it gets what the agent says
        profile = OpenAIModelProfile(
            openai_chat_supports_max_completion_tokens=False,
            openai_supports_reasoning=False,
            openai_system_prompt_role="system",
            json_schema_transformer=None,
        )
        provider = OpenAICompatibleProvider("turnwise", openai_client=self._client, profile=profile)
        if self._api == "responses":
            return OpenAIResponsesModel(name, provider=provider)
        return OpenAIChatModel(name, provider=provider)

    def _settings(self, request: ModelRequest) -> "ModelSettings":
        from openai import omit  # noqa: PLC0415 - optional

        from turnwise.providers.llm.openai_client import messages_of  # noqa: PLC0415 - optional

        settings = cast("OpenAIChatModelSettings", settings_of(request))
        if request.reasoning_effort:
            settings["openai_reasoning_effort"] = request.reasoning_effort  # type: ignore[typeddict-item]
        if request.reasoning_summary:  # of the responses API; the other has no word for it
            cast("OpenAIResponsesModelSettings", settings)["openai_reasoning_summary"] = "auto"
        # the library adds these two by itself
        body: dict[str, Any] = {"stream_options": omit, "tool_choice": omit, **request.extra_body}
        if self._api == "chat_completions":
            body["messages"] = messages_of(request.messages)
        if request.user_id:
            body["user_id"] = request.user_id
        settings["extra_body"] = body
        return settings


def _split(url: str, path: str) -> tuple[str, dict[str, object]]:
    """Return a URL without the API's own path, and its query."""
    parts = urlsplit(url)
    base = parts.path.rstrip("/").removesuffix(path)
    return urlunsplit((parts.scheme, parts.netloc, base, "", "")), dict(parse_qsl(parts.query))
