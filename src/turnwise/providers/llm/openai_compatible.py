"""Language models behind OpenAI's chat completions, on any server."""

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, cast

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
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIChatModelSettings
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

_OPENAI = "https://api.openai.com/"


class OpenAiModel:
    """Streams chat completions."""

    SPEC = SPEC

    def __init__(  # noqa: PLR0913 - each is an option of a route
        self,
        *,
        base_url: str = "https://api.openai.com/v1",
        api_key: str | None = None,
        model: str = "gpt-4o-mini",
        timeout_s: float = 15.0,
        attempts: int = 2,
        headers: dict[str, str] | None = None,
        tiers: bool = True,
    ) -> None:
        """Import the library, which takes a second or two, and open no connection yet.

        Args:
            base_url: Of the server, with the version.
            api_key: None: the server wants none.
            model: Used where a request names none.
            timeout_s: Longest time without a byte.
            attempts: How often a request is sent at most.
            headers: More headers for each request.
            tiers: Whether the server takes a `service_tier`; some refuse what they do not know.

        Raises:
            ProviderRefused: If a package is missing.
            ConfigError: If `base_url` is none.
        """
        SPEC.check_installed()
        from openai import OpenAIError  # noqa: PLC0415 - optional

        from turnwise.providers.llm.openai_client import OpenAiClient  # noqa: PLC0415 - optional

        self.has_tiers = tiers
        """Whether a `service_tier` is sent."""
        self._is_openai = base_url.startswith(_OPENAI)
        self._client = OpenAiClient(
            base_url=checked_url(base_url),
            api_key=api_key or "none",
            max_retries=0,  # ours know that a caller is waiting
            default_headers=headers,
            http_client=http_client(timeout_s),
        )
        vendor = Vendor(
            provider=SPEC.full_name,
            make=self._make,
            settings=self._settings,
            errors=(OpenAIError,),
            writes_messages=True,
        )
        self._models = DirectModels(vendor, default=model, attempts=attempts)

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Return a stream of text, then tool calls, then what it cost if the server tells.

        Raises:
            ProviderError: If there is no answer, or it breaks off.
        """
        return self._models.stream(request)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()

    def _make(self, name: str) -> "OpenAIChatModel":
        from pydantic_ai.models.openai import OpenAIChatModel  # noqa: PLC0415 - optional
        from pydantic_ai.profiles.openai import OpenAIModelProfile  # noqa: PLC0415 - optional
        from pydantic_ai.providers.openai_compatible import (  # noqa: PLC0415 - optional
            OpenAICompatibleProvider,
        )

        profile = OpenAIModelProfile(
            # others than OpenAI know the limit by its old name
            openai_chat_supports_max_completion_tokens=self._is_openai,
            # tools are sent as they are described: to rewrite 20 of them takes 2 ms of each turn
            json_schema_transformer=None,
        )
        provider = OpenAICompatibleProvider("turnwise", openai_client=self._client, profile=profile)
        return OpenAIChatModel(name, provider=provider)

    def _settings(self, request: ModelRequest) -> "ModelSettings":
        from turnwise.providers.llm.openai_client import messages_of  # noqa: PLC0415 - optional

        settings = cast("OpenAIChatModelSettings", settings_of(request))
        settings["extra_body"] = {"messages": messages_of(request.messages), **request.extra_body}
        if request.reasoning_effort:  # as it is: servers have efforts of their own
            settings["openai_reasoning_effort"] = request.reasoning_effort  # type: ignore[typeddict-item]
        if request.service_tier == "fast" and self.has_tiers:
            settings["openai_service_tier"] = "priority"  # OpenAI's word for it
        return settings
