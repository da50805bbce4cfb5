"""Claude, by Anthropic's Messages API."""

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, cast

from turnwise.providers.direct_models import (
    DirectModels,
    Vendor,
    checked_url,
    http_client,
    settings_of,
    think,
)
from turnwise.providers.ports import ModelEvent, ModelRequest
from turnwise.providers.spec import ProviderSpec

if TYPE_CHECKING:
    from pydantic_ai.models.anthropic import AnthropicModel as Library
    from pydantic_ai.models.anthropic import AnthropicModelSettings
    from pydantic_ai.settings import ModelSettings

SPEC = ProviderSpec(
    kind="llm",
    name="anthropic",
    sentence="Claude, on Anthropic's servers or any that speak their Messages API.",
    quality="good",
    licence="That of the service.",
    extra="anthropic",
    modules=("pydantic_ai", "anthropic"),
    needs_key=True,
)


class AnthropicModel:
    """Streams messages."""

    SPEC = SPEC

    def __init__(
        self,
        *,
        base_url: str = "https://api.anthropic.com",
        api_key: str | None = None,
        model: str = "claude-haiku-4-5",
        timeout_s: float = 15.0,
        attempts: int = 2,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Import the library, which takes a second or two, and open no connection yet.

        Args:
            base_url: Of the server, without the version.
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
        from anthropic import AnthropicError, AsyncAnthropic  # noqa: PLC0415 - optional

        self._client = AsyncAnthropic(
            base_url=checked_url(base_url),
            api_key=api_key or "none",
            max_retries=0,  # ours know that a caller is waiting
            default_headers=headers,
            http_client=http_client(timeout_s),
        )
        vendor = Vendor(
            provider=SPEC.full_name,
            make=self._make,
            settings=_settings,
            errors=(AnthropicError,),
            opens_with_user=True,
        )
        self._models = DirectModels(vendor, default=model, attempts=attempts)

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Return a stream of text, then tool calls, then what it cost.

        Raises:
            ProviderError: If there is no answer, or it breaks off.
        """
        return self._models.stream(request)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()

    def _make(self, name: str) -> "Library":
        from pydantic_ai.models.anthropic import AnthropicModel as Library  # noqa: PLC0415
        from pydantic_ai.providers.anthropic import AnthropicProvider  # noqa: PLC0415 - optional

        return Library(name, provider=AnthropicProvider(anthropic_client=self._client))


def _settings(request: ModelRequest) -> "ModelSettings":
    settings = cast("AnthropicModelSettings", settings_of(request))
    budget = request.thinking_budget
    if budget is None:
        think(settings, request.reasoning_effort)
    elif budget > 0:
        settings["anthropic_thinking"] = {"type": "enabled", "budget_tokens": budget}
    else:
        settings["anthropic_thinking"] = {"type": "disabled"}
    return settings
