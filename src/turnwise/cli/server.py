"""The HTTP server, as `turnwise serve` runs it: it lets calls come to their end before it goes."""

import asyncio
from typing import TYPE_CHECKING

import uvicorn
from typing_extensions import override

from turnwise.main import Application, uvicorn_options

if TYPE_CHECKING:
    import socket

    from turnwise.settings import Settings

LOOK_S = 0.1
"""Between two looks whether somebody cannot wait."""


class Server(uvicorn.Server):
    """Serves until it is told to stop; told twice with Ctrl-C, it stops at once."""

    def __init__(self, settings: "Settings", worker: int = 0) -> None:
        """Get ready.

        Args:
            settings: What the operator chose.
            worker: The number of this process.
        """
        self._application = Application(settings, worker=worker)
        super().__init__(uvicorn.Config(self._application, **uvicorn_options(settings)))

    @override
    async def shutdown(self, sockets: "list[socket.socket] | None" = None) -> None:
        """Wait for the calls while new ones are told to go elsewhere; then close everything."""
        async with asyncio.TaskGroup() as tasks:
            draining = tasks.create_task(self._application.drain())
            while not draining.done():
                if self.force_exit:
                    draining.cancel()
                await asyncio.sleep(LOOK_S)
        await super().shutdown(sockets)
