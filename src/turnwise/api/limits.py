"""How often, how many at once: requests beyond that are refused and told when to come again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.requests import Request

from turnwise.api.errors import LimitReached


class RequestLimits:
    """The limits of one process."""

    def __init__(
        self, *, per_key: int = 0, per_stranger: int = 0, at_once: int = 0, window_s: int = 1
    ) -> None:
        """Set the limits; 0 is none.

        Args:
            per_key: Requests with one API key in a window.
            per_stranger: Requests without a key from one address in a window.
            at_once: Requests that are answered at the same time.
            window_s: Length of the window, in seconds.
        """
        self._per_key = RateLimitItemPerSecond(per_key, window_s) if per_key else None
        self._per_stranger = (
            RateLimitItemPerSecond(per_stranger, window_s) if per_stranger else None
        )
        self._windows = MovingWindowRateLimiter(MemoryStorage())
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
            await self._count(self._per_key, f"key {hash(secret)}")
        else:
            client = request.client
            await self._count(self._per_stranger, f"address {client.host if client else ''}")
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

    async def _count(self, limit: RateLimitItem | None, whose: str) -> None:
        if limit is None or await self._windows.hit(limit, whose):
            return
        wait_s = limit.get_expiry()
        raise LimitReached(
            f"More than {limit.amount} requests in {wait_s} s; come again in {wait_s} s.",
            retry_after_s=wait_s,
        )
