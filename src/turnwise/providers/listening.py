"""What transcribers share whose engine hears while one speaks, in a worker's thread."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from turnwise.audio.frames import SampleQueue
from turnwise.audio.pcm import Pcm
from turnwise.base.errors import ProviderRefused
from turnwise.providers.ports import Words
from turnwise.providers.worker_threads import Workers

E = TypeVar("E")

Floats = NDArray[np.float32]
"""Sound as numbers from -1 to 1, shape (n,)."""


class Listener(Protocol):
    """An engine that follows one utterance. All is called in one thread."""

    def hear(self, sound: Floats) -> str:
        """Take the next sound and return the words so far."""

    def finish(self) -> str:
        """Return all words; there was sound."""

    def close(self) -> None:
        """Forget the utterance, at whatever point."""


async def listen(
    workers: Workers[E],
    begin: Callable[[E], Listener],
    utterance: AsyncIterator[Pcm],
    chunk_samples: int,
) -> AsyncGenerator[Words, None]:
    """Yield tentative words whenever they change, and the final ones.

    Args:
        workers: Where the engine works.
        begin: Makes a listener of the engine, in a worker's thread.
        utterance: Its sound.
        chunk_samples: How much sound is sent at once: each asks once for the words so far.

    Raises:
        ProviderError: If the words cannot be had.
    """
    begun: list[Listener] = []  # whoever gives up meanwhile still closes what begins then

    def close() -> None:
        for listener in begun:
            listener.close()

    final = ""
    async with workers.take() as worker:
        try:
            await worker.run(lambda engine: begun.append(begin(engine)))
            told: str | None = None
            async with aclosing(in_chunks(utterance, chunk_samples)) as chunks:
                async for chunk in chunks:
                    words = await worker.run(partial(_hear, begun[0], chunk))
                    if words != (told or ""):
                        yield Words(words, final=False)
                    told = words
            if told is not None:
                final = await worker.run(lambda _: begun[0].finish())
        finally:
            worker.later(lambda _: close())
    yield Words(final, final=True)


def _hear(listener: Listener, sound: Floats, _: object) -> str:
    return listener.hear(sound)


async def in_chunks(utterance: AsyncIterator[Pcm], samples: int) -> AsyncGenerator[Floats, None]:
    """Join short frames and yield them, `samples` or more at once but for the last ones."""
    waiting = SampleQueue()
    async for frame in utterance:
        waiting.push(frame)
        if len(waiting) >= samples:
            yield floats(waiting.take(len(waiting)))
    if waiting:
        yield floats(waiting.take(len(waiting)))


def floats(sound: Pcm) -> Floats:
    """Return int16 samples, shape (n,), as numbers from -1 to 1."""
    return sound.astype(np.float32) / np.float32(32768)


def check_language(provider: str, asked: str, known: str) -> None:
    """Refuse another language than that of the model.

    Args:
        provider: Its full name, for the error.
        asked: ISO 639-1 code, with or without a region.
        known: The model's.

    Raises:
        ProviderRefused: If it is another one.
    """
    if asked.replace("_", "-").partition("-")[0].lower() != known:
        raise ProviderRefused(
            provider, f"the language is {asked!r}; this model knows {known!r} only"
        )
