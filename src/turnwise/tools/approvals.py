"""Asking the user, through the client, whether a tool may run."""

import asyncio

APPROVAL_S = 300
"""How long the user may think about it."""


class Approvals:
    """Whom the tools of one conversation wait for before they run."""

    def __init__(self) -> None:
        """Wait for nobody yet."""
        self._asked: dict[str, asyncio.Future[bool]] = {}

    async def of(self, call_id: str) -> bool:
        """Return whether the user approves of a call, once they said so.

        Raises:
            TimeoutError: If they say nothing in time.
        """
        waiting: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._asked[call_id] = waiting
        try:
            async with asyncio.timeout(APPROVAL_S):
                return await waiting
        finally:
            del self._asked[call_id]

    def decide(self, call_id: str, *, approved: bool) -> None:
        """Take in what the user says; of a call that nobody asked about it says nothing."""
        waiting = self._asked.get(call_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(approved)

    def close(self) -> None:
        """Wait no more: what the user did not approve of is not approved."""
        for call_id in self._asked:
            self.decide(call_id, approved=False)
