"""How fairly a port is shared by worker processes, and what sharing costs.

    python benchmarks/workers.py                  # spread and cost, some two minutes
    python benchmarks/workers.py --calls 200      # calls of each worker

Spread: 200 clients connect and say nothing, all at once and one after the other; each worker says
how many it has, where all listen on one socket and where each has its own (`SO_REUSEPORT`, what
`turnwise serve` does).

Cost: one worker holds N calls, then two hold N each. All hear noise in real time. What is compared
is the CPU time of the workers for a second of a call, from the figures of the kernel: other
programs on the machine, the clients among them, do not count in it. Two workers carry twice as many
calls as one if a call costs the same with two.
"""

import argparse
import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import numpy as np
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from turnwise.cli.workers import Crew, spread
from turnwise.main import claim, listen, prepare_house
from turnwise.settings import Settings, load

INIT = json.dumps({"type": "conversation_initiation_client_data"})
CHUNK_MS = 100
PORT = 18_517


def serve(data: Path, workers: int, *, shared: bool) -> None:
    """Be the server."""
    settings: Settings = load(
        {"data": data, "port": PORT, "workers": workers, "stt": "scripted", "tts": "scripted"},
        {"TURNWISE_LAG_LIMIT_MS": "0", "TURNWISE_LOG_LEVEL": "error"},
        None,
    )
    with listen(settings) as listening, claim(data):
        first = asyncio.run(prepare_house(settings))
        (data / "agent").write_text(first.agent_id)
        sockets = [listening] * workers if shared else spread(listening, workers)
        sys.exit(Crew(settings, sockets).run())


@contextmanager
def server(workers: int, *, shared: bool = False) -> Iterator[str]:
    """Run a server in processes of its own; yield the address of its conversation socket."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--serve", folder, "--workers", str(workers)]
        process = subprocess.Popen([*command, *(["--shared"] if shared else [])])
        try:
            while len(figures("turnwise_live_calls")) < workers:
                assert process.poll() is None, "the server did not start"
                time.sleep(0.2)
            agent = (Path(folder) / "agent").read_text()
            yield f"ws://127.0.0.1:{PORT}/v1/convai/conversation?agent_id={agent}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def figures(name: str) -> dict[str, float]:
    """Return one of the figures of all workers, by worker."""
    try:
        with urlopen(f"http://127.0.0.1:{PORT}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    return {
        sample.labels.get("worker", ""): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


async def call(url: str, stack: AsyncExitStack) -> ClientConnection:
    connection = await stack.enter_async_context(connect(url, compression=None, open_timeout=60))
    await connection.send(INIT)
    return connection


async def hear(connection: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        async for _ in connection:
            pass


async def talk(connection: ClientConnection, until: float) -> None:
    noise = np.random.default_rng(1).normal(0, 200, 16 * CHUNK_MS).astype("<i2").tobytes()
    message = json.dumps({"user_audio_chunk": base64.b64encode(noise).decode()})
    due = time.monotonic() + np.random.default_rng().uniform(0, CHUNK_MS / 1000)
    while due < until:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        await connection.send(message)
        due += CHUNK_MS / 1000


async def hold(url: str, calls: int, seconds: float) -> tuple[dict[str, float], float]:
    """Return how many calls each worker had, and the CPU of a second of a call, in ms."""
    async with AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        held = [await call(url, stack) for _ in range(calls)]
        listeners = [tasks.create_task(hear(each)) for each in held]
        until = time.monotonic() + seconds + 4
        talkers = [tasks.create_task(talk(each, until)) for each in held]
        await asyncio.sleep(4)
        before, began = sum(figures("process_cpu_seconds_total").values()), time.monotonic()
        await asyncio.wait(talkers)
        spent = sum(figures("process_cpu_seconds_total").values()) - before
        cost = spent / (time.monotonic() - began) / calls * 1000
        found = figures("turnwise_live_calls")
        for each in listeners:
            each.cancel()
    return found, cost


async def crowd(url: str, count: int, *, at_once: bool) -> dict[str, float]:
    """Return how many of so many clients each worker has."""
    async with AsyncExitStack() as stack:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(count):
                task = tasks.create_task(call(url, stack))
                if not at_once:
                    await task
        until = time.monotonic() + 60
        while sum((found := figures("turnwise_live_calls")).values()) < count:
            assert time.monotonic() < until, found
            await asyncio.sleep(0.5)
    return found


def shown(found: dict[str, float]) -> str:
    return " + ".join(f"{value:.0f}" for _, value in sorted(found.items()))


def measure(calls: int, seconds: float) -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for shared in (True, False):
        with server(2, shared=shared) as url:
            for at_once in (True, False):
                found = asyncio.run(crowd(url, 200, at_once=at_once))
                how = "at once" if at_once else "one after the other"
                which = "one socket" if shared else "own sockets"
                print(f"{which}, 200 calls {how}: {shown(found)}", flush=True)
                while sum(figures("turnwise_live_calls").values()):
                    time.sleep(0.2)
    costs = []
    for workers, count in ((1, calls), (2, 2 * calls)):
        with server(workers) as url:
            found, cost = asyncio.run(hold(url, count, seconds))
        costs.append(cost)
        print(f"{workers} workers {count:4} calls ({shown(found)}): {cost:.2f} ms of CPU a second")
    print(f"two workers carry {2 * costs[0] / costs[1]:.2f} times what one does")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=60, help="of each worker")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--shared", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve(chosen.serve, chosen.workers, shared=chosen.shared)
    else:
        measure(chosen.calls, chosen.seconds)


if __name__ == "__main__":
    main()
