"""The edge of a request: its id, its size, who may read the answer, and the last net for errors."""

import logging
import secrets

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from turnwise.api.errors import Malformed, TooLarge
from turnwise.api.problems import answer, internal

OPEN_TO_BROWSERS = "/v1/convai"
"""Pages of any origin may call what is below here: they hold no cookies of ours."""

log = logging.getLogger(__name__)

_CORS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"*"),
]
_METHODS = b"GET, POST, PUT, PATCH, DELETE, OPTIONS"
_DRAINED_BODIES = 8
"""How many times the limit is read and thrown away, so that a client gets to read the refusal."""


class Edge:
    """ASGI middleware around everything; lets sockets pass untouched."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int) -> None:
        """Wrap an application.

        Args:
            app: Answers the requests.
            max_body_bytes: Size of the largest request body that is read.
        """
        self._app = app
        self._limit = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(16)
        scope.setdefault("state", {})["request_id"] = request_id
        exchange = _Exchange(scope, receive, send, request_id, self._limit)
        if exchange.is_preflight():
            await exchange.answer_preflight()
        elif "\0" in scope["path"] or b"%00" in scope["query_string"]:
            refusal = Malformed("The character NUL can stand in no path and no query.")
            await answer(refusal, request_id)(scope, receive, exchange.send)
        elif exchange.announced_bytes() > self._limit:
            await exchange.drain()
            await answer(exchange.too_large(), request_id)(scope, receive, exchange.send)
        else:
            await self._guarded(exchange)

    async def _guarded(self, exchange: "_Exchange") -> None:
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
        except Exception:  # the edge of a request: our own fault is told to nobody but the log
            log.exception("a request failed", extra={"request_id": exchange.request_id})
            if exchange.started:
                raise  # half an answer is out: the server must cut the connection
            response = internal(exchange.request_id)
            await response(exchange.scope, exchange.receive, exchange.send)


class _Exchange:
    """One request and its answer."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, request_id: str, limit: int
    ) -> None:
        self.scope = scope
        self.request_id = request_id
        self.started = False
        """Whether the head of the answer is out."""
        self._receive = receive
        self._send = send
        self._limit = limit
        self._read = 0
        self._headers = dict(scope["headers"])
        self._open = scope["path"].startswith(OPEN_TO_BROWSERS)

    def is_preflight(self) -> bool:
        asks = b"access-control-request-method" in self._headers
        return self._open and self.scope["method"] == "OPTIONS" and asks

    async def answer_preflight(self) -> None:
        wanted = self._headers.get(b"access-control-request-headers", b"*")
        head = [
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", wanted),
            (b"access-control-max-age", b"86400"),
        ]
        await self.send({"type": "http.response.start", "status": 204, "headers": head})
        await self.send({"type": "http.response.body", "body": b""})

    def announced_bytes(self) -> int:
        announced = self._headers.get(b"content-length", b"0")
        return int(announced) if announced.isdigit() else 0

    def too_large(self) -> TooLarge:
        return TooLarge(f"The body is larger than {self._limit} bytes.")

    async def drain(self) -> None:
        read, more = 0, True
        while more and read < self._limit * _DRAINED_BODIES:
            message = await self._receive()
            read += len(message.get("body", b""))
            more = message.get("more_body", False)

    async def receive(self) -> Message:
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read > self._limit:
            raise self.too_large()
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            extra = [(b"x-trace-id", self.request_id.encode())]
            extra += _CORS if self._open else []
            message = {**message, "headers": [*message.get("headers", ()), *extra]}
        await self._send(message)
