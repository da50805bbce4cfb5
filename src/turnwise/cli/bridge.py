"""`turnwise bridge`: agents on channels of others."""

import asyncio
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from turnwise.base.errors import ConfigError
from turnwise.cli.talk_server import checked_url

if TYPE_CHECKING:
    from turnwise.bridge.agents import AgentServer

bridge = typer.Typer(help="Bring an agent to a channel of others.", no_args_is_help=True)

Url = Annotated[
    str, typer.Option(envvar="TURNWISE_URL", help="The agent's server; the hosted one works too.")
]
Key = Annotated[
    str,
    typer.Option(
        envvar=["TURNWISE_API_KEY", "ELEVENLABS_API_KEY"],
        help="Its API key; without one: the agent is public.",
    ),
]
AgentId = Annotated[
    str, typer.Option(envvar="AGENT_ID", help="Without one: made from --agent and shown.")
]
Agent = Annotated[Path | None, typer.Option(help="The agent as JSON, for the first start.")]
Tools = Annotated[
    str, typer.Option(metavar="MODULE:NAME", help="Your functions, by the names of client tools.")
]
Protocol = Annotated[str, typer.Option(help="As in veris.yaml: binary or json.")]
EngineUrl = Annotated[str, typer.Option(envvar="ENGINE_URL", help="Where tool calls are reported.")]
SimulationId = Annotated[
    str, typer.Option(envvar="SIMULATION_ID", help="Without one nothing is reported.")
]


@bridge.callback()
def options() -> None:
    """Bring an agent to a channel of others."""


@bridge.command()
def veris(
    *,
    url: Url = "http://127.0.0.1:8017",
    api_key: Key = "",
    agent_id: AgentId = "",
    agent: Agent = None,
    tools: Tools = "",
    protocol: Protocol = "binary",
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "0.0.0.0",  # noqa: S104 - a container's own
    port: Annotated[int, typer.Option(help="0 takes any free one.")] = 8008,
    path: Annotated[str, typer.Option(help="Of the channel's URL.")] = "/voice",
    engine_url: EngineUrl = "http://localhost:6100",
    simulation_id: SimulationId = "",
) -> None:
    """Serve the channel `voice_ws` of Veris: int16 mono at 24 kHz, the agent speaks first."""
    # `--help` needs none of it
    from turnwise.bridge.actor import protocol_named  # noqa: PLC0415
    from turnwise.bridge.agents import AgentServer  # noqa: PLC0415
    from turnwise.bridge.channel import Channel  # noqa: PLC0415
    from turnwise.bridge.toolbox import Reports, Toolbox, registry  # noqa: PLC0415

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # its lines name signed URLs
    spoken = protocol_named(protocol)
    functions = registry(tools) if tools else {}
    server = AgentServer(checked_url(url), api_key)
    document = {} if agent_id else _read(agent)

    async def serve() -> None:
        pinned = agent_id or await _made(server, document)
        reports = Reports(engine_url=engine_url, simulation_id=simulation_id)
        async with asyncio.TaskGroup() as tasks:
            toolbox = Toolbox(functions, reports, tasks)
            channel = Channel(
                server=server, agent_id=pinned, protocol=spoken, toolbox=toolbox, path=path
            )
            listening = await channel.listen(host, port)
            typer.echo(f"The channel is at ws://{host}:{_port(listening)}{path}")
            await listening.serve_forever()

    try:
        asyncio.run(serve())
    except KeyboardInterrupt:
        raise typer.Exit from None


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        raise ConfigError("no agent: give --agent-id (or AGENT_ID), or --agent to make one")
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"--agent {file}: {error}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"--agent {file}: it should be an object with conversation_config")
    return document


async def _made(server: "AgentServer", document: dict[str, Any]) -> str:
    """Make an agent; return its id, and show it so that it can be pinned."""
    agent_id = await server.create(document)
    typer.echo(f"Made an agent. Keep it for the next start: AGENT_ID={agent_id}")
    return agent_id


def _port(server: Any) -> int:  # noqa: ANN401 - websockets is imported when it is needed
    port: int = next(iter(server.sockets)).getsockname()[1]
    return port
