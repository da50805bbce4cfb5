"""What is moved: a workspace behind the published REST API, read with a key."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

import httpx2

from turnwise.base.errors import ConfigError, Error

Json = dict[str, Any]
Sleep = Callable[[float], Awaitable[None]]

PAGE_SIZE: Final = 100
"""The largest page that all lists give."""
TIMEOUT_S: Final = 60.0
"""Longest wait for the next byte of an answer."""
PAUSES_S: Final = (0.5, 1.0, 2.0)
"""Before each further attempt after a fault of the source."""
BUSY_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Before each further attempt after a 429 that does not say how long to wait."""
LONGEST_WAIT_S: Final = 120.0
"""No answer makes us wait longer, whatever it says."""

_CHECKED = "/v1/convai/agents"
_NO_PERMISSION = "missing_permissions"
_SCHEMES = ("http://", "https://")


class SourceError(Error):
    """The source did not give something; the rest of it may be had."""

    code = "source_error"

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status
        """Of its answer; None: there was none."""


class SourceLost(SourceError):
    """The source cannot be reached any more: there is no use in asking for the rest."""

    code = "source_lost"


class Source:
    """A workspace that is read, never written."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Connect to nothing yet.

        Args:
            url: Where its API is, without a path: `https://api.elevenlabs.io`.
            key: An API key of the workspace.
            transport: What carries requests; None: the network.
            sleep: Waits for so many seconds.

        Raises:
            ConfigError: If the URL or the key cannot be used.
        """
        if not url.startswith(_SCHEMES):
            raise ConfigError(f"{url!r} is no URL of a server; it begins with https:// or http://")
        if not key.isascii() or not key.isprintable():
            raise ConfigError("the key has characters that no key has; copy it again")
        self.url = url.rstrip("/")
        timeout = httpx2.Timeout(TIMEOUT_S, connect=15.0)
        try:
            # redirects are not followed: the key would go wherever they lead
            self._client = httpx2.AsyncClient(
                base_url=self.url,
                headers={"xi-api-key": key},
                timeout=timeout,
                transport=transport,
            )
        except httpx2.InvalidURL as error:
            raise ConfigError(f"{url!r} is no URL of a server: {error}") from error
        # a signed URL leads to another host, which must not see the key
        self._without_key = httpx2.AsyncClient(
            timeout=timeout, transport=transport, follow_redirects=True
        )
        self._sleep = sleep

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()
        await self._without_key.aclose()

    async def check(self) -> None:
        """Return if the source answers and takes the key.

        Raises:
            ConfigError: If not.
        """
        try:
            answer = await self._answer(self._client, _CHECKED, {"page_size": 1})
        except SourceError as error:
            raise ConfigError(f"{self.url} cannot be read: {error}") from error
        if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            if _detail(answer).get("status") == _NO_PERMISSION:  # others may be permitted
                return
            raise ConfigError(f"{self.url} does not take the key: {_said(answer)}")
        try:
            _object(answer)
        except SourceError as error:
            raise ConfigError(f"{self.url} does not speak the API of agents: {error}") from error

    async def ask(self, path: str, query: Mapping[str, Any] | None = None) -> Json:
        """Return the JSON object at a path.

        Raises:
            SourceError: If there is none.
        """
        return _object(await self._answer(self._client, path, query or {}))

    async def rows(
        self, path: str, key: str, query: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Json]:
        """Yield the rows of a list, page by page.

        Args:
            path: Of the list.
            key: Where the rows are in its answer; empty: the answer is an array.
            query: Of each page.

        Raises:
            SourceError: If a page cannot be had; those before it were yielded.
        """
        cursor: str | None = None
        while True:
            place = {"cursor": cursor} if cursor else {}
            answer = await self._answer(self._client, path, {**(query or {}), **place})
            page: Json = {"": _json(answer)} if not key else _object(answer)
            rows = page.get(key)
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise SourceError(f"the answer has no list {key!r}")
            for row in rows:
                yield row
            before, cursor = cursor, page.get("next_cursor")
            if not cursor or page.get("has_more") is False:
                return
            if cursor == before:
                raise SourceError("the list comes to no end: its cursor stays the same")

    async def content(self, path: str, accept: str = "*/*") -> bytes:
        """Return the bytes at a path.

        Raises:
            SourceError: If there are none.
        """
        answer = await self._answer(self._client, path, {}, {"accept": accept})
        return _successful(answer).content

    async def download(self, url: str) -> tuple[bytes, str]:
        """Return what a signed URL of the source leads to, and its media type; the key stays.

        Raises:
            SourceError: If there is nothing.
        """
        if not url.startswith(_SCHEMES):
            raise SourceError("it gave no URL to download from")
        answer = _successful(await self._answer(self._without_key, url, {}))
        return answer.content, answer.headers.get("content-type", "")

    async def _answer(
        self,
        client: httpx2.AsyncClient,
        path: str,
        query: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        faults, waits = list(PAUSES_S), list(BUSY_S)
        while True:
            try:
                answer = await client.get(path, params=query or None, headers=headers)
            except httpx2.HTTPError as error:
                failure, pauses, wanted = _failure(error), faults, None
            except (httpx2.InvalidURL, ValueError) as error:
                raise SourceError(f"the request cannot be sent: {error}") from error
            else:
                status = answer.status_code
                if status < HTTPStatus.INTERNAL_SERVER_ERROR and status != _BUSY:
                    return answer
                failure = SourceError(_said(answer), status=status)
                pauses, wanted = (waits if status == _BUSY else faults), _retry_after(answer)
            if not pauses or _is_final(failure.status):
                raise failure
            pause = pauses.pop(0)
            await self._sleep(min(pause if wanted is None else wanted, LONGEST_WAIT_S))


_BUSY = HTTPStatus.TOO_MANY_REQUESTS


def _is_final(status: int | None) -> bool:
    return status == HTTPStatus.NOT_IMPLEMENTED


def _failure(error: httpx2.HTTPError) -> SourceError:
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
        return SourceLost("there is no connection")
    if isinstance(error, httpx2.TimeoutException):
        return SourceError(f"there was no answer within {TIMEOUT_S:g} s")
    return SourceError(str(error) or type(error).__name__)


def _retry_after(answer: httpx2.Response) -> float | None:
    """Return the seconds that an answer asks to be left alone; None: it does not say."""
    told = answer.headers.get("retry-after", "").strip()
    if told.isdecimal():
        return float(told)
    try:
        until = parsedate_to_datetime(told)
    except ValueError:
        return None
    at = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def _successful(answer: httpx2.Response) -> httpx2.Response:
    if not answer.is_success:
        raise SourceError(_said(answer), status=answer.status_code)
    return answer


def _object(answer: httpx2.Response) -> Json:
    found = _json(answer)
    if not isinstance(found, dict):
        raise SourceError("the answer is no JSON object")
    return found


def _json(answer: httpx2.Response) -> object:
    try:
        found: object = _successful(answer).json()
    except ValueError:
        raise SourceError("the answer is no JSON") from None
    return found


def _said(answer: httpx2.Response) -> str:
    """Return what an answer says went wrong."""
    message = _detail(answer).get("message")
    told = message if isinstance(message, str) else answer.reason_phrase
    return f"it answered {answer.status_code}: {told[:300]}"


def _detail(answer: httpx2.Response) -> Json:
    try:
        body = answer.json()
    except ValueError:
        return {}
    detail = body.get("detail") if isinstance(body, dict) else None
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):  # of a 422
        return {"message": "; ".join(str(each.get("msg")) for each in detail)}
    return detail if isinstance(detail, dict) else {"message": detail}
