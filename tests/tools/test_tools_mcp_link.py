"""What a session with an MCP server is never opened with."""

import asyncio

import pytest

from tools.tools_rig import Stock, way_out
from turnwise.agents.variables import Variables
from turnwise.outgoing import ClientCertificate
from turnwise.tools.mcp_definitions import McpSettings
from turnwise.tools.mcp_link import McpLink
from turnwise.tools.ports import Authorisation

pytestmark = pytest.mark.anyio


async def test_a_client_certificate_is_not_left_out_silently() -> None:
    identity = ClientCertificate(certificate="c", key="hush")
    stock = Stock(granted=[Authorisation(headers={}, identity=identity)])
    config = {"url": "https://shop.test/", "auth_connection": {"auth_connection_id": "c1"}}
    settings = McpSettings(server_id="server", config=config)
    async with way_out() as outgoing, asyncio.TaskGroup() as tasks:
        link = McpLink(settings, outgoing, stock, Variables)
        running = tasks.create_task(link.run(lambda: None))
        await link.settled.wait()
        running.cancel()
    assert link.problem == "no client certificate is shown to MCP servers"
    assert not link.is_connected
