"""A call by LangWatch Scenario 0.7: each turn in one piece, 16,000 zero bytes, and then nothing."""

import asyncio
import json
import os
import runpy
import sys
import time
import wave
from pathlib import Path
from typing import Any

from scenario.voice.adapters.elevenlabs import ElevenLabsAgentAdapter
from scenario.voice.audio_chunk import AudioChunk

Json = dict[str, Any]


async def heard(agent: Any) -> Json:  # noqa: ANN401 - the package is not here
    """Take in one turn of the agent."""
    began = time.monotonic()
    chunk = await agent.recv_audio(timeout=30)
    waited, size = time.monotonic() - began, 0
    try:
        while chunk.data:
            size += len(chunk.data)
            chunk = await agent.recv_audio(timeout=0.6)
    except TimeoutError:
        pass
    return {
        "heard": agent.last_user_transcript,
        "said": agent.last_agent_transcript,
        "waited": waited,
        "seconds": size / 48_000,
    }


async def call(order: Json) -> list[Json]:
    with wave.open(order["question"]) as reader:
        question = AudioChunk(reader.readframes(reader.getnframes()))
    agent = ElevenLabsAgentAdapter(agent_id=order["agent"], api_key=os.environ["TURNWISE_KEY"])
    async with agent:
        turns = [await heard(agent)]
        for _ in range(2):
            await agent.send_audio(question)
            turns.append(await heard(agent))
    return turns


if __name__ == "__main__":
    order: Json = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    runpy.run_path(order["page"])
    turns = asyncio.run(call(order))
    Path("report.json").write_text(json.dumps({"turns": turns}), encoding="utf-8")
