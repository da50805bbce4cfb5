"""Real MCP servers on loopback, asked by the official client."""

import pytest

from outgoing.mcp_rig import PATHS, serving
from outgoing.outgoing_rig import answer, listening
from turnwise.outgoing import (
    Outgoing,
    OutgoingError,
    OutgoingFailed,
    OutgoingRefused,
    OutgoingTimeout,
    Policy,
)
from turnwise.outgoing.mcp_servers import McpServer, Transport, connected, list_tools

pytestmark = pytest.mark.anyio
OPEN = Policy(allow_private=True)


@pytest.mark.parametrize("transport", PATHS)
async def test_tools_are_listed_and_called(transport: Transport) -> None:
    outgoing = Outgoing(OPEN)
    async with serving(transport) as url:
        server = McpServer(url=url, transport=transport, seconds=10)
        (tool,) = await list_tools(outgoing, server)
        assert tool["name"] == "forecast"
        assert tool["description"] == "Tells the weather."
        assert tool["inputSchema"]["required"] == ["city"]
        async with connected(outgoing, server) as client:
            result = await client.call_tool("forecast", {"city": "Bath"})
        assert "Bath: 1 days of rain" in str(result.content)
    await outgoing.aclose()


@pytest.mark.parametrize("transport", PATHS)
async def test_a_server_in_the_private_network_is_refused(transport: Transport) -> None:
    outgoing = Outgoing(Policy())
    async with listening() as canary:
        url = f"http://127.0.0.1:{canary.port}{PATHS[transport]}"
        with pytest.raises(OutgoingRefused):
            await list_tools(outgoing, McpServer(url=url, transport=transport, seconds=5))
    await outgoing.aclose()
    assert canary.connections == 0


@pytest.mark.parametrize("transport", PATHS)
async def test_what_is_no_mcp_server_is_a_failure(transport: Transport) -> None:
    outgoing = Outgoing(OPEN)
    page = answer(b"<html>", "content-type: text/html")
    async with listening(lambda _head: page) as server:
        url = f"http://127.0.0.1:{server.port}/"
        with pytest.raises(OutgoingError):
            await list_tools(outgoing, McpServer(url=url, transport=transport, seconds=5))
    refused = answer(b"", status="401 Unauthorized")
    async with listening(lambda _head: refused) as server:
        url = f"http://127.0.0.1:{server.port}/"
        with pytest.raises(OutgoingFailed):
            await list_tools(outgoing, McpServer(url=url, transport=transport, seconds=5))
    with pytest.raises(OutgoingError):
        await list_tools(outgoing, McpServer(url="nonsense", transport=transport, seconds=5))
    await outgoing.aclose()


@pytest.mark.parametrize("transport", PATHS)
async def test_a_server_that_does_not_answer_is_given_up(transport: Transport) -> None:
    outgoing = Outgoing(OPEN)
    async with listening(lambda _head: [b""] * 500) as server:
        url = f"http://127.0.0.1:{server.port}/"
        with pytest.raises((OutgoingTimeout, OutgoingFailed)):
            await list_tools(outgoing, McpServer(url=url, transport=transport, seconds=0.3))
    await outgoing.aclose()
