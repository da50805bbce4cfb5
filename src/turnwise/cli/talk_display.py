"""What `turnwise talk` shows: a line for all that is said; below, on a terminal, how it stands."""

import time
from collections.abc import Callable, Sequence
from statistics import median

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text


class Standing:
    """Shows below the lines who is speaking, and how fast the last answer came."""

    def __init__(self, console: Console) -> None:
        """Show nothing yet."""
        self.agent_is_heard: Callable[[], bool] = lambda: False
        """Tells whether the agent's sound is playing."""
        self.user_speaks = False
        self.tentative = ""
        self.latency_s: float | None = None
        """Of the last answer; None: there was none."""
        self.interruptions = 0
        self._began = time.monotonic()
        self._live = Live(
            get_renderable=self._rendered, console=console, refresh_per_second=10, transient=True
        )

    def start(self) -> None:
        """Show it from now on."""
        self._began = time.monotonic()
        self._live.start()

    def stop(self) -> None:
        """Show it no more."""
        self._live.stop()

    def _rendered(self) -> Group:
        if self.user_speaks:
            who = Text("● you speak", style="cyan bold")
        elif self.agent_is_heard():
            who = Text("● the agent speaks", style="green bold")
        else:
            who = Text("○ silence", style="dim")
        seconds = int(time.monotonic() - self._began)
        parts = [f"{seconds // 60:02}:{seconds % 60:02}"]
        if self.latency_s is not None:
            parts.append(f"last answer after {self.latency_s:.2f} s")
        if self.interruptions:
            parts.append(f"interruptions: {self.interruptions}")
        parts.append("Ctrl-C hangs up")
        words = Text(f"       {self.tentative}", style="cyan italic")
        return Group(words, who, Text(" · ".join(parts), style="dim"))


class Display:
    """Is told what happens, and shows it."""

    def __init__(self, *, typing: bool = False, live: bool = False) -> None:
        """Show nothing yet.

        Args:
            typing: Whether the user's lines are on the screen already, because a person types them.
            live: Whether to show, below the lines, how it stands: needs a terminal.
        """
        self.console = Console(highlight=False, soft_wrap=True, emoji=False)
        self.standing = Standing(self.console)
        self._live = live
        self._typing = typing
        self._open = ""  # who has an unfinished line
        self._streamed = False  # whether the words of the reply were shown as they came
        self._latency_s: float | None = None

    def began(self, agent: str, place: str) -> None:
        """Say to whom the user talks."""
        self._print(Text.assemble("Talking to ", (agent, "bold"), f" at {place}"))
        if self._live:
            self.standing.start()

    def prompt(self) -> None:
        """Ask the user to type."""
        if self._typing:
            self._begin("you")

    def user_speaks(self, *, speaking: bool) -> None:
        """Take in that the user begins or stops to make a sound."""
        self.standing.user_speaks = speaking

    def user_wrote(self, text: str) -> None:
        """Show a typed turn, unless it is there."""
        self._streamed = False
        if self._typing:
            self._open = ""  # the return key ended the line
        else:
            self._line("you", text)

    def tentative(self, text: str) -> None:
        """Show what the user seems to be saying."""
        self.standing.tentative = text

    def user_said(self, text: str) -> None:
        """Show a spoken turn."""
        self.standing.tentative = ""
        self._line("you", text)

    def agent_writes(self, text: str) -> None:
        """Show words of a reply as they come."""
        if self._open != "agent":
            self._begin("agent")
        self._streamed = True
        self.console.print(Text(text), end="")
        self.console.file.flush()

    def agent_said(self, text: str) -> None:
        """Show a reply, or end the line of one that was shown as it came."""
        if self._streamed:
            self.agent_finished()
        else:
            self._line("agent", text)
        self._tell_latency()

    def agent_finished(self) -> None:
        """End the line of a reply."""
        if self._open == "agent":
            self._finish_line()
        self._streamed = False
        self._tell_latency()

    def answered(self, latency_s: float) -> None:
        """Take in how long the user waited: shown below the words, which are still to come."""
        self.standing.latency_s = self._latency_s = latency_s

    def interrupted(self) -> None:
        """Show that the user interrupted the agent."""
        self.standing.interruptions += 1
        self._aside("interrupted")

    def corrected(self, heard: str) -> None:
        """Show what was heard of a reply that was interrupted."""
        self._aside(f"heard until then: {heard}" if heard else "nothing was heard of it")

    def tool(self, name: str) -> None:
        """Show that the agent used a tool."""
        self._aside(f"used the tool {name}")

    def ended(self, how: str, conversation_id: str, latencies_s: Sequence[float]) -> None:
        """Say how it ended, and how fast the answers were."""
        self.standing.stop()
        self._print(Text.assemble(("Ended: ", "bold"), how))
        facts = [conversation_id]
        if latencies_s:
            turns = len(latencies_s)
            facts.append(f"answers after {median(latencies_s):.2f} s (median of {turns})")
        if self.standing.interruptions:
            facts.append(f"interruptions: {self.standing.interruptions}")
        self._print(Text(", ".join(facts), style="dim"))

    def _tell_latency(self) -> None:
        if self._latency_s is not None:
            self._aside(f"after {self._latency_s:.2f} s")
            self._latency_s = None

    def _aside(self, text: str) -> None:
        self._print(Text(f"       ({text})", style="dim"))

    def _line(self, who: str, text: str) -> None:
        self._print(Text.assemble(_name(who), text))

    def _begin(self, who: str) -> None:
        self._finish_line()
        self.console.print(_name(who), end="")
        self._open = who

    def _finish_line(self) -> None:
        if self._open:
            self.console.print()
            self._open = ""

    def _print(self, text: Text) -> None:
        self._finish_line()
        self.console.print(text)


def _name(who: str) -> Text:
    style = "cyan" if who == "you" else "green"
    return Text(f"{who}:".ljust(7), style=f"bold {style}")
