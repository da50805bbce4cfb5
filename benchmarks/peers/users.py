"""The same users for a framework that runs in this process, without any network between them.

A framework's script gives a `Session` class; `main` holds many of them at once, lets the users of
`turnwise.testing.load` talk to them, and prints the figures as JSON. What the users themselves cost
is part of the process, and so of the figures; run as a script, this module shows how much it is.
"""

import argparse
import asyncio
import json
import os
import resource
import sys
import time
from pathlib import Path
from random import Random
from typing import Protocol

import numpy as np
import uvloop
from peers import work

from turnwise.audio.formats import parse_format
from turnwise.testing.load.beats import Beats
from turnwise.testing.load.caller import Speaker
from turnwise.testing.load.plan import TAIL_S, Plan
from turnwise.testing.load.report import Level
from turnwise.testing.load.speech import Utterance, bounds
from turnwise.testing.load.tally import Tally
from turnwise.testing.load.usage import Usage

RATE_HZ = 16_000
WIRE = parse_format("pcm_16000")
GROUPS = 2
"""Of users whose frames come at the same moment."""
SETTLE_S = 2.0
"""Between the last call's opening and the hold: some frameworks open slowly."""


class Hearing(Protocol):
    """What a session tells its user."""

    def sound(self, reply: int, length_s: float) -> None:
        """Sound of a reply came; replies are numbered from 1."""

    def complete(self) -> None:
        """All sound of the newest reply came."""

    def silent(self) -> None:
        """The agent lets itself be interrupted."""


class Session(Protocol):
    """One conversation of a framework."""

    frame_ms: int
    """Length of the frames in which its transports bring sound."""

    def __init__(self, hearing: Hearing) -> None: ...

    async def open(self) -> None:
        """Begin."""

    def feed(self, frame: bytes) -> object:
        """Take a frame of the user's sound, 16-bit mono at `RATE_HZ`."""

    async def close(self) -> None:
        """End."""


class Ear:
    """Passes what a session tells on to its user."""

    def __init__(self) -> None:
        self.speaker: Speaker | None = None

    def sound(self, reply: int, length_s: float) -> None:
        if self.speaker is not None:
            self.speaker.hear(reply, length_s, time.monotonic())

    def complete(self) -> None:
        if self.speaker is not None:
            self.speaker.answer("agent_response_complete", {}, time.monotonic())

    def silent(self) -> None:
        if self.speaker is not None:
            self.speaker.fall_silent(time.monotonic())


class Nobody:
    """A session that does nothing: what is left is the cost of the users."""

    frame_ms = 20

    def __init__(self, hearing: Hearing) -> None:
        pass

    async def open(self) -> None:
        pass

    def feed(self, frame: bytes) -> object:
        return frame

    async def close(self) -> None:
        pass


def cut(plan: Plan, frame_ms: int) -> Utterance:
    """Cut what is said into frames of plain sound."""
    step = RATE_HZ * frame_ms // 1000
    first, last = bounds(plan.speech)
    padded = np.pad(plan.speech, (0, -len(plan.speech) % step))
    return Utterance(
        messages=tuple(padded[at : at + step].tobytes() for at in range(0, len(padded), step)),
        silence=bytes(2 * step),
        chunk_s=frame_ms / 1000,
        onset_s=first / RATE_HZ,
        end_s=last / RATE_HZ,
    )


async def hold(make: type[Session], plan: Plan) -> Level:
    """Hold all calls; return how they went."""
    first = make(Ear())  # what frameworks load with their first call is no cost of the others
    await first.open()
    await first.close()
    idle = usage()
    opens_at = time.monotonic()
    begins_at = opens_at + plan.ramp_s + SETTLE_S
    tally = Tally(begins_at, begins_at + plan.hold_s)
    said = cut(plan, make.frame_ms)
    beats = Beats(said.chunk_s, tally, GROUPS)
    seconds: list[tuple[float, Usage]] = []

    async def watch() -> None:
        for second in (0.0, plan.hold_s):
            await _until(begins_at + second)
            seconds.append((time.monotonic() - begins_at, usage()))

    async def user(number: int) -> None:
        ear = Ear()
        session = make(ear)
        await _until(opens_at + plan.ramp_s * number / plan.calls)
        await session.open()
        rng = Random(number)  # noqa: S311 - varies pauses
        opened_at = time.monotonic()
        speaker = Speaker(plan, tally, session.feed, opened_at, rng, said, WIRE)
        ear.speaker = speaker
        with beats.joined(speaker.tick):
            await _until(tally.ends_at + TAIL_S)
        speaker.finish(time.monotonic())
        await session.close()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch())
        beating = tasks.create_task(beats.run())
        async with asyncio.TaskGroup() as users:
            for number in range(plan.calls):
                users.create_task(user(number))
        beating.cancel()
    return Level.of(plan, tally, idle, seconds)


async def _until(at: float) -> None:
    await asyncio.sleep(max(0.0, at - time.monotonic()))


def usage() -> Usage:
    used = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return Usage(used.ru_utime + used.ru_stime, pages * resource.getpagesize())


def main(make: type[Session]) -> None:
    """Hold calls as the command line says; print the level as JSON in the last line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--ramp", type=float, default=5.0)
    parser.add_argument("--hold", type=float, default=15.0)
    parser.add_argument("--core", type=int)
    options = parser.parse_args()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    plan = Plan(
        address="",
        calls=options.calls,
        ramp_s=options.ramp,
        hold_s=options.hold,
        reply_s=work.least_reply_s(),
    )
    level = uvloop.run(hold(make, plan))
    print(json.dumps(level.to_plain()), flush=True)
    sys.stdout.flush()
    os._exit(0)  # whatever a framework leaves running


if __name__ == "__main__":
    main(Nobody)
