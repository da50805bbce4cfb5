from collections.abc import AsyncIterator

import pytest

from providers.provider_rig import ScriptedServer
from providers.socket_rig import SocketServer


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as running:
        yield running


@pytest.fixture
def sockets(server: ScriptedServer) -> SocketServer:
    return server.sockets
