"""What the tests of providers share: spoken sound, frames, and a scripted server."""

import asyncio
import base64
import json
import shutil
import subprocess
import time
import wave
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Self, TypeVar

import numpy as np
import pytest

from providers.socket_rig import SocketServer
from turnwise.audio.pcm import Pcm, from_s16le, silence
from turnwise.audio.resample import Resampler
from turnwise.base.errors import ProviderError
from turnwise.base.units import Hertz
from turnwise.providers.ports import LISTENING_HZ, Frames, VoiceOptions
from turnwise.providers.tts.espeak import SPEC as ESPEAK
from turnwise.providers.tts.espeak import Espeak

T = TypeVar("T")


# --- sound ------------------------------------------------------------------------------------


@cache
def spoken(text: str, lead_ms: int = 500, tail_ms: int = 500, voice: str = "rms") -> Pcm:
    """Speech at 16 kHz between silences: by a voice of flite if it is installed, else by espeak."""
    sound = _flite(text, voice) if shutil.which("flite") else asyncio.run(_espeak(text))
    return np.concatenate([silence(16 * lead_ms), sound, silence(16 * tail_ms)])


def can_speak() -> bool:
    return shutil.which("flite") is not None or ESPEAK.missing() is None


def _flite(text: str, voice: str) -> Pcm:
    made = subprocess.run(
        ["flite", "-voice", voice, "-t", text, "-o", "/dev/stdout"], check=True, capture_output=True
    )
    with wave.open(BytesIO(made.stdout)) as reader:
        assert reader.getframerate() == LISTENING_HZ
        return from_s16le(reader.readframes(reader.getnframes()))


async def _espeak(text: str) -> Pcm:
    voice = Espeak()
    pieces = [piece.samples async for piece in voice.speak(text, VoiceOptions())]
    return listening(np.concatenate(pieces), voice.rate_hz)


def listening(sound: Pcm, rate_hz: int, to_hz: int = LISTENING_HZ) -> Pcm:
    """The same sound at another rate, that of listening if none is named."""
    resampler = Resampler(Hertz(rate_hz), Hertz(to_hz))
    return np.concatenate([resampler.push(sound), resampler.flush()])


def frames_of(sound: Pcm, frame_samples: int = 512) -> Frames:
    whole = len(sound) // frame_samples
    return sound[: whole * frame_samples].reshape(whole, frame_samples)


async def utterance(sound: Pcm, frame_samples: int = 512) -> AsyncGenerator[Pcm, None]:
    """Sound as a conversation hands it over, faster than real time."""
    for start in range(0, len(sound), frame_samples):
        await asyncio.sleep(0)
        yield sound[start : start + frame_samples]


async def endless() -> AsyncGenerator[Pcm, None]:
    """An utterance that does not end."""
    while True:
        await asyncio.sleep(0.005)
        yield silence(512)


# --- streams ----------------------------------------------------------------------------------


async def all_of(stream: AsyncIterator[T]) -> list[T]:
    return [each async for each in stream]


async def until_error(
    stream: AsyncIterator[T], kind: type[ProviderError] = ProviderError
) -> list[T]:
    """The items of a stream that must end with an error."""
    told: list[T] = []
    with pytest.raises(kind):
        await _collect(stream, told)
    return told


async def _collect(stream: AsyncIterator[T], told: list[T]) -> None:
    async for each in stream:  # a comprehension would lose what came before the error
        told.append(each)  # noqa: PERF401


async def closing_s(stream: AsyncGenerator[T, None], after: int = 1) -> float:
    """Take so many items of a stream and close it; return how long closing took."""
    async with aclosing(stream):
        for _ in range(after):
            await anext(stream)
        began = time.monotonic()
    return time.monotonic() - began


# --- a server -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A request that the server got."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        told: dict[str, object] = json.loads(self.body)
        return told


Step = bytes | float
"""Bytes to send, or seconds to wait."""

Script = Sequence[Step]
"""One answer; the connection is closed after it."""


class ScriptedServer:
    """Answers each request with the next script, as raw bytes; the last one again and again.

    Beside it stands one that speaks by sockets.
    """

    def __init__(self) -> None:
        self.scripts: list[Script] = []
        self.asked: list[Asked] = []
        self.hung_up = asyncio.Event()
        """Set when a client went away before its answer was over."""
        self.answer: Callable[[Asked], Script] | None = None
        """Writes the answers, where there are no scripts."""
        self.sockets = SocketServer()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        await self.sockets.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self.sockets.__aexit__()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = await self._read(reader)
            for step in self._script(asked):
                if isinstance(step, bytes):
                    writer.write(step)
                    await writer.drain()
                elif await self._gone(reader, step):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            self.hung_up.set()
        finally:
            writer.close()

    async def _gone(self, reader: asyncio.StreamReader, wait_s: float) -> bool:
        try:
            async with asyncio.timeout(wait_s):
                gone = await reader.read(1) == b""
        except TimeoutError:
            return False
        if gone:
            self.hung_up.set()
        return gone

    async def _read(self, reader: asyncio.StreamReader) -> Asked:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        asked = Asked(head[0].split()[1], headers, body)
        self.asked.append(asked)
        return asked

    def _script(self, asked: Asked) -> Script:
        if self.answer and not self.scripts:
            return self.answer(asked)
        return self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]


def head(status: int = 200, kind: str = "application/json", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def whole(body: bytes, status: int = 200, kind: str = "application/json", **headers: str) -> Script:
    return [head(status, kind, Content_Length=str(len(body)), **headers), body]


def failure(status: int, **headers: str) -> Script:
    return whole(b'{"error": {"message": "no", "type": "x", "code": null}}', status, **headers)


def event(data: object) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


def delta(content: str | None = None, finish: str | None = None, **more: object) -> bytes:
    """A chunk of a chat completion."""
    told = more | ({} if content is None else {"content": content})
    choice = {"index": 0, "delta": told, "finish_reason": finish}
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return event({**chunk, "choices": [choice]})


def usage(prompt: int, completion: int) -> bytes:
    told = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return event({**chunk, "choices": [], "usage": told})


DONE = b"data: [DONE]\n\n"
SSE = "text/event-stream"


def timed_line(chars: str, begin_ms: int, ms_per_char: int = 50, **more: object) -> bytes:
    """A line of ElevenLabs' `stream/with-timestamps`, at 24 kHz."""
    starts = [(begin_ms + ms_per_char * number) / 1000 for number in range(len(chars))]
    told = {
        "characters": list(chars),
        "character_start_times_seconds": starts,
        "character_end_times_seconds": [start + ms_per_char / 1000 for start in starts],
    }
    sound = b"\1\0" * (24 * ms_per_char * len(chars))
    line = {
        "audio_base64": base64.b64encode(sound).decode(),
        "alignment": told,
        "normalized_alignment": told,
    }
    return json.dumps({**line, **more}).encode() + b"\n"


def timed_answer(text: str) -> Script:
    """What ElevenLabs answers: a space before the text, and the sound of 8 characters a line."""
    said = f" {text.strip()}"
    lines = [timed_line(said[at : at + 8], 50 * at) for at in range(0, len(said), 8)]
    paced: list[Step] = [step for line in lines for step in (line, 0.01)]
    return [head(200, "application/json"), *paced]


def kind_answer(asked: Asked) -> Script:
    """A good answer of each of the three kinds, as OpenAI's API gives it."""
    if asked.path.endswith("/transcriptions"):
        return whole(b'{"text": " hello there "}')
    if "with-timestamps" in asked.path:
        return timed_answer(str(asked.json["text"]))
    if asked.path.endswith("/speech"):
        sound: list[Step] = [b"\1\0" * 4800, 0.01]
        return [head(200, "audio/pcm"), *(sound * 5)]
    words = ("Hello ", "there, ", "how ", "are ", "you?")
    paced: list[Step] = [step for word in words for step in (delta(word), 0.01)]
    return [
        head(200, SSE),
        delta("", role="assistant"),
        *paced,
        delta(finish="stop"),
        usage(7, 5),
        DONE,
    ]
