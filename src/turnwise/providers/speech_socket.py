"""Sound out, JSON in: a socket to a speech service for each utterance.

A handshake that fails in a way that may pass is tried again. What goes wrong becomes a
`ProviderError` here and in the provider's own table of messages, and nowhere else.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import aclosing
from logging import CRITICAL, Logger
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    ConnectionClosedOK,
    InvalidStatus,
    InvalidURI,
    WebSocketException,
)
from websockets.uri import parse_uri

from turnwise.base.errors import (
    ConfigError,
    ProviderBroken,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
)
from turnwise.providers.vendor_http import error_of_status, is_passing, retry_wait_s

Answer = Mapping[str, Any]
"""A JSON object that the service sent."""

_SOCKET_SCHEMES = {"http": "ws", "https": "wss"}


class SpeechSocket:
    """How to reach one service; a new socket for each exchange."""

    def __init__(
        self,
        provider: str,
        base_url: str,
        headers: Mapping[str, str],
        *,
        timeout_s: float,
        attempts: int,
    ) -> None:
        """Open nothing yet.

        Args:
            provider: Its full name, for errors.
            base_url: With the version; `https://` means `wss://`.
            headers: Of the handshake; the key is one.
            timeout_s: Longest time for the handshake, for sending a message, and for an answer once
                all is sent.
            attempts: How often the handshake is tried at most, 1 or more.

        Raises:
            ConfigError: If `base_url` is none.
        """
        scheme, _, rest = base_url.rstrip("/").partition("://")
        self._base_url = f"{_SOCKET_SCHEMES.get(scheme, scheme)}://{rest}"
        try:
            parse_uri(self._base_url)
        except (InvalidURI, ValueError) as error:
            right = "it should be like wss://host/v1 or https://host/v1"
            raise ConfigError(f"base_url is {base_url!r}; {right}") from error
        # the library logs keys and words: with one of its own, nobody can turn that on
        self._silence = Logger("silence", CRITICAL + 1)  # noqa: LOG001
        # made once: reading the certificates takes some 80 ms
        self._tls = ssl.create_default_context() if self._base_url.startswith("wss") else None
        self._provider = provider
        self._headers = dict(headers)
        self._timeout_s = timeout_s
        self._attempts = attempts

    async def exchange(
        self,
        path: str,
        query: Iterable[tuple[str, str]],
        messages: AsyncGenerator[bytes | str, None],
    ) -> AsyncGenerator[Answer, None]:
        """Send messages as they come and yield the answers, until the service closes in order.

        Without a message there is no socket. Closing the generator cuts the socket at once.

        Args:
            path: Below the base.
            query: Parameters of the address; a name may come twice.
            messages: bytes go as a binary message, text as a text one.

        Raises:
            ProviderError: If the service cannot be reached, or fails.
        """
        async with aclosing(messages):
            first = await anext(messages, None)
            if first is None:
                return
            connection = await self._connect(f"{self._base_url}/{path}?{urlencode(list(query))}")
            sending = _Sending(self._provider, connection, self._timeout_s)
            try:
                async with _Beside(sending.run(first, messages)):
                    while (answer := await self._receive(connection, sending)) is not None:
                        yield answer
            finally:
                if connection.transport.get_write_buffer_size():
                    connection.transport.abort()  # a goodbye would wait for what nobody reads
                await connection.close()

    async def _connect(self, url: str) -> ClientConnection:
        for attempt in range(1, self._attempts + 1):
            failure: ProviderError
            try:
                return await connect(
                    url,
                    additional_headers=self._headers,
                    ssl=self._tls,
                    logger=self._silence,
                    compression=None,
                    open_timeout=self._timeout_s,
                    close_timeout=0,  # says goodbye, and waits for none
                    ping_interval=None,  # an utterance is short, and silence is noticed otherwise
                )
            except InvalidStatus as error:
                status = error.response.status_code
                failure = error_of_status(self._provider, status)
                failure.__cause__ = error
                asked = error.response.headers.get("retry-after")
                wait_s = retry_wait_s(attempt, asked) if is_passing(status) else None
            except TimeoutError as error:
                raise ProviderTimeout(self._provider, "no answer in time") from error
            except OSError as error:
                reason = f"no connection: {type(error).__name__}"
                failure = ProviderUnavailable(self._provider, reason)
                failure.__cause__ = error
                wait_s = retry_wait_s(attempt, None)
            except WebSocketException as error:
                raise ProviderBroken(self._provider, f"a bad answer: {error!r}") from error
            if attempt == self._attempts or wait_s is None:
                raise failure
            await asyncio.sleep(wait_s)
        raise AssertionError("attempts is 1 or more")

    async def _receive(self, connection: ClientConnection, sending: "_Sending") -> Answer | None:
        """Return the next answer; None: the service closed the socket, and has got everything."""
        now = asyncio.get_running_loop().time
        began = now()
        while True:
            # until all is sent, there may be nothing to say
            since = now() if sending.over_at is None else max(began, sending.over_at)
            left_s = since + self._timeout_s - now()
            if left_s <= 0:
                raise ProviderTimeout(self._provider, f"no answer in {self._timeout_s:g} s")
            try:
                async with asyncio.timeout(left_s):
                    return self._read(await connection.recv(decode=False))
            except TimeoutError:
                continue
            except ConnectionClosed as error:
                if isinstance(error, ConnectionClosedOK) and sending.over_at is not None:
                    return None
                code = error.rcvd.code if error.rcvd is not None else None
                told = "in mid-stream" if code is None else f"with code {code}"
                closed = ProviderBroken(
                    self._provider, f"the service closed the socket {told}", status=code
                )
                raise (sending.failure or closed) from error

    def _read(self, message: bytes) -> Answer:
        try:
            answer = orjson.loads(message)
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict):
            raise ProviderBroken(self._provider, "an answer is no JSON object")
        return answer


class _Sending:
    """The way out of an exchange. It fails for nobody: the way in finds the socket closed."""

    def __init__(self, provider: str, connection: ClientConnection, timeout_s: float) -> None:
        self.over_at: float | None = None
        """When the last message had been sent; None: there may be more."""
        self.failure: ProviderError | None = None
        """Why it closed the socket, if it did."""
        self._provider = provider
        self._connection = connection
        self._timeout_s = timeout_s

    async def run(self, first: bytes | str, others: AsyncIterator[bytes | str]) -> None:
        try:
            await self._send(first)
            async for message in others:
                await self._send(message)
        except ConnectionClosed:
            return
        except ProviderTimeout as error:
            self.failure = error
            self._connection.transport.abort()
            return
        self.over_at = asyncio.get_running_loop().time()

    async def _send(self, message: bytes | str) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._connection.send(message)
        except TimeoutError:
            reason = f"it took no sound for {self._timeout_s:g} s"
            raise ProviderTimeout(self._provider, reason) from None


class _Beside:
    """Does something while the block lasts, and drops it then.

    A task group would do, but for a block that yields: it wraps the end of a generator in a group.
    """

    def __init__(self, work: Coroutine[Any, Any, None]) -> None:
        self._work = work
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> None:
        await self._group.__aenter__()
        self._task = self._group.create_task(self._work)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._task.cancel()
        await self._group.__aexit__(None, None, None)
