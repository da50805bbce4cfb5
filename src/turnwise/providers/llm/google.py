"""Gemini, by Google's Gemini API."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from contextvars import ContextVar
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
    import httpx2
    from pydantic_ai.models.google import GoogleModel as Library
    from pydantic_ai.models.google import GoogleModelSettings
    from pydantic_ai.settings import ModelSettings

SPEC = ProviderSpec(
    kind="llm",
    name="google",
    sentence="Gemini, on Google's servers or any that speak the Gemini API.",
    quality="good",
    licence="That of the service.",
    extra="google",
    modules=("pydantic_ai", "google.genai"),
    needs_key=True,
)


class GoogleModel:
    """Streams generated content."""

    SPEC = SPEC

    def __init__(
        self,
        *,
        base_url: str = "https://generativelanguage.googleapis.com",
        api_key: str | None = None,
        model: str = "gemini-2.5-flash",
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
        from google.genai.errors import APIError  # noqa: PLC0415 - optional
        from pydantic_ai.providers.google import GoogleProvider  # noqa: PLC0415 - optional

        self._opened: ContextVar[list[httpx2.Response]] = ContextVar("opened")
        self._http = http_client(timeout_s, headers)
        self._http.event_hooks = {"response": [self._note]}
        self._provider = GoogleProvider(
            api_key=api_key or "none", http_client=self._http, base_url=checked_url(base_url)
        )
        vendor = Vendor(
            provider=SPEC.full_name,
            make=self._make,
            settings=_settings,
            errors=(APIError,),
            opens_with_user=True,
        )
        self._models = DirectModels(vendor, default=model, attempts=attempts)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield text as it comes, then tool calls, then what it cost.

        Raises:
            ProviderError: If there is no answer, or it breaks off.
        """
        opened: list[httpx2.Response] = []
        self._opened.set(opened)
        try:
            async with aclosing(self._models.stream(request)) as events:
                async for event in events:
                    yield event
        finally:
            for response in opened:  # Google's package lets go of a stream without hanging up
                await response.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _note(self, response: "httpx2.Response") -> None:
        self._opened.get([]).append(response)

    def _make(self, name: str) -> "Library":
        from pydantic_ai.models.google import GoogleModel as Library  # noqa: PLC0415 - optional

        return Library(name, provider=self._provider)


def _settings(request: ModelRequest) -> "ModelSettings":
    settings = cast("GoogleModelSettings", settings_of(request))
    if request.thinking_budget is None:
        think(settings, request.reasoning_effort)
    else:
        budget = max(0, request.thinking_budget)
        settings["google_thinking_config"] = {"thinking_budget": budget}
    if request.reasoning_summary:
        settings["google_thinking_config"] = {
            **settings.get("google_thinking_config", {}),
            "include_thoughts": True,
        }
    return settings
