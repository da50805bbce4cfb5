"""How an operation of the published contract is served.

    agents = Slice()

    @agents.serve("GET /v1/convai/agents/{agent_id}")
    async def get_agent(call: Call) -> Answer: ...

The contract says what a request may hold: parameters come converted and with their defaults, bodies
normalised and checked. It also says what the answer must be: the status, and the shape, which is
checked where `Deps.check_answers` says so.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from turnwise.api.auth import allowed, secret_of
from turnwise.api.bodies import form_fields, json_value
from turnwise.api.deps import Deps, deps_of
from turnwise.api.errors import Invalid, NotOffered, problem
from turnwise.contract import ContractError, Operation
from turnwise.store import ApiKey

Answer = Any
"""What a handler returns: JSON, a `Response`, or None where nothing is published."""


@dataclass(frozen=True, slots=True)
class WithHeaders:
    """An answer, and headers beside it."""

    answer: Answer
    headers: Mapping[str, str]


Access = Literal["key", "open"]
"""`key`: only with an API key. `open`: anyone; a handler that finds no key decides itself."""

JSON_MEDIA = "application/json"
_MOST = 2**53
"""The largest number that every database can compare."""


class QuickJson(JSONResponse):
    """JSON by the fast writer; what that one cannot write, numbers of many digits, by the other."""

    def render(self, content: object) -> bytes:  # type: ignore[explicit-override]
        """Return the body."""
        try:
            return orjson.dumps(content)
        except TypeError:
            return super().render(content)


class AnswerBroken(AssertionError):
    """An answer of ours is not in the published shape: our own fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request for one operation."""

    deps: Deps
    operation: Operation
    request: Request

    key: ApiKey | None
    """Whose request this is; None: nobody's, in an open operation."""

    path: dict[str, str]
    """The parameters in the path: checked."""

    query: dict[str, Any]
    """The published parameters of the query: converted, with their defaults."""

    body: Any = None
    """The body: a JSON document in the published shape, without defaults; or, of a form, its
    fields, of which files are `UploadFile`. None: the operation has no body, or it was left out."""

    def filled(self) -> dict[str, Any]:
        """Return a copy of the body with the published defaults."""
        assert self.operation.body is not None
        document = self.operation.body.filled(self.body if self.body is not None else {})
        assert isinstance(document, dict)
        return document


Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Served:
    """One operation and what answers it: an ASGI application."""

    operation: Operation
    handler: Handler
    access: Access = "key"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive, send)
        response = await self._respond(request)
        deps_of(request).observe(self.operation.key, response.status_code)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        deps = deps_of(request)
        secret = secret_of(request, required=self.access == "key")
        async with deps.limits.admit(request, secret):
            return await self._answer(deps, request, secret)

    async def _answer(self, deps: Deps, request: Request, secret: str) -> Response:
        path, query = _path(self.operation, request), _query(self.operation, request)
        try:
            body = await _body(self.operation, request)
            key = await allowed(deps, secret, self.operation.method)
            call = Call(
                deps=deps,
                operation=self.operation,
                request=request,
                key=key,
                path=path,
                query=query,
                body=body,
            )
            answer = await self.handler(call)
        finally:
            await _let_go(request)
        return self._response(answer, strict=deps.check_answers)

    def _response(self, answer: Answer, *, strict: bool) -> Response:
        if isinstance(answer, Response):
            return answer
        headers: Mapping[str, str] = {}
        if isinstance(answer, WithHeaders):
            answer, headers = answer.answer, answer.headers
        operation = self.operation
        if operation.status == 204:
            return Response(status_code=204)
        shape = operation.answer if strict else None
        if shape is not None and (problems := shape.problems(answer)):
            raise AnswerBroken(f"{operation.key}: {problems[:3]}")
        return QuickJson(answer, operation.status, headers=headers)


@dataclass(frozen=True, slots=True)
class NotServed:
    """A published operation that nothing answers yet, which it says: an ASGI application."""

    key: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse one request.

        Raises:
            NotOffered: Always, to whoever has a key.
        """
        request = Request(scope, receive, send)
        await allowed(deps_of(request), secret_of(request, required=True), request.method)
        raise NotOffered(
            f"This server does not offer {self.key} yet; its page /docs lists what it offers."
        )


@dataclass(frozen=True, slots=True)
class Route:
    """What a slice says about one operation."""

    key: str
    """Its name in the contract."""

    handler: Handler
    access: Access


@dataclass(slots=True)
class Slice:
    """The operations of one resource."""

    routes: list[Route] = field(default_factory=list)

    def serve(self, key: str, *, access: Access = "key") -> Callable[[Handler], Handler]:
        """Serve an operation of the contract: `GET /v1/convai/agents`.

        Args:
            key: Its name in the contract.
            access: Who may ask.
        """

        def kept(handler: Handler) -> Handler:
            self.routes.append(Route(key, handler, access))
            return handler

        return kept


def _path(operation: Operation, request: Request) -> dict[str, str]:
    try:
        return operation.read_path(request.path_params)
    except ContractError as error:
        raise Invalid(error.problems) from error


def _query(operation: Operation, request: Request) -> dict[str, Any]:
    try:
        query = operation.read_query(request.query_params.multi_items())
    except ContractError as error:
        raise Invalid(error.problems) from error
    for name, value in query.items():
        if isinstance(value, int | float) and not abs(value) <= _MOST:  # nor is it NaN
            raise Invalid([problem("less_than_equal", ["query", name], f"At most {_MOST}")])
    return query


async def _body(operation: Operation, request: Request) -> Any:  # noqa: ANN401 - any JSON
    if operation.body_media is None:
        return None
    if operation.body_media != JSON_MEDIA:
        return await form_fields(request, operation)
    raw = await request.body()
    if not raw.strip():
        if operation.body_required:
            raise Invalid([problem("missing", ["body"], "Field required")])
        return None
    value = json_value(raw)
    if operation.body is None:
        return value
    document = operation.body.normalised(value)
    if problems := operation.body.problems(document, at=("body",)):
        raise Invalid(problems)
    return document


async def _let_go(request: Request) -> None:
    form = getattr(request, "_form", None)
    if isinstance(form, FormData):
        await form.close()
