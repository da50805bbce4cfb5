"""The language model of the server: asks whom an agent's settings and the table of routes name."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from turnwise.base.errors import ConfigError
from turnwise.providers.ports import Endpoint, LanguageModel, ModelEvent, ModelRequest
from turnwise.runtime.cascade import AllModelsFailed, Cascade, CustomModelFailed, Step
from turnwise.runtime.llm_routes import CUSTOM, Route, Routes

MOST_ENDPOINTS = 256
"""Models of agents' owners whose connections are kept."""

MakeCustom = Callable[[Endpoint], LanguageModel]
"""Makes the client of an endpoint."""


class RoutedModel:
    """Routes each request to who answers it, backups and all."""

    def __init__(
        self, routes: Routes, models: Mapping[Route, LanguageModel], make_custom: MakeCustom
    ) -> None:
        """Own the models: they are closed with this one.

        Args:
            routes: The table.
            models: Who answers for each row; rows may share one.
            make_custom: For agents with models of their own.
        """
        self._routes = routes
        self._models = models
        self._endpoints = _Endpoints(make_custom)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield who answers, then the answer.

        Raises:
            ProviderError: If nobody answers, or the answer breaks off.
        """
        if request.model == CUSTOM:
            stream = self._ask_endpoint(request)
        else:
            steps = self._steps(request)
            failure = AllModelsFailed if len(steps) > 1 else None
            stream = Cascade(steps, failure=failure).stream(request)
        async with aclosing(stream) as events:
            async for event in events:
                yield event

    def _steps(self, request: ModelRequest) -> list[Step]:
        """Return whom to ask, in order, each once: rows may lead to the same model."""
        steps: dict[tuple[int, str], Step] = {}
        for target in self._routes.cascade(request.model, request.backups):
            model = self._models[target.route]
            step = Step(model=model, asked_for=target.asked_for, name=target.name)
            steps.setdefault((id(model), target.asked_for), step)
        return list(steps.values())

    async def _ask_endpoint(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Ask the agent's own model, and nobody else."""
        endpoint = request.endpoint
        if endpoint is None:
            reason = "the agent's llm is custom-llm, and it has no custom_llm"
            raise CustomModelFailed(f"llm/{CUSTOM}", reason)
        async with self._endpoints.use(endpoint) as model:
            step = Step(model=model, asked_for=endpoint.model, name=endpoint.model or CUSTOM)
            cascade = Cascade([step], failure=CustomModelFailed)
            async with aclosing(cascade.stream(request)) as events:
                async for event in events:
                    yield event

    async def aclose(self) -> None:
        """Close all models."""
        for model in {id(each): each for each in self._models.values()}.values():
            await model.aclose()
        await self._endpoints.aclose()


@dataclass(slots=True)
class _Kept:
    model: LanguageModel
    users: int = 0


class _Endpoints:
    """The clients of agents' own models; those that nobody used for long are closed."""

    def __init__(self, make: MakeCustom) -> None:
        self._make = make
        self._kept: dict[tuple[str, str, str | None], _Kept] = {}
        """The one used last at the end."""

    @asynccontextmanager
    async def use(self, endpoint: Endpoint) -> AsyncIterator[LanguageModel]:
        """Keep a client open while the block lasts.

        Raises:
            ProviderError: If there cannot be one.
        """
        place = (endpoint.url, endpoint.api, endpoint.api_version)
        kept = self._kept.pop(place, None) or _Kept(self._made(endpoint))
        self._kept[place] = kept
        kept.users += 1
        try:
            yield kept.model
        finally:
            kept.users -= 1
            await self._tidy()

    async def aclose(self) -> None:
        for kept in self._kept.values():
            await kept.model.aclose()
        self._kept.clear()

    def _made(self, endpoint: Endpoint) -> LanguageModel:
        try:
            return self._make(endpoint)
        except ConfigError as error:
            raise CustomModelFailed(f"llm/{CUSTOM}", str(error)) from error

    async def _tidy(self) -> None:
        unused = [place for place, kept in self._kept.items() if not kept.users]
        for place in unused[: max(0, len(self._kept) - MOST_ENDPOINTS)]:
            await self._kept.pop(place).model.aclose()
