"""Who holds a conversation: one agent in one language at a time."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from typing_extensions import override

from turnwise.agents.tools import Tool
from turnwise.agents.variables import Variables
from turnwise.base.errors import Error
from turnwise.providers.ports import ListeningOptions, ModelRequest, ToolSpec, VoiceOptions
from turnwise.tools.mcp_definitions import uniquely
from turnwise.turns.commands import StartReply
from turnwise.turns.policy import Policy

Transfer = Mapping[str, Any]
"""One of the `transfers` of `transfer_to_agent`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """An agent as a conversation has it."""

    agent_id: str
    policy: Policy
    ask: Callable[[StartReply], ModelRequest]
    ask_filler: Callable[[], ModelRequest]
    tools: tuple[Tool, ...] = ()
    voice: VoiceOptions = field(default_factory=VoiceOptions)
    listening: ListeningOptions = field(default_factory=ListeningOptions)
    language: str = "en"
    first_message: str = ""
    """Variables filled in."""
    branch_id: str | None = None

    def with_tools(self, more: Iterable[Tool]) -> "Persona":
        """Return the same persona with more tools, under names that it does not know yet."""
        joined = uniquely(more, {tool.name for tool in self.tools})
        specs = [
            ToolSpec(name=t.name, description=t.description, parameters=t.parameters)
            for t in joined
        ]

        def ask(command: StartReply) -> ModelRequest:
            request = self.ask(command)
            return replace(request, tools=[*request.tools, *specs])

        return replace(self, tools=(*self.tools, *joined), ask=ask)


class CannotTakeOver(Error):
    """No other persona can go on with a conversation."""

    code = "cannot_take_over"


class LacksVariables(CannotTakeOver):
    """The persona that should go on needs variables that nobody gave: the conversation ends."""

    code = "missing_dynamic_variable_transfer"  # spec/semantics.md, 8


class Casting(Protocol):
    """Finds other personas for a conversation."""

    async def transferred(
        self, transfer: Transfer, present: Persona, variables: Variables
    ) -> Persona:
        """Return the persona that a transfer leads to.

        Args:
            transfer: As stored.
            present: Who hands over.
            variables: As they are now.

        Raises:
            LacksVariables: If there is one, and it needs variables that nobody gave.
            CannotTakeOver: If there is none, or it cannot go on.
        """

    async def in_language(self, present: Persona, language: str, variables: Variables) -> Persona:
        """Return the present agent in another language.

        Raises:
            CannotTakeOver: If it cannot go on in it.
        """


class NoOthers(Casting):
    """There is the present agent and its language, and nobody else."""

    @override
    async def transferred(
        self, transfer: Transfer, present: Persona, variables: Variables
    ) -> Persona:
        raise CannotTakeOver("There are no other agents here.")

    @override
    async def in_language(self, present: Persona, language: str, variables: Variables) -> Persona:
        raise CannotTakeOver("This agent has no other language.")


async def _at_once() -> None:
    """Wait for nothing."""


class Stage:
    """The personas of one conversation, by the name that the engine has for each."""

    def __init__(
        self,
        first: Persona,
        on_switch: Callable[[Persona], None],
        ready: Callable[[], Awaitable[None]] = _at_once,
    ) -> None:
        """Begin with one.

        Args:
            first: Who begins.
            on_switch: Told when another goes on, or the same with more tools.
            ready: Waits for what a persona needs before it thinks, and not for long.
        """
        self.present = first
        self._on_switch = on_switch
        self._ready = ready
        self._known: dict[str, Persona] = {}

    def admit(self, persona: Persona) -> str:
        """Take in a persona that may go on later; return its name."""
        number = len(self._known) + 2
        name = f"{persona.agent_id}:{number}"
        self._known[name] = persona
        return name

    def switch(self, name: str) -> Persona:
        """Go on with a persona that was taken in, and return it."""
        self.present = self._known[name]
        self._on_switch(self.present)
        return self.present

    def equip(self, agent_id: str, tools: Iterable[Tool]) -> bool:
        """Give all personas of an agent more tools; return whether it is on the stage."""
        more = tuple(tools)
        for name, persona in self._known.items():
            if persona.agent_id == agent_id:
                self._known[name] = persona.with_tools(more)
        if self.present.agent_id != agent_id:
            return False
        self.present = self.present.with_tools(more)
        self._on_switch(self.present)
        return True

    async def ask(self, command: StartReply) -> ModelRequest:
        """Return the request for a reply of whoever is on the stage."""
        await self._ready()
        return self.present.ask(command)

    def ask_filler(self) -> ModelRequest:
        """Return the request for a filler of whoever is on the stage."""
        return self.present.ask_filler()
