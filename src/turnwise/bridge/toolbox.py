"""The operator's own tools: found by name in a registry, run in this process, reported."""

import asyncio
import importlib
import inspect
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson

from turnwise.base.errors import ConfigError

Json = dict[str, Any]
Tool = Callable[[Json], Any]
"""Takes the arguments by name; what it returns becomes text. It may be a coroutine function."""

_REPORT_S = 2.0

log = logging.getLogger(__name__)


def registry(reference: str) -> Mapping[str, Tool]:
    """Return the tools that `module:name` refers to; the working folder is looked in first.

    Raises:
        ConfigError: If they cannot be imported, or are no tools by name.
    """
    module_name, _, name = reference.partition(":")
    if not module_name or not name:
        raise ConfigError(f"--tools is {reference!r}; it should be like app.tools:REGISTRY")
    sys.path.insert(0, "")
    try:
        found = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"--tools {reference}: {error}") from error
    finally:
        sys.path.remove("")
    if not isinstance(found, Mapping) or not all(callable(tool) for tool in found.values()):
        raise ConfigError(f"--tools {reference}: it should be functions by the names of the tools")
    return found


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool answered."""

    text: str
    """For the agent: the protocol takes nothing else."""
    result: Any
    """As the tool returned it."""
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """Tells an engine which tools ran: they are not in the sound that it judges."""

    engine_url: str
    simulation_id: str
    """Empty: there is nobody to tell."""

    async def send(self, name: str, arguments: Mapping[str, Any], result: object) -> None:
        """Tell of one call; an engine that does not answer changes nothing."""
        if not self.simulation_id:
            return
        data: Json = {"name": name, "arguments": arguments}
        if result is not None:
            data["result"] = result
        event = {"service": "agent", "event_type": "agent_tool_call", "data": data}
        url = f"{self.engine_url.rstrip('/')}/simulations/{self.simulation_id}/events"
        headers = {"content-type": "application/json"}
        try:
            async with httpx2.AsyncClient(timeout=_REPORT_S) as client:
                told = await client.post(url, content=_json(event), headers=headers)
            told.raise_for_status()
        except (httpx2.HTTPError, httpx2.InvalidURL, TypeError) as error:
            log.warning("a tool call was not reported: %s", type(error).__name__)


class Toolbox:
    """Runs tools, each beside the conversation and to its end, even if that comes later."""

    def __init__(
        self, tools: Mapping[str, Tool], reports: Reports, tasks: asyncio.TaskGroup
    ) -> None:
        self._tools = tools
        self._reports = reports
        self._tasks = tasks

    def start(
        self,
        name: str,
        parameters: Mapping[str, Any],
        answer: Callable[[Answer], Awaitable[None]],
    ) -> None:
        """Begin to run a tool.

        Args:
            name: Of the tool.
            parameters: As the agent gave them.
            answer: Called with what came of it; a failure is an answer too.
        """
        # the official SDK puts the call's id beside the arguments; it is none
        arguments = {key: value for key, value in parameters.items() if key != "tool_call_id"}
        self._tasks.create_task(self._run(name, arguments, answer))

    async def _run(
        self, name: str, arguments: Json, answer: Callable[[Answer], Awaitable[None]]
    ) -> None:
        found = await self._found(name, arguments)
        await answer(found)
        await self._reports.send(name, arguments, found.result)

    async def _found(self, name: str, arguments: Json) -> Answer:
        tool = self._tools.get(name)
        if tool is None:
            told = f"Tool '{name}' is not registered"
            return Answer(told, {"error": told}, failed=True)
        try:
            # a plain function may block, and its database does
            result = await asyncio.to_thread(tool, dict(arguments))
            if inspect.isawaitable(result):
                result = await result
            return Answer(result if isinstance(result, str) else _json(result).decode(), result)
        except Exception as error:  # noqa: BLE001 - the operator's code, whatever it raises
            log.warning("tool %s failed: %s", name, type(error).__name__)
            told = f"Client tool execution failed: {error}"
            return Answer(told, {"error": str(error)}, failed=True)


def _json(value: object) -> bytes:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
