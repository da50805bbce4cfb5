"""Requests to a vendor's HTTP API, for the providers that need no library of the vendor's.

A request that fails in a way that may pass is tried again, as long as no byte of an answer has been
used. What goes wrong becomes a `ProviderError` here and nowhere else.
"""

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from turnwise.base.errors import (
    ConfigError,
    ProviderBroken,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import httpx2

LONGEST_WAIT_S = 2.0
"""A caller is waiting: a server that asks for more patience than this is given up."""

IDLE_S = 60.0
"""A connection waits so long for the next request: a turn of a conversation is often longer than
the 5 s that are usual, and a new one costs two or three round trips."""


class VendorHttp:
    """The connections to one server."""

    def __init__(
        self,
        provider: str,
        base_url: str,
        api_key: str | None,
        *,
        timeout_s: float,
        attempts: int,
    ) -> None:
        """Open nothing yet.

        Args:
            provider: Its full name, for errors.
            base_url: With the version: `https://api.openai.com/v1`.
            api_key: None: the server wants none.
            timeout_s: Longest time to connect, and then without a byte.
            attempts: How often a request is sent at most, 1 or more.

        Raises:
            ConfigError: If `base_url` is none.
        """
        import httpx2  # noqa: PLC0415 - optional

        if not base_url.startswith(("http://", "https://")):
            raise ConfigError(f"base_url is {base_url!r}; it must begin with http:// or https://")
        self._provider = provider
        self._attempts = attempts
        self._client = httpx2.AsyncClient(
            base_url=f"{base_url.rstrip('/')}/",
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, 5.0)),
            limits=httpx2.Limits(keepalive_expiry=IDLE_S),
        )

    @asynccontextmanager
    async def post(
        self,
        path: str,
        **content: Any,  # noqa: ANN401 - as httpx takes it
    ) -> "AsyncGenerator[httpx2.Response, None]":
        """Send a request; inside, the answer's head is there, its status 200, its body to be read.

        Raises:
            ProviderError: If there is no such answer, or reading it fails.
        """
        import httpx2  # noqa: PLC0415 - optional

        try:
            response = await self._send(path, content)
            try:
                yield response
            finally:
                await response.aclose()
        except httpx2.TimeoutException as error:
            raise ProviderTimeout(self._provider, "no answer in time") from error
        except httpx2.TransportError as error:
            reason = f"no connection: {type(error).__name__}"
            raise ProviderUnavailable(self._provider, reason) from error
        except httpx2.HTTPError as error:
            raise ProviderBroken(self._provider, f"a bad answer: {error!r}") from error

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _send(self, path: str, content: dict[str, Any]) -> "httpx2.Response":
        import httpx2  # noqa: PLC0415 - optional

        for attempt in range(1, self._attempts):
            wait_s = retry_wait_s(attempt, None)
            try:
                response = await self._send_once(path, content)
            except httpx2.ConnectError:
                pass
            else:
                if not is_passing(response.status_code):
                    return await self._checked(response)
                wait_s = retry_wait_s(attempt, response.headers.get("retry-after"))
                if wait_s is None:
                    return await self._checked(response)
                await response.aclose()
            await asyncio.sleep(wait_s or 0)
        return await self._checked(await self._send_once(path, content))

    async def _send_once(self, path: str, content: dict[str, Any]) -> "httpx2.Response":
        request = self._client.build_request("POST", path, **content)
        return await self._client.send(request, stream=True)

    async def _checked(self, response: "httpx2.Response") -> "httpx2.Response":
        if response.status_code != 200:
            await response.aclose()
            raise error_of_status(self._provider, response.status_code)
        return response


def is_passing(status: int) -> bool:
    """Tell whether a request that got this HTTP status may be taken another time."""
    return status in {408, 409, 429} or status >= 500


def retry_wait_s(attempt: int, retry_after: str | float | None) -> float | None:
    """Return how long to wait before the next attempt; None: there is no time for it.

    Args:
        attempt: The one that failed, from 1.
        retry_after: What the server asks for, in seconds; None: nothing.
    """
    if retry_after is None:
        return min(0.1 * float(2**attempt), LONGEST_WAIT_S)
    try:
        wait_s = float(retry_after)
    except ValueError:  # a date: hours, more often than not
        return None
    return wait_s if 0 <= wait_s <= LONGEST_WAIT_S else None


def error_of_status(provider: str, status: int) -> ProviderError:
    """Return the error that an HTTP status stands for."""
    kind: type[ProviderError]
    match status:
        case 401 | 403:
            kind, reason = ProviderRefused, "the key is not accepted"
        case 402:
            kind, reason = ProviderRefused, "the account has no credit"
        case 404:
            kind, reason = ProviderRefused, "there is no such model or path"
        case 408 | 504:
            kind, reason = ProviderTimeout, "no answer in time"
        case 429:
            kind, reason = ProviderUnavailable, "too many requests"
        case _ if 400 <= status < 500:
            kind, reason = ProviderRefused, "the request is not accepted"
        case _ if status >= 500:
            kind, reason = ProviderUnavailable, "the server fails"
        case _:
            kind, reason = ProviderBroken, "an answer that is none"
    return kind(provider, f"{reason} (HTTP status {status})", status=status)
