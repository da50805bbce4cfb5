"""Holding the conversation of `turnwise talk`, from the choice of the server to the last line."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from turnwise.audio.speech_gate import Offset, Onset
from turnwise.cli.talk_call import Call
from turnwise.cli.talk_display import Display
from turnwise.cli.talk_server import Found, Server, checked_url, find_agent, server_here
from turnwise.cli.talk_sound import Ear, FileSource, Loudspeaker, Microphone, Speaker, Track
from turnwise.settings import Settings

GREETING_S = 2.0
"""How long the agent's first message may take to begin."""
ANSWER_S = 15.0
"""How long a spoken turn waits for its answer."""
WRITTEN_ANSWER_S = 60.0
"""How long a typed turn waits: models that run here may take their time."""
REST_S = 1.0
"""How long it must be quiet after the last answer."""
BREATH_S = 0.1
"""How long nothing must follow a typed answer: the agent may be about to hang up."""
HUNG_UP = "you hung up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How it is talked."""

    source: FileSource | Microphone | None
    """Of the user's sound; None: it is typed."""
    output: Path | None
    at_once: bool


def source_of(path: Path | None) -> FileSource | Microphone:
    """Return the file as the user's sound, or the microphone where there is none.

    Raises:
        ConfigError: If it cannot be had.
    """
    return Microphone() if path is None else FileSource(path)


def hold(agent: str, url: str | None, settings: Settings, manner: Manner) -> bool:
    """Hold a conversation, and show it; return whether it went well to its end.

    Args:
        agent: Id or name; empty: the sample agent, or the first one.
        url: The server; None: the one of this machine, or one in this process.
        settings: Of this machine; the key of the server is in them.
        manner: How it is talked.

    Raises:
        ConfigError: If it cannot begin.
    """
    display = _display(manner)
    with _server(url, settings) as server:
        found = find_agent(server, agent, settings)
        return asyncio.run(_hold(server, found, manner, display))


@contextmanager
def _server(url: str | None, settings: Settings) -> Iterator[Server]:
    """Choose the server: the one that was named, the one that runs here, or one of our own."""
    if url is not None:
        yield Server(checked_url(url), settings.api_key)
        return
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104
    usual = Server(f"http://{host}:{settings.port}", settings.api_key)
    if settings.port and usual.is_reachable():
        yield usual
        return
    with server_here(settings) as server:
        yield server


def _display(manner: Manner) -> Display:
    if manner.source is None:
        return Display(typing=sys.stdin.isatty() and sys.stdout.isatty())
    return Display(live=sys.stdout.isatty())


async def _hold(server: Server, found: Found, manner: Manner, display: Display) -> bool:
    """Hold the conversation; return whether it went well."""
    how = HUNG_UP
    began = asyncio.get_running_loop().time()
    call = Call(found.address, display, text_only=manner.source is None)
    speaker: Speaker | None = None
    try:
        async with call:
            display.began(found.name, server.url)
            if manner.source is None:
                how = await call.hold(_type(call, display, began))
            else:
                speaker = _speaker(call, manner, display)
                call.let_hear(speaker)
                how = await call.hold(_speak(call, manner, display, began))
    except asyncio.CancelledError:  # Ctrl-C; the socket was closed on the way here
        pass
    finally:
        if speaker is not None:
            speaker.close()
    display.ended(how, call.course.conversation_id, call.course.latencies_s)
    return not call.course.failure


# --- in text ------------------------------------------------------------------------------------


async def _type(call: Call, display: Display, began: float) -> str:
    """Send line after line, each after the answer to the one before; return why it is over."""
    lines = _lines()
    await call.course.answered(began, asyncio.get_running_loop().time() - began + GREETING_S)
    while True:
        display.prompt()
        line = await lines.get()
        if line is None:
            return HUNG_UP
        if not line.strip():
            continue
        display.user_wrote(line.strip())
        asked = asyncio.get_running_loop().time()
        await call.say(line.strip())
        await call.course.answered(asked, WRITTEN_ANSWER_S, BREATH_S)


def _lines() -> asyncio.Queue[str | None]:
    """Return the lines of the standard input as they come, None at its end."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def give(line: str | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(lines.put_nowait, line)

    # a thread of its own: nothing else can be read without waiting on every kind of input
    Thread(target=_read_lines, args=(give,), daemon=True).start()
    return lines


def _read_lines(give: Callable[[str | None], None]) -> None:
    try:
        number = sys.stdin.fileno()
    except (OSError, ValueError):  # no file: in tests
        for line in sys.stdin:
            give(line)
    else:
        # not through sys.stdin: Python locks it when it exits, while this thread still waits
        with open(number, encoding="utf-8", errors="replace", closefd=False) as file:
            for line in file:
                give(line)
    give(None)


# --- by voice -----------------------------------------------------------------------------------


def _speaker(call: Call, manner: Manner, display: Display) -> Speaker:
    """Return where the agent's sound goes."""
    rate_hz = call.output_format.rate_hz
    track = Track(manner.output, rate_hz, asyncio.get_running_loop().time)
    display.standing.agent_is_heard = lambda: track.left_s() > 0
    return Loudspeaker(track, rate_hz) if isinstance(manner.source, Microphone) else track


async def _speak(call: Call, manner: Manner, display: Display, began: float) -> str:
    """Send sound; return why it is over: a microphone never has enough."""
    assert manner.source is not None
    ear = Ear(call.input_format.rate_hz)
    try:
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(_send(call, manner.source, ear, display))
            if isinstance(manner.source, Microphone):
                await sending
            assert isinstance(manner.source, FileSource)
            how = await _say_file(call, manner.source, ear, None if manner.at_once else began)
            sending.cancel()
            return how
    finally:
        await ear.aclose()


async def _send(call: Call, source: FileSource | Microphone, ear: Ear, display: Display) -> None:
    clock = asyncio.get_running_loop().time
    async for samples in source.chunks(call.input_format.rate_hz):
        await call.send_sound(samples)
        match await ear.hear(samples, clock()):
            case Onset():
                call.course.asks(None)
                display.user_speaks(speaking=True)
            case Offset():
                call.course.asks(ear.stopped_at)
                display.user_speaks(speaking=False)
            case None:
                pass


async def _say_file(call: Call, source: FileSource, ear: Ear, began: float | None) -> str:
    """Let the file be said and wait for the answer.

    Args:
        call: Where.
        source: The file.
        ear: Knows when its last word ended.
        began: Since when the agent may say its first message; None: that is not waited for.
    """
    clock = asyncio.get_running_loop().time
    if began is not None:
        await call.course.answered(began, clock() - began + GREETING_S)
    source.begin.set()
    await source.said.wait()
    ended = clock()
    await ear.quiet.wait()
    stopped = ear.stopped_at if ear.stopped_at is not None else ended
    if await call.course.answered(stopped, clock() - stopped + ANSWER_S, REST_S):
        return "the file was said and answered"
    call.course.failure = f"no answer within {ANSWER_S:.0f} s of the end of the file"
    return call.course.failure
