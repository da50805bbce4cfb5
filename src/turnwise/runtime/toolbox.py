"""Runs what the engine asks for: client tools over the wire, system tools by themselves.

Every call gets an answer: a tool that is not there, or arguments that cannot be read, are answered
with a failure the model can act on.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from turnwise.runtime.conversation import Tell
from turnwise.turns.commands import CallTool
from turnwise.turns.events import CallId, EndAsked, ToolReturned, TurnSkipped

CallClient = Callable[[CallTool, dict[str, Any]], None]
"""Sends a tool call to the client. Never blocks."""
Arguments = dict[str, Any]


class Toolbox:
    """The tools of one conversation."""

    def __init__(self, kinds: Mapping[str, str], call_client: CallClient, tell: Tell) -> None:
        """Offer tools.

        Args:
            kinds: `client`, `system`, `webhook`…, by tool name.
            call_client: How a client tool is called.
            tell: Where answers go.
        """
        self._kinds = kinds
        self._call_client = call_client
        self._tell = tell
        self._open: set[CallId] = set()
        self._system: dict[str, Callable[[CallId, Arguments], None]] = {
            "end_call": self._end_call,
            "skip_turn": self._skip_turn,
            "voicemail_detection": self._voicemail,
        }

    def call(self, command: CallTool) -> None:
        """Run a tool, or begin to."""
        arguments = _parse(command.arguments)
        kind = self._kinds.get(command.name)
        if arguments is None:
            self._fail(command.call, "The arguments are not a JSON object.")
        elif kind == "client":
            self._open.add(command.call)
            self._call_client(command, arguments)
        elif kind == "system" and (run := self._system.get(command.name)) is not None:
            run(command.call, arguments)
        elif kind is None:
            known = ", ".join(sorted(self._kinds)) or "none"
            self._fail(command.call, f"There is no tool {command.name!r}; there are: {known}.")
        else:
            self._fail(command.call, f"The {kind} tool {command.name!r} is not available here.")

    def cancel(self, call: CallId) -> None:
        """Wait no longer for the client's answer."""
        self._open.discard(call)

    def client_answered(self, call: CallId, result: str, *, failed: bool) -> None:
        """Take in the client's answer; one to a call nobody waits for is ignored."""
        if call in self._open:
            self._open.discard(call)
            self._tell(ToolReturned(call, result, failed))

    def _fail(self, call: CallId, reason: str) -> None:
        self._tell(ToolReturned(call, reason, failed=True))

    def _end_call(self, call: CallId, arguments: Arguments) -> None:
        message = arguments.get("message")
        farewell = message if isinstance(message, str) else ""
        self._tell(EndAsked("end_call tool was called.", farewell, call))

    def _skip_turn(self, call: CallId, arguments: Arguments) -> None:
        wait = arguments.get("wait_timeout_secs")
        is_number = isinstance(wait, int | float) and not isinstance(wait, bool) and wait > 0
        self._tell(TurnSkipped(call, int(wait * 1000) if is_number and wait else None))

    def _voicemail(self, call: CallId, arguments: Arguments) -> None:
        message = arguments.get("voicemail_message")
        farewell = message if isinstance(message, str) else ""
        self._tell(EndAsked("voicemail detected.", farewell, call))


def _parse(text: str) -> Arguments | None:
    try:
        arguments = json.loads(text or "{}")
    except ValueError:
        return None
    return arguments if isinstance(arguments, dict) else None
