"""Sending a request to a URL that a user configured."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

import httpx2

from turnwise import __version__
from turnwise.outgoing.errors import (
    AnswerTooLarge,
    OutgoingError,
    OutgoingFailed,
    OutgoingRefused,
    OutgoingTimeout,
)
from turnwise.outgoing.identity import ClientCertificate, context_of
from turnwise.outgoing.network import Resolve, system_resolve
from turnwise.outgoing.policy import Policy
from turnwise.outgoing.transport import GuardedTransport, Lent

MEBIBYTE = 1_048_576
CONNECT_S = 10.0
_OURS = {
    "user-agent": f"turnwise/{__version__}",
    "accept-encoding": "identity",  # so that no small answer becomes a large one
}
_WITHOUT_BODY = ("GET", "HEAD")
_KEPT = frozenset({"accept", "accept-encoding", "accept-language", "host", "user-agent"})
"""Headers that a redirect to another origin still carries: all others may be secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one request may take."""

    seconds: float = 20.0
    """From its beginning to the last byte of the answer."""
    answer_bytes: int = MEBIBYTE
    """Size of the largest answer, in bytes."""
    redirects: int = 0
    """How many redirects are followed; one more is the answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: httpx2.Headers
    body: bytes
    url: str
    """Where it came from, after redirects."""

    @property
    def text(self) -> str:
        """The body as text, in the encoding that its header says, or UTF-8."""
        return httpx2.Response(self.status, headers=self.headers, content=self.body).text


DEFAULT_LIMITS = Limits()


class Outgoing:
    """The way out to URLs that users configure."""

    def __init__(
        self,
        policy: Policy,
        *,
        proxy: str = "",
        resolve: Resolve = system_resolve,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Connect to nothing yet.

        Args:
            policy: Where requests may go.
            proxy: URL of a proxy that everything goes through; it must itself keep names that
                only it can resolve from leading into its network. Empty: none.
            resolve: Finds the addresses of hosts.
            ssl_context: How servers prove who they are, and we; None: as usual.
        """
        self.policy = policy
        self._guarded = partial(GuardedTransport, policy, resolve, proxy=proxy)
        self._transport = self._guarded(ssl_context=ssl_context)

    def client(
        self, limits: Limits = DEFAULT_LIMITS, headers: Mapping[str, str] | None = None
    ) -> httpx2.AsyncClient:
        """Return a client for a library that wants one: no request gets around the policy.

        Redirects are not followed unless the library says so; then `Authorization` stays behind
        where the origin changes. `limits.seconds` is the longest wait for the next byte.

        Args:
            limits: Of each request.
            headers: Sent with each request.
        """
        return _client(self._transport, limits, headers or {})

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        limits: Limits = DEFAULT_LIMITS,
        identity: ClientCertificate | None = None,
    ) -> Answer:
        """Send a request and return the whole answer, whatever its status.

        A redirect to another origin carries none of the given headers, and no body.

        Args:
            method: Such as `GET`.
            url: Absolute.
            headers: None: ours are all.
            content: The body; None: there is none.
            limits: What it may take.
            identity: Shown to the server, on a connection of its own; no redirect is followed.
                None: we are nobody.

        Raises:
            OutgoingRefused: If the URL, or a redirect, leads where it must not, or the certificate
                cannot be shown.
            OutgoingTimeout: If there is no whole answer in time.
            OutgoingFailed: If there is no connection, or no answer that can be read.
            AnswerTooLarge: If it is too large.
        """
        try:
            async with asyncio.timeout(limits.seconds), self._for(url, limits, identity) as client:
                request = client.build_request(method, url, headers=headers, content=content)
                redirects = 0 if identity is not None else limits.redirects
                return await _followed(client, request, replace(limits, redirects=redirects))
        except OutgoingError:
            raise
        except (TimeoutError, httpx2.TimeoutException) as exc:
            raise OutgoingTimeout(f"there was no answer within {limits.seconds:g} s") from exc
        except httpx2.HTTPError as exc:
            raise OutgoingFailed(str(exc) or type(exc).__name__) from exc
        except (httpx2.InvalidURL, ValueError) as exc:  # such as a header that is not ASCII
            raise OutgoingRefused(f"the request cannot be sent: {exc}") from exc

    @asynccontextmanager
    async def _for(
        self, url: str, limits: Limits, identity: ClientCertificate | None
    ) -> AsyncIterator[httpx2.AsyncClient]:
        """Lend a client for one request."""
        if identity is None:
            async with self.client(limits) as client:
                yield client
            return
        if not url.lower().startswith("https://"):
            raise OutgoingRefused("a client certificate is only shown to https:// URLs")
        context = await asyncio.to_thread(context_of, identity)
        transport = self._guarded(ssl_context=context)
        try:
            async with _client(transport, limits, {}) as client:
                yield client
        finally:
            await transport.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()


def _client(
    transport: httpx2.AsyncBaseTransport, limits: Limits, headers: Mapping[str, str]
) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=Lent(transport, limits.answer_bytes),
        headers={**_OURS, **headers},
        timeout=httpx2.Timeout(limits.seconds, connect=min(limits.seconds, CONNECT_S)),
        max_redirects=limits.redirects,
        trust_env=False,
    )


async def _followed(client: httpx2.AsyncClient, request: httpx2.Request, limits: Limits) -> Answer:
    left = limits.redirects
    while True:
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            following = response.next_request
            if following is None or left == 0:
                body = await _body(response, limits.answer_bytes)
                return Answer(response.status_code, response.headers, body, str(response.url))
        finally:
            await response.aclose()
        request, left = _redirected(request, following), left - 1


def _redirected(request: httpx2.Request, following: httpx2.Request) -> httpx2.Request:
    """Return the request that a redirect asks for, without what is meant for the old origin."""
    if request.url.scheme == "https" and following.url.scheme != "https":
        raise OutgoingRefused("a redirect leads from https to a URL without encryption")
    if request.url.origin == following.url.origin:
        return following
    if following.method not in _WITHOUT_BODY:
        raise OutgoingRefused("a redirect would carry the request's body to another host")
    headers = {name: value for name, value in following.headers.items() if name in _KEPT}
    return httpx2.Request(
        following.method, following.url, headers=headers, extensions=following.extensions
    )


async def _body(response: httpx2.Response, most: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > most:  # after decompression
            raise AnswerTooLarge(f"the answer is larger than {most} bytes")
    return bytes(body)
