"""How often, how many at once: requests beyond that are refused and told when to come again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import ceil

from starlette.requests import Request

from turnwise.api.errors import LimitReached
from turnwise.runtime.pace import Pace


class RequestLimits:
    """The limits of one server, but for how many at once, which is of one process."""

    def __init__(
        self,
        *,
        per_key: int = 0,
        per_stranger: int = 0,
        at_once: int = 0,
        window_s: int = 1,
        pace: Pace | None = None,
    ) -> None:
        """Set the limits; 0 is none.

        Args:
            per_key: Requests with one API key in a window.
            per_stranger: Requests without a key from one address in a window.
            at_once: Requests that this process answers at the same time.
            window_s: Length of the window, in seconds.
            pace: Where the requests to all processes are counted; None: there is only this one.
        """
        self._per_key = per_key
        self._per_stranger = per_stranger
        self._window_s = window_s
        self._pace = pace or Pace()
        self._at_once = at_once
        self._running = 0

    @asynccontextmanager
    async def admit(self, request: Request, secret: str) -> AsyncIterator[None]:
        """Let a request in for as long as the block runs.

        Args:
            request: Says where it comes from.
            secret: The key it came with, right or wrong; empty: none.

        Raises:
            LimitReached: If it is one too many.
        """
        if secret:
            self._count(self._per_key, f"key {secret}")
        else:
            client = request.client
            self._count(self._per_stranger, f"address {client.host if client else ''}")
        if self._at_once and self._running >= self._at_once:
            raise LimitReached(
                f"This server answers {self._at_once} requests at once; come again.",
                code="concurrent_limit_exceeded",
                legacy="too_many_concurrent_requests",
                retry_after_s=1,
            )
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    def _count(self, most: int, whose: str) -> None:
        wait_s = self._pace.step(whose, most, self._window_s) if most else 0.0
        if wait_s:
            seconds = ceil(wait_s)
            raise LimitReached(
                f"More than {most} requests in {self._window_s} s; come again in {seconds} s.",
                retry_after_s=seconds,
            )
