import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from providers.provider_rig import all_of, can_speak, endless, spoken, utterance
from turnwise.audio.pcm import silence
from turnwise.base.errors import (
    ProviderBroken,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from turnwise.providers.ports import ListeningOptions, Words
from turnwise.providers.stt.pocketsphinx import SPEC, PocketSphinx

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(SPEC.missing() is not None, reason=str(SPEC.missing())),
    pytest.mark.skipif(not can_speak(), reason="nothing here can speak"),
]

OPTIONS = ListeningOptions()
TEXT = "open the door"


@pytest.fixture
async def transcriber() -> AsyncIterator[PocketSphinx]:
    made = PocketSphinx(workers=1, patience_s=30)  # of a busy machine
    yield made
    await made.aclose()


async def words_of(transcriber: PocketSphinx, text: str) -> list[Words]:
    sound = await asyncio.to_thread(spoken, text, 200, 200)
    return await all_of(transcriber.transcribe(utterance(sound), OPTIONS))


async def test_it_hears_and_says_only_what_changed(transcriber: PocketSphinx) -> None:
    told = await words_of(transcriber, "what are your opening hours on sunday")
    tentative = [words.text for words in told if not words.final]
    assert len(tentative) > 3
    assert all(one != other for one, other in pairwise(tentative))
    assert {"hours", "opening", "sunday"} & set(told[-1].text.split())
    assert "(" not in told[-1].text


async def test_making_one_does_not_wait_for_its_workers() -> None:
    began = time.monotonic()
    transcriber = PocketSphinx(workers=2)
    took_s = time.monotonic() - began
    await transcriber.aclose()
    assert took_s < 0.2


async def test_an_utterance_given_up_leaves_no_trace(transcriber: PocketSphinx) -> None:
    sound = await asyncio.to_thread(spoken, "please cancel my appointment on friday morning")
    stream = transcriber.transcribe(utterance(sound), OPTIONS)
    await anext(stream)
    began = time.monotonic()
    await stream.aclose()
    assert time.monotonic() - began < 0.1
    told = await words_of(transcriber, TEXT)
    assert "friday" not in told[-1].text


async def test_whoever_finds_no_free_worker_is_told_so(transcriber: PocketSphinx) -> None:
    await words_of(transcriber, TEXT)
    transcriber._patience_s = 0.2
    async with asyncio.TaskGroup() as group:
        busy = group.create_task(all_of(transcriber.transcribe(endless(), OPTIONS)))
        await asyncio.sleep(0.05)
        with pytest.raises(ProviderUnavailable, match="busy"):
            await words_of(transcriber, TEXT)
        busy.cancel()
    transcriber._patience_s = 30
    assert (await words_of(transcriber, TEXT))[-1].text


async def test_two_utterances_take_turns(transcriber: PocketSphinx) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(words_of(transcriber, TEXT)) for _ in range(2)]
    assert all("door" in task.result()[-1].text for task in tasks)


async def test_a_worker_that_dies_fails_its_utterance_alone(transcriber: PocketSphinx) -> None:
    await words_of(transcriber, TEXT)
    (pid,) = transcriber.worker_pids
    async with asyncio.TaskGroup() as group:
        task = group.create_task(fails_with(ProviderBroken, transcriber))
        await asyncio.sleep(0.2)
        os.kill(pid, signal.SIGKILL)
    assert (await words_of(transcriber, TEXT))[-1].text
    assert task.done()
    assert transcriber.worker_pids != (pid,)
    os.kill(transcriber.worker_pids[0], signal.SIGKILL)
    await asyncio.sleep(0.1)
    assert (await words_of(transcriber, TEXT))[-1].text, "one that died while idle is not noticed"


async def fails_with(kind: type[ProviderError], transcriber: PocketSphinx) -> None:
    with pytest.raises(kind):
        await all_of(transcriber.transcribe(endless(), OPTIONS))


async def test_a_worker_that_hangs_is_given_up_and_replaced(transcriber: PocketSphinx) -> None:
    await words_of(transcriber, TEXT)
    transcriber._reply_timeout_s = 0.2
    os.kill(transcriber.worker_pids[0], signal.SIGSTOP)
    await fails_with(ProviderTimeout, transcriber)
    transcriber._reply_timeout_s = 20
    assert (await words_of(transcriber, TEXT))[-1].text


async def test_another_language_is_refused(transcriber: PocketSphinx) -> None:
    with pytest.raises(ProviderRefused, match="'de'"):
        await all_of(transcriber.transcribe(endless(), ListeningOptions(language="de")))
    said = utterance(silence(1600))
    assert await all_of(transcriber.transcribe(said, ListeningOptions(language="en-GB")))


async def test_a_model_that_is_not_there_is_refused(tmp_path: Path) -> None:
    transcriber = PocketSphinx(workers=1, decoder={"hmm": str(tmp_path)})
    with pytest.raises(ProviderRefused, match="cannot be loaded"):
        await all_of(transcriber.transcribe(utterance(silence(1600)), OPTIONS))
    await transcriber.aclose()


async def test_closing_fails_who_is_heard_and_ends_the_processes() -> None:
    transcriber = PocketSphinx(workers=1)
    await words_of(transcriber, TEXT)
    (pid,) = transcriber.worker_pids
    async with asyncio.TaskGroup() as group:
        group.create_task(fails_with(ProviderError, transcriber))
        await asyncio.sleep(0.1)
        await transcriber.aclose()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    await fails_with(ProviderUnavailable, transcriber)


PARENT = """
import asyncio, os, signal
from turnwise.providers.stt.pocketsphinx import PocketSphinx
print(PocketSphinx(workers=1).worker_pids[0], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
async def test_workers_end_with_their_parent() -> None:
    parent = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", PARENT], capture_output=True, check=False
    )
    stat = Path(f"/proc/{int(parent.stdout)}/stat")
    assert await asyncio.to_thread(ends, stat)


def ends(stat: Path) -> bool:
    """Tell whether a process ends within 5 s; one that nobody has reaped is over."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            if " Z " in stat.read_text():
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False
