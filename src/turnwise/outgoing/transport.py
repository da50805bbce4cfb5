"""HTTP over a guarded network: an httpx2 transport."""

import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import TypedDict

import httpcore2
import httpx2
from typing_extensions import override

from turnwise.outgoing.errors import AnswerTooLarge, OutgoingRefused
from turnwise.outgoing.network import GuardedNetwork, Resolve, judged
from turnwise.outgoing.policy import Policy


class _Pool(TypedDict):
    max_connections: int
    max_keepalive_connections: int
    keepalive_expiry: float


_RAISED = (
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.UnsupportedProtocol,
)
_POOL = _Pool(max_connections=2_000, max_keepalive_connections=200, keepalive_expiry=30.0)
"""A process holds hundreds of calls, and each may wait for a tool."""
_PORTS = {"http": 80, "https": 443}


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Sends requests where a policy lets them go; every redirect is a request of its own."""

    def __init__(
        self,
        policy: Policy,
        resolve: Resolve,
        *,
        proxy: str = "",
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Connect to nothing yet.

        Args:
            policy: Where requests may go.
            resolve: Finds addresses of hosts.
            proxy: URL of a proxy that everything goes through; empty: none.
            ssl_context: How servers prove who they are, and we; None: as usual.
        """
        self._policy = policy
        self._resolve = resolve
        context = ssl_context or httpx2.create_ssl_context()
        self._proxied = bool(proxy)
        self._pool = (
            _proxied(proxy, context)
            if proxy
            else httpcore2.AsyncConnectionPool(
                ssl_context=context, network_backend=GuardedNetwork(policy, resolve), **_POOL
            )
        )

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request.

        Raises:
            OutgoingRefused: If its URL leads where it must not.
            httpx2.TransportError: If it fails.
        """
        url = request.url
        if url.scheme not in _PORTS:
            raise OutgoingRefused(f"URLs should begin with https://, not {url.scheme}:")
        if url.userinfo:
            raise OutgoingRefused("URLs should not hold a user name or a password")
        if not url.host:
            raise OutgoingRefused("the URL has no host")
        if self._proxied:
            await self._check(url)
        assert isinstance(request.stream, httpx2.AsyncByteStream)
        with _as_httpx():
            response = await self._pool.handle_async_request(
                httpcore2.Request(
                    method=request.method,
                    url=httpcore2.URL(
                        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx2.Response(
            response.status,
            headers=response.headers,
            stream=_Stream(response),
            extensions=response.extensions,
        )

    @override
    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()

    async def _check(self, url: httpx2.URL) -> None:
        # a name that only the proxy can resolve is for the proxy to judge
        with suppress(OSError, UnicodeError):
            port = url.port or _PORTS[url.scheme]
            await judged(self._policy, self._resolve, url.raw_host.decode("ascii"), port)


class Lent(httpx2.AsyncBaseTransport):
    """A transport that many clients share, each with its own largest answer."""

    def __init__(self, transport: httpx2.AsyncBaseTransport, answer_bytes: int) -> None:
        self._transport = transport
        self._answer_bytes = answer_bytes

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request."""
        response = await self._transport.handle_async_request(request)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Capped(response.stream, self._answer_bytes)
        return response

    @override
    async def aclose(self) -> None:
        """Leave the transport to its owner."""


class _Stream(httpx2.AsyncByteStream):
    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        # not `aiter_stream`, which refuses a second time: OpenAI's package drains what it has read
        stream = self._response.stream
        assert isinstance(stream, AsyncIterable)
        with _as_httpx():
            async for chunk in stream:
                yield chunk

    @override
    async def aclose(self) -> None:
        with _as_httpx():
            await self._response.aclose()


class _Capped(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, most: int) -> None:
        self._stream = stream
        self._most = most

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        count = 0
        async for chunk in self._stream:
            count += len(chunk)
            if count > self._most:
                raise AnswerTooLarge(f"the answer is larger than {self._most} bytes")
            yield chunk

    @override
    async def aclose(self) -> None:
        await self._stream.aclose()


def _proxied(proxy: str, context: ssl.SSLContext) -> httpcore2.AsyncHTTPProxy:
    described = httpx2.Proxy(proxy)
    url = described.url
    return httpcore2.AsyncHTTPProxy(
        proxy_url=httpcore2.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        ),
        proxy_auth=described.raw_auth,
        ssl_context=context,
        **_POOL,
    )


@contextmanager
def _as_httpx() -> Iterator[None]:
    """Raise the errors of the network by the names that users of httpx2 know."""
    try:
        yield
    except _RAISED as exc:
        raise getattr(httpx2, type(exc).__name__)(str(exc)) from exc
