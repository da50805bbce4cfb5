"""A server for tools on loopback that notes what it is sent, and doubles of what tools need."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from turnwise.agents.tools import Tool, normalise
from turnwise.agents.variables import Variables
from turnwise.outgoing import Outgoing, Policy
from turnwise.tools.ports import Authorisation, ToolFailed, ToolRequest
from turnwise.tools.webhook import WebhookTools

Json = dict[str, Any]


@dataclass(frozen=True)
class Got:
    """A request as the server got it."""

    method: str
    target: str
    headers: dict[str, str]
    """Names in small letters."""
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401
        return json.loads(self.body)


@dataclass(frozen=True)
class Give:
    """An answer."""

    body: str = "{}"
    status: int = 200
    headers: tuple[str, ...] = ("content-type: application/json",)
    delay_s: float = 0

    @property
    def sent(self) -> bytes:
        body = self.body.encode()
        head = [f"HTTP/1.1 {self.status} Told", f"content-length: {len(body)}", *self.headers]
        return ("\r\n".join([*head, "connection: close"]) + "\r\n\r\n").encode() + body


Answers = Callable[[Got], Give]


@dataclass
class Service:
    """A server and what it got."""

    url: str
    got: list[Got] = field(default_factory=list)


async def _read(reader: asyncio.StreamReader) -> Got:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    pairs = (line.split(": ", 1) for line in lines)
    headers = {name.lower(): value for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Got(method, target, headers, body)


@asynccontextmanager
async def serving(answers: Answers = lambda _: Give()) -> AsyncIterator[Service]:
    """Serve while the block runs."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            got = await _read(reader)
            service.got.append(got)
            give = answers(got)
            await asyncio.sleep(give.delay_s)
            writer.write(give.sent)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    service = Service(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield service
    finally:
        server.close()


@dataclass
class Stock:
    """Values without a store: secrets, environment variables and auth connections by name."""

    secrets: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    granted: list[Authorisation] = field(default_factory=list)
    renewed: list[bool] = field(default_factory=list)

    async def text(self, value: object, variables: Variables) -> str:
        match value:
            case str():
                env = {f"system__env_{name}": each for name, each in self.environment.items()}
                return Variables(env).fill(value)
            case {"secret_id": str(name)} if name in self.secrets:
                return self.secrets[name]
            case {"env_var_label": str(name)} if name in self.environment:
                return self.environment[name]
            case {"variable_name": str(name)} if name in variables.values:
                return str(variables.values[name])
        raise ToolFailed("customer_config", "a value refers to nothing that is known")

    async def authorisation(self, locator: Mapping[str, Any], *, renew: bool) -> Authorisation:
        assert locator
        self.renewed.append(renew)
        return self.granted.pop(0)


def webhook(url: str, method: str = "POST", *, more: Json | None = None, **api: object) -> Tool:
    """A webhook tool, as it is stored."""
    schema = {"url": url, "method": method, **api}
    stored = {"type": "webhook", "name": "book", "description": "Books.", "api_schema": schema}
    return normalise({**stored, **(more or {})}, tool_id="tool_1")


def leaf(**source: object) -> Json:
    return {"type": "string", **source}


def body(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": []}


def asked(tool: Tool, given: Json | None = None, **variables: object) -> ToolRequest:
    return ToolRequest(
        call_id="book_1",
        tool=tool,
        arguments=given or {},
        variables=Variables(variables),
        idempotency_key="conv_1:1:book_1",
    )


@asynccontextmanager
async def way_out(*, private: bool = True) -> AsyncIterator[Outgoing]:
    outgoing = Outgoing(Policy(allow_private=private))
    yield outgoing
    await outgoing.aclose()


async def told(
    tool: Tool, given: Json | None = None, stock: Stock | None = None, **variables: object
) -> str:
    """Run a webhook tool and return what it answered."""
    async with way_out() as outgoing:
        runner = WebhookTools(outgoing, stock or Stock())
        return (await runner.run(asked(tool, given, **variables))).text
