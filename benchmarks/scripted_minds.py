"""Turnwise's side of the work in `peers/work.py`: minds that remember nothing.

(The doubles of the package note all they are asked, for tests: in an hour that is memory.)
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from peers import work

from turnwise.audio.alignment import Alignment
from turnwise.audio.pcm import Pcm
from turnwise.base.units import Hertz
from turnwise.providers.ports import (
    ListeningOptions,
    ModelEvent,
    ModelRequest,
    SoundPiece,
    TextDelta,
    Usage,
    VoiceOptions,
    Words,
)
from turnwise.providers.registry import create
from turnwise.runtime.session import Minds


class Hears:
    async def transcribe(
        self,
        utterance: AsyncIterator[Pcm],
        options: ListeningOptions,  # noqa: ARG002 - it understands any language
    ) -> AsyncGenerator[Words, None]:
        async for _ in utterance:
            pass
        await asyncio.sleep(work.TRANSCRIBER_MS / 1000)
        yield Words(work.HEARD, final=True)

    async def aclose(self) -> None:
        pass


class Thinks:
    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:  # noqa: ARG002
        await asyncio.sleep(work.FIRST_TOKEN_MS / 1000)
        pieces = work.pieces()
        for piece in pieces:
            yield TextDelta(piece)
            await asyncio.sleep(work.TOKEN_MS / 1000)
        yield Usage(50, len(pieces))

    async def aclose(self) -> None:
        pass


class Speaks:
    rate_hz = Hertz(work.RATE_HZ)

    async def speak(
        self,
        text: str,
        options: VoiceOptions,  # noqa: ARG002 - it has one voice
    ) -> AsyncGenerator[SoundPiece, None]:
        await asyncio.sleep(work.VOICE_MS / 1000)
        chars = work.MS_PER_CHAR
        times = [chars * number for number in range(len(text))]
        yield SoundPiece(work.sound(text), Alignment.of_chars(text, times, [chars] * len(text)))

    async def aclose(self) -> None:
        pass


def minds() -> Minds:
    """Return them, behind the real speech detector."""
    return Minds(
        model=Thinks(),
        synthesizer=Speaks(),
        transcriber=Hears(),
        detector=create("vad", "silero"),
    )
