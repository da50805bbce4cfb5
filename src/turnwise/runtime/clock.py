"""The clock of one conversation."""

import asyncio

from turnwise.base.units import Millis


class SessionClock:
    """Counts milliseconds since the conversation began, by the event loop's clock."""

    def __init__(self) -> None:
        """Begin now, in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()

    def now(self) -> Millis:
        """Return the milliseconds since the conversation began."""
        return Millis(int((self._loop.time() - self._began) * 1000))

    async def sleep_until(self, at: Millis) -> None:
        """Return when it is `at`, or at once if that is past."""
        await asyncio.sleep(max(0, at - self.now()) / 1000)
