"""Calls by LangWatch Scenario, its newest version: the page's own, and some that are harder."""

import asyncio
import json
import logging
import os
import runpy
import sys
import time
from pathlib import Path
from typing import Any

import scenario
from typing_extensions import override

Json = dict[str, Any]

order: Json = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
warnings: list[str] = []


class Listener(logging.Handler):
    @override
    def emit(self, record: logging.LogRecord) -> None:
        warnings.append(record.getMessage())


def adapter(name: str, **options: object) -> Any:  # noqa: ANN401 - the package is not here
    key, url = os.environ["TURNWISE_KEY"], os.environ["TURNWISE_URL"]
    return scenario.ElevenLabsAgentAdapter(order["agents"][name], key, base_url=url, **options)


async def play(agent: Any, *script: object) -> Json:  # noqa: ANN401 - the package is not here
    result = await scenario.run(
        name="acceptance", description="Somebody calls.", agents=[agent], script=list(script)
    )
    return {
        "success": result.success,
        "heard": agent.last_user_transcript,
        "said": agent.last_agent_transcript,
        "hung_up": agent.agent_hung_up,
        "spoken_turns": agent.audio_commit_count,
    }


async def page() -> Json:
    os.environ["AGENT_ID"] = order["agents"]["polite"]
    ran = await asyncio.to_thread(runpy.run_path, order["page"])
    return {"success": ran["result"].success}


async def barge_in() -> Json:
    talk = adapter("talkative")
    return await play(
        talk, scenario.interrupt(order["question"]), scenario.agent(), scenario.succeed()
    )


async def hang_up() -> Json:
    agent = adapter("polite", turn_commit_mode="text")

    async def say_goodbye(_: object) -> None:
        await agent.send_audio(typed("Goodbye!"))

    # the last turn has nobody to talk to
    turns = [scenario.agent(), say_goodbye, scenario.agent(), scenario.agent()]
    return await play(agent, *turns, scenario.succeed())


def typed(text: str) -> Any:  # noqa: ANN401 - the package is not here
    return scenario.AudioChunk(b"\0\0" * 240, text)


async def in_writing() -> Json:
    """The turn is typed: `user_message`; nothing is said."""
    agent = adapter("polite", turn_commit_mode="text")
    async with agent:
        await heard(agent)
        await agent.send_audio(typed("What is your address?"))
        sound = await heard(agent)
    return {"said": agent.last_agent_transcript, "seconds": sound}


async def patience() -> Json:
    """Nobody says anything for longer than the adapter waits for a frame."""
    agent = adapter("patient")
    async with agent:
        began, timed_out = time.monotonic(), False
        try:
            await asyncio.wait_for(agent.recv_audio(timeout=order["idle_s"]), order["wait_s"])
        except TimeoutError:
            timed_out = True
        waited = time.monotonic() - began
        connected = agent.is_connected()
    return {"timed_out": timed_out, "waited": waited, "connected": connected}


async def heard(agent: Any) -> float:  # noqa: ANN401 - the package is not here
    """Take in one turn of the agent; return how many seconds of sound it had."""
    seconds = 0.0
    try:
        chunk = await agent.recv_audio(timeout=30)
        while chunk.data:
            seconds += chunk.duration_seconds
            chunk = await agent.recv_audio(timeout=0.6)
    except TimeoutError:
        return seconds
    return seconds


async def main() -> Json:
    report: Json = {}
    calls = [page, barge_in, hang_up, in_writing, patience]
    async with asyncio.TaskGroup() as tasks:
        running = {call.__name__: tasks.create_task(call()) for call in calls}
    report |= {name: task.result() for name, task in running.items()}
    report["warnings"] = list(warnings)
    warnings.clear()
    await play(adapter("telephone"), scenario.agent(), scenario.succeed())
    report["warnings_of_16_khz"] = list(warnings)
    return report


if __name__ == "__main__":
    logging.getLogger("scenario.voice.elevenlabs").addHandler(Listener())
    report = asyncio.run(main())
    Path("report.json").write_text(json.dumps(report), encoding="utf-8")
